"""What an import found and wrote, as a document and as a page. The shape: docs/reference/json.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.importing import State, Wanted, Weighed
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.writing import Change
from model_stage_deploy.report.columns import Block, Table

SCHEMA = "model-stage-deploy/import/v1"
_WORDS = {State.THERE: "there already", State.CONFLICT: "CONFLICT", State.LEFT_OUT: "left out"}


class Part(Protocol):
    """How the import of one model ended: flows/importing.py has it."""

    @property
    def wanted(self) -> Wanted: ...
    @property
    def weighed(self) -> Weighed: ...
    @property
    def reason(self) -> Reason: ...
    @property
    def result(self) -> Result: ...
    @property
    def message(self) -> str: ...
    @property
    def hint(self) -> str: ...
    @property
    def change(self) -> Change | None: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Imported(Protocol):
    """How the whole import ended."""

    @property
    def place(self) -> str: ...
    @property
    def parts(self) -> Sequence[Part]: ...
    @property
    def named(self) -> int: ...
    @property
    def problem(self) -> ModelStageError | None: ...
    @property
    def reason(self) -> Reason: ...
    @property
    def result(self) -> Result: ...


def document(imported: Imported, *, wrote: bool, pushed: bool) -> dict[str, Any]:
    """`import-mlflow --json`. `wrote`: it was not a dry run."""
    problem = imported.problem
    return {
        "schema": SCHEMA,
        "result": imported.result.value,
        "reason": imported.reason.value,
        "exit_code": imported.result.exit_code,
        "from": imported.place,
        "dry_run": not wrote,
        "pushed": pushed and wrote,
        "models": [_part(part, wrote=wrote) for part in imported.parts],
        "named": imported.named,
        "message": headline(imported, wrote=wrote),
        "hint": (problem.hint or None) if problem is not None else None,
    }


def page(imported: Imported, *, wrote: bool) -> Iterator[Block]:
    """The same for people: for each model what is new, what is there, what contradicts and what is left out."""
    for part in imported.parts:
        theirs = "" if part.wanted.title == part.wanted.model else f" ({part.wanted.title} in MLflow)"
        yield f"{part.wanted.model or '?'}{theirs}: {_ended(part, wrote=wrote)}"
        rows = [*_rows(part, wrote=wrote)]
        if rows:
            yield Table([("MLflow", "version", "commit", "stage", "", "why"), *rows])
        yield from (f"note: {note}" for note in part.notes)
        if part.hint:
            yield f"  what to do: {part.hint}"
        yield ""
    yield headline(imported, wrote=wrote)


def headline(imported: Imported, *, wrote: bool) -> str:
    """What became of the whole, in one line."""
    if imported.problem is not None:
        return imported.problem.message
    tags = sum(len(part.change.made) for part in imported.parts if part.change is not None)
    conflicts = sum(len(part.weighed.conflicts) for part in imported.parts)
    refused = sum(bool(part.result.exit_code) for part in imported.parts)
    done = f"{_count(tags, 'tag')} {'made' if wrote else 'would be made'}"
    more = [
        f"{_count(refused, 'model')} refused" if refused else "",
        _count(conflicts, "conflict") if conflicts else "",
    ]
    more.append(f"{_count(imported.named, 'version')} named in MLflow" if imported.named else "")
    said = ", ".join([done, *filter(None, more)])
    return said if wrote else f"Dry run: {said}; --apply makes them"


def _ended(part: Part, *, wrote: bool) -> str:
    if part.result.exit_code:
        return f"refused: {part.message}"
    if part.change is None:
        return "nothing is new"
    return f"{_count(len(part.change.made), 'tag')} {'made' if wrote else 'would be made'}"


def _rows(part: Part, *, wrote: bool) -> Iterator[tuple[str, ...]]:
    refused = bool(part.result.exit_code)
    for row in part.weighed.rows:
        foreign = row.foreign
        word = _word(row.state, "register", refused=refused, wrote=wrote)
        yield foreign.number, foreign.version or "-", foreign.commit[:12] or "-", "", word, row.why
    for seating in part.weighed.seatings:
        word = _word(seating.state, "assign", refused=refused, wrote=wrote)
        claim = seating.claim
        yield claim.number, seating.version or "-", seating.commit[:12] or "-", claim.stage, word, seating.why


def _word(state: State, verb: str, *, refused: bool, wrote: bool) -> str:
    if state is not State.NEW:
        return _WORDS[state]
    if refused:
        return "not written"
    return f"{verb}ed" if wrote else verb


def _part(part: Part, *, wrote: bool) -> dict[str, Any]:
    return {
        "model": part.wanted.model or None,
        "from": part.wanted.title,
        "result": part.result.value,
        "reason": part.reason.value,
        "message": part.message or None,
        "hint": part.hint or None,
        "versions": [
            {
                "number": row.foreign.number,
                "version": row.foreign.version or None,
                "commit": row.foreign.commit or None,
                "state": row.state.value,
                "reason": row.reason.value if row.reason else None,
                "why": row.why or None,
            }
            for row in part.weighed.rows
        ],
        "stages": [
            {
                "stage": one.claim.stage,
                "number": one.claim.number,
                "version": one.version or None,
                "by": one.claim.source,
                "state": one.state.value,
                "reason": one.reason.value if one.reason else None,
                "why": one.why or None,
            }
            for one in part.weighed.seatings
        ],
        "tags": [made.tag.name for made in part.change.made] if part.change is not None else [],
        "written": wrote and part.change is not None,
        "notes": list(part.notes),
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
