"""Who asks for what: the workflow's inputs and what the event itself asks for, as one request.

The author of a workflow has the last word: what an input says, no event changes. Where both say something and differ,
neither is guessed at: the run is refused.
"""

from __future__ import annotations

from dataclasses import replace

from model_stage_deploy.core.errors import Invalid, NothingToDo
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import NotGtoTag, is_tag_ref, parse_ref
from model_stage_deploy.faces.event import Asked, WorkflowEvent
from model_stage_deploy.faces.settings import Settings

PAGE = "docs/reference/events.md"
_DEFAULT = "deploy"  # an input `command: deploy` cannot be told from none
_REFS = "refs/tags/"
_DEAF = ("check", "sweep")
"""Commands that do the same whatever started them; a payload is not theirs to read."""
_CHANGING = ("deploy", "rollback", "finish", "promote", "reconcile")
_OF_ANOTHER = ("plan", "finish")
"""Commands that are about what another one does."""
_NAME_ONE = "name one, such as churn#prod#4 (input `tag`, or an argument on the command line)"
_NO_TAG = {
    "schedule": "a schedule deploys no tag: use `command: reconcile` for what a lost event left undone, or `sweep`",
    "repository_dispatch": 'send it in the client payload, as {"tag": "churn#prod#4"}: see ' + PAGE,
    "workflow_dispatch": "name one, such as churn#prod#4, by the input `tag`, or run the workflow on a tag",
    "pull_request": "a pull request deploys nothing; `command: check` says whether the mapping is right",
    "pull_request_target": "a pull request deploys nothing; `command: check` says whether the mapping is right",
    "workflow_run": "it is about no tag, whatever run ended: let the push of the tag start the workflow (the gate "
    "`checks` looks at the tests of its commit), or name the tag by the input `tag`",
}
"""What to do where an event names no tag."""


def with_asked(settings: Settings, event: WorkflowEvent) -> Settings:
    """The settings of an action run, with what the event asks for where the inputs say nothing.

    A switch that is on stays on. Raises Invalid: event-invalid for a payload that cannot be understood, or has keys
    that mean nothing to the command; usage where an input and the event differ. Raises NothingToDo (event-ignored) for
    the echo of a record of ours, before anything would be changed for it.
    """
    asked = event.asked
    if settings.command in _DEAF:
        _require_same("command", settings.command, asked.command)
        return settings
    if event.echo and settings.command in _CHANGING:
        raise ignored(event)
    if asked.wrong:
        raise Invalid(
            Reason.EVENT_INVALID,
            f"the client payload of this {event.name} is not understood: {asked.wrong}",
            hint=f"send it again with the keys and types that {PAGE} lists; nothing was done",
        )
    if _follows_promotion(settings, asked):
        return replace(settings, dry_run=settings.dry_run or asked.dry_run)
    command = _command(settings.command, asked)
    merged = replace(
        settings,
        command=command,
        tag=_text("tag", settings.tag, asked.tag),
        model=_text("model", settings.model, asked.model),
        stage=_text("stage", settings.stage, asked.stage),
        to=_text("to", settings.to, asked.to),
        override=_text("override", settings.override, asked.override),
        force=settings.force or asked.force,
        dry_run=settings.dry_run or asked.dry_run,
    )
    meant = planned_command(merged) if command in _OF_ANOTHER else command
    _require_meaning(asked, asked.command or meant)
    _require_one_meaning(settings, event, command, meant)
    return merged


def planned_command(settings: Settings) -> str:
    """What a plan is of. A model, a stage or a version without a tag means a rollback.

    Of `finish` the model alone says so: its stage may be one of those that the pushed tag concerns.
    """
    if settings.command == "finish":
        return "rollback" if is_rollback(settings) else "deploy"
    named = settings.model or settings.stage or settings.to
    return "rollback" if named and not settings.tag else "deploy"


def is_rollback(settings: Settings) -> bool:
    """Whether a run is about a rollback: one that is made, or one that many jobs made and that is finished now."""
    return settings.command == "rollback" or (settings.command == "finish" and bool(settings.model))


def tag_asked_for(settings: Settings, event: WorkflowEvent) -> tuple[str, bool]:
    """The tag that a run is about, and whether somebody asked for it by hand.

    Raises NothingToDo (not-a-stage-tag, event-ignored), Invalid (usage).
    """
    if settings.tag:
        return settings.tag, True
    if event.idle:
        raise ignored(event)
    if is_tag_ref(event.ref):
        return event.ref, event.by_hand
    if event.name in ("push", "create", "delete"):
        raise NothingToDo(Reason.NOT_A_STAGE_TAG, f"{event.ref or 'the event'} is not a tag; nothing was deployed")
    if event.asked.tag:  # the action would have taken it
        hint = "the command line reads no client payload: hand its tag on as an argument, through `env:`"
        raise Invalid(Reason.USAGE, f"{settings.command} needs a tag", hint=hint)
    names = f", and this {event.name} names none" if event.name in _NO_TAG else ""
    raise Invalid(Reason.USAGE, f"{settings.command} needs a tag{names}", hint=_NO_TAG.get(event.name, _NAME_ONE))


def ignored(event: WorkflowEvent) -> NothingToDo:
    """The end of a run whose event asks for nothing."""
    return NothingToDo(
        Reason.EVENT_IGNORED,
        f"{event.idle}; nothing was deployed",
        hint="" if event.name == "deployment" else "use `types: [published]` in the workflow to have no such runs",
    )


def _follows_promotion(settings: Settings, asked: Asked) -> bool:
    """Whether this is the step that deploys the tag which the step before it made for the payload: it asks no more.

    Raises Invalid (usage) where the tag is of another model or stage than was asked for.
    """
    if asked.command != "promote" or settings.command not in (_DEFAULT, "resolve") or not settings.tag:
        return False
    try:
        tag = parse_ref(settings.tag)
    except NotGtoTag:
        return True  # whoever deploys it says what is wrong with it
    _require_same("model", tag.model, asked.model, by="the model of its tag")
    _require_same("stage", tag.stage or "", asked.stage, by="the stage of its tag")
    return True


def _command(given: str, asked: Asked) -> str:
    """The command to carry out. A plan is of whatever would be done: a deployment, or a rollback; and so is its end."""
    if given in _OF_ANOTHER and asked.command in ("", "deploy", "rollback"):
        return given
    if given == _DEFAULT:
        return asked.command or given
    _require_same("command", given, asked.command)
    return given


def _require_one_meaning(settings: Settings, event: WorkflowEvent, command: str, meant: str) -> None:
    """Refuse a rollback where the inputs, or a tag that was pushed, ask for a deployment; and the other way round."""
    asked = event.asked.command
    if (command in _OF_ANOTHER and asked not in ("", meant)) or (asked == "rollback" and settings.tag):
        raise Invalid(
            Reason.USAGE,
            f"the event asks for the command {asked}, but with the workflow's inputs it would be another one",
            hint="a tag means a deployment; a model and a stage without a tag mean a rollback; nothing was done",
        )
    if command == "plan" and meant == "rollback" and is_tag_ref(event.ref) and not event.by_hand:
        raise Invalid(
            Reason.USAGE,
            f"a model or a stage without a tag means a rollback, and this {event.name or 'run'} is about a tag",
            hint="leave the inputs `model`, `stage` and `to` empty where a pushed tag starts the workflow",
        )


def _require_meaning(asked: Asked, command: str) -> None:
    """Refuse keys that mean nothing to the command: who sent them expects something else to happen."""
    if asked == Asked():
        return
    from model_stage_deploy.faces.event_payloads import CLIENT_PAYLOAD

    for key in CLIENT_PAYLOAD:
        if getattr(asked, key.name.replace("-", "_")) and command not in key.commands:
            raise Invalid(
                Reason.EVENT_INVALID,
                f"the event asks for `{key.name}`, which means nothing to the command {command}",
                hint=f"`{key.name}` is for {' and '.join(key.commands)}; nothing was done",
            )


def _text(name: str, given: str, asked: str) -> str:
    _require_same(name, given.removeprefix(_REFS), asked.removeprefix(_REFS))
    return given or asked


def _require_same(name: str, given: str, asked: str, *, by: str = "") -> None:
    if given and asked and given != asked:
        where = by or f"the workflow's input `{name}`"
        raise Invalid(
            Reason.USAGE,
            f"the event asks for the {name} {asked[:120]!r}, but {where} is {given[:120]!r}",
            hint="leave the input out of the workflow, or send the same; nothing was done",
        )
