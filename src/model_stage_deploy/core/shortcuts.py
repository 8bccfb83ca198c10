"""Shortcuts for a version: `churn#prod`, `churn@latest`, `churn@greatest`, `churn@v3.1.0` (R62), and what they mean."""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.model import Model, ModelVersion, RegistryEvent
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event, is_model_name, is_stage_name
from model_stage_deploy.core.versions import is_version

_GREATEST = ("latest", "greatest")


class Shortcut(NamedTuple):
    """What was asked for: a stage of the model, one version of it, or its greatest (both None)."""

    text: str
    model: str
    stage: str | None = None
    version: str | None = None


class Found(NamedTuple):
    """The version, and the tag that says so: the assignment, or the newest registration (None for a bare commit)."""

    version: ModelVersion
    event: RegistryEvent | None


def parse_shortcut(text: str) -> Shortcut | None:
    """The shortcut that a text is, None where it is none: a whole ref, a counter, `!`, `=` for the directory (R62)."""
    if text.startswith("refs/") or "=" in text:
        return None
    model, mark, rest = text.partition("#")
    if mark:
        return Shortcut(text, model, stage=rest) if is_model_name(model) and is_stage_name(rest) else None
    model, mark, rest = text.partition("@")
    if not mark or not is_model_name(model):
        return None
    if rest in _GREATEST:
        return Shortcut(text, model)
    return Shortcut(text, model, version=rest) if is_version(rest) else None


def find(shortcut: Shortcut, model: Model) -> Found:
    """The version that a shortcut means. As in GTO, only active versions are meant.

    Raises Refused (never-in-stage, unknown-version, inactive-version, ambiguous-version).
    """
    if shortcut.stage is not None:
        return _in_stage(shortcut.stage, model)
    version = model.latest() if shortcut.version is None else model.find(shortcut.version)
    if version is None:
        raise _unknown(shortcut, model)
    if not version.is_active():
        raise Refused(
            Reason.INACTIVE_VERSION,
            f"{model.name} {version.name} was deregistered",
            hint=f"see its versions: python -m model_stage_deploy versions '{model.name}'",
        )
    registered = [event for event in version.direct if event.tag.event is Event.REGISTRATION]
    return Found(version, registered[-1] if registered else None)


def _in_stage(stage: str, model: Model) -> Found:
    holder = model.holder(stage)
    if holder is None:
        raise Refused(
            Reason.NEVER_IN_STAGE,
            f"{model.name} has no version in {stage}",
            hint=f"stages that its tags name: {', '.join(model.stages) or 'none'}",
        )
    return Found(holder.version, holder.event)


def _unknown(shortcut: Shortcut, model: Model) -> Refused:
    known = [version.name for version in reversed(model.versions) if version.registered and version.is_active()]
    wanted = f"version {shortcut.version}" if shortcut.version else "active version"
    return Refused(
        Reason.UNKNOWN_VERSION,
        f"{model.name} has no {wanted}",
        hint=f"versions that it has: {', '.join(known[:5]) or 'none'}",
    )
