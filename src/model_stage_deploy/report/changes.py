"""What became of a change of the registry, as a document and in sentences. The shape: docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.writing import Change, Move, Seat, Written
from model_stage_deploy.report.columns import Block, columns

SCHEMA = "model-stage-deploy/change/v1"


def document(written: Written) -> dict[str, Any]:
    """`--json` of the commands that change the registry."""
    change = written.change
    return {
        "schema": SCHEMA,
        "result": written.reason.result.value,
        "reason": written.reason.value,
        "exit_code": written.reason.exit_code,
        "model": change.model,
        "version": change.version,
        "stage": change.stage,
        "commit": change.commit,
        "tags": [
            {
                "name": made.tag.name,
                "event": made.event.value,
                "version": made.version,
                "stage": made.stage,
                "commit": made.tag.commit,
                "pushed": written.pushed,
            }
            for made in change.made
        ],
        "replaced": _seat(change.replaced),
        "stages": {move.stage: {"before": _seat(move.before), "after": _seat(move.after)} for move in change.moves},
        "pushed": written.pushed,
        "dry_run": written.dry_run,
        "dispatched": written.started or None,
        "notes": list(written.notes),
        "message": _message(written),
        "hint": written.hint or None,
    }


def page(written: Written) -> Iterator[Block]:
    """The same for people: what became of the version, what was there before, the tags, what to know."""
    change = written.change
    yield f"Dry run: {headline(change, would=True)}" if written.dry_run else headline(change)
    if change.replaced is not None and change.stage_tag is not None:
        yield f"  before: {_version(change.replaced.version)}, by {change.replaced.tag}; {_its_end(change)}"
    yield from (f"  {move.stage}: {_then(move)}" for move in change.moves if not _said(move, change))
    done = "would make" if written.dry_run else "made and pushed" if written.pushed else "made"
    rows = [(made.tag.name, f"{made.event.value} {_version(made.version or '')}".rstrip()) for made in change.made]
    yield from (f"  {done}: {line}" for line in columns(rows))
    if written.started:
        yield f"  started: {written.started}"
    yield from (f"note: {note}" for note in written.notes)
    if written.dry_run:
        yield "Dry run: nothing was made."


def headline(change: Change, *, would: bool = False) -> str:
    """What became of the version, in one line."""
    what, is_now = f"{change.model} {_version(change.version or '')}".rstrip(), "would be" if would else "is"
    commit = f" (commit {change.commit[:12]})" if change.commit else ""
    if change.reason is Reason.PROMOTED:
        return f"{what} {is_now} in {change.stage}{'' if would else ' now'}{commit}"
    if change.reason is Reason.REGISTERED:
        return f"{what} {is_now} registered{commit}"
    if change.reason is Reason.UNASSIGNED:
        several = sorted({_version(made.version or "") for made in change.made})
        gone = "would no longer be" if would else "is no longer"
        return f"{change.model} {', '.join(several)} {gone} in {change.stage}"
    if change.reason is Reason.DEREGISTERED:
        return f"{what} {is_now} deregistered{commit}"
    if change.reason is Reason.DEPRECATED:
        return f"{change.model} {is_now} deprecated"
    out = ", ".join(made.stage for made in change.made if made.stage) or "every stage"
    return f"{what} {is_now} archived: no longer in {out}"


def _message(written: Written) -> str:
    return written.message or headline(written.change, would=written.dry_run)


def _its_end(change: Change) -> str:
    """What became of the version that the stage had."""
    had = change.replaced
    if had is None or had.commit == change.commit:
        return "the same version, assigned once more"
    ended = any(made.event is Event.UNASSIGNMENT and made.tag.commit == had.commit for made in change.made)
    return f"taken out of {change.stage}" if ended else "still assigned, behind the new one"


def _said(move: Move, change: Change) -> bool:
    """Whether the headline tells of it."""
    return change.stage_tag is not None and move.stage == change.stage


def _then(move: Move) -> str:
    after = "empty now" if move.after is None else f"{_version(move.after.version)} now, by {move.after.tag}"
    return after if move.before is None else f"{after}; it had {_version(move.before.version)}"


def _version(version: str) -> str:
    return version if len(version) < 40 or version.startswith("v") else version[:12]


def _seat(held: Seat | None) -> dict[str, str] | None:
    return None if held is None else {"version": held.version, "commit": held.commit, "tag": held.tag}
