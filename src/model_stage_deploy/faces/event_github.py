"""A GitHub Actions event at the door: the runner's environment and event file become typed facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.event import WorkflowEvent, platform_of
from model_stage_deploy.flows.decide import Pushed

_LARGEST = 32 * 1024 * 1024  # bytes; GitHub's own limit for a webhook payload is 25 MB
_OBJECT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY = re.compile(r"(?!\.{1,2}/)[A-Za-z0-9_.-]+/(?!\.{1,2}$)[A-Za-z0-9_.-]+")


def read_github_event(environ: Mapping[str, str]) -> WorkflowEvent:
    """Read the event of this workflow run. Raises Invalid (event-invalid)."""
    body = _body(environ.get("GITHUB_EVENT_PATH", ""))
    name = environ.get("GITHUB_EVENT_NAME", "")
    repository = environ.get("GITHUB_REPOSITORY", "") or _text(_mapping(body, "repository"), "full_name")
    if repository and not _REPOSITORY.fullmatch(repository):
        raise Invalid(Reason.EVENT_INVALID, f"GITHUB_REPOSITORY is {repository[:120]!r}, not OWNER/NAME")
    server_url = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    return WorkflowEvent(
        name=name,
        ref=environ.get("GITHUB_REF", "") or _text(body, "ref"),
        commit=environ.get("GITHUB_SHA", ""),
        pushed=_pushed(body) if name == "push" else Pushed(),
        default_branch=_text(_mapping(body, "repository"), "default_branch") or None,
        repository=repository,
        server_url=server_url.rstrip("/"),
        api_url=(environ.get("GITHUB_API_URL") or "https://api.github.com").rstrip("/"),
        run=_run(environ, server_url.rstrip("/"), repository),
        platform=platform_of(environ),
    )


def _pushed(body: Mapping[str, Any]) -> Pushed:
    after = _text(body, "after")
    known = _OBJECT.fullmatch(after) is not None and after.strip("0") != ""
    return Pushed(
        object_id=after if known else None,
        forced=body.get("forced") is True,
        deleted=body.get("deleted") is True or (after != "" and after.strip("0") == ""),
    )


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
