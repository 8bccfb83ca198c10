"""After a rollback: a GTO tag that says what is live, so that the registry and production agree (T54)."""

from __future__ import annotations

from dataclasses import replace

from model_stage_deploy.core.errors import Cancelled, ModelStageError
from model_stage_deploy.core.outcome import Journal, Outcome
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.writing import How
from model_stage_deploy.core.writing_stages import Promote
from model_stage_deploy.flows.change import carry_out
from model_stage_deploy.flows.context import Context

BACK = "Rolled-back-from: "
"""The trailer in the message of a tag that a rollback wrote; the version that was left follows."""


def write_tag(context: Context, decision: Decision, why: str, outcome: Outcome, journal: Journal) -> Outcome:
    """The outcome of a rollback that is live, with a tag written for it; where that fails, the outcome says so."""
    if context.registry is None:
        return _unwritten(outcome, "the registry cannot be changed from here", "")
    ask = Promote(
        model=decision.model,
        to=decision.stage,
        version=decision.version if decision.registered else "",
        ref="" if decision.registered else decision.commit,
        bare=not decision.registered,
        how=How(message=why, force=True),
    )
    try:
        with journal.step("write the tag"), context.registry() as (world, push):
            written = carry_out(world, ask, push=push)
    except Cancelled:
        return _unwritten(outcome, "the run was cancelled", "")
    except ModelStageError as problem:
        return _unwritten(replace(outcome, steps=tuple(journal.steps)), problem.message, problem.hint)
    tag = written.change.stage_tag
    told = f"{tag} says so in the registry" if push else f"{tag} says so in this clone: push it"
    context.announcer.say(f"wrote the tag {tag}")
    return replace(outcome, message=f"{outcome.message}; {told}", steps=tuple(journal.steps))


def _unwritten(outcome: Outcome, why: str, hint: str) -> Outcome:
    message = f"{outcome.message}; but the tag that says so could not be written, so the registry disagrees: {why}"
    by_hand = f"python -m model_stage_deploy promote {outcome.subject.model} --to {outcome.subject.stage} --push"
    if outcome.result is not Result.DEPLOYED:
        return replace(outcome, message=message)
    return replace(
        outcome,
        reason=Reason.TAG_NOT_WRITTEN,
        message=message,
        hint=hint or f"write it by hand: {by_hand} --version VERSION",
        ended_as=outcome.reason.value,
    )
