"""After a failure: back to the version that was verified last, if the mapping says so and nothing speaks against it."""

from __future__ import annotations

from dataclasses import replace

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Recorded, seconds, ways_back
from model_stage_deploy.core.outcome import Journal, Outcome, WayBack
from model_stage_deploy.core.plan import Decision, Previous
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.registry import fold
from model_stage_deploy.flows.attempt import Attempt, about_to, new_id
from model_stage_deploy.flows.context import Context, Scope
from model_stage_deploy.flows.planning import Prepared, prepare
from model_stage_deploy.flows.target_results import after_going_back, is_answered

_LOOK_BACK = 50  # records among which a verified one is looked for
_ANSWERED = frozenset(
    reason.value
    for reason in (
        Reason.DEPLOYER_FAILED,
        Reason.DEPLOYER_TIMEOUT,
        Reason.VERIFICATION_FAILED,
        Reason.TARGETS_FAILED,
    )
)
"""Ends that are answered by a rollback. What cannot be told (verification-inconclusive) is left for a person."""


def recover(context: Context, prepared: Prepared, failed: Attempt, outcome: Outcome, journal: Journal) -> Outcome:
    """The outcome of a failed attempt with what became of the way back; any other outcome as it is. Never raises."""
    decision = prepared.plan.decision
    if failed.ended_as not in _ANSWERED or prepared.plan.on_failure != "rollback" or decision.action != "deploy":
        return outcome
    if failed.targets and not any(map(is_answered, failed.targets)):
        return outcome  # nothing was begun, by jobs that should have
    if decision.rollback:
        return _left(outcome, "a rollback that fails is not answered by another")
    try:
        target = _target(context, prepared)
        if isinstance(target, str):
            return _left(outcome, target)
        again = replace(
            decision,
            version=target.version,
            tag=target.tag,
            commit=target.commit,
            previous=Previous(decision.version, decision.tag, decision.commit),
            rollback=True,
            registered=True,
            proof=None,
        )
        return _back(context, prepared, failed, outcome, again, journal)
    except ModelStageError as problem:
        return _failed_back(outcome, f"the way back could not be begun: {problem.message}")


def _back(
    context: Context, prepared: Prepared, failed: Attempt, outcome: Outcome, decision: Decision, journal: Journal
) -> Outcome:
    context.announcer.note(
        "warning",
        f"{outcome.message}; rolling back to {decision.version}, which was verified in {decision.stage} last",
        title="automatic rollback",
    )
    with journal.step("plan the rollback"):
        plan = prepare(context, prepared.configuration, decision, ())
    context.announcer.say(about_to(plan.plan))
    # Every target that has it goes back, and no other: force is about the version that failed.
    context = replace(context, wishes=replace(context.wishes, scope=Scope(), force=False))
    evidence = Evidence(actor=context.owner, automatic=True, answers=failed.id)
    attempt = Attempt(context, plan, journal, evidence, failed.hold, new_id(), Reason.ROLLED_BACK)
    ended = attempt.run()
    back = WayBack(
        version=decision.version,
        live=attempt.placed,
        verified=attempt.ended_as == Reason.ROLLED_BACK.value and bool(attempt.checks),
        message=ended.message,
        deployment_id=ended.deployment_id,
        decision=decision,
    )
    targets = after_going_back(outcome.targets, ended.targets)
    whole = replace(outcome, back=back, steps=ended.steps, warnings=ended.warnings, targets=targets)
    if ended.result is Result.CANCELLED:
        return replace(whole, reason=ended.reason, as_result=None, message=f"{outcome.message}; {ended.message}")
    if attempt.ended_as != Reason.ROLLED_BACK.value:
        return _failed_back(whole, ended.message)
    told = f"{outcome.message}; rolled back: {decision.version} is live again in {decision.stage}, verified"
    hint = "find out why it failed; automation does not deploy it again until the hold is over"
    good = replace(
        whole,
        reason=Reason.ROLLED_BACK_AFTER_FAILURE,
        message=told,
        hint=outcome.hint or hint,
        environment_url=ended.environment_url,
    )
    if Reason.END_NOT_RECORDED in (ended.reason, outcome.reason):
        unrecorded = f"{told}; not all of it could be recorded"
        return replace(
            good, reason=Reason.END_NOT_RECORDED, message=unrecorded, ended_as=Reason.ROLLED_BACK_AFTER_FAILURE.value
        )
    return good


def _target(context: Context, prepared: Prepared) -> Recorded | str:
    """The record to go back to, or why there is none, as a sentence. Raises ModelStageError."""
    plan, host = prepared.plan, context.host
    decision = plan.decision
    if host is None:
        return "there are no records, so what was verified before is not known"
    records = host.records(decision.model, decision.stage, plan.environment, limit=_LOOK_BACK, past=_LOOK_BACK)
    model = fold(context.repository.tags(decision.model)).model(decision.model)
    for record in ways_back(records.newest_first, decision.version):
        version = model.find(record.version)
        if version is None or not version.is_active():
            continue  # deregistered since
        longest = prepared.settings.rollback.max_age
        age = context.clock.now() - (seconds(record.ended) or 0.0)
        if longest is not None and age > longest:
            return (
                f"{record.version}, verified in {decision.stage} last, was so {age / 86400:.1f} days ago, longer than "
                "`rollback.max-age` allows"
            )
        return record
    return f"no other version was ever verified in {decision.stage}, so there is none to go back to"


def _left(outcome: Outcome, why: str) -> Outcome:
    """Nothing is rolled back, and a person is told why and what to do."""
    by_hand = f"python -m model_stage_deploy rollback {outcome.subject.model} {outcome.subject.stage} --to VERSION"
    return replace(
        outcome, message=f"{outcome.message}; not rolled back: {why}", hint=outcome.hint or f"by hand: {by_hand}"
    )


def _failed_back(outcome: Outcome, why: str) -> Outcome:
    return replace(
        outcome,
        reason=Reason.ROLLBACK_FAILED,
        message=f"{outcome.message}; AND THE ROLLBACK FAILED: {why}",
        hint="look at what is live now, and mend it by hand",
    )
