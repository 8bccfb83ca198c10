"""The registry as JSON documents and as table rows. Shapes are documented in docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from model_stage_deploy.core.model import Holder, Model, RegistryEvent, Sort
from model_stage_deploy.core.registry import Finding, Registry
from model_stage_deploy.core.tags import GtoTag

if TYPE_CHECKING:
    from datetime import timezone

    from model_stage_deploy.core.shortcuts import Found, Shortcut

SHOW_SCHEMA = "model-stage-deploy/registry/v1"
HISTORY_SCHEMA = "model-stage-deploy/history/v1"
RESOLVED_SCHEMA = "model-stage-deploy/resolved/v1"
HOLDERS_SCHEMA = "model-stage-deploy/holders/v1"
_REASON_WIDTH = 72  # characters of a message that a table shows; all of it is in the document


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


def held(holder: Holder) -> dict[str, Any]:
    """What a stage has: version, commit, tag, since (ISO 8601)."""
    return {
        "version": holder.version.name,
        "commit": holder.version.commit,
        "tag": holder.event.tag.text,
        "since": when(holder.event),
    }


def holders(model: Model, stage: str, succession: Iterable[Holder]) -> dict[str, Any]:
    """`which --all --json`: the version that a stage has, then those that it would fall back to, in that order."""
    return {"schema": HOLDERS_SCHEMA, "model": model.name, "stage": stage, "versions": list(map(held, succession))}


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


def history(events: Iterable[RegistryEvent], models: Mapping[str, Model]) -> list[dict[str, Any]]:
    """Events as documents: what `gto history` tells, newest first where the caller sorts them so."""
    return [happened(event, models[event.tag.model]) for event in events]


def history_rows(entries: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Rows of the history table; the first is the heading."""
    rows: list[tuple[str, ...]] = [("TIME", "MODEL", "EVENT", "VERSION", "STAGE", "COMMIT", "AUTHOR", "TAG", "MESSAGE")]
    rows.extend(
        (
            for_people(entry["time"]),
            entry["model"],
            entry["event"],
            entry["version"] or "-",
            entry["stage"] or "-",
            entry["commit"][:7],
            entry["author"],
            entry["tag"],
            first_line(entry["message"]),
        )
        for entry in entries
    )
    return rows


def for_people(time: str) -> str:
    """A time of a document as a table shows it: it may be broken at spaces."""
    date, _, rest = time.partition("T")
    return f"{date} {rest[:-6]} {rest[-6:]}" if rest else time


def first_line(message: str) -> str:
    """The first line of a tag's message, cut to what fits a table."""
    line = message[: 2 * _REASON_WIDTH].split("\n", 1)[0].rstrip("\r")
    return line if len(line) <= _REASON_WIDTH else line[: _REASON_WIDTH - 1] + "…"


def resolved(shortcut: Shortcut, found: Found, model: Model) -> dict[str, Any]:
    """`resolve NAME#stage --json`: the version that a shortcut means, and the tag that says so."""
    version, event = found
    held = [] if model.ambiguous else [(stage, model.holder(stage)) for stage in model.stages]
    return {
        "schema": RESOLVED_SCHEMA,
        "asked": shortcut.text,
        "model": model.name,
        "stage": shortcut.stage,
        "version": version.name,
        "commit": version.commit,
        "registered": version.registered,
        "stages": [stage for stage, holder in held if holder is not None and holder.version is version],
        "tag": event.tag.text if event else None,
        "since": when(event) if event else None,
    }


def when(event: RegistryEvent) -> str:
    """The tagger's time with the tagger's own offset, ISO 8601."""
    return moment(event.time, event.record.zone)


def moment(time: int, zone: str = "+0000") -> str:
    """Unix seconds as ISO 8601 in a zone that Git wrote as +0130."""
    from datetime import UTC, datetime

    for offset in (_offset(zone), UTC):
        try:
            return datetime.fromtimestamp(time, offset).isoformat()
        except (ValueError, OverflowError, OSError):
            continue
    return f"@{time}"  # a year that calendars do not hold


@cache
def _offset(zone: str) -> timezone:
    from datetime import UTC, timedelta, timezone

    sign = -1 if zone.startswith("-") else 1
    try:
        return timezone(timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5])) * sign)
    except ValueError:
        return UTC


def _model(model: Model, sort: Sort) -> dict[str, Any]:
    latest = model.latest()
    stages = {} if model.ambiguous else {stage: model.holder(stage, sort=sort) for stage in model.stages}
    in_stages: dict[str, list[str]] = {}
    for stage, holder in stages.items():
        if holder is not None:
            in_stages.setdefault(holder.version.commit, []).append(stage)
    return {
        "deprecated": model.deprecated,
        "latest": latest.name if latest and latest.registered else None,
        "versions": [
            {
                "version": version.name,
                "commit": version.commit,
                "registered": version.registered,
                "active": version.is_active(),
                "stages": in_stages.get(version.commit, []) if version.assignments else [],
            }
            for version in model.versions
        ],
        "stages": {stage: held(holder) for stage, holder in stages.items() if holder is not None},
    }


def _cell(model: Model, stage: str, sort: Sort) -> str:
    if model.ambiguous:
        return "?"
    holder = model.holder(stage, sort=sort)
    return "-" if holder is None else holder.version.name


def happened(event: RegistryEvent, model: Model) -> dict[str, Any]:
    """One event as a document."""
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
