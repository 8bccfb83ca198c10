"""Telling the mirrors: other registries that follow this one, once a stage is live and recorded, or given up.

A mirror that fails never undoes a deployment: the outcome says what is live, which mirror does not know it, and how to
try again. Whoever calls holds the stage's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model_stage_deploy.core.errors import Cancelled, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.mirrored import Mirrored
from model_stage_deploy.core.outcome import Journal, Outcome
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.policy_mirrors import Mirror
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.mirror_settings import happened_by
from model_stage_deploy.flows.planning import Prepared, prepare
from model_stage_deploy.mirrors.contract import Errand, Happened, MirrorProblem

LONGEST_PAUSE = 30.0
"""Seconds between two tries."""
_GOOD = (Result.DEPLOYED, Result.UNDEPLOYED, Result.NOTHING_TO_DO, Result.WRITTEN)
_CUT_SHORT = "the run was cancelled before it could be told"


def mirror(
    context: Context, prepared: Prepared, outcome: Outcome, journal: Journal, stands: Callable[[], None] = lambda: None
) -> Outcome:
    """The outcome of a run, once all its mirrors were told of it; as it is where there is nothing to tell.

    Never raises, Cancelled included. `stands` is asked before each mirror, and raises where we may not act any more.
    """
    decision = _decision(prepared, outcome)
    if decision is None or not prepared.settings.mirrors:
        return outcome
    mirrors = prepared.mirrors
    if decision != prepared.plan.decision:  # the way back after a failure: the templates hold other values
        try:
            mirrors = prepare(context, prepared.configuration, decision, ()).mirrors
        except Cancelled:
            return with_told(outcome, [_not_told(one, _CUT_SHORT) for one in mirrors], journal)
        except ModelStageError as problem:
            return with_told(outcome, [_not_told(one, problem.message, problem.hint) for one in mirrors], journal)
    told = tell(context, prepared.settings, mirrors, happened_by(decision), journal, stands)
    return with_told(outcome, told, journal)


def tell(
    context: Context,
    settings: StageSettings,
    mirrors: tuple[Mirror, ...],
    happened: Happened,
    journal: Journal,
    stands: Callable[[], None] = lambda: None,
) -> list[Mirrored]:
    """Tell every mirror, one after the other, whatever becomes of the others. Never raises, Cancelled included."""
    told: list[Mirrored] = []
    for one in mirrors:
        try:
            with journal.step(f"tell {one.uses}"):
                stands()
                told.append(_told(context, settings, one, happened, stands))
        except Cancelled:
            return [*told, *(_not_told(left, _CUT_SHORT) for left in mirrors[len(told) :])]
        except ModelStageError as problem:
            told.append(_not_told(one, problem.message, problem.hint))
        journal.steps[-1] = replace(journal.steps[-1], ok=told[-1].ok)
        _say(context, told[-1])
    return told


def with_told(outcome: Outcome, told: list[Mirrored], journal: Journal, *, again: str = "") -> Outcome:
    """The outcome with what became of the mirrors. `again` is the command that tells them once more."""
    whole = replace(outcome, mirrors=tuple(told), steps=tuple(journal.steps), warnings=tuple(journal.warnings))
    deaf = [one for one in told if not one.ok]
    if not deaf:
        return whole
    why = "; ".join(f"{one.mirror}: {one.sentence}" for one in deaf)
    how = "; ".join(dict.fromkeys(one.hint for one in deaf if one.hint))
    message = f"{outcome.message}; but not every registry that follows knows it: {why}"
    if outcome.result not in _GOOD:
        return replace(whole, message=message)
    return replace(
        whole,
        reason=Reason.MIRROR_FAILED,
        as_result=None,
        doubtful=False,
        message=message,
        hint=f"{f'{how}; then' if how else 'to'} tell them again: {again or _again(outcome)}",
        ended_as=outcome.reason.value,
    )


def _decision(prepared: Prepared, outcome: Outcome) -> Decision | None:
    """The decision that the stage stands by at the end, for the mirrors to know; None where nothing is to be told.

    What was deployed and not verified, and what could not be recorded, is not told.
    """
    if outcome.back is not None:
        back = outcome.back
        good = back.live and back.verified and outcome.reason is Reason.ROLLED_BACK_AFTER_FAILURE
        return back.decision if good else None
    settled = outcome.result in (Result.DEPLOYED, Result.UNDEPLOYED) and outcome.reason is not Reason.TARGETS_DEPLOYED
    also = outcome.reason is Reason.TAG_NOT_WRITTEN or is_done(prepared.plan.decision, outcome.reason)
    return prepared.plan.decision if settled or also else None


def is_done(decision: Decision, reason: Reason) -> bool:
    """Whether a run ended because what it was to do is so already: live, or (to undeploy) not what runs."""
    if decision.action == "undeploy":
        return reason.value == decision.event
    return reason is Reason.ALREADY_DEPLOYED


def _told(
    context: Context, settings: StageSettings, one: Mirror, happened: Happened, stands: Callable[[], None]
) -> Mirrored:
    """What became of one mirror, tried again while that may help and time is left. Raises Cancelled, as `stands`."""
    clock = context.clock
    until = clock.monotonic() + one.timeout

    def variable(name: str) -> str:
        handed = context.handed.get(name, "") if name in settings.secrets else ""
        return (handed or context.environ.get(name, "")).strip()

    errand = Errand(happened, variable, context.announcer.mask, lambda: max(0.0, until - clock.monotonic()))
    tries = 0
    while True:
        tries += 1
        try:
            followed = context.mirror(one.uses).follow(errand, one)
        except MirrorProblem as problem:
            # Not sooner than by ourselves: "after 0 seconds" would be hundreds of tries.
            wait = max(problem.after or 0.0, min(LONGEST_PAUSE, 2.0 ** (tries - 1)))
            often = "" if tries == 1 else f" (tried {tries} times)"
            if not problem.retryable or clock.monotonic() + wait >= until:
                return _not_told(one, f"{problem.message}{often}", problem.hint)
            context.announcer.say(f"mirror {one.uses}: {problem.message}; again in {wait:.0f} s")
            clock.sleep(wait)
            stands()
        except Exception as defect:  # noqa: BLE001 - what is live stays live, whatever a mirror's code does
            return _not_told(one, one_line(f"the mirror broke: {type(defect).__name__}: {defect}"))
        else:
            return Mirrored(one.uses, True, followed.changed, "; ".join(followed.lines), "", followed.facts)


def _not_told(one: Mirror, why: str, hint: str = "") -> Mirrored:
    return Mirrored(one.uses, False, False, why, hint)


def _say(context: Context, told: Mirrored) -> None:
    if told.ok:
        context.announcer.say(f"mirror {told.mirror}: {told.sentence}")


def _again(outcome: Outcome) -> str:
    subject = outcome.subject
    return f"python -m model_stage_deploy mirror {subject.model} {subject.stage}"
