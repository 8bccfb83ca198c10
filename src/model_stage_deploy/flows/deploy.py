"""Deploying: plan, gates, the lock, a last look, the attempt, and if that fails the way back. All of it, in order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

from model_stage_deploy.core.errors import (
    Cancelled,
    MachineryFailed,
    ModelStageError,
    NothingToDo,
    Refused,
)
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Records, now_running, orphans
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.outcome import Journal, Outcome, from_error, subject_of
from model_stage_deploy.core.plan import Decision, Plan, Previous
from model_stage_deploy.core.planned import require_as_planned
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.flows.attempt import Attempt, about_to, new_id
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed, decide, read_tag, require_assignment, require_newest
from model_stage_deploy.flows.following import tell_again
from model_stage_deploy.flows.gating import Kind, judge, require
from model_stage_deploy.flows.hold import Hold
from model_stage_deploy.flows.mirroring import is_done, mirror
from model_stage_deploy.flows.planning import Prepared, actions_of, environment_of, prepare, settings_for
from model_stage_deploy.flows.recovery import recover
from model_stage_deploy.flows.registry_tag import BACK, write_tag
from model_stage_deploy.flows.stage_lock import stage_held
from model_stage_deploy.flows.target_scope import part_of
from model_stage_deploy.flows.way import way_for
from model_stage_deploy.flows.worth_doing import require_in_scope, require_undeployable, require_worth_doing, resumes

LOOK_BACK = 30
"""Records of a stage that are looked at, until one settles what is live."""
_HELD_AMONG = 10  # records among which an automatic rollback is looked for
_LONG_WAIT = 5.0  # seconds of waiting for the lock, after which the gates are asked again


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done and why. `stands` is asked under the lock, and raises where it is no longer to be done.

    `success` is the reason of a good end; `afterwards` may still change the outcome, under the lock.
    """

    decision: Decision
    stands: Callable[[], None]
    notes: tuple[str, ...] = ()
    kind: Kind = "assignment"
    success: Reason = Reason.DEPLOYED
    afterwards: Callable[[Outcome], Outcome] = lambda outcome: outcome


def deploy_tag(context: Context, ref: str, pushed: Pushed, journal: Journal) -> Outcome:
    """Deploy what a stage tag says. Raises ModelStageError where nothing may or need be deployed, and Cancelled."""
    tag = read_tag(ref, by_hand=context.wishes.by_hand)
    if pushed.deleted:
        raise NothingToDo(Reason.TAG_DELETED, f"{tag.text} was deleted; a deletion never deploys", doubtful=True)
    require_assignment(tag)
    with journal.step("resolve the version"):
        decision, notes = decide(tag, context.repository, pushed, now=context.clock.now(), wishes=context.wishes)
    return carry_out(
        context,
        Order(decision, lambda: require_newest(context.repository, decision, context.wishes), notes),
        journal,
    )


def carry_out(context: Context, order: Order, journal: Journal) -> Outcome:
    """Plan an order and, unless this is a dry run, carry it out.

    Raises ModelStageError and Cancelled before anything has started; from then on the outcome tells.
    """
    journal.subject = subject_of(order.decision)
    with journal.step("read the mapping"):
        configuration = context.configuration(order.decision.commit)
        settings = settings_for(configuration, order.decision.model, order.decision.stage)
        environment = environment_of(context, settings, order.decision.model, order.decision.stage)
    with journal.step("read the records"):
        records = _look(context, order, environment, journal, past=_past(order, settings))
    journal.way = way_for(order.decision, records, configuration)
    with journal.step("plan"):
        prepared = prepare(context, configuration, _replacing(order.decision, records), order.notes)
        require_in_scope(context, prepared)
        require_undeployable(prepared)
        require_as_planned(context.wishes.planned, prepared.plan)
    for note in order.notes:
        context.announcer.note("warning", note)
    journal.warnings.extend(order.notes)
    try:
        require_worth_doing(context, prepared, records)
    except NothingToDo as nothing:
        return _live_already(context, prepared, nothing, journal)
    verdicts = _judged(context, prepared, records, order, journal)
    if context.dry_run:
        return _planned(context, prepared, verdicts, journal)
    require(context, prepared, verdicts, journal)
    try:
        return _under_lock(context, order, prepared, journal)
    except NothingToDo as nothing:  # while we waited
        return _live_already(context, prepared, nothing, journal)


def _live_already(context: Context, prepared: Prepared, nothing: NothingToDo, journal: Journal) -> Outcome:
    """The end of a run whose version is live (or gone) already: who made it so may have died before the mirrors knew.

    Raises `nothing` itself where it is about something else, or nobody is to be told.
    """
    if not is_done(prepared.plan.decision, nothing.reason) or not prepared.mirrors or context.dry_run:
        raise nothing
    return tell_again(context, prepared, from_error(nothing, journal, prepared.plan), journal)


def _past(order: Order, settings: StageSettings) -> int:
    """How many records are looked at, even past the one that settles what is live: each may cost a request.

    For going back to a version that was verified here, and for one that failed here and is held.
    """
    if order.kind == "rollback":
        return LOOK_BACK
    return _HELD_AMONG if settings.on_failure == "rollback" else 0


def _replacing(decision: Decision, records: Records | None) -> Decision:
    """The decision with what is live by the records as what it replaces; by the tags where nothing is recorded."""
    if records is None or not records.newest_first or decision.action == "undeploy":
        return decision
    live = now_running(records)
    if live is None:
        return replace(decision, previous=None) if records.newest_first[0].settles else decision
    if live.version == decision.version:
        return decision
    return replace(decision, previous=Previous(live.version, live.tag, live.commit))


def _under_lock(context: Context, order: Order, prepared: Prepared, journal: Journal) -> Outcome:
    ended: list[Outcome] = []
    try:
        _carried_out(context, order, prepared, journal, ended)
    except Cancelled:
        if not ended:
            raise
        # All is done and recorded; only the lock was still to be let go, and it ends by itself.
    return ended[-1]


def _carried_out(context: Context, order: Order, prepared: Prepared, journal: Journal, ended: list[Outcome]) -> None:
    attempt_id = new_id()
    with ExitStack() as stack:
        begun = context.clock.monotonic()
        hold = _locked(context, prepared, attempt_id, journal, stack)
        waited = context.clock.monotonic() - begun
        try:
            with journal.step("last look"):
                order.stands()
                past = _past(order, prepared.settings) if waited > _LONG_WAIT else 0
                records = _look(context, order, prepared.plan.environment, journal, past=past)
                _close_orphans(context, prepared, records, attempt_id, journal)
                decision = _replacing(order.decision, records)
                if decision.previous != prepared.plan.decision.previous:  # while we waited
                    prepared = prepare(context, prepared.configuration, decision, order.notes)
                    require_as_planned(context.wishes.planned, prepared.plan)
                require_worth_doing(context, prepared, records)
            if waited > _LONG_WAIT:
                require(context, prepared, _judged(context, prepared, records, order, journal), journal)
        except Cancelled:
            if hold.lost:
                raise MachineryFailed(
                    Reason.LOCK_LOST, f"the lock was lost, so nothing was deployed: {hold.why_lost}"
                ) from None
            raise
        context.announcer.say(about_to(prepared.plan))
        evidence = _evidence(context, prepared.plan, journal)
        success = Reason.TARGETS_DEPLOYED if context.wishes.scope.is_part else order.success
        resuming = prepared.fan is not None and resumes(prepared.plan, records)
        attempt = Attempt(context, prepared, journal, evidence, hold, attempt_id, success, resuming)
        outcome = recover(context, prepared, attempt, attempt.run(), journal)
        ended.append(outcome)
        if outcome.reason is Reason.ROLLED_BACK_AFTER_FAILURE and outcome.back and prepared.settings.rollback.tag:
            decision = replace(order.decision, version=outcome.back.version, registered=True)
            left = order.decision.version
            why = f"Roll {decision.model} back from {left}, which failed in {decision.stage}\n\n{BACK}{left}"
            ended.append(write_tag(context, decision, why, outcome, journal))
        else:
            ended.append(order.afterwards(outcome))
        ended.append(mirror(context, prepared, ended[-1], journal, hold.require))


def _locked(context: Context, prepared: Prepared, attempt_id: str, journal: Journal, stack: ExitStack) -> Hold:
    decision = prepared.plan.decision
    return stack.enter_context(
        stage_held(
            context,
            prepared.settings,
            decision,
            journal,
            claim=attempt_id,
            reason=f"{decision.action} {decision.version} ({decision.tag})",
            part=part_of(context.wishes.scope),
        )
    )


def _look(context: Context, order: Order, environment: str, journal: Journal, *, past: int = 0) -> Records | None:
    """The stage's records; None where there is nobody to ask, which only a dry run may accept."""
    host, decision = context.host, order.decision
    if host is None:
        if context.hostless is not None and not context.dry_run:
            raise context.hostless
        return None
    try:
        return host.records(decision.model, decision.stage, environment, limit=LOOK_BACK, past=past)
    except MachineryFailed as problem:
        if not context.dry_run:
            raise
        what_to_do = f"; {problem.hint}" if problem.hint else ""
        journal.warnings.append(f"what is live cannot be told: {problem.message}{what_to_do}")
        return None


def _close_orphans(
    context: Context, prepared: Prepared, records: Records | None, attempt_id: str, journal: Journal
) -> None:
    """End the records of runs that died: we hold the lock, so nobody works on them (T44)."""
    locked = context.locks is not None and context.wishes.lock and prepared.settings.lock.use == "remote"
    if records is None or context.host is None or not locked or context.wishes.scope.is_part:
        return
    for record in orphans(records, attempt_id):
        context.host.close(record, "its run died before it could say how it ended")
        how = "after its deployer had ended well" if record.placed else "before its deployer's end was recorded"
        told = (
            f"an earlier deployment of {prepared.plan.decision.model} {record.version} (record {record.id}) was never "
            f"ended: its run died {how}; it is closed as an error"
        )
        context.announcer.note("warning", told)
        journal.warnings.append(told)


def _judged(
    context: Context, prepared: Prepared, records: Records | None, order: Order, journal: Journal
) -> tuple[Verdict, ...]:
    if not prepared.settings.gates.asked:
        return ()
    with journal.step("gates"):
        verdicts = judge(context, prepared, records, order.kind)
    for verdict in () if context.dry_run else verdicts:
        context.announcer.say(f"gate {verdict.gate}: {verdict.answer.value}: {verdict.sentence}")
    journal.gates = verdicts
    return verdicts


def _planned(context: Context, prepared: Prepared, verdicts: tuple[Verdict, ...], journal: Journal) -> Outcome:
    """What a dry run says: the plan, and whether the gates would let it through."""
    decision = prepared.plan.decision
    outcome = Outcome(
        reason=Reason.DRY_RUN,
        message=f"would {decision.action} {decision.model} {decision.version} "
        f"{'to' if decision.action == 'deploy' else 'from'} {decision.stage}",
        subject=journal.subject,
    )
    try:
        require(context, prepared, verdicts, journal)
    except Refused as refusal:
        outcome = from_error(refusal, journal)
    except ModelStageError as problem:
        journal.warnings.append(problem.message)
    return replace(
        outcome,
        plan=prepared.plan,
        actions=actions_of(prepared, context),
        steps=tuple(journal.steps),
        warnings=tuple(journal.warnings),
        gates=journal.gates,
        overridden=journal.overridden,
        way=journal.way,
    )


def _evidence(context: Context, plan: Plan, journal: Journal) -> Evidence:
    proof = plan.decision.proof
    signed = next((verdict for verdict in journal.gates if verdict.gate == "signed" and verdict.passed), None)
    return Evidence(
        tag_object=proof.object_id if proof else "",
        tagger=f"{proof.tagger} <{proof.email}>" if proof and proof.tagger else "",
        signer=str(signed.facts.get("signer", "")) if signed else "",
        actor=context.owner,
        gates=journal.gates,
        override=journal.overridden,
        forced=context.wishes.force,
        action=plan.decision.action,
    )
