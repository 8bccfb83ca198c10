"""Drift: where what runs is not what the registry decides, of which kind, and what it takes to heal it.

Pure: tags, records and settings in, one Compared for each stage out. Only what a lost event explains is healed without
a word; what a person did on purpose, and what automation gave up on, waits for a person (T18, T20, T21, T24, T28).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.lifecycle import (
    ENDED_BADLY,
    Lifecycle,
    Recorded,
    Records,
    State,
    held,
    is_of,
    is_since,
    lifecycle,
    unknown,
)
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.model import Holder, Model, RegistryEvent
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.taken import policy_on, taken_away

TRIES = 3
"""Attempts in a row, with the same settings, after which a deployment that fails is left for a person."""
_UNMAPPED = (Reason.UNMAPPED_STAGE, Reason.UNMAPPED_IGNORED)


class Kind(StrEnum):
    """How a stage stands to what is decided. Of several that fit, the first one here that is not `in-sync`.

    UNKNOWN: the records cannot be read, the mapping cannot be used, or the tags are ambiguous.
    UNMAPPED: the mapping does not name the stage.
    UNDER_WAY: somebody deploys to it now.
    HELD: the decided version failed here, and automation may not deploy it again.
    INTERRUPTED: the newest attempt has no end, and nobody works on it any more.
    LEFTOVER: what runs was taken away by a tag, or its tag was deleted.
    UNDEPLOYED: nothing runs, because it was undeployed since the decision.
    FAILED: the newest attempt failed, and what runs (if anything does) is from before it.
    MISSING: nothing runs.
    ROLLED_BACK: a person rolled back since the decision, and no tag says so.
    OVERRULED: a person deployed another version since the decision, with force.
    BEHIND: another version runs.
    UNVERIFIED: the decided version runs, and its verification failed or came to no end.
    INCOMPLETE: the decided version is the stage's, and by their own records some of its targets do not have it.
    CHANGED: the decided version runs, with other settings than the mapping has now.
    """

    UNKNOWN = "unknown"
    UNMAPPED = "unmapped"
    UNDER_WAY = "under-way"
    HELD = "held"
    INTERRUPTED = "interrupted"
    LEFTOVER = "leftover"
    UNDEPLOYED = "undeployed"
    FAILED = "failed"
    MISSING = "missing"
    ROLLED_BACK = "rolled-back"
    OVERRULED = "overruled"
    BEHIND = "behind"
    UNVERIFIED = "unverified"
    INCOMPLETE = "incomplete"
    CHANGED = "changed"
    IN_SYNC = "in-sync"


class Remedy(StrEnum):
    """What heals it: the decided tag is deployed, or the tag that took a version away is carried out. Or nothing."""

    DEPLOY = "deploy"
    TAKE_AWAY = "take-away"
    NONE = "none"


class Asks(StrEnum):
    """What a person must say for it to be healed."""

    APPLY = "apply"
    SETTINGS = "settings"
    FORCE = "force"


class Consent(NamedTuple):
    """What was said: `--apply`, and what it takes in besides."""

    apply: bool = False
    settings: bool = False
    force: bool = False

    def covers(self, asks: Asks) -> bool:
        """Whether that may be healed."""
        return self.apply and (asks is Asks.APPLY or (self.settings if asks is Asks.SETTINGS else self.force))


class Compared(NamedTuple):
    """One stage of a model, compared.

    `drifted` says that what runs is not what the registry decides by the mapping's rules; `settings` that other
    settings count for it, too. `tag` is the one that `remedy` carries out; `taken` the tag that took a version away and
    `policy` what the mapping says about such tags. `tries` counts the newest failures in a row of what is to be done.
    `frozen` is the lock of a person, which stops every deployment; `working` says who deploys now. `moved` says that
    the decided tag was another one when it was deployed, which a pushed one is refused for, too (B17).
    """

    life: Lifecycle
    kind: Kind
    drifted: bool = False
    remedy: Remedy = Remedy.NONE
    asks: Asks = Asks.APPLY
    tag: str = ""
    taken: RegistryEvent | None = None
    policy: str = ""
    tries: int = 0
    needs: tuple[str, ...] = ()
    frozen: LockEntry | None = None
    working: str = ""
    moved: bool = False
    without: tuple[str, ...] = ()
    """Targets that do not have what the stage's record says."""

    @property
    def place(self) -> tuple[str, str]:
        """Model and stage."""
        return self.life.model, self.life.stage

    def counts(self, consent: Consent) -> bool:
        """Whether it is drift; other settings are only where somebody asked for them."""
        return self.drifted or (self.kind is Kind.CHANGED and consent.settings)

    def heals(self, consent: Consent) -> bool:
        """Whether it is to be healed."""
        return self.remedy is not Remedy.NONE and self.frozen is None and consent.covers(self.asks)


class Seat(NamedTuple):
    """What one stage is judged by. `digest` is that of a deployment by today's mapping, `now` in unix seconds;
    `working` says why the newest attempt is still somebody's, "" where it is nobody's."""

    model: Model
    stage: str
    records: Records
    settings: StageSettings
    environment: str
    digest: str
    now: float
    working: str = ""


def not_known(model: Model, stage: str, problem: ModelStageError) -> Compared:
    """A stage that cannot be compared, and why."""
    return Compared(unknown(model, stage, problem), Kind.UNMAPPED if problem.reason in _UNMAPPED else Kind.UNKNOWN)


def compare(seat: Seat) -> Compared:
    """How a stage stands to what is decided."""
    life = lifecycle(seat.model, seat.stage, seat.records, seat.environment)
    needs = tuple(need.stage for need in seat.settings.gates.needs or ())
    found = Compared(life, Kind.UNKNOWN, needs=needs)
    if life.state is State.UNKNOWN:
        return found
    return _limited(seat, _judged(seat, found))


def with_targets(row: Compared, without: Sequence[str], *, on_purpose: bool = False) -> Compared:
    """A stage that is as decided by its record, given the targets that are not; any other as it is.

    `on_purpose` says that a person wanted it so at some of them: that is undone for nobody who did not ask for it.
    """
    if row.kind is not Kind.IN_SYNC or row.life.holder is None or row.life.running is None or not without:
        return row
    asks = Asks.FORCE if on_purpose else Asks.APPLY
    return _deploy(row, Kind.INCOMPLETE, asks)._replace(without=tuple(without))


def in_order(rows: Sequence[Compared]) -> list[Compared]:
    """Rows in the order in which to heal them: a stage after those that it needs, else as they were decided."""
    decided = sorted(rows, key=lambda row: (row.life.holder.event.order if row.life.holder else (0, ""), row.place))
    by_place = {row.place: row for row in decided}
    sorter = TopologicalSorter({row.place: [(row.life.model, stage) for stage in row.needs] for row in decided})
    try:
        ordered = list(sorter.static_order())
    except CycleError:  # the mapping's check refuses it; the gates do, too
        return decided
    return [by_place[place] for place in ordered if place in by_place]


def _judged(seat: Seat, found: Compared) -> Compared:
    life, newest, holder = found.life, found.life.newest, found.life.holder
    if newest is not None and newest.under_way and seat.working:
        return found._replace(kind=Kind.UNDER_WAY, working=seat.working)
    if not life.running_known:
        return found
    taken = taken_away(seat.model, seat.stage, holder, life.running)
    found = found._replace(taken=taken, policy=policy_on(seat.settings, taken))
    if holder is not None and found.policy != "undeploy" and _is_held(seat, holder):
        return _deploy(found, Kind.HELD, Asks.FORCE)
    standing = _standing(seat, found)
    return _interrupted(standing, newest) if newest is not None and newest.under_way else standing


def _standing(seat: Seat, found: Compared) -> Compared:
    """How it stands, whatever was interrupted since."""
    holder, taken, running = found.life.holder, found.taken, found.life.running
    if holder is None:
        return _left_over(found) if running is not None else found._replace(kind=Kind.IN_SYNC)
    if taken is None:
        return _decided(seat, found, holder)
    if running is None and found.policy == "undeploy":
        return found._replace(kind=Kind.UNDEPLOYED)  # as mapped
    if taken.tag.event is Event.DEPRECATION:
        return _left_over(found) if found.policy == "undeploy" else _decided(seat, found, holder)
    return _left_over(found) if running is not None else _decided(seat, found, holder)


def _decided(seat: Seat, found: Compared, holder: Holder) -> Compared:
    """A version is decided, and what runs was not taken away."""
    newest, running = found.life.newest, found.life.running
    before = _put_in_place(seat, found, holder)
    if newest is not None and newest.state in ENDED_BADLY and newest is not running:
        ours = running is not None and is_of(running, holder.version)
        if ours or is_since(newest, holder):
            by_hand = _by_hand(newest) and not is_of(newest, holder.version)
            # An attempt that failed undid nothing: what a person did on purpose before it stands.
            return _deploy(found, Kind.FAILED, Asks.FORCE if by_hand or before.asks is Asks.FORCE else Asks.APPLY)
    return before


def _put_in_place(seat: Seat, found: Compared, holder: Holder) -> Compared:
    """How what was put in place last stands to what is decided, whatever failed since."""
    life, running = found.life, found.life.running
    if running is None:
        settled = next((record for record in life.records if record.settles), None)
        undeployed = settled is not None and settled.action != "deploy" and is_since(settled, holder)
        return _deploy(found, Kind.UNDEPLOYED if undeployed else Kind.MISSING, Asks.FORCE if undeployed else Asks.APPLY)
    if is_of(running, holder.version):
        return _same(seat, found, running)
    if is_since(running, holder) and seat.model.event_of(running.tag) is None:
        return _deploy(found, Kind.LEFTOVER, Asks.FORCE)  # its tag was deleted, which never deploys (T24)
    if _by_hand(running) and _replaced(running, holder):
        return _deploy(found, Kind.ROLLED_BACK if running.rollback else Kind.OVERRULED, Asks.FORCE)
    return _deploy(found, Kind.BEHIND)


def _same(seat: Seat, found: Compared, running: Recorded) -> Compared:
    """The decided version runs, and no newer attempt failed."""
    if running.outcome in ENDED_BADLY:  # deployed again by a schedule, it would fail again, hour by hour
        return _deploy(found, Kind.UNVERIFIED, Asks.FORCE)
    if running.digest and running.digest != seat.digest:
        # A change of the mapping may be one of all its stages: nobody wants all models deployed anew at night for it.
        return _deploy(found, Kind.CHANGED, Asks.SETTINGS)._replace(drifted=False)
    return found._replace(kind=Kind.IN_SYNC)


def _interrupted(standing: Compared, newest: Recorded) -> Compared:
    """Under the lock of the stage the record is closed, and then what is decided is done."""
    holder = standing.life.holder
    if holder is None or standing.kind in (Kind.LEFTOVER, Kind.UNDEPLOYED):
        return standing._replace(kind=Kind.INTERRUPTED, drifted=True)
    by_hand = _by_hand(newest) and not is_of(newest, holder.version)
    on_purpose = standing.remedy is Remedy.DEPLOY and standing.asks is Asks.FORCE
    return _deploy(standing, Kind.INTERRUPTED, Asks.FORCE if by_hand or on_purpose else Asks.APPLY)


def _left_over(found: Compared) -> Compared:
    """What runs was taken away, and the mapping's `events:` says what follows; without a word, nothing does."""
    holder, taken, running = found.life.holder, found.taken, found.life.running
    left = found._replace(kind=Kind.LEFTOVER, drifted=True)
    if taken is None:  # no tag took it away: the tags that decided it were deleted
        return left
    if taken.tag.event is Event.DEPRECATION and not (running and holder and is_of(running, holder.version)):
        return left  # nobody says what is to become of that
    if found.policy == "undeploy" or (found.policy == "fallback" and holder is not None):
        return left._replace(remedy=Remedy.TAKE_AWAY, asks=Asks.APPLY, tag=taken.tag.text)
    return left._replace(drifted=False)  # as the mapping wants it


def _deploy(found: Compared, kind: Kind, asks: Asks = Asks.APPLY) -> Compared:
    assert found.life.holder is not None  # noqa: S101 - for the type checker
    tag = found.life.holder.event.tag.text
    return found._replace(kind=kind, drifted=True, remedy=Remedy.DEPLOY, asks=asks, tag=tag)


def _limited(seat: Seat, found: Compared) -> Compared:
    """Automation does not try for ever what fails each time, and believes no tag that was moved."""
    found = found._replace(tries=_tries(seat, found), moved=found.remedy is Remedy.DEPLOY and _is_moved(found))
    if found.asks is Asks.APPLY and (found.tries >= TRIES or found.moved):
        return found._replace(asks=Asks.FORCE)
    return found


def _is_moved(found: Compared) -> bool:
    """Whether a deployment was by a tag of the decided one's name, which was another object then."""
    if found.life.holder is None:
        return False
    tag = found.life.holder.event.record
    known = (record for record in found.life.records if record.tag == tag.name and record.tag_object and tag.object_id)
    return any(record.tag_object != tag.object_id for record in known)


def _replaced(running: Recorded, holder: Holder) -> bool:
    """Whether it came after the decision; what it says of the version before counts more than two people's clocks."""
    decided = holder.version.name, holder.event.tag.text
    return running.previous == decided[0] or running.previous_tag == decided[1] or is_since(running, holder)


def _is_held(seat: Seat, holder: Holder) -> bool:
    hold = seat.settings.rollback.hold
    return held(seat.records, holder.version.name, holder.event.tag.text, seat.now, hold) is not None


def _by_hand(record: Recorded) -> bool:
    """Whether a person wanted it so: a rollback that was asked for, or force."""
    return record.forced or (record.rollback and not record.automatic)


def _tries(seat: Seat, found: Compared) -> int:
    """The newest attempts in a row that failed or were interrupted, with the settings of now, at what is to be done."""
    undeploys = found.remedy is Remedy.TAKE_AWAY and found.policy == "undeploy"
    aim = found.life.running if undeploys else found.life.holder
    if aim is None or found.kind is Kind.UNDER_WAY:
        return 0
    commit, action = (aim.commit, "undeploy") if isinstance(aim, Recorded) else (aim.version.commit, "deploy")
    tries = 0
    for record in found.life.records:
        ended = record.state in ENDED_BADLY or record.under_way
        same = (record.commit, record.action) == (commit, action) and record.digest in ("", seat.digest)
        if not ended or not same or record.settles:
            break
        tries += 1
    return tries
