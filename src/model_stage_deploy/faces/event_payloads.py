"""What an event's own payload asks for: the client payload of a `repository_dispatch`, the payload of a `deployment`.

Both are foreign text. A client payload is meant for us, so it is read strictly: what is not understood is said, and
nothing is done. Deployments are made by others, too, so what is no request to us asks for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model_stage_deploy.core.records import PAYLOAD_SCHEMA
from model_stage_deploy.core.tags import NotGtoTag, is_model_name, is_stage_name, is_tag_ref, parse_ref
from model_stage_deploy.faces.event import Asked

ASKABLE = ("deploy", "rollback", "resolve", "promote", "reconcile")
"""The commands that an event can ask for."""
_OURS = PAYLOAD_SCHEMA.rsplit("/", 1)[0] + "/"  # of any version: a newer action's record is none to deploy for, either
_LONGEST = 1024  # characters of a text
_TOLD = 4  # mistakes that one message lists


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the client payload. `commands` are those that it means something to."""

    name: str
    switch: bool
    commands: tuple[str, ...]
    help: str


CLIENT_PAYLOAD: tuple[Key, ...] = (
    Key("command", False, ASKABLE, "What to do. Default: what the workflow's input `command` says."),
    Key("tag", False, ("deploy", "resolve"), "The tag, such as `churn#prod#4`. A tag that is no GTO tag is refused."),
    Key("model", False, ("rollback", "promote", "reconcile"), "The model, such as `churn` or `fraud/eu`."),
    Key("stage", False, ("rollback", "promote", "reconcile"), "The stage, such as `prod`."),
    Key(
        "to",
        False,
        ("rollback", "promote"),
        "rollback: the version to go back to. Default: the one that was there before. promote: the version, always.",
    ),
    Key("force", True, ("deploy", "rollback"), "As the input `force`. It is recorded."),
    Key("override", False, ("deploy", "rollback"), "A reason to go past the gates. Only for whom the mapping lists."),
    Key("dry-run", True, ("deploy", "rollback", "promote", "reconcile"), "Show the whole plan and touch nothing."),
)
"""What a client payload may hold; docs/reference/events.md shows this table. GitHub allows ten keys."""


@dataclass(frozen=True, slots=True)
class DeploymentSaid:
    """What a `deployment` event means to us: the tag that it asks for, or why it asks for none."""

    tag: str = ""
    idle: str = ""
    echo: bool = False


def asked_by(payload: object) -> Asked:
    """What a client payload asks for. Never raises: where something is not understood, only `wrong` is set."""
    if payload is None:
        return Asked()
    if not isinstance(payload, dict):
        return Asked(wrong=f"it must be an object with keys, not {_kind(payload)}")
    problems = list(_problems(payload))
    if problems:
        more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
        return Asked(wrong="; ".join(problems[:_TOLD]) + more)
    return Asked(**{key.name.replace("-", "_"): payload[key.name] for key in CLIENT_PAYLOAD if key.name in payload})


def said_by_deployment(body: Mapping[str, Any], ref: str) -> DeploymentSaid:
    """What a `deployment` event asks for; `ref` is GITHUB_REF, empty where the Deployment was made for a commit.

    Every deployment of ours makes such an event where the token is an App's (T37): that is the echo of a run that is
    under way, and deploying for it would go round in circles.
    """
    deployment = _mapping(body.get("deployment"))
    payload = _payload(deployment.get("payload"))
    named = f"the Deployment {str(deployment.get('id', ''))[:20]!r}"
    if str(payload.get("schema")).startswith(_OURS) and payload.get("attempt"):
        return DeploymentSaid(idle=f"{named} is the record of a run of this tool", echo=True)
    task = deployment.get("task", "deploy")
    if task != "deploy":
        return DeploymentSaid(idle=f"{named} has the task {str(task)[:80]!r}, not 'deploy'")
    if "tag" in payload:
        tag = payload["tag"]
    elif isinstance(body.get("workflow_run"), dict):
        return DeploymentSaid(idle=f"{named} was made by a workflow run, for the `environment:` of a job")
    else:
        tag = _tag_of(deployment.get("ref"), ref)
    if not isinstance(tag, str) or not tag:
        return DeploymentSaid(idle=f"{named} names no tag")
    try:
        return DeploymentSaid(tag=parse_ref(tag).text)
    except NotGtoTag as problem:
        return DeploymentSaid(idle=f"{named} is for no GTO tag: {problem.message}")


def _tag_of(deployed: object, ref: str) -> object:
    """The tag that a Deployment was made for, "" for a branch or a commit. Its own `ref` may be a short name."""
    if ref:
        return ref if is_tag_ref(ref) else ""
    return deployed if isinstance(deployed, str) and ("#" in deployed or is_tag_ref(deployed)) else ""


def _problems(payload: Mapping[Any, Any]) -> Iterator[str]:
    known = {key.name: key for key in CLIENT_PAYLOAD}
    for name in payload:
        if name not in known:
            yield f"{str(name)[:80]!r} is not a key (keys: {', '.join(known)})"
    for key in CLIENT_PAYLOAD:
        if key.name in payload:
            problem = _problem(key, payload[key.name])
            if problem:
                yield f"`{key.name}` {problem}"


def _problem(key: Key, value: object) -> str:
    """What is wrong with a key's value, "" for nothing. An empty text says nothing, as an empty input does."""
    if key.switch:
        return "" if isinstance(value, bool) else f"must be true or false, without quotes, not {_kind(value)}"
    if not isinstance(value, str):
        return f"must be a text, not {_kind(value)}"
    if len(value) > _LONGEST:
        return f"has {len(value)} characters; {_LONGEST} are the most"
    if not value.isprintable():
        return "holds a character that cannot be printed, such as a line break"
    return _meaning(key.name, value) if value else ""


def _meaning(name: str, value: str) -> str:
    if name == "command" and value not in ASKABLE:
        return f"is {value[:80]!r}; it must be one of {', '.join(ASKABLE)}"
    if name == "tag":
        try:
            parse_ref(value)
        except NotGtoTag as problem:
            return f"is wrong: {problem.message}"
    if name == "model" and not is_model_name(value):
        return f"is {value[:80]!r}, which is not a model name"
    if name == "stage" and not is_stage_name(value):
        return f"is {value[:80]!r}, which is not a stage name"
    return ""


def _payload(payload: object) -> Mapping[str, Any]:
    """A deployment's payload; GitHub hands on an object or a JSON text, whichever it was given."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return {}
    return _mapping(payload)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


_KINDS = {bool: "true or false", str: "a text", list: "a list", dict: "an object", type(None): "null"}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")
