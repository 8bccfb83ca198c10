"""Tags that take something away (unassign, deregister, deprecate): what each stage's policy makes of them.

By default nothing. `fallback` deploys what the registry now says is current (R36, R37): an unassignment is no rollback
to most people, so the plan spells it out. `undeploy` takes away what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from model_stage_deploy.core.errors import ModelStageError, NothingToDo
from model_stage_deploy.core.model import Holder, Model, RegistryEvent
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, from_error
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.policy import Policy
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.tags import Event, GtoTag
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed, Resolved, previous_of, resolve, superseded
from model_stage_deploy.flows.deploy import Order, carry_out
from model_stage_deploy.flows.following import follow_removal
from model_stage_deploy.flows.planning import settings_for

REMOVALS: dict[Event, Reason] = {
    Event.UNASSIGNMENT: Reason.UNASSIGNMENT,
    Event.DEREGISTRATION: Reason.DEREGISTRATION,
    Event.DEPRECATION: Reason.DEPRECATION,
}


class Effect(NamedTuple):
    """What the event did to one stage: who had it just before, and who has it now."""

    stage: str
    before: Holder
    now: Holder | None


def take_away(
    context: Context, tag: GtoTag, pushed: Pushed, journal: Journal, *, stands: Callable[[], None] = lambda: None
) -> Outcome:
    """Do what the stages' policies say; `wishes.stage` names the one stage to look at.

    `stands` is asked under the lock of a stage, and raises where it is no longer to be done.
    Raises ModelStageError where nothing may or need be done, and Cancelled.
    """
    if pushed.deleted:
        raise NothingToDo(Reason.TAG_DELETED, f"{tag.text} was deleted; a deletion never deploys", doubtful=True)
    with journal.step("resolve the version"):
        resolved = resolve(tag, context.repository, pushed)
    only = context.wishes.stage
    effects = [effect for effect in _effects(resolved.model, resolved.event) if only in ("", effect.stage)]
    if not effects:
        raise NothingToDo(
            REMOVALS[tag.event], f"{tag.text} changed nothing that {only or 'any stage'} has; nothing is deployed"
        )
    asked = [
        (effect, policy)
        for effect in effects
        if (policy := _policy(context, resolved, effect)) != "ignore" or _is_mirrored(context, resolved, effect)
    ]
    if not asked:
        raise _ignored(tag, effects)
    if len(asked) == 1:
        return _one(context, resolved, *asked[0], journal, stands)
    parts: list[Outcome] = []
    for effect, policy in asked:
        parts.append(_part(context, resolved, effect, policy, stands))
        if parts[-1].result is Result.CANCELLED:
            break  # who cancels means the whole run
    return _together(parts, resolved, journal)


def _effects(model: Model, event: RegistryEvent) -> Iterator[Effect]:
    """The stages whose version the event takes away: of one stage, of a version's stages, or of all."""
    stages = [event.tag.stage] if event.tag.stage is not None else model.stages
    version = model.version_of(event)
    for stage in stages:
        before = model.holder(stage, before=event.order)
        if before is not None and (version is None or before.version is version):
            yield Effect(stage, before, model.holder(stage))


def _policy(context: Context, resolved: Resolved, effect: Effect) -> Policy:
    configuration = context.configuration(resolved.event.commit)
    try:
        events = settings_for(configuration, resolved.tag.model, effect.stage).events
    except NothingToDo:
        return "ignore"
    return {
        Event.UNASSIGNMENT: events.unassign,
        Event.DEREGISTRATION: events.deregister,
        Event.DEPRECATION: events.deprecate,
    }[resolved.tag.event]


def _ignored(tag: GtoTag, effects: list[Effect]) -> NothingToDo:
    changes = "; ".join(
        f"{effect.stage}: by the tags {effect.now.version.name if effect.now else 'nothing'} now, "
        f"{effect.before.version.name} before"
        for effect in effects
    )
    word = {Event.UNASSIGNMENT: "unassign", Event.DEREGISTRATION: "deregister"}.get(tag.event, "deprecate")
    return NothingToDo(
        REMOVALS[tag.event],
        f"{tag.text} takes something away, about which the mapping says nothing: what runs was left alone ({changes})",
        hint=f"to act on such tags, set `events: {{{word}: fallback}}` or `{word}: undeploy` for the stage",
        doubtful=True,
    )


def _one(
    context: Context,
    resolved: Resolved,
    effect: Effect,
    policy: Policy,
    journal: Journal,
    stands: Callable[[], None],
) -> Outcome:
    tag = resolved.tag
    journal.subject = Subject(
        tag=tag.text, event=tag.event.value, model=tag.model, version=effect.before.version.name, stage=effect.stage
    )
    now = effect.now
    if now is not None and now.event.order > resolved.event.order:
        why = f"a newer tag, {now.event.tag.text}, gives {effect.stage} to {now.version.name}"
        raise superseded(tag.text, why, by_hand=context.wishes.by_hand)
    if policy == "ignore":
        return _only_told(context, resolved, effect, journal, stands, _ignored(tag, [effect]))
    if policy == "fallback":
        try:
            order = _fallback(context, resolved, effect, stands)
        except NothingToDo as nothing:
            return _only_told(context, resolved, effect, journal, stands, nothing)
        return carry_out(context, order, journal)
    gone = effect.before
    decision = replace(_decision(resolved, gone, effect.stage), action="undeploy", previous=previous_of(gone))
    note = f"{tag.text} takes {gone.version.name} out of {effect.stage}, and the mapping says `undeploy`"
    order = Order(decision, _Stands(context, resolved, effect, stands), (note,), "removal", Reason.UNDEPLOYED)
    return carry_out(context, order, journal)


def _is_mirrored(context: Context, resolved: Resolved, effect: Effect) -> bool:
    """Whether another registry follows the stage, and the version is no longer there by the tags."""
    if effect.now is not None and effect.now.version is effect.before.version:
        return False
    try:
        configuration = context.configuration(resolved.event.commit)
        return bool(settings_for(configuration, resolved.tag.model, effect.stage).mirrors)
    except NothingToDo:
        return False


def _only_told(
    context: Context,
    resolved: Resolved,
    effect: Effect,
    journal: Journal,
    stands: Callable[[], None],
    nothing: NothingToDo,
) -> Outcome:
    """What runs is left alone, and the registries that follow are told. Raises `nothing` where there are none."""
    if not _is_mirrored(context, resolved, effect):
        raise nothing
    gone = effect.before
    decision = replace(_decision(resolved, gone, effect.stage), action="undeploy", previous=previous_of(gone))
    configuration = context.configuration(resolved.event.commit)
    whether = _Stands(context, resolved, effect, stands)
    told = follow_removal(context, decision, configuration, whether, journal, resolved.tag.text)
    if told is None:
        raise nothing
    return told


def _fallback(context: Context, resolved: Resolved, effect: Effect, stands: Callable[[], None]) -> Order:
    tag, now, gone = resolved.tag, effect.now, effect.before.version.name
    if now is None or now.version is effect.before.version:
        left = "no other version" if now is None else "nothing but that version"
        raise NothingToDo(
            Reason.NOTHING_LEFT,
            f"{tag.text} takes {gone} out of {effect.stage}, and the registry has {left} to fall back to: what runs "
            "was left alone",
            hint="assign another version; or set the policy to `undeploy` to take away what runs",
            doubtful=True,
        )
    note = (
        f"{tag.text} takes {gone} out of {effect.stage}; the registry now gives it to {now.version.name} "
        f"({now.event.tag.text}), and the mapping says `fallback`"
    )
    decision = replace(_decision(resolved, now, effect.stage), previous=previous_of(effect.before))
    return Order(decision, _Stands(context, resolved, effect, stands), (note,), "removal", Reason.FALLEN_BACK)


def _decision(resolved: Resolved, holder: Holder, stage: str) -> Decision:
    return Decision(
        model=resolved.tag.model,
        version=holder.version.name,
        stage=stage,
        tag=holder.event.tag.text,
        commit=holder.version.commit,
        event=resolved.tag.event.value,
        registered=holder.version.registered,
        proof=resolved.event.record,
        registry=resolved.model,
    )


class _Stands:
    """Asks the remote, just before acting, whether the event is still what decides the stage."""

    def __init__(self, context: Context, resolved: Resolved, effect: Effect, stands: Callable[[], None]) -> None:
        self._context = context
        self._stands = stands
        self._resolved = resolved
        self._effect = effect

    def __call__(self) -> None:
        self._stands()
        if self._context.wishes.force:
            return
        tag, effect = self._resolved.tag, self._effect
        model = fold(self._context.repository.tags(tag.model, wanted=tag.text, fresh=True)).model(tag.model)
        now = model.holder(effect.stage)
        if _name(now) != _name(effect.now):
            why = f"by now {effect.stage} has {_name(now) or 'nothing'} by the tags"
            raise superseded(tag.text, why, by_hand=self._context.wishes.by_hand)


def _name(holder: Holder | None) -> tuple[str, str] | str:
    return "" if holder is None else (holder.version.name, holder.event.tag.text)


def _part(context: Context, resolved: Resolved, effect: Effect, policy: Policy, stands: Callable[[], None]) -> Outcome:
    """One stage of several; what stops one does not stop the others (a cancellation does)."""
    journal = Journal(context.clock.monotonic)
    try:
        return _one(context, resolved, effect, policy, journal, stands)
    except ModelStageError as problem:
        return from_error(problem, journal)


def _together(parts: list[Outcome], resolved: Resolved, journal: Journal) -> Outcome:
    """One outcome for several stages: the worst of them, with all of them in it."""
    worst = max(parts, key=lambda part: (part.exit_code != 0, part.exit_code, part.placed))
    return replace(
        worst,
        message="; ".join(part.message for part in parts),
        subject=replace(worst.subject, tag=resolved.tag.text, event=resolved.tag.event.value),
        steps=(*journal.steps, *(step for part in parts for step in part.steps)),
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
        parts=tuple(parts),
    )
