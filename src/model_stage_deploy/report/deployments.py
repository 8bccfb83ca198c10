"""What was tried and what came of it: attempts to deploy, as a table and as the JSON document of `history`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.lifecycle import ENDED_BADLY, INACTIVE, SUCCESS, Lifecycle, Recorded, seconds
from model_stage_deploy.report.books import PLACED
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.lifecycle import problems
from model_stage_deploy.report.registry import for_people, moment

SCHEMA = "model-stage-deploy/deployments/v1"
_WORDS: Mapping[str, tuple[str, str]] = {
    "verified": ("deployed, verified", "rolled back, verified"),
    "deployed": ("deployed", "rolled back"),
    "verification-failed": ("deployed, failed verification", "rolled back, failed verification"),
    "unverified": ("deployed, verification came to no end", "rolled back, verification came to no end"),
    "failed": ("failed", "rollback failed"),
    "error": ("error", "rollback: error"),
    "deploying": ("deploying", "rolling back"),
    "verifying": ("verifying", "rolled back, verifying"),
    "undeployed": ("undeployed", "undeployed"),
    "undeploying": ("undeploying", "undeploying"),
    "unknown": ("unknown", "unknown"),
}
"""What people read of a result: of a deployment, and of a rollback."""


class Tried(NamedTuple):
    """One attempt, with the model and stage that it was for."""

    model: str
    stage: str
    record: Recorded


def attempts(rows: Iterable[Lifecycle], *, limit: int, since: float | None = None) -> list[Tried]:
    """The newest `limit` attempts of all rows, newest first. `since` is in unix seconds."""
    found = [Tried(row.model, row.stage, record) for row in rows for record in row.records]
    if since is not None:
        found = [tried for tried in found if (seconds(tried.record.created) or 0.0) >= since]
    found.sort(key=lambda tried: seconds(tried.record.created) or 0.0, reverse=True)
    return found[:limit]


def result(record: Recorded) -> str:
    """How an attempt stands or ended, in one word that does not change."""
    if record.action != "deploy":
        if record.under_way:
            return "undeploying"
        if record.state == INACTIVE:
            return "undeployed"
    if record.under_way:
        return "verifying" if record.placed else "deploying"
    if record.outcome == SUCCESS:
        return "verified" if record.verified else "deployed"
    if record.placed and record.outcome in ENDED_BADLY:
        return "verification-failed" if record.failed_here else "unverified"
    return {"failure": "failed", "error": "error"}.get(record.outcome, "unknown")


def document(tried: Iterable[Tried], rows: Sequence[Lifecycle], *, recorded_in: str) -> dict[str, Any]:
    """`history --deployments --json`; `recorded_in` is github, gitlab, git or log."""
    return {
        "schema": SCHEMA,
        "recorded_in": recorded_in,
        "deployments": [_entry(one) for one in tried],
        "problems": [
            {
                "model": row.model,
                "stage": row.stage,
                "reason": row.reason.value if row.reason else None,
                "problem": row.problem,
                "hint": row.hint or None,
            }
            for row in rows
            if row.problem and not row.records
        ],
    }


def page(tried: Sequence[Tried], rows: Sequence[Lifecycle], *, recorded_in: str) -> Iterator[Block]:
    """The same for people: a table, who went past the gates and why, and what cannot be known."""
    if tried:
        yield Table(table_rows(tried))
    elif all(row.records or not row.problem for row in rows):
        yield f"no deployment is recorded {PLACED[recorded_in]}"
    for one in tried:
        record = one.record
        if record.override:
            who = record.actor or "somebody unknown"
            yield (
                f"gates overridden by {who} for {one.model} {record.version} in {one.stage} "
                f"({_time(record.created)}): {record.override}"
            )
    yield from problems([row for row in rows if not row.records])


def table_rows(tried: Iterable[Tried]) -> list[tuple[str, ...]]:
    """Rows of the table; the first is the heading."""
    heading = ("TIME", "MODEL", "STAGE", "ENVIRONMENT", "VERSION", "TAG", "RESULT", "TOOK", "BY", "NOTE", "LINK")
    return [heading, *(_cells(one) for one in tried)]


def _cells(one: Tried) -> tuple[str, ...]:
    record = one.record
    lasted = took(record)
    return (
        _time(record.created),
        one.model,
        one.stage,
        record.environment or "-",
        record.version[:40] or "-",
        record.tag or "-",
        words(record),
        "-" if lasted is None else format_duration(round(lasted, 1 if lasted < 10 else 0)),
        record.actor or "-",
        _note(record),
        record.log_url or "-",
    )


def words(record: Recorded) -> str:
    """What people read of how an attempt ended."""
    told = _WORDS[result(record)][record.rollback]
    if record.automatic and record.rollback:
        told = told.replace("rolled back", "rolled back automatically").replace("rollback", "automatic rollback")
    return told


def _note(record: Recorded) -> str:
    notes = ["gates overridden"] * bool(record.override) + ["forced"] * record.forced
    return ", ".join(notes) or "-"


def _time(created: str) -> str:
    at = seconds(created)
    return "-" if at is None else for_people(moment(int(at)))


def took(record: Recorded) -> float | None:
    """Seconds from the start to the end, None where one is not known."""
    begun, ended = seconds(record.created), seconds(record.ended)
    return None if begun is None or ended is None else max(0.0, ended - begun)


def _entry(one: Tried) -> dict[str, Any]:
    record = one.record
    lasted = took(record)
    return {
        "deployment": record.id,
        "model": one.model,
        "stage": one.stage,
        "environment": record.environment or None,
        "action": record.action,
        "version": record.version,
        "commit": record.commit,
        "tag": record.tag,
        "result": result(record),
        "state": record.state,
        "summary": record.summary or None,
        "created": record.created or None,
        "ended": record.ended or None,
        "seconds": None if lasted is None else round(lasted, 3),
        "placed": record.placed,
        "checks": record.checks,
        "verified": record.verified,
        "rollback": record.rollback,
        "automatic": record.automatic,
        "answers": record.answers or None,
        "previous": {"version": record.previous, "tag": record.previous_tag} if record.previous else None,
        "attempt": record.attempt or None,
        "digest": record.digest or None,
        "config": record.config or None,
        "actor": record.actor or None,
        "tagger": record.tagger or None,
        "tag_object": record.tag_object or None,
        "signer": record.signer or None,
        "forced": record.forced,
        "override": record.override or None,
        "gates": [{**gate._asdict(), "facts": dict(gate.facts)} for gate in record.gates],
        "url": record.environment_url or None,
        "log": record.log_url or None,
    }
