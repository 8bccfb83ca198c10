"""The targets of a stage for people, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from model_stage_deploy.core.stage_targets import StageTargets, TargetRow
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.registry import for_people, moment

SCHEMA = "model-stage-deploy/stage-targets/v1"
_WORDS = {
    "success": "deployed",
    "failure": "FAILED",
    "error": "ERROR",
    "started": "STARTED",
    "not-started": "not started",
    "": "-",
}
_SUMMARY = 100  # characters of a cell


def document(found: StageTargets, *, failed: bool) -> dict[str, Any]:
    """`targets --json`; `failed` says that only those are listed whose newest attempt did not end well."""
    named = [row for row in found.rows if row.named]
    return {
        "schema": SCHEMA,
        "model": found.model,
        "stage": found.stage,
        "environment": found.environment,
        "decided": found.decided or None,
        "count": len(named),
        "verified": sum(_verified(row) for row in named),
        "failed": sum(row.is_bad for row in named),
        "versions": {version or "-": count for version, count in found.versions.items()},
        "targets": [_entry(row) for row in found.rows if row.is_bad or not failed],
    }


def page(found: StageTargets, *, failed: bool) -> Iterator[Block]:
    """A table of targets, and counts of all of them."""
    rows = [row for row in found.rows if row.is_bad or not failed]
    if rows:
        heading = ("TARGET", "WAVE", "VERSION", "STATE", "VERIFIED", "SINCE", "SUMMARY")
        yield Table([heading, *map(_cells, rows)])
    yield from _counts(found)


def _counts(found: StageTargets) -> Iterator[str]:
    named = [row for row in found.rows if row.named]
    if not found.rows:
        yield f"{found.model} {found.stage} has no targets: the mapping names none, and nothing is kept of any"
        return
    versions = ", ".join(f"{count} with {version or 'none known'}" for version, count in found.versions.items())
    states = Counter(_state(row) for row in named)
    told = ", ".join(f"{count} {word if word != '-' else 'never deployed to'}" for word, count in states.items())
    decided = f"; decided: {found.decided}" if found.decided else ""
    yield (
        f"{found.model} {found.stage} ({found.environment}): {len(named)} target{'s' * (len(named) != 1)}: "
        f"{versions or 'none'}{f' ({told})' if told else ''}; {sum(map(_verified, named))} verified{decided}"
    )
    gone = len(found.rows) - len(named)
    if gone:
        yield f"{gone} more that the mapping does not name any more: what they have is left to you"
    if any(row.state == "started" for row in found.rows):
        yield "STARTED: a run is at work there, or died; deploying the tag again deploys what is missing"


def _cells(row: TargetRow) -> tuple[str, ...]:
    record = row.record
    summary = (record.summary if record is not None else "") or "-"
    if not row.named:
        summary = f"not in the mapping; {summary}" if summary != "-" else "not in the mapping"
    return (
        row.name,
        str(row.wave) if row.wave else "-",
        row.now[:40] or "-",
        _state(row),
        "-" if record is None or not row.now else "yes" if _verified(row) else "no",
        for_people(moment(int(record.time))) if record is not None else "-",
        summary if len(summary) <= _SUMMARY else f"{summary[: _SUMMARY - 1]}…",
    )


def _state(row: TargetRow) -> str:
    return _WORDS.get(row.state, row.state)


def _verified(row: TargetRow) -> bool:
    return row.record is not None and row.record.verified


def _entry(row: TargetRow) -> dict[str, Any]:
    record = row.record
    known = {"target": row.name, "wave": row.wave or None, "named": row.named, "version": row.now or None}
    if record is None:
        nothing = dict.fromkeys(("tried", "tag", "since", "rollback", "url", "summary", "digest", "attempt", "good"))
        return {**known, "state": None, "verified": False, **nothing}
    good = record.good_now
    return {
        **known,
        "state": record.state.value,
        "verified": record.verified,
        "tried": record.version or None,
        "tag": record.tag or None,
        "since": moment(int(record.time)),
        "rollback": record.rollback,
        "url": record.url or None,
        "summary": record.summary or None,
        "digest": record.digest or None,
        "attempt": record.attempt or None,
        "good": {"version": good.version, "commit": good.commit, "tag": good.tag} if good else None,
    }
