"""The life of a version in a stage: what was decided (by tags) beside what is running (by deployment records).

Pure: the registry's model and the code host's records in, states out. Reading the records is a port's; the way of one
version through all stages is next door, in journey.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.model import Holder, Model, ModelVersion
from model_stage_deploy.core.reasons import Reason


class State(StrEnum):
    """How a model's stage stands. What is decided is the stage's holder by tags; "since" means: by the deployment's
    tag, or started no earlier than the tag was made. Of several that fit, the first one here:

    UNKNOWN: the decision cannot be read (ambiguous tags), or the records were not asked for or could not be had.
    DEPLOYING: the newest record has no end yet, whichever version it is of: it is being put in place, verified, or
    taken away.
    DEPLOYED: a version runs, and it is the decided one, or nothing is decided any more (then it differs).
    FAILED: the newest attempt since the decision failed. What was put in place and then failed its verification runs;
    of any other, an older version may still run. (It comes before DEPLOYED: where the decided version ran already, the
    failed attempt may have left it damaged.)
    ROLLED_BACK: a rollback since the decision runs, of another version than the tag says; a person asked for it, or
    (`automatic`) a failed verification did.
    REMOVED: nothing runs. What was deployed since the decision was made inactive or undeployed, and nothing came after
    it; or the stage was emptied.
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


class Judged(NamedTuple):
    """What one gate said when the attempt began (core/verdict.py). `facts` may have been too large to be kept."""

    gate: str
    answer: str
    code: str
    sentence: str
    facts: Mapping[str, Any]


class Recorded(NamedTuple):
    """A deployment that the code host knows of. `id` is the host's own; times are ISO 8601, empty where unknown.

    `state` is the newest; `outcome` is how the attempt ended (success, failure, error; "" before that, and for what was
    undeployed), at `ended`. `updated` is the time of `state`. `placed` says that the deployer ended well, whatever its
    verification said then; `checks` is how many verifications the stage had, so `verified` is a success with at least
    one. `digest` is the plan's. `automatic` marks a rollback that nobody asked for; `previous` is the version that it
    (or any other deployment) replaced and `previous_tag` that one's tag. `action` is deploy or undeploy.

    `override` is the reason that was given for going past the gates, "" where nobody did. `answers` is the attempt that
    an automatic rollback answers. `tagger`, `signer` and `tag_object` are of the tag that decided.
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
    environment: str = ""
    forced: bool = False
    override: str = ""
    answers: str = ""
    tag_object: str = ""
    tagger: str = ""
    signer: str = ""
    config: str = ""
    gates: tuple[Judged, ...] = ()

    @property
    def settles(self) -> bool:
        """Whether it says what runs now, so that nothing older does: it was put in place, or made inactive."""
        return self.placed or self.state in SETTLED

    @property
    def under_way(self) -> bool:
        """Whether it has no end yet, as far as the host was told."""
        return self.state in UNDER_WAY

    @property
    def failed_here(self) -> bool:
        """Whether it was live, and its verification said no."""
        return self.placed and self.outcome == "failure" and self.action == "deploy"

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
    settled = next((record for record in records.newest_first if record.settles), None)
    if settled is None or settled.state == INACTIVE or settled.action != "deploy":
        return None
    return settled


def last_verified(records: Records, *, before: str = "", other_than: str = "") -> Recorded | None:
    """Where a rollback can go: the newest verified deployment of another version than `other_than`; None for none.

    `before` is the id of a record: only older ones count ("": all). A version that failed its verification here after
    it had been verified is left out.
    """
    found = records.newest_first
    if before:
        at = next((at for at, record in enumerate(found) if record.id == before), len(found))
        found = found[at + 1 :]
    return next(ways_back(found, other_than), None)


def ways_back(newest_first: Iterable[Recorded], other_than: str) -> Iterator[Recorded]:
    """Verified deployments of other versions than `other_than`, newest first; none of one that failed since."""
    failed: set[tuple[str, str]] = set()
    for record in newest_first:
        if record.failed_here:
            failed.add((record.version, record.commit))
        elif record.verified and record.version != other_than and (record.version, record.commit) not in failed:
            yield record


def orphans(records: Records, own_attempt: str) -> tuple[Recorded, ...]:
    """Records that have no end yet and are of another attempt than `own_attempt` ("": of any), newest first.

    Under the lock of the stage nobody works on them any more.
    """
    return tuple(
        record
        for record in records.newest_first
        if record.under_way and (not own_attempt or record.attempt != own_attempt)
    )


def outlived(records: Records) -> tuple[Recorded, ...]:
    """Deployments that still look active although a later one replaced or removed them, newest first.

    So it is where a run was killed between its success and the end of what it replaced.
    """
    ended = False
    found = []
    for record in records.newest_first:
        if ended and record.state == SUCCESS:
            found.append(record)
        ended = ended or record.state == SUCCESS or (record.action != "deploy" and record.state == INACTIVE)
    return tuple(found)


def held(records: Records, version: str, tag: str, now: float, hold: float) -> Recorded | None:
    """The automatic rollback for which automation may not deploy `version` again; None where it may.

    The tag that failed is held without end, other tags of its version for `hold` seconds after the end of the rollback
    (without end, where its time cannot be read). `now` is in unix seconds. A later success of the version, which only
    a person or the end of the hold can have brought about, ends it.
    """
    for record in records.newest_first:
        if record.version == version and record.outcome == SUCCESS and record.action == "deploy":
            return None
        if record.automatic and record.rollback and record.previous == version:
            ended = seconds(record.ended or record.updated or record.created)
            is_held = record.previous_tag == tag or ended is None or now < ended + hold
            return record if is_held else None
    return None


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
        return self.holder is not None and self.running is not None and is_since(self.running, self.holder)

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look: it failed, or it differs and no deployment is under way."""
        return self.state is State.FAILED or (self.differs and self.state is not State.DEPLOYING)


def lifecycle(model: Model, stage: str, records: Records, environment: str = "") -> Lifecycle:
    """How a stage stands, by its tags and its records (see State)."""
    newest_first = records.newest_first
    known = records.whole or any(record.settles for record in newest_first)
    row = Lifecycle(model.name, stage, State.UNKNOWN, None, now_running(records), newest_first, known, environment)
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
    if newest is not None and newest.under_way:
        return State.DEPLOYING
    if holder is None:
        return State.REMOVED if running is None else State.DEPLOYED
    current = newest is not None and is_since(newest, holder)
    if current and newest is not None and newest.state in ENDED_BADLY:
        return State.FAILED
    if running is None:
        return State.REMOVED if current else State.APPROVED
    if is_of(running, holder.version):
        return State.DEPLOYED
    return State.ROLLED_BACK if running.rollback and is_since(running, holder) else State.APPROVED


def is_since(record: Recorded, holder: Holder) -> bool:
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
