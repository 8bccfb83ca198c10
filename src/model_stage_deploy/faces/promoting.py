"""`command: promote`: a stage tag written by a workflow, for a person or a program that asked. It deploys nothing.

A tag that is pushed with the job's own token starts no workflow (T20), so the job goes on: its next step deploys the
output `tag`. Whatever is right already is no mistake here, so that a job can be run again.
"""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.errors import Cancelled, Invalid, ModelStageError, Refused
from model_stage_deploy.core.ledger import Ledger, seat
from model_stage_deploy.core.model import RegistryEvent
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, from_error
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.writing import PROGRAM, Change, How, Written, quoted
from model_stage_deploy.core.writing_stages import Promote
from model_stage_deploy.faces.event import WorkflowEvent, read_event
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.change import World, carry_out
from model_stage_deploy.flows.context import Context
from model_stage_deploy.ports import Announcer
from model_stage_deploy.report.changes import headline

_ATTEMPT = "/attempts/"


def promoted(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> Outcome:
    """Give the version `to` of the model the stage, on the remote. Never raises: every end is an outcome."""
    from time import monotonic

    journal = Journal(monotonic)
    journal.subject = Subject(model=settings.model, stage=settings.stage, version=settings.to)
    try:
        event = read_event(environ)
        ask = _asked(settings, event)
        from model_stage_deploy.faces.wiring import working

        with working(settings, event, environ, announcer, scrubber) as context:
            return _promoted(context, ask, _Again(ask, event.run.url), journal)
    except Cancelled:
        return Outcome(
            reason=Reason.CANCELLED,
            message="cancelled; if the tag was pushed it counts, and the next run finds it",
            subject=journal.subject,
            steps=tuple(journal.steps),
        )
    except ModelStageError as problem:
        return from_error(problem, journal)
    except Exception as defect:  # noqa: BLE001 - the last door: a traceback is a bug, and may hold a secret
        from model_stage_deploy.faces.conduct import internal_error

        return from_error(internal_error(defect), journal)


def _asked(settings: Settings, event: WorkflowEvent) -> Promote:
    """What is to be promoted. Raises Invalid (usage): which version is never guessed."""
    if settings.tag:
        raise Invalid(
            Reason.USAGE,
            "promote makes a tag, so the input `tag` means nothing to it",
            hint="give it `model`, `stage` and `to`; the step after it deploys `tag: ${{ steps.promote.outputs.tag }}`",
        )
    missing = [name for name in ("model", "stage", "to") if not getattr(settings, name)]
    if missing:
        raise Invalid(
            Reason.USAGE,
            f"promote needs a model, a stage and a version; missing: {', '.join(f'`{name}`' for name in missing)}",
            hint=f"`to` is the version; which there are: {PROGRAM} versions {settings.model or 'MODEL'}",
        )
    why = f"Promote {settings.model} {settings.to} to {settings.stage}{_by(event)}"
    return Promote(settings.model, settings.stage, settings.to, how=How(why, force=settings.force)).check()


def _by(event: WorkflowEvent) -> str:
    """Who asked, and by which run: the tagger of such a tag may be a bot."""
    told = [f"asked for by {event.run.actor}" if event.run.actor else "", f"by {event.name}" if event.name else ""]
    words = " ".join(filter(None, told))
    return (f"\n\n{words[0].upper()}{words[1:]}" if words else "") + (f"\n{event.run.url}" if event.run.url else "")


class _Again:
    """A promotion that takes nothing back when its run is run again: what the run gave the stage was followed by more.

    The message of a tag names the run that made it; attempts of one run count as that run.
    """

    ref = ""

    def __init__(self, ask: Promote, run: str) -> None:
        self.model = ask.model
        self._ask = ask
        self._run = run.partition(_ATTEMPT)[0]

    def check(self) -> _Again:
        return self

    def decide(self, ledger: Ledger, commit: str) -> Change:
        """Raises Refused (superseded), and what a promotion raises."""
        ask, model = self._ask, ledger.model
        held = seat(model, ask.to)
        if self._run and not ask.how.force and not model.ambiguous and (held is None or held.version != ask.version):
            ours = [one.tag.text for one in model.events if self._is_ours(one)]
            if ours:
                now = f"{held.version}, by {quoted(held.tag)}" if held is not None else "nothing"
                raise Refused(
                    Reason.SUPERSEDED,
                    f"this run gave {ask.to} to {ask.version} before, by {quoted(ours[-1])}; by now it has {now}",
                    hint="to promote the version once more, ask for it in a new run",
                )
        return ask.decide(ledger, commit)

    def _is_ours(self, event: RegistryEvent) -> bool:
        if event.tag.event is not Event.ASSIGNMENT or event.tag.stage != self._ask.to:
            return False
        words = event.record.message.splitlines()
        first = words[0] if words else ""
        named = f"Promote {self.model} {self._ask.version} to {self._ask.to}"
        return first == named and any(line.partition(_ATTEMPT)[0] == self._run for line in words[1:])


def _promoted(context: Context, ask: Promote, again: _Again, journal: Journal) -> Outcome:
    if context.registry is None:
        raise AssertionError(ask.model)
    with context.registry() as (world, push):
        try:
            with journal.step("write the tag"):
                written = carry_out(world, again, push=push, dry_run=context.dry_run, advise=False)
        except ModelStageError as problem:
            if problem.reason is not Reason.ALREADY_IN_STAGE:
                raise
            return _as_it_was(world, ask, journal, problem, dry_run=context.dry_run)
    return _outcome(context, written, journal, push=push)


def _outcome(context: Context, written: Written, journal: Journal, *, push: bool) -> Outcome:
    change = written.change
    dry = written.dry_run
    tag = change.stage_tag or ""
    told = f"by the tag {quoted(tag)}; nothing is deployed by it" if push else f"by {quoted(tag)}, in this clone alone"
    for note in written.notes:
        context.announcer.say(f"note: {note}")
    return Outcome(
        reason=written.reason,
        message=f"{headline(change, would=dry)}, {told}",
        hint="" if dry or push else f"push it: git push origin {quoted(f'refs/tags/{tag}')}",
        subject=Subject(
            tag="" if dry else tag,
            event=Event.ASSIGNMENT.value,
            model=change.model,
            version=change.version or "",
            stage=change.stage or "",
            commit=change.commit or "",
        ),
        steps=tuple(journal.steps),
        warnings=tuple(journal.warnings),
    )


def _as_it_was(world: World, ask: Promote, journal: Journal, problem: ModelStageError, *, dry_run: bool) -> Outcome:
    """The stage has the version: its tag is the output, for a run before this one may have died before it deployed.

    Of a dry run it is not, for the next step would deploy it.
    """
    held = seat(Ledger(ask.model, world.store.tags(ask.model), now=0).model, ask.to)
    if held is None or held.version != ask.version:
        raise problem
    return Outcome(
        reason=Reason.ALREADY_IN_STAGE,
        as_result=Result.NOTHING_TO_DO,
        message=problem.message,
        subject=Subject(
            "" if dry_run else held.tag, Event.ASSIGNMENT.value, ask.model, held.version, ask.to, held.commit
        ),
        steps=tuple(journal.steps),
    )
