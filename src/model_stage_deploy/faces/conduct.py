"""Conducts one delivering command (deploy, rollback, finish, resolve) from settings to outcome, whatever happens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from model_stage_deploy.core.errors import Cancelled, Invalid, ModelStageError, NothingToDo
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, document, from_error, outputs
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.tags import NotGtoTag, is_tag_ref, parse_ref
from model_stage_deploy.faces.asking import ignored, is_rollback, tag_asked_for
from model_stage_deploy.faces.event import WorkflowEvent, read_event
from model_stage_deploy.faces.read_only import explained
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.decide import Pushed
from model_stage_deploy.ports import Announcer

_REFS = "refs/tags/"


def conduct(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> Outcome:
    """Run the command. Never raises: every end is an outcome, and no outcome holds a traceback."""
    from time import monotonic

    journal = Journal(monotonic)
    try:
        event = read_event(environ)
        journal.subject = _first_subject(settings, event)
        return explained(_run(settings, event, environ, announcer, scrubber, journal), settings, environ)
    except Cancelled:
        return Outcome(
            reason=Reason.CANCELLED,
            message="cancelled before anything was deployed",
            subject=journal.subject,
            steps=tuple(journal.steps),
        )
    except ModelStageError as problem:
        return explained(from_error(problem, journal), settings, environ)
    except Exception as defect:  # noqa: BLE001 - the last door: a traceback is a bug, and may hold a secret
        return from_error(internal_error(defect), journal)


def internal_error(defect: Exception) -> ModelStageError:
    """What nobody foresaw, as an error of ours: one line instead of a traceback."""
    return ModelStageError(
        Reason.INTERNAL_ERROR,
        f"a defect in model-stage-deploy: {type(defect).__name__} at {_where(defect)}: {defect}",
        hint="please report it with this line; nothing more was done",
    )


def to_json(outcome: Outcome, scrubber: Scrubber) -> str:
    """The outcome's document as one line of JSON, without secrets."""
    return json.dumps(scrubber.value(document(outcome)), ensure_ascii=True)


def announce_outputs(outcome: Outcome, announcer: Announcer, scrubber: Scrubber) -> None:
    """Set the step outputs, on every way out."""
    announcer.outputs(scrubber.value(outputs(outcome, to_json(outcome, scrubber))))


def _run(
    settings: Settings,
    event: WorkflowEvent,
    environ: Mapping[str, str],
    announcer: Announcer,
    scrubber: Scrubber,
    journal: Journal,
) -> Outcome:
    if event.echo and settings.command != "resolve":
        raise ignored(event)
    back = is_rollback(settings)
    if settings.command == "finish" and settings.tag and back:
        raise Invalid(Reason.USAGE, "finish needs a tag, or a model and a stage of a rollback", hint="leave one out")
    ref, by_hand = ("", True) if back else tag_asked_for(settings, event)
    pushed = event.pushed if _is_of(event, ref) else Pushed()
    if not back:
        _require_reason_to_connect(ref, pushed, by_hand=by_hand, resolving=settings.command == "resolve")
    if settings.command in ("deploy", "finish") and settings.stage and not back:
        _require_stage(ref, settings.stage, by_hand=by_hand)
    # Only now: a tag that asks for nothing should cost nothing.
    from model_stage_deploy.faces.wiring import working
    from model_stage_deploy.flows.decide import read_tag
    from model_stage_deploy.flows.deploy import deploy_tag
    from model_stage_deploy.flows.removal import REMOVALS, take_away
    from model_stage_deploy.flows.resolve import resolve_tag
    from model_stage_deploy.flows.rollback import roll_back

    settings = replace(settings, by_hand=by_hand)

    if back:
        if not settings.model or not settings.stage:
            hint = f"for example: {settings.command} {'--rollback ' * (settings.command == 'finish')}churn prod"
            raise Invalid(Reason.USAGE, f"{settings.command} needs a model and a stage", hint=hint)
        with working(settings, event, environ, announcer, scrubber) as context:
            return roll_back(context, settings.model, settings.stage, journal, to=settings.to)
    with working(settings, event, environ, announcer, scrubber) as context:
        if settings.command == "resolve":
            return resolve_tag(context, ref, pushed, journal, by_hand=by_hand)
        tag = read_tag(ref, by_hand=by_hand)
        if tag.event in REMOVALS:
            return take_away(context, tag, pushed, journal)
        return deploy_tag(context, ref, pushed, journal)


def _require_reason_to_connect(ref: str, pushed: Pushed, *, by_hand: bool, resolving: bool) -> None:
    """End early, before any repository is opened, where the text of the tag alone says there is nothing to do."""
    from model_stage_deploy.core.tags import Event
    from model_stage_deploy.flows.decide import read_tag, require_assignment

    tag = read_tag(ref, by_hand=by_hand)
    if pushed.deleted:
        raise NothingToDo(
            Reason.TAG_DELETED,
            f"{tag.text} was deleted; a deletion never deploys",
            hint=f"what the registry decides now, and what runs: python -m model_stage_deploy reconcile {tag.model}",
            doubtful=True,
        )
    if not resolving and tag.event is Event.REGISTRATION:
        require_assignment(tag)


def _is_of(event: WorkflowEvent, ref: str) -> bool:
    """Whether the event is about this very tag: what it says of the tag counts then, even where a person names it."""
    return is_tag_ref(event.ref) and event.ref.removeprefix(_REFS) == ref.removeprefix(_REFS)


def _require_stage(ref: str, stage: str, *, by_hand: bool) -> None:
    """End where the input `stage` leaves nothing of a tag that names a stage of its own."""
    from model_stage_deploy.flows.decide import read_tag

    tag = read_tag(ref, by_hand=by_hand)
    if tag.stage in (None, stage):
        return
    message = f"{tag.text} is about {tag.stage}, and the input `stage` says {stage[:120]!r}; nothing was deployed"
    if by_hand:
        raise Invalid(Reason.USAGE, message, hint="leave the input `stage` out, or name a tag of that stage")
    raise NothingToDo(Reason.EVENT_IGNORED, message)


def _first_subject(settings: Settings, event: WorkflowEvent) -> Subject:
    """What the run is about before anything is known, so that even an early end names it."""
    if is_rollback(settings):
        return Subject(model=settings.model, stage=settings.stage, version=settings.to)
    ref = settings.tag or (event.ref if is_tag_ref(event.ref) else "")
    try:
        tag = parse_ref(ref)
    except NotGtoTag:
        return Subject(tag=ref.removeprefix("refs/tags/"))
    return Subject(
        tag=tag.text, event=tag.event.value, model=tag.model, version=tag.version or "", stage=tag.stage or ""
    )


def _where(defect: BaseException) -> str:
    import traceback
    from pathlib import Path

    frames = traceback.extract_tb(defect.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
