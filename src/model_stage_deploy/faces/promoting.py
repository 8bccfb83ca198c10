"""`command: promote`: a stage tag written by a workflow, for a person or a program that asked. It deploys nothing.

A tag that is pushed with the job's own token starts no workflow (T20), so the job goes on: its next step deploys the
output `tag`. Whatever is right already is no mistake here, so that a job can be run again.
"""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.errors import Cancelled, Invalid, ModelStageError
from model_stage_deploy.core.ledger import Ledger, seat
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, from_error
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.writing import PROGRAM, How, Written, quoted
from model_stage_deploy.core.writing_stages import Promote
from model_stage_deploy.faces.event import WorkflowEvent, read_event
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.change import World, carry_out
from model_stage_deploy.flows.context import Context
from model_stage_deploy.ports import Announcer
from model_stage_deploy.report.changes import headline


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
            return _promoted(context, ask, journal)
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


def _promoted(context: Context, ask: Promote, journal: Journal) -> Outcome:
    if context.registry is None:
        raise AssertionError(ask.model)
    with context.registry() as (world, push):
        try:
            with journal.step("write the tag"):
                written = carry_out(world, ask, push=push, dry_run=context.dry_run, advise=False)
        except ModelStageError as problem:
            if problem.reason is not Reason.ALREADY_IN_STAGE:
                raise
            return _as_it_was(world, ask, journal, problem)
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


def _as_it_was(world: World, ask: Promote, journal: Journal, problem: ModelStageError) -> Outcome:
    """The stage has the version: its tag is the output, for a run before this one may have died before it deployed."""
    held = seat(Ledger(ask.model, world.store.tags(ask.model), now=0).model, ask.to)
    if held is None or held.version != ask.version:
        raise problem
    return Outcome(
        reason=Reason.ALREADY_IN_STAGE,
        as_result=Result.NOTHING_TO_DO,
        message=problem.message,
        subject=Subject(held.tag, Event.ASSIGNMENT.value, ask.model, held.version, ask.to, held.commit),
        steps=tuple(journal.steps),
    )
