"""The life of a version in a stage: what was decided (by tags) beside what is running (by deployment records).

Pure: the registry's model and the code host's records in, states and journeys out. Reading the records is a port's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.model import Holder, Model, ModelVersion
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event


class State(StrEnum):
    """How a model's stage stands. What is decided is the stage's holder by tags; "since" means: by the deployment's
    tag, or started no earlier than the tag was made. Of several that fit, the first one here:

    UNKNOWN: the decision cannot be read (ambiguous tags), or the records were not asked for or could not be had.
    DEPLOYING: the newest record has no end yet, whichever version it is of.
    DEPLOYED: a version runs, and it is the decided one, or nothing is decided any more (then it differs).
    FAILED: the newest attempt since the decision failed; an older version may still run. (It comes before DEPLOYED:
    where the decided version ran already, the failed attempt may have left it damaged.)
    ROLLED_BACK: a rollback since the decision runs, of another version than the tag says.
    REMOVED: nothing runs. What was deployed since the decision was made inactive and nothing came after it; or the
    stage was emptied.
    APPROVED: a version is decided, and since then nothing of it was tried, or another version was deployed over it.
    """

    APPROVED = "approved"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    REMOVED = "removed"
    UNKNOWN = "unknown"


SUCCESS, INACTIVE = "success", "inactive"
SETTLED = frozenset({SUCCESS, INACTIVE})
"""States of a record below which nothing else runs: a success retires what was there before."""
ENDED_BADLY = frozenset({"failure", "error"})
UNDER_WAY = frozenset({"", "queued", "pending", "in_progress", "waiting"})


class Recorded(NamedTuple):
    """A deployment that the code host knows of. `id` is the host's own; times are ISO 8601, empty where unknown.

    `state` is the newest; `outcome` is how the attempt ended (success, failure, error; "" before that), at `ended`.
    `updated` is the time of `state`. `placed` says that the deployer ended well, whatever its verification said
    then; `checks` is how many verifications the stage had, so `verified` is a success with at least one. `digest` is
    the plan's. `automatic` marks a rollback that nobody asked for; `previous` is the version that it (or any other
    deployment) replaced and `previous_tag` that one's tag. `action` is deploy or undeploy.
    """

    id: str
    version: str
    commit: str
    tag: str
    state: str = ""
    rollback: bool = False
    created: str = ""
    updated: str = ""
    outcome: str = ""
    ended: str = ""
    environment_url: str = ""
    log_url: str = ""
    attempt: str = ""
    digest: str = ""
    placed: bool = False
    checks: int = 0
    automatic: bool = False
    previous: str = ""
    previous_tag: str = ""
    actor: str = ""
    action: str = "deploy"
    summary: str = ""

    @property
    def verified(self) -> bool:
        """Whether it was live, and at least one verification said so."""
        return self.outcome == SUCCESS and self.checks > 0 and self.action == "deploy"


class Records(NamedTuple):
    """Deployments of one model and stage, newest first. `whole` says that no older ones were left unread."""

    newest_first: tuple[Recorded, ...] = ()
    whole: bool = True


def now_running(records: Records) -> Recorded | None:
    """The deployment that is live by the records, None where none is: the newest that was put in place.

    What was put in place and failed its verification is live all the same, until something else is.
    """
    settled = next((record for record in records.newest_first if record.placed or record.state in SETTLED), None)
    if settled is None or settled.state == INACTIVE or settled.action != "deploy":
        return None
    return settled


class Lifecycle(NamedTuple):
    """One model and stage. `reason` and `problem` say why a part is not known; both are empty if nobody asked.

    `running` is None where nothing runs, or where that is not known (`running_known` is False).
    """

    model: str
    stage: str
    state: State
    holder: Holder | None = None
    running: Recorded | None = None
    records: tuple[Recorded, ...] = ()
    running_known: bool = True
    environment: str = ""
    reason: Reason | None = None
    problem: str = ""
    hint: str = ""

    @property
    def newest(self) -> Recorded | None:
        """The newest record, whatever became of it."""
        return self.records[0] if self.records else None

    @property
    def differs(self) -> bool:
        """Whether something else runs (or nothing) than what is decided; False where that is not known."""
        if self.state is State.UNKNOWN or not self.running_known:
            return False
        if self.holder is None or self.running is None:
            return (self.holder is None) != (self.running is None)
        return not is_of(self.running, self.holder.version)

    @property
    def is_newer_than_decided(self) -> bool:
        """Whether what runs was deployed since the decision: something else was deployed over it."""
        return self.holder is not None and self.running is not None and _is_since(self.running, self.holder)

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look: it failed, or it differs and no deployment is under way."""
        return self.state is State.FAILED or (self.differs and self.state is not State.DEPLOYING)


def lifecycle(model: Model, stage: str, records: Records, environment: str = "") -> Lifecycle:
    """How a stage stands, by its tags and its records (see State)."""
    newest_first = records.newest_first
    settled = next((record for record in newest_first if record.state in SETTLED), None)
    running = settled if settled is not None and settled.state == SUCCESS else None
    known = settled is not None or records.whole
    row = Lifecycle(model.name, stage, State.UNKNOWN, None, running, newest_first, known, environment)
    try:
        row = row._replace(holder=model.holder(stage))
    except ModelStageError as problem:
        return _because(row, problem)
    strange = next((record for record in newest_first if not _is_understood(record)), None)
    if strange is not None:
        return row._replace(
            running=None,
            running_known=False,
            reason=Reason.GITHUB_FAILED,
            problem=f"deployment {strange.id} has the state {strange.state!r}, which is none that is known",
        )
    row = row._replace(state=_state(row))
    if known:
        return row
    sure = row.state in (State.DEPLOYING, State.FAILED)
    return row._replace(
        state=row.state if sure else State.UNKNOWN,
        reason=Reason.GITHUB_FAILED,
        problem=f"none of the newest {len(newest_first)} deployments settled what runs; older ones were not read",
    )


def unknown(model: Model, stage: str, problem: ModelStageError | None = None) -> Lifecycle:
    """A stage whose records were not asked for, or could not be had; what is decided is there all the same."""
    row = Lifecycle(model.name, stage, State.UNKNOWN, running_known=False)
    if problem is not None:
        row = _because(row, problem)
    try:
        return row._replace(holder=model.holder(stage))
    except ModelStageError as ambiguous:
        return row if row.problem else _because(row, ambiguous)


def is_of(record: Recorded, version: ModelVersion) -> bool:
    """Whether a record is of that version: of its commit, as a name may have been given again (R26)."""
    return record.commit == version.commit if record.commit else record.version == version.name


def _because(row: Lifecycle, problem: ModelStageError) -> Lifecycle:
    return row._replace(reason=problem.reason, problem=problem.message.split("\n")[0], hint=problem.hint)


def _is_understood(record: Recorded) -> bool:
    return record.state in SETTLED or record.state in ENDED_BADLY or record.state in UNDER_WAY


def _state(row: Lifecycle) -> State:
    """The first state that fits, in the order of State's docstring."""
    newest, holder, running = row.newest, row.holder, row.running
    if newest is not None and newest.state in UNDER_WAY:
        return State.DEPLOYING
    if holder is None:
        return State.REMOVED if running is None else State.DEPLOYED
    current = newest is not None and _is_since(newest, holder)
    if current and newest is not None and newest.state in ENDED_BADLY:
        return State.FAILED
    if running is None:
        return State.REMOVED if current else State.APPROVED
    if is_of(running, holder.version):
        return State.DEPLOYED
    return State.ROLLED_BACK if running.rollback and _is_since(running, holder) else State.APPROVED


def _is_since(record: Recorded, holder: Holder) -> bool:
    """Whether the deployment belongs to the decision that holds now. Clocks of people and of hosts differ by a little,
    so the tag counts before the time."""
    if record.tag == holder.event.tag.text and not record.rollback:
        return True
    started = seconds(record.created)
    return is_of(record, holder.version) if started is None else started >= holder.event.time


def seconds(moment: str) -> float | None:
    """ISO 8601 as unix seconds, None where it is no such time."""
    try:
        return datetime.fromisoformat(moment).timestamp()
    except (ValueError, OverflowError):
        return None


class StepKind(StrEnum):
    """What happened to a version: by its tags (the first four), or by a deployment."""

    REGISTERED = "registered"
    DEREGISTERED = "deregistered"
    APPROVED = "approved"
    UNASSIGNED = "unassigned"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    FAILED = "failed"
    REMOVED = "removed"


_BY_TAG = {
    Event.REGISTRATION: StepKind.REGISTERED,
    Event.DEREGISTRATION: StepKind.DEREGISTERED,
    Event.ASSIGNMENT: StepKind.APPROVED,
    Event.UNASSIGNMENT: StepKind.UNASSIGNED,
}


class Step(NamedTuple):
    """One step: `stage` is empty for a registration; `time` in unix seconds, by the tagger's or the host's clock.

    Of `tag` and `deployment` (the host's id) one is set. `ok` is False for a failed deployment.
    """

    kind: StepKind
    stage: str
    time: float
    tag: str = ""
    deployment: str = ""
    rollback: bool = False

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return self.kind is not StepKind.FAILED


class Journey(NamedTuple):
    """The way of one version through the stages: steps in the order of their times."""

    model: str
    version: str
    commit: str
    steps: tuple[Step, ...]


def journeys(model: Model, rows: Sequence[Lifecycle], *, newest: int) -> list[Journey]:
    """The ways of the `newest` versions, and of those that a stage has or that run; the one first seen last first."""
    mine = [row for row in rows if row.model == model.name]
    recent = {id(version) for version in model.versions[-newest:]}
    found = []
    for version in reversed(model.versions):
        held = any(row.holder is not None and row.holder.version is version for row in mine)
        runs = any(row.running is not None and is_of(row.running, version) for row in mine)
        if id(version) in recent or held or runs:
            found.append(journey(model, version, mine))
    return found


def journey(model: Model, version: ModelVersion, rows: Iterable[Lifecycle]) -> Journey:
    """The way of one version, by its tags and by the records in `rows`."""
    steps = [*_tag_steps(version)]
    for row in rows:
        for record in reversed(row.records):
            if is_of(record, version):
                steps += _record_steps(record, row.stage)
    return Journey(model.name, version.name, version.commit, tuple(sorted(steps, key=lambda step: step.time)))


def _tag_steps(version: ModelVersion) -> Iterator[Step]:
    for events in (version.direct, *version.assignments.values()):
        for event in events:
            yield Step(_BY_TAG[event.tag.event], event.tag.stage or "", event.time, tag=event.tag.text)


def _record_steps(record: Recorded, stage: str) -> Iterator[Step]:
    started = seconds(record.created) or 0.0
    ended = seconds(record.ended) or started
    if record.state in UNDER_WAY:
        yield Step(StepKind.DEPLOYING, stage, started, deployment=record.id, rollback=record.rollback)
    elif record.outcome == SUCCESS or (not record.outcome and record.state == INACTIVE):
        yield Step(StepKind.DEPLOYED, stage, ended, deployment=record.id, rollback=record.rollback)
    elif record.outcome or record.state in ENDED_BADLY:
        yield Step(StepKind.FAILED, stage, ended, deployment=record.id, rollback=record.rollback)
    if record.state == INACTIVE:
        yield Step(StepKind.REMOVED, stage, seconds(record.updated) or ended, deployment=record.id)
