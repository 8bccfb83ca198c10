"""The registry as JSON documents and as table rows. Shapes are documented in docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from model_stage_deploy.core.model import Model, RegistryEvent, Sort
from model_stage_deploy.core.registry import Finding, Registry
from model_stage_deploy.core.tags import GtoTag

SHOW_SCHEMA = "model-stage-deploy/registry/v1"
HISTORY_SCHEMA = "model-stage-deploy/history/v1"


def parsed(tag: GtoTag) -> dict[str, Any]:
    """`parse --json`: event, model, stage, version, counter, tag; absent values null."""
    return {
        "event": tag.event.value,
        "model": tag.model,
        "stage": tag.stage,
        "version": tag.version,
        "counter": tag.counter,
        "tag": tag.text,
    }


def shown(registry: Registry, sort: Sort = "time") -> dict[str, Any]:
    """`show --json`: every model, and what was odd about the tags."""
    return {
        "schema": SHOW_SCHEMA,
        "models": {model.name: _model(model, sort) for model in registry},
        "warnings": [warning(finding) for finding in registry.findings],
    }


def warning(finding: Finding) -> dict[str, str]:
    """A finding: code, tag, message."""
    return {"code": finding.code, "tag": finding.tag, "message": finding.message}


def held(model: Model, stage: str, sort: Sort = "time") -> dict[str, Any] | None:
    """What a stage has: version, commit, tag, since (ISO 8601); None for an empty stage."""
    holder = model.holder(stage, sort=sort)
    if holder is None:
        return None
    return {
        "version": holder.version.name,
        "commit": holder.version.commit,
        "tag": holder.event.tag.text,
        "since": when(holder.event),
    }


def show_rows(registry: Registry, sort: Sort = "time") -> list[tuple[str, ...]]:
    """Rows of the table models × stages; the first is the heading."""
    stages = sorted({stage for model in registry for stage in model.stages})
    rows: list[tuple[str, ...]] = [("MODEL", "LATEST", *(f"#{stage}" for stage in stages))]
    for model in registry:
        latest = model.latest()
        name = f"{model.name} (deprecated)" if model.deprecated else model.name
        cells = (_cell(model, stage, sort) for stage in stages)
        rows.append((name, latest.name if latest and latest.registered else "-", *cells))
    return rows


def history(events: Iterable[RegistryEvent], models: dict[str, Model]) -> list[dict[str, Any]]:
    """Events as documents: what `gto history` tells, newest first where the caller sorts them so."""
    return [_event(event, models[event.tag.model]) for event in events]


def history_rows(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of the history table; the first is the heading."""
    rows: list[tuple[str, ...]] = [("TIME", "MODEL", "EVENT", "VERSION", "STAGE", "COMMIT", "AUTHOR", "TAG")]
    rows.extend(
        (
            entry["time"],
            entry["model"],
            entry["event"],
            entry["version"] or "-",
            entry["stage"] or "-",
            entry["commit"][:7],
            entry["author"],
            entry["tag"],
        )
        for entry in entries
    )
    return rows


def when(event: RegistryEvent) -> str:
    """The tagger's time with the tagger's own offset, ISO 8601."""
    zone = event.record.zone
    try:
        sign = -1 if zone.startswith("-") else 1
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * sign
        return datetime.fromtimestamp(event.time, timezone(offset)).isoformat()
    except (ValueError, OverflowError, OSError):
        try:
            return datetime.fromtimestamp(event.time, UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return f"@{event.time}"  # a year that calendars do not hold


def _model(model: Model, sort: Sort) -> dict[str, Any]:
    latest = model.latest()
    stages = {} if model.ambiguous else {stage: held(model, stage, sort) for stage in model.stages}
    in_stages: dict[str, list[str]] = {}
    for stage, holding in stages.items():
        if holding is not None:
            in_stages.setdefault(holding["version"], []).append(stage)
    return {
        "deprecated": model.deprecated,
        "latest": latest.name if latest and latest.registered else None,
        "versions": [
            {
                "version": version.name,
                "commit": version.commit,
                "registered": version.registered,
                "active": version.is_active(),
                "stages": in_stages.get(version.name, []),
            }
            for version in model.versions
        ],
        "stages": {stage: holding for stage, holding in stages.items() if holding is not None},
    }


def _cell(model: Model, stage: str, sort: Sort) -> str:
    if model.ambiguous:
        return "?"
    holding = held(model, stage, sort)
    return "-" if holding is None else str(holding["version"])


def _event(event: RegistryEvent, model: Model) -> dict[str, Any]:
    version = event.tag.version
    if version is None and event.tag.stage is not None and event.commit not in model.ambiguous:
        found = model.version_of(event)
        version = found.name if found else None
    return {
        "time": when(event),
        "model": event.tag.model,
        "event": event.tag.event.value,
        "version": version,
        "stage": event.tag.stage,
        "commit": event.commit,
        "tag": event.tag.text,
        "author": event.record.tagger,
        "author_email": event.record.email,
        "message": event.record.message,
    }
