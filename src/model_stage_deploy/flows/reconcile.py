"""Reconciling: what lost events left undone is found, and if that is asked for done after all, the way of a pushed tag.

Tags are read once and each stage's records once; a stage is looked at again under its lock before it is healed. One
stage that fails hinders no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from model_stage_deploy.core.drift import (
    Compared,
    Consent,
    Kind,
    Remedy,
    Seat,
    compare,
    in_order,
    not_known,
    with_targets,
)
from model_stage_deploy.core.errors import Cancelled, MachineryFailed, ModelStageError, NothingToDo, Refused
from model_stage_deploy.core.locks import freezes_over, key_of
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, from_error
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.reconciled import Reconciled, Seen, by_others
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.tags import parse_tag
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed, decide, require_newest
from model_stage_deploy.flows.deploy import Order, carry_out
from model_stage_deploy.flows.planning import environment_of, is_spread, settings_for, stage_digest
from model_stage_deploy.flows.removal import take_away
from model_stage_deploy.flows.sweep import at_work
from model_stage_deploy.flows.target_gaps import targets_without
from model_stage_deploy.ports import CodeHost

LIMIT = 30
"""Deployments of one stage that are looked at, until one settles what runs."""
_GIVE_UP = 2  # failures in a row: each has been tried for seconds


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to compare: one model ("" for all), one stage ("" for all); and what may be healed."""

    model: str = ""
    stage: str = ""
    consent: Consent = Consent()  # noqa: RUF009 - frozen


def reconcile(context: Context, host: CodeHost, wanted: Wanted) -> Reconciled:
    """Compare, and heal what the consent covers; in a dry run say what that would do.

    Never raises for one stage: its row says why it is not known, or its outcome why it was not healed. Raises Refused
    (unknown-model, never-in-stage, incomplete-tags), MachineryFailed (git-failed), and Cancelled before any work.
    """
    look = _Look(context, host)
    rows = look.over(_models(context, wanted.model), wanted.stage)
    if wanted.stage and not rows:
        raise Refused(
            Reason.NEVER_IN_STAGE,
            f"{f'{wanted.model} has' if wanted.model else 'no model has'} nothing in {wanted.stage}, "
            "and nothing was ever deployed there",
            hint="see what there is: python -m model_stage_deploy status",
        )
    ends: dict[tuple[str, str], Seen] = {}
    for row in in_order(rows):
        if row.heals(wanted.consent):
            one = ends[row.place] = _seen(context, look, row, wanted.consent)
            if one.end is not None and one.end.result is Result.CANCELLED:
                break  # who cancels means the whole run
    seen = tuple(ends.get(row.place, Seen(row)) for row in rows)
    return Reconciled(seen, wanted.consent, context.dry_run, tuple(look.warnings))


def _models(context: Context, name: str) -> Sequence[Model]:
    registry = fold(context.repository.tags(name or None, fresh=True))
    return [registry.model(name)] if name else list(registry)


class _Look:
    """Compares stages. Asks the host until it has failed too often, and for the locks once."""

    def __init__(self, context: Context, host: CodeHost) -> None:
        self.context = context
        self.warnings: list[str] = []
        self._host = host
        self._failures = 0
        self._last: MachineryFailed | None = None
        self._locks: Sequence[LockEntry] | None = None
        self._locks_read = False

    def over(self, models: Sequence[Model], only: str) -> list[Compared]:
        """Every stage that tags or the mapping name. A mapped stage without a tag or a record is left out."""
        return [row for model in models for row in self._rows(model, only)]

    def _rows(self, model: Model, only: str) -> Iterator[Compared]:
        try:
            mapped = list(self.context.configuration(None).mapping.mapped_stages(model.name))
        except ModelStageError:
            mapped = []  # each row says why
        for stage in dict.fromkeys([*model.stages, *mapped]):
            if only in ("", stage):
                row = self.at(model, stage)
                if stage in model.stages or row.life.records or row.kind is Kind.UNKNOWN:
                    yield row

    def at(self, model: Model, stage: str) -> Compared:
        """One stage. Never raises ModelStageError: what cannot be known says why."""
        try:
            return self._at(model, stage)
        except ModelStageError as problem:
            return not_known(model, stage, problem)

    def again(self, place: tuple[str, str]) -> Compared:
        """The same, with everything read anew. Raises ModelStageError where it cannot be."""
        name, stage = place
        self._locks_read = False
        return self._at(fold(self.context.repository.tags(name, fresh=True)).model(name), stage)

    def is_settled(self, place: tuple[str, str], consent: Consent) -> bool:
        """Whether a new look finds no drift. What cannot be known is not settled."""
        try:
            now = self.again(place)
        except ModelStageError:
            return False
        return now.kind is not Kind.UNKNOWN and not now.counts(consent)

    def _at(self, model: Model, stage: str) -> Compared:
        context = self.context
        holder = model.holder(stage)
        configuration = context.configuration(holder.version.commit if holder else None)
        settings = settings_for(configuration, model.name, stage)
        environment = environment_of(context, settings, model.name, stage)
        if self._last is not None and (self._failures >= _GIVE_UP or self._last.reason is Reason.PERMISSION_MISSING):
            raise self._last
        try:
            records = self._host.records(model.name, stage, environment, limit=LIMIT)
        except MachineryFailed as problem:
            self._failures, self._last = self._failures + 1, problem
            raise
        self._failures = 0
        # Locks are read after the records: whoever has a record had its lock before, and has it until its end.
        entries = self._entries()
        newest, now = next(iter(records.newest_first), None), context.clock.now()
        working = ""
        if newest is not None and newest.under_way:
            working = at_work(newest, settings, entries if settings.lock.use != "none" else None, now)
        digest = stage_digest(context, configuration, settings, environment)
        row = compare(Seat(model, stage, records, settings, environment, digest, now, working))
        if row.kind is Kind.IN_SYNC and row.life.running is not None and is_spread(settings):
            place = (model.name, stage, environment)
            without = targets_without(context, configuration, settings, place, row.life.running)
            row = with_targets(row, list(without), on_purpose=any(without.values()))
        frozen = next(iter(freezes_over(key_of(model.name, stage), entries or ())), None)
        return row._replace(frozen=frozen if settings.lock.use != "none" else None)

    def _entries(self) -> Sequence[LockEntry] | None:
        """All locks; None where they cannot be had, of which the deployment itself makes a refusal."""
        if not self._locks_read and self.context.locks is not None:
            self._locks_read = True
            try:
                self._locks = self.context.locks.entries()
            except MachineryFailed as problem:
                self._locks = None
                self.warnings.append(f"who has a lock is not known: {problem.message}")
        return self._locks


def _seen(context: Context, look: _Look, row: Compared, consent: Consent) -> Seen:
    """One stage and what came of healing it. Who was quicker may have left it as it was: only a look tells."""
    journal = Journal(context.clock.monotonic, Subject(tag=row.tag, model=row.life.model, stage=row.life.stage))
    try:
        end = _healed(context, look, row, consent, journal)
        return Seen(row, end, settled=by_others(end) and look.is_settled(row.place, consent))
    except Cancelled:
        end = Outcome(Reason.CANCELLED, "cancelled before anything was deployed", journal.subject)
        return Seen(row, end)


def _healed(context: Context, look: _Look, row: Compared, consent: Consent, journal: Journal) -> Outcome:
    """What came of healing one stage. Raises Cancelled before anything was deployed."""
    model, stage = row.place
    context.announcer.say(f"{'looking at' if context.dry_run else 'healing'} {model} in {stage}: {row.kind.value}")
    try:
        if row.remedy is Remedy.TAKE_AWAY:
            return _taken_away(context, look, row, consent, journal)
        return _deployed(context, look, row, consent, journal)
    except ModelStageError as problem:
        return from_error(problem, journal)


def _deployed(context: Context, look: _Look, row: Compared, consent: Consent, journal: Journal) -> Outcome:
    """Deploy what is decided. Force goes past the hold alone, never past the newest tag."""
    wishes = replace(context.wishes, force=False, override="", by_hand=False, stage="")
    with journal.step("resolve the version"):
        tag = parse_tag(row.tag)
        decision, notes = decide(tag, context.repository, Pushed(), now=context.clock.now(), wishes=wishes)

    def stands() -> None:
        require_newest(context.repository, decision, wishes)
        _require_the_same(look, row, consent)

    acting = replace(context, wishes=replace(wishes, force=row.kind is Kind.HELD))
    return carry_out(acting, Order(decision, stands, notes), journal)


def _taken_away(context: Context, look: _Look, row: Compared, consent: Consent, journal: Journal) -> Outcome:
    """Carry out the tag that took a version away, for this stage alone."""
    wishes = replace(context.wishes, force=False, override="", by_hand=False, stage=row.life.stage)
    return take_away(
        replace(context, wishes=wishes),
        parse_tag(row.tag),
        Pushed(),
        journal,
        stands=lambda: _require_the_same(look, row, consent),
    )


def _require_the_same(look: _Look, row: Compared, consent: Consent) -> None:
    """Raise NothingToDo (superseded) where somebody was quicker, or changed it on purpose in the meantime."""
    now = look.again(row.place)
    # Under our own lock nobody is at work: a record that was under way before has lost its owner.
    if (now.remedy, now.tag) == (row.remedy, row.tag) and now.heals(consent):
        return
    model, stage = row.place
    raise NothingToDo(
        Reason.SUPERSEDED,
        f"{stage} of {model} was changed in the meantime: it was {row.kind.value}, and is {now.kind.value}",
        hint="look at it again: python -m model_stage_deploy reconcile",
    )
