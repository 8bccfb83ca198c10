"""The versions of one model as a JSON document and as table rows. The shape is documented in docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model_stage_deploy.core.model import Model, ModelVersion, OrderKey, RegistryEvent, Sort
from model_stage_deploy.core.tags import Event
from model_stage_deploy.report.registry import first_line, for_people, happened

SCHEMA = "model-stage-deploy/versions/v1"


def versions(model: Model, sort: Sort = "time") -> dict[str, Any]:
    """`versions --json`: each version, newest registration first, or greatest version first."""
    stages = _stages_by_version(model, sort)
    latest = model.latest()
    return {
        "schema": SCHEMA,
        "model": model.name,
        "deprecated": model.deprecated,
        "latest": latest.name if latest is not None and latest.registered else None,
        "versions": [_version(version, stages.get(id(version), []), model) for version in _sorted(model, sort)],
    }


def version_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Rows of the table of versions; the first is the heading."""
    rows: list[tuple[str, ...]] = [("VERSION", "COMMIT", "STATE", "STAGES", "REGISTERED", "BY", "NEWEST EVENT", "WHY")]
    for version in document["versions"]:
        registration, newest = version["registration"], version["newest"]
        rows.append(
            (
                version["version"] if version["registered"] else "-",
                version["commit"][:7],
                state(version),
                ", ".join(version["stages"]) or "-",
                for_people(registration["time"]) if registration else "-",
                registration["author"] if registration else "-",
                f"{newest['event']} {newest['tag']}",
                first_line(newest["message"]),
            )
        )
    return rows


def state(version: Mapping[str, Any]) -> str:
    """A version's state in one word."""
    if not version["registered"]:
        return "unregistered"
    return "active" if version["active"] else "deregistered"


def _sorted(model: Model, sort: Sort) -> list[ModelVersion]:
    if sort == "semver":
        return sorted(model.versions, key=lambda version: (version.precedence, version.first_seen), reverse=True)
    return sorted(model.versions, key=_registered, reverse=True)


def _registered(version: ModelVersion) -> OrderKey:
    """Order of its newest registration; of what there is first, where it has none."""
    registration = _registration(version)
    return registration.order if registration is not None else version.first_seen


def _registration(version: ModelVersion) -> RegistryEvent | None:
    return next((event for event in reversed(version.direct) if event.tag.event is Event.REGISTRATION), None)


def _stages_by_version(model: Model, sort: Sort) -> dict[int, list[str]]:
    """Stages of each version, by its identity: one name may be on two commits (R26)."""
    found: dict[int, list[str]] = {}
    for stage in [] if model.ambiguous else model.stages:
        holder = model.holder(stage, sort=sort)
        if holder is not None:
            found.setdefault(id(holder.version), []).append(stage)
    return found


def _version(version: ModelVersion, stages: list[str], model: Model) -> dict[str, Any]:
    registration = _registration(version)
    events = [*version.direct, *(event for given in version.assignments.values() for event in given)]
    return {
        "version": version.name,
        "commit": version.commit,
        "registered": version.registered,
        "active": version.is_active(),
        "stages": stages,
        "registration": happened(registration, model) if registration is not None else None,
        "newest": happened(max(events, key=lambda event: event.order), model),
    }
