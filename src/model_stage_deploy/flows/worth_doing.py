"""Whether a planned deployment is to be carried out at all: by its scope, by the deployer, by what is live already."""

from __future__ import annotations

from model_stage_deploy.core.errors import Invalid, NothingToDo, Refused
from model_stage_deploy.core.lifecycle import SUCCESS, Recorded, Records, held, now_running
from model_stage_deploy.core.plan import Decision, Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import can_undeploy
from model_stage_deploy.flows.context import Context, Scope
from model_stage_deploy.flows.planning import Prepared, sample
from model_stage_deploy.flows.target_gaps import targets_without
from model_stage_deploy.flows.target_scope import selected


def require_in_scope(context: Context, prepared: Prepared) -> None:
    """Raise Invalid (unknown-target) where the run is about targets, a wave or a shard that the stage does not have."""
    scope, decision = context.wishes.scope, prepared.plan.decision
    if prepared.fan is not None:
        selected(prepared.plan.waves, scope)
    elif scope != Scope():
        raise Invalid(
            Reason.UNKNOWN_TARGET,
            f"{decision.stage} has no targets for {decision.model}, by {prepared.plan.config}",
            hint="leave out `target`, `wave` and `shard`, and the command `finish`; or list `targets:` in the mapping",
        )


def resumes(plan: Plan, records: Records | None) -> bool:
    """Whether the newest record of the stage is not the end of just this deployment: then it was never finished."""
    newest = records.newest_first[0] if records is not None and records.newest_first else None
    if newest is None or newest.outcome != SUCCESS:
        return True
    same = newest.version == plan.decision.version and newest.commit == plan.decision.commit
    return not same or newest.digest != plan.digest


def require_undeployable(prepared: Prepared) -> None:
    if prepared.plan.decision.action == "undeploy":
        options = sample(prepared).options
        why_not = can_undeploy(prepared.deployer, options)
        if why_not:
            raise Invalid(
                Reason.CANNOT_UNDEPLOY,
                f"the deployer {prepared.plan.deployer} cannot take away what it deployed: {why_not}",
                hint="teach it, or set the policy to `fallback` or `ignore` under `events:`",
            )


def require_worth_doing(context: Context, prepared: Prepared, records: Records | None) -> None:
    """Raise Refused (held) for a version that failed here, NothingToDo (already-deployed) for one that is live.

    To undeploy, the version must be what is live: another one is never taken away in its place.
    """
    plan, decision = prepared.plan, prepared.plan.decision
    if records is None or context.wishes.force:
        return
    part = context.wishes.scope.is_part  # the stage's record is not this run's: each target has its own
    if decision.action == "undeploy":
        if not part:
            _require_live(decision, records)
        return
    failed = held(records, decision.version, decision.tag, context.clock.now(), prepared.settings.rollback.hold)
    if failed is not None:
        raise Refused(
            Reason.HELD,
            f"{decision.model} {decision.version} failed in {decision.stage} and was rolled back"
            f"{f' at {failed.ended}' if failed.ended else ''} to {failed.version}; it is not deployed again by itself",
            hint="assign a better version; or, to try this one again, run it by hand with --force",
        )
    live = now_running(records)
    if part or live is None or not is_already(plan, live) or records.newest_first[0] != live:
        return
    place = (decision.model, decision.stage, plan.environment)
    if prepared.fan is None or not targets_without(context, prepared.configuration, prepared.settings, place, live):
        raise NothingToDo(
            Reason.ALREADY_DEPLOYED,
            f"{decision.model} {decision.version} is live in {decision.stage} already, verified, with these settings",
            hint="to deploy it again all the same, use --force",
        )


def _require_live(decision: Decision, records: Records) -> None:
    live = now_running(records)
    if records.newest_first and (live is None or live.version != decision.version):
        raise NothingToDo(
            Reason(decision.event),
            f"{decision.model} {decision.version} is not what runs in {decision.stage}: "
            f"{f'{live.version} does, and was left alone' if live else 'nothing does'}",
            hint="to take away what runs all the same, use --force",
            doubtful=live is not None,
        )


def is_already(plan: Plan, live: Recorded) -> bool:
    """Whether what is live is what the plan would bring about: the same version and settings, verified."""
    same = live.version == plan.decision.version and live.commit == plan.decision.commit
    return same and bool(plan.digest) and live.digest == plan.digest and live.verified
