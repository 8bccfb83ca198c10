"""What of another registry becomes tags here: which versions and stages are new, there already, or not to be had.

Pure: another registry's versions and this one's tags in, a row for each with its reason out. How MLflow's registry is
read is in mirrors/mlflow_import.py. GTO's rules hold: a commit has one version (R25), a version has one commit (R26).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from model_stage_deploy.core.errors import ModelStageError, Refused
from model_stage_deploy.core.ledger import Draft, Ledger, seat
from model_stage_deploy.core.model import Model, ModelVersion
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.writing import PROGRAM, Change, How, quoted


class State(StrEnum):
    """What becomes of a version, or of a stage that it has."""

    NEW = "new"
    THERE = "there"
    CONFLICT = "conflict"
    """The registry here says something else; a person must decide which is right."""
    LEFT_OUT = "left-out"
    """It cannot be written as a tag, for it is not known enough: no commit, no name."""


class Foreign(NamedTuple):
    """A version as another registry has it. `number` is its name there, `version` its name here.

    `commit` is a full id; `created` in unix seconds; `story` is the message of its tag. `why_not` says why it cannot be
    imported, whatever is here, with the code `reason`; "" where it can. `named`: the other registry has its name here.
    """

    number: str
    version: str
    commit: str
    created: float = 0.0
    story: str = ""
    why_not: str = ""
    reason: Reason | None = None
    named: bool = False


class Claim(NamedTuple):
    """A stage of ours that another registry gives to a version; `source` says by what: `alias champion`."""

    stage: str
    number: str
    source: str


class Wanted(NamedTuple):
    """One model of another registry, by our name and by its own (`title`), with its versions and their stages."""

    model: str
    title: str
    versions: tuple[Foreign, ...]
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()


class Row(NamedTuple):
    """What becomes of a version. `why` is one sentence, "" where it is new."""

    foreign: Foreign
    state: State
    why: str = ""
    reason: Reason | None = None


class Seating(NamedTuple):
    """What becomes of a stage that a version has."""

    claim: Claim
    version: str
    commit: str
    state: State
    why: str = ""
    reason: Reason | None = None


class Weighed(NamedTuple):
    """Every version and every stage of one model, held against the registry."""

    rows: tuple[Row, ...] = ()
    seatings: tuple[Seating, ...] = ()

    @property
    def conflicts(self) -> list[Row | Seating]:
        """What contradicts the registry."""
        found = [row for row in self.rows if row.state is State.CONFLICT]
        return [*found, *(one for one in self.seatings if one.state is State.CONFLICT)]

    @property
    def is_new(self) -> bool:
        """Whether anything is to be written."""
        states = [*(row.state for row in self.rows), *(one.state for one in self.seatings)]
        return State.NEW in states

    @property
    def standing(self) -> list[Foreign]:
        """Versions that the registry has, once what is new is written."""
        return [row.foreign for row in self.rows if row.state in (State.NEW, State.THERE)]


def weigh(ledger: Ledger, wanted: Wanted) -> Weighed:
    """Hold another registry's model against ours. Raises Refused (ambiguous-version)."""
    ledger.model.require_unambiguous()
    rows: list[Row] = []
    for foreign in sorted(wanted.versions, key=lambda one: (one.created, len(one.number), one.number)):
        rows.append(_row(ledger, foreign, rows))
    by_number = {row.foreign.number: row for row in rows}
    return Weighed(tuple(rows), tuple(_seating(ledger, wanted, claim, by_number) for claim in wanted.claims))


def decide(ledger: Ledger, weighed: Weighed) -> Change:
    """The tags of what is new: registrations in the order in which the versions came about, then the stages.

    Raises Refused (already-deprecated, clock-skew, tag-exists).
    """
    if ledger.model.deprecated:
        newest = ledger.model.events[-1].tag.text
        raise Refused(
            Reason.ALREADY_DEPRECATED,
            f"{ledger.name} was deprecated by {quoted(newest)}, and any new tag would take that back",
            hint=f"if it is meant: {PROGRAM} register {ledger.name} COMMIT --version VERSION, then import again",
        )
    draft = Draft(ledger, How())
    rows = [row.foreign for row in weighed.rows if row.state is State.NEW]
    seatings = [seating for seating in weighed.seatings if seating.state is State.NEW]
    for foreign in rows:
        words = f"Import {ledger.name} {foreign.version}: {foreign.story}"
        draft.add(Event.REGISTRATION, foreign.commit, words, version=foreign.version)
    stories = {row.foreign.number: row.foreign.story for row in weighed.rows}
    for seating in seatings:
        claim = seating.claim
        words = f"Import {ledger.name} {seating.version} in {claim.stage}, by {claim.source}: {stories[claim.number]}"
        draft.add(Event.ASSIGNMENT, seating.commit, words, version=seating.version, stage=claim.stage)

    def meant(model: Model) -> bool:
        return all(_is_there(model, one) for one in rows) and all(_has(model, one) for one in seatings)

    return draft.conclude(Reason.IMPORTED, meant)


def refusal(wanted: Wanted, weighed: Weighed) -> ModelStageError | None:
    """Why nothing of the model is written, as an error; None where nothing contradicts the registry."""
    if not weighed.conflicts:
        return None
    first, *more = weighed.conflicts
    others = f"; and {len(more)} more" if more else ""
    return Refused(
        first.reason or Reason.TAG_EXISTS,
        f"{wanted.model}: {first.why}{others}; nothing of this model was written",
        hint="decide which is right: each is listed; --skip-conflicts leaves them as they are and imports the rest",
    )


def _row(ledger: Ledger, foreign: Foreign, before: list[Row]) -> Row:
    if foreign.why_not:
        return Row(foreign, State.LEFT_OUT, foreign.why_not, foreign.reason)
    for why, reason in _contradictions(ledger, foreign, before):
        return Row(foreign, State.CONFLICT, why, reason)
    there = _is_there(ledger.model, foreign)
    return Row(foreign, State.THERE if there else State.NEW, "it is registered here" if there else "")


def _contradictions(ledger: Ledger, foreign: Foreign, before: list[Row]) -> Iterator[tuple[str, Reason]]:
    """Why a version cannot be what the other registry says, the first first."""
    name, commit = foreign.version, foreign.commit
    here = [known for known in ledger.model.at(commit) if known.registered]
    mine = next((known for known in here if known.name == name), None)
    other = next((known for known in here if known.name != name), None)
    if other is not None:
        yield f"commit {commit[:12]} is {other.name} here, and a commit has one version", Reason.ALREADY_REGISTERED
    elif mine is not None and not mine.is_active():
        yield f"{name} was deregistered here, by {quoted(mine.direct[-1].tag.text)}", Reason.INACTIVE_VERSION
    elif mine is None and (elsewhere := _named(ledger.model, name)) is not None:
        yield f"{name} is commit {elsewhere.commit[:12]} here, not {commit[:12]}", Reason.VERSION_TAKEN
    for row in before:
        if row.state in (State.LEFT_OUT, State.CONFLICT):
            continue
        if row.foreign.commit == commit:
            other_number = f"version {row.foreign.number} is of commit {commit[:12]}, too"
            yield f"{other_number}, and a commit has one version", Reason.ALREADY_REGISTERED
        elif row.foreign.version == name:
            yield f"version {row.foreign.number} is to be {name}, too", Reason.VERSION_TAKEN


def _seating(ledger: Ledger, wanted: Wanted, claim: Claim, by_number: dict[str, Row]) -> Seating:
    row = by_number.get(claim.number)
    if row is None or row.state in (State.LEFT_OUT, State.CONFLICT):
        why = f"version {claim.number}, which has it by {claim.source}, is not imported"
        return Seating(claim, "", "", State.LEFT_OUT, why)
    foreign = row.foreign
    rivals = sorted({one.number for one in wanted.claims if one.stage == claim.stage} - {claim.number}, key=_by_number)
    for why, reason in _objections(ledger, claim, foreign, rivals):
        return Seating(claim, foreign.version, foreign.commit, State.CONFLICT, why, reason)
    there = ledger.model.holder(claim.stage) is not None
    if there:
        return Seating(claim, foreign.version, foreign.commit, State.THERE, f"{claim.stage} has it here")
    first = next(one for one in wanted.claims if (one.stage, one.number) == (claim.stage, claim.number))
    if first is not claim:
        return Seating(claim, foreign.version, foreign.commit, State.THERE, f"{first.source} says the same")
    return Seating(claim, foreign.version, foreign.commit, State.NEW)


def _objections(ledger: Ledger, claim: Claim, foreign: Foreign, rivals: list[str]) -> Iterator[tuple[str, Reason]]:
    """Why a version cannot have the stage that the other registry gives it, the first first."""
    stage = claim.stage
    if rivals:
        yield f"versions {', '.join([claim.number, *rivals])} are all to have {stage}", Reason.AMBIGUOUS_VERSION
    if ledger.stages is not None and stage not in ledger.stages:
        yield f"{stage} is not among `stages` of .gto", Reason.STAGE_NOT_ALLOWED
    holder = ledger.model.holder(stage)
    if holder is not None and holder.version.commit != foreign.commit:
        yield f"{stage} has {holder.version.name} here, by {quoted(holder.event.tag.text)}", Reason.TAG_EXISTS
    ended = [known for known in ledger.model.at(foreign.commit) if known.assignments.get(stage)]
    if holder is None and ended:
        last = ended[0].assignments[stage][-1].tag.text
        yield f"{foreign.version} was taken out of {stage} here, by {quoted(last)}", Reason.NOT_IN_STAGE


def _by_number(number: str) -> tuple[int, str]:
    return len(number), number


def _named(model: Model, name: str) -> ModelVersion | None:
    return next((known for known in model.versions if known.registered and known.name == name), None)


def _is_there(model: Model, foreign: Foreign) -> bool:
    found = [known for known in model.at(foreign.commit) if known.registered and known.name == foreign.version]
    return bool(found) and found[0].is_active()


def _has(model: Model, seating: Seating) -> bool:
    held = seat(model, seating.claim.stage)
    return held is not None and (held.version, held.commit) == (seating.version, seating.commit)
