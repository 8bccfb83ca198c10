"""A GitHub Actions event at the door: the runner's environment and event file become typed facts.

What each event is to us is in docs/reference/events.md. What a payload asks for is next door, in event_payloads.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import is_tag_ref
from model_stage_deploy.faces.event import Asked, WorkflowEvent, platform_of
from model_stage_deploy.flows.decide import Pushed

_LARGEST = 32 * 1024 * 1024  # bytes; GitHub's own limit for a webhook payload is 25 MB
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9_.-]+/(?!\.{1,2}$)[A-Za-z0-9_.-]+")
_LIVE = ("published", "released", "prereleased")  # what a release's event is called when the world may use it


@dataclass(frozen=True, slots=True)
class _Said:
    """What an event says, whichever it is; WorkflowEvent tells what each means."""

    ref: str = ""
    pushed: Pushed = field(default_factory=Pushed)
    by_hand: bool = False
    idle: str = ""
    echo: bool = False
    asked: Asked = field(default_factory=Asked)


def read_github_event(environ: Mapping[str, str]) -> WorkflowEvent:
    """Read the event of this workflow run. Raises Invalid (event-invalid)."""
    body = _body(environ.get("GITHUB_EVENT_PATH", ""))
    name = environ.get("GITHUB_EVENT_NAME", "")
    repository = environ.get("GITHUB_REPOSITORY", "") or _text(_mapping(body, "repository"), "full_name")
    if repository and not _REPOSITORY.fullmatch(repository):
        raise Invalid(Reason.EVENT_INVALID, f"GITHUB_REPOSITORY is {repository[:120]!r}, not OWNER/NAME")
    server_url = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    ref, commit = environ.get("GITHUB_REF", ""), environ.get("GITHUB_SHA", "")
    said = _READERS.get(name, _said_nothing)(ref, body)
    return WorkflowEvent(
        name=name,
        ref=said.ref,
        commit=commit,
        pushed=_pinned(said.pushed, commit) if is_tag_ref(ref) and ref == said.ref else said.pushed,
        default_branch=_text(_mapping(body, "repository"), "default_branch") or None,
        repository=repository,
        server_url=server_url.rstrip("/"),
        api_url=(environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
        run=_run(environ, server_url.rstrip("/"), repository),
        platform=platform_of(environ),
        asked=said.asked,
        by_hand=said.by_hand,
        idle=said.idle,
        echo=said.echo,
        head=_head(body),
    )


def _head(body: Mapping[str, Any]) -> str:
    """The newest commit of a pull request; "" for other events."""
    commit = _text(_mapping(_mapping(body, "pull_request"), "head"), "sha")
    return commit if _OBJECT.fullmatch(commit) else ""


def _said_by_push(ref: str, body: Mapping[str, Any]) -> _Said:
    """A push. The run of a deletion is GitHub's default branch by its environment; the file has what was deleted."""
    pushed = _pushed(body)
    told = _text(body, "ref")
    return _Said(ref=(told or ref) if pushed.deleted else (ref or told), pushed=pushed)


def _said_by_create(ref: str, body: Mapping[str, Any]) -> _Said:
    """A new branch or tag: the file has its short name (T25), and does not say which object was pushed."""
    return _Said(ref=ref or _full_ref(body))


def _said_by_delete(_: str, body: Mapping[str, Any]) -> _Said:
    """A deleted branch or tag: its run is on the default branch, so only the file says what is gone (T24)."""
    ref = _full_ref(body)
    return _Said(ref=ref, pushed=Pushed(deleted=is_tag_ref(ref)))


def _said_by_dispatch(ref: str, body: Mapping[str, Any]) -> _Said:
    """Somebody pressed "Run workflow": on a branch, or on a tag, which is asked for then."""
    return _Said(ref=ref or _text(body, "ref"), by_hand=True)


def _said_by_repository_dispatch(_: str, body: Mapping[str, Any]) -> _Said:
    """A program asks through the API; its run is on the default branch (T22)."""
    from model_stage_deploy.faces.event_payloads import asked_by

    return _Said(by_hand=True, asked=asked_by(body.get("client_payload")))


def _said_by_release(ref: str, body: Mapping[str, Any]) -> _Said:
    """A release asks for its tag once it is published; drafts, and editing or deleting a release, ask for nothing."""
    release, action = _mapping(body, "release"), _text(body, "action")
    tag = _text(release, "tag_name")
    ref = ref if is_tag_ref(ref) else f"refs/tags/{tag}" if tag else ""
    named = f"the release of {tag[:120]!r}" if tag else "the release"
    idle = ""
    if release.get("draft") is True:
        idle = f"{named} is a draft"
    elif action not in _LIVE:
        idle = f"{named} was {action[:40]!r}, not published" if action else f"{named} is not known to be published"
    return _Said(ref=ref, idle=idle)


def _said_by_deployment(ref: str, body: Mapping[str, Any]) -> _Said:
    """Somebody made a Deployment through the API, or we did."""
    from model_stage_deploy.faces.event_payloads import said_by_deployment

    said = said_by_deployment(body, ref)
    return _Said(ref=f"refs/tags/{said.tag}" if said.tag else "", by_hand=True, idle=said.idle, echo=said.echo)


def _said_without_a_name(ref: str, body: Mapping[str, Any]) -> _Said:
    """No event at all, as at a terminal, or a program that has set GITHUB_REF only."""
    return _Said(ref=ref or _text(body, "ref"))


def _said_nothing(_ref: str, _body: Mapping[str, Any]) -> _Said:
    """Any other event is about no tag, whatever its ref: a pull request, a schedule, the end of another run."""
    return _Said()


_READERS: Mapping[str, Callable[[str, Mapping[str, Any]], _Said]] = {
    "push": _said_by_push,
    "create": _said_by_create,
    "delete": _said_by_delete,
    "workflow_dispatch": _said_by_dispatch,
    "repository_dispatch": _said_by_repository_dispatch,
    "release": _said_by_release,
    "deployment": _said_by_deployment,
    "": _said_without_a_name,
}


def _full_ref(body: Mapping[str, Any]) -> str:
    """The full name of what `create` and `delete` name in short, "" where the file does not say."""
    ref, kind = _text(body, "ref"), _text(body, "ref_type")
    if not ref or ref.startswith("refs/"):
        return ref
    return {"tag": f"refs/tags/{ref}", "branch": f"refs/heads/{ref}"}.get(kind, "")


def _pushed(body: Mapping[str, Any]) -> Pushed:
    after = _text(body, "after")
    known = _OBJECT.fullmatch(after) is not None and after.strip("0") != ""
    return Pushed(
        object_id=after if known else None,
        forced=body.get("forced") is True,
        deleted=body.get("deleted") is True or (after != "" and after.strip("0") == ""),
    )


def _pinned(pushed: Pushed, commit: str) -> Pushed:
    """With the commit of the run's tag where the event names no object: GitHub keeps it, however late the run reads."""
    if pushed.object_id is not None or pushed.deleted or not _OBJECT.fullmatch(commit):
        return pushed
    return replace(pushed, object_id=commit)


def _run(environ: Mapping[str, str], server_url: str, repository: str) -> RunFacts:
    identity, attempt = environ.get("GITHUB_RUN_ID", ""), environ.get("GITHUB_RUN_ATTEMPT", "")
    # Who ran it again, where somebody did: `GITHUB_ACTOR` stays the one who pushed.
    actor = environ.get("GITHUB_TRIGGERING_ACTOR") or environ.get("GITHUB_ACTOR", "")
    url = ""
    if identity.isdigit() and repository:
        url = f"{server_url}/{repository}/actions/runs/{identity}"
        if attempt.isdigit() and attempt != "1":
            url += f"/attempts/{attempt}"
    return RunFacts(id=identity, attempt=attempt, url=url, actor=actor)


def _body(path: str) -> Mapping[str, Any]:
    if not path or not Path(path).is_file():
        return {}
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise Invalid(Reason.EVENT_INVALID, f"the event file {path} is larger than any that GitHub sends")
        body = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError) as problem:
        raise Invalid(
            Reason.EVENT_INVALID,
            f"the event file {path} cannot be read: {type(problem).__name__}",
            hint="it is the file that GITHUB_EVENT_PATH names; it must hold the event's JSON",
        ) from problem
    return body if isinstance(body, dict) else {}


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""
