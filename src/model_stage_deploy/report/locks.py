"""Locks in words: who has one, why somebody is refused, and what `lock`, `unlock` and `locks` show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.locks import Lock, is_stale, is_unreadable, key_in, locked_by, place_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.writing import PROGRAM
from model_stage_deploy.report.columns import Block, Table

SCHEMA = "model-stage-deploy/locks/v1"
CHANGE_SCHEMA = "model-stage-deploy/lock-change/v1"
_HEADING = ("WHAT", "KIND", "OWNER", "SINCE", "AGE", "STATE", "REASON")


def who(entry: Lock) -> str:
    """Whose lock it is, since when, what for, and where to look."""
    if is_unreadable(entry.key):
        return f"a lock that cannot be read ({one_line(entry.reason, 200)})"
    work = "the deployment" if entry.kind == "run" else "the lock"
    what = f" ({one_line(entry.reason, 200)})" if entry.reason else ""
    url = f", {one_line(entry.url, 300)}" if entry.url else ""
    return f"{work} of {one_line(entry.owner, 200) or 'somebody unknown'} since {moment(entry.since)}{what}{url}"


def frozen(key: str, by: Lock) -> Refused:
    """A person locked it."""
    wide = locked_by(key_in(key, by))
    return Refused(
        Reason.LOCKED,
        f"{wide} is locked: {_by(by)}",
        hint=f"when it may go on: {PROGRAM} unlock {wide.words}",
    )


def already_locked(key: str, by: Lock) -> Refused:
    """Somebody wants to lock what is locked."""
    return Refused(
        Reason.LOCKED,
        f"{locked_by(key)} is locked already: {_by(by)}",
        hint=f"to give another reason, unlock it first: {PROGRAM} unlock {locked_by(key).words}",
    )


def occupied(key: str, by: Lock, *, by_hand: bool = False) -> Refused:
    """Another deployment has it; `by_hand` for one who wants to remove its lock."""
    words = locked_by(key).words
    if by_hand or is_unreadable(by.key):
        state = "cannot be told" if is_unreadable(by.key) else "was renewed not long ago"
        hint = f"whether its run is alive {state}: see {PROGRAM} locks; if it is dead: {PROGRAM} unlock {words} --run"
        return Refused(Reason.LOCKED, f"{locked_by(key)} is taken: {who(by)}", hint=f"{hint} --force")
    return Refused(
        Reason.LOCKED,
        f"{locked_by(key)} is taken: {who(by)}",
        hint=f"run it again later, or wait longer: --wait 30m; if that run is dead: {PROGRAM} unlock {words} --run",
    )


def not_locked(key: str, wider: Sequence[Lock], working: Lock | None) -> Refused:
    """There is nothing to unlock by that name; `wider` is what locks it all the same."""
    if wider:
        other = locked_by(key_in(key, wider[0]))
        hint = f"what locks it is the lock of {other}: {PROGRAM} unlock {other.words}"
    elif working is not None:
        hint = f"a deployment has it; the lock of a dead one: {PROGRAM} unlock {locked_by(key).words} --run"
    else:
        hint = f"see what is locked: {PROGRAM} locks"
    return Refused(Reason.NOT_LOCKED, f"{locked_by(key)} is not locked by anybody", hint=hint)


def unsettled(key: str) -> MachineryFailed:
    """The store takes no change, and nobody else is there."""
    return MachineryFailed(
        Reason.LOCK_FAILED,
        f"the lock of {locked_by(key)} could not be changed: the remote refused each time, and nobody has it",
        hint="look for what is left of a broken push there: a *.lock file, or a ref in the way under refs/model-stages",
    )


def document(entries: Sequence[Lock], now: float) -> dict[str, Any]:
    """`locks --json`. `now` is unix time in seconds."""
    return {"schema": SCHEMA, "locks": [facts(entry, now) for entry in entries]}


def facts(entry: Lock, now: float) -> dict[str, Any]:
    """One lock as JSON. Times are the owner's."""
    readable = not is_unreadable(entry.key)
    what = locked_by(entry.key)
    return {
        "kind": entry.kind,
        "place": place_of(entry.key),
        "readable": readable,
        "model": (what.model or None) if readable else None,
        "stage": (what.stage or None) if readable else None,
        "target": (what.target or None) if readable else None,
        "owner": entry.owner or None,
        "reason": entry.reason or None,
        "url": entry.url or None,
        "since": _iso(entry.since) if readable else None,
        "age": round(max(0.0, now - entry.since)) if readable else None,
        "renewed": _iso(entry.renewed) if readable and entry.lease else None,
        "lease": entry.lease or None,
        "stale": is_stale(entry, now),
    }


def page(entries: Sequence[Lock], now: float) -> Iterator[Block]:
    """The locks for a person, one a line."""
    if not entries:
        yield "nothing is locked"
        return
    yield Table([_HEADING, *(_row(entry, now) for entry in entries)])
    for entry in entries:
        if entry.url:
            yield f"{_what(entry)}: {entry.url}"
        if is_unreadable(entry.key):
            yield (
                f"{_what(entry)}: not written by this tool, or by a newer one; what its place is of stays locked until "
                f"somebody removes it: git push origin ':refs/model-stages/locks/{entry.kind}/{place_of(entry.key)}'"
            )


def changed(
    reason: Reason,
    message: str,
    entries: Sequence[Lock],
    now: float,
    *,
    working: Sequence[Lock] = (),
    notes: Sequence[str] = (),
) -> Mapping[str, Any]:
    """`lock --json` and `unlock --json`: what was made or removed, and the deployments at work meanwhile."""
    return {
        "schema": CHANGE_SCHEMA,
        "result": reason.result.value,
        "reason": reason.value,
        "exit_code": reason.exit_code,
        "message": message,
        "locks": [facts(entry, now) for entry in entries],
        "working": [facts(entry, now) for entry in working],
        "notes": list(notes),
    }


def moment(seconds: float) -> str:
    """A time for a person, UTC."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "an unknown time"


def _by(entry: Lock) -> str:
    if is_unreadable(entry.key):
        return f"there is {who(entry)}"
    reason = one_line(entry.reason, 500) or "no reason given"
    return f"'{reason}' ({one_line(entry.owner, 200) or 'somebody unknown'}, {moment(entry.since)})"


def _row(entry: Lock, now: float) -> tuple[str, ...]:
    readable = not is_unreadable(entry.key)
    state = "unreadable" if not readable else "stale" if is_stale(entry, now) else "held"
    age = format_duration(round(max(0.0, now - entry.since))) if readable else "-"
    since = moment(entry.since) if readable else "-"
    kind = "deployment" if entry.kind == "run" else "freeze"
    return (_what(entry), kind, entry.owner or "-", since, age, state, entry.reason or "-")


def _what(entry: Lock) -> str:
    return place_of(entry.key) if is_unreadable(entry.key) else str(locked_by(entry.key))


def _iso(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(round(seconds), UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
