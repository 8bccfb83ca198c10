"""Clearing up after runs that were killed: records without an end, and locks without an owner.

A deployment does this for its own stage, under its lock. Here it is done for all, on a schedule or by hand; what may
still be at work is left alone. Freezes, which people made, are never touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model_stage_deploy.core.errors import Invalid, ModelStageError
from model_stage_deploy.core.lifecycle import Recorded, orphans, outlived, seconds
from model_stage_deploy.core.locks import is_stale, locked_by
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.upkeep import Fault, Left, Place, Swept, Unlocked
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.planning import environment_of
from model_stage_deploy.ports import CodeHost, LockClash

GRACE = 600.0
"""Seconds after its start in which a record is left alone, whatever else is known."""
_LIMIT, _PAST = 30, 10  # records of one stage that are read
_RUN_CHECK = 300.0  # seconds that a check by `run` may take, unless the mapping says otherwise


def sweep(
    context: Context,
    host: CodeHost,
    models: Sequence[Model],
    *,
    everything: bool,
    grace: float = GRACE,
    dry_run: bool = False,
) -> Swept:
    """Close what nobody owns, in every mapped stage of the models, and retire what was replaced and still looks active;
    then remove the locks of dead runs.

    `everything` says that the models are all there are: locks of stages that are mapped no more go, too. `grace` in
    seconds. Trouble with one stage does not hinder the others: it is among the faults. Raises MachineryFailed
    (permission-missing), which would meet every stage, and ModelStageError where the mapping cannot be read.
    """
    broom = _Broom(context, host, grace, dry_run)
    configuration = context.configuration(None)
    stages = list(_mapped(configuration, models, broom.faults))
    for model, stage, settings in stages:
        try:
            broom.stage(model, stage, settings)
        except ModelStageError as problem:
            if problem.reason is Reason.PERMISSION_MISSING:
                raise
            broom.faults.append(Fault(model, stage, problem))
    broom.locks(None if everything else {model.name for model in models})
    return broom.swept(len(stages))


class _Broom:
    """Gathers what was done."""

    def __init__(self, context: Context, host: CodeHost, grace: float, dry_run: bool) -> None:
        self._context = context
        self._host = host
        self._grace = grace
        self._dry_run = dry_run
        self.faults: list[Fault] = []
        self._closed: list[Place] = []
        self._left: list[Left] = []
        self._unlocked: list[Unlocked] = []

    def swept(self, stages: int) -> Swept:
        """All of it."""
        done = (tuple(self._closed), tuple(self._left), tuple(self._unlocked), tuple(self.faults))
        return Swept(*done, stages, self._dry_run)

    def stage(self, model: str, stage: str, settings: StageSettings) -> None:
        """Close the orphans of one stage. Raises ModelStageError."""
        environment = environment_of(self._context, settings, model, stage)
        records = self._host.records(model, stage, environment, limit=_LIMIT, past=_PAST)
        for record in outlived(records):
            self._close(Place(model, stage, record), "replaced by a later deployment, whose run died before it said so")
        found = orphans(records, own_attempt="")
        if not found:
            return
        # The locks are read after the records: whoever has a record had its lock before, and has it until its end.
        locks = self._context.locks if settings.lock.use != "none" else None
        entries = locks.entries() if locks is not None else None
        for record in found:
            place = Place(model, stage, record)
            why = self._at_work(record, settings, entries)
            if why:
                self._left.append(Left(place, why))
                continue
            self._close(place, _last_word(record))

    def _close(self, place: Place, summary: str) -> None:
        if not self._dry_run:
            self._host.close(place.record, summary)
        self._closed.append(place)

    def locks(self, models: set[str] | None) -> None:
        """Remove the locks of runs that are dead: of those models, of all for None."""
        locks = self._context.locks
        if locks is None:
            return
        try:
            for entry in locks.entries():
                ours = models is None or locked_by(entry.key).model in models
                if entry.kind == "run" and ours and is_stale(entry, self._context.clock.now()):
                    self._unlock(entry)
        except ModelStageError as problem:
            self.faults.append(Fault("", "", problem))

    def _unlock(self, entry: LockEntry) -> None:
        if not self._dry_run and self._context.locks is not None:
            try:
                self._context.locks.remove(entry)
            except LockClash:
                return  # taken over, or released after all: it is somebody's
        self._unlocked.append(Unlocked(entry.key, entry.owner, entry.url, entry.renewed))

    def _at_work(self, record: Recorded, settings: StageSettings, entries: Sequence[LockEntry] | None) -> str:
        return at_work(record, settings, entries, self._context.clock.now(), self._grace)


def at_work(
    record: Recorded, settings: StageSettings, entries: Sequence[LockEntry] | None, now: float, grace: float = GRACE
) -> str:
    """Why a record without an end may still be somebody's, "" where it is nobody's.

    `entries` are all locks, None where none tell. `now` is in unix seconds, `grace` in seconds.
    """
    started = seconds(record.created)
    age = now - started if started is not None else float("inf")
    if age < grace:
        return "it began a short while ago"
    if entries is None:
        longest = grace + settings.timeout + sum(map(_longest, settings.verify))
        return "no lock tells, and it may take so long" if age < longest else ""
    mine = (entry for entry in entries if entry.kind == "run" and record.attempt and entry.claim == record.attempt)
    owner = next((entry for entry in mine if not is_stale(entry, now)), None)
    return f"{owner.owner} has its lock" if owner is not None else ""


def _mapped(
    configuration: Configuration, models: Sequence[Model], faults: list[Fault]
) -> Iterator[tuple[str, str, StageSettings]]:
    """Every stage that the mapping names for a model. Where its layers contradict each other, that is a fault."""
    for model in models:
        try:
            stages = configuration.mapping.mapped_stages(model.name)
        except Invalid as problem:
            faults.append(Fault(model.name, "", problem))
            continue
        for stage in stages:
            try:
                settings = configuration.mapping.settings(model.name, stage)
            except Invalid as problem:
                faults.append(Fault(model.name, stage, problem))
                continue
            if settings is not None:
                yield model.name, stage, settings


def _longest(check: Check) -> float:
    """Seconds that a check takes at the most."""
    if check.http is not None:
        return check.http.deadline
    if check.metric is not None:
        return check.metric.deadline + (check.metric.delay or 0.0)
    return check.timeout or _RUN_CHECK


def _last_word(record: Recorded) -> str:
    if record.placed:
        return "the run ended without a word after the deployer had ended well; it is live, and was not verified"
    return "the run ended without a word; look at what is live"
