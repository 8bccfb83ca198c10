"""What became of targets, from what is known of them; and of all of them together, as one sentence. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.plan import Decision, Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.target_outcome import worst_first
from model_stage_deploy.core.targets import TargetRecord, TargetResult, TargetState
from model_stage_deploy.deployers.contract import Receipt
from model_stage_deploy.flows.one_target import Task

_NAMED = 5  # targets that a sentence names
_ANSWERED = frozenset(
    reason.value
    for reason in (
        Reason.DEPLOYER_FAILED,
        Reason.DEPLOYER_TIMEOUT,
        Reason.VERIFICATION_FAILED,
        Reason.INTERNAL_ERROR,
        Reason.CANCELLED,
    )
)
"""Ends of a target that are answered by a rollback; what cannot be told is left for a person."""


def told(results: Collection[TargetResult]) -> Receipt:
    """What became of all of them. Raises DeploymentFailed (targets-failed, verification-inconclusive)."""
    counted = Counter(result.result for result in results)
    bad = [result for result in results if not result.is_good]
    if not bad:
        return Receipt(facts={"targets": dict(counted)})
    failed = [result for result in worst_first(bad) if result.result != "not-started"]
    whys = "; ".join(f"{result.target}: {result.message}" for result in failed[:_NAMED])
    more = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    counts = ", ".join(f"{count} {word}" for word, count in sorted(counted.items()))
    sure = any(map(is_answered, bad)) or not failed
    raise DeploymentFailed(
        Reason.TARGETS_FAILED if sure else Reason.VERIFICATION_INCONCLUSIVE,
        f"{len(bad)} of {len(results)} targets do not have it ({counts})" + (f": {whys}{more}" if whys else ""),
        hint="run it again to deploy what is missing: targets that have it are left alone",
    )


def at_targets(results: Collection[TargetResult]) -> str:
    """` (5 targets, of which 2 had it before)`, for the sentence about a good end; "" for a stage without targets."""
    if not results:
        return ""
    had = sum(result.result == "already" for result in results)
    count = f"{len(results)} target{'' if len(results) == 1 else 's'}"
    return f" ({count}, of which {had} had it before)" if had else f" ({count})"


def after_going_back(results: Sequence[TargetResult], back: Sequence[TargetResult]) -> tuple[TargetResult, ...]:
    """What became of each target in an attempt and in the one that took it back."""
    went = {result.target: result for result in back}
    return tuple(_and_back(result, went.get(result.target)) for result in results)


def _and_back(result: TargetResult, back: TargetResult | None) -> TargetResult:
    if back is None or back.result == "already":
        return result
    good = back.is_good
    told = "; ".join(filter(None, (result.message, f"back at {back.now}" if good else back.message)))
    return result._replace(
        result="rolled-back" if good else "rollback-failed",
        message=told,
        now=back.now if good else "",
        verified=back.verified,
    )


def is_of(record: TargetRecord, plan: Plan) -> bool:
    """Whether a record is of just that deployment, and ended well."""
    return is_at(record, plan.decision, plan.digest)


def is_at(record: TargetRecord | None, decision: Decision, digest: str) -> bool:
    """The same, for a target whose plan nobody made yet."""
    if record is None or record.state is not TargetState.SUCCESS:
        return False
    return (record.version, record.commit, record.digest) == (decision.version, decision.commit, digest)


def is_answered(result: TargetResult) -> bool:
    return result.result in ("failed", "cancelled", "rolled-back", "rollback-failed") and result.reason in _ANSWERED


def already(task: Task) -> TargetResult:
    before = task.before
    version = task.plan.decision.version
    nothing = f"has {before.now}, which was left alone" if before is not None and before.now else "has nothing already"
    return TargetResult(
        task.name,
        task.wave,
        "already",
        Reason.ALREADY_DEPLOYED.value,
        f"has {version} already" if task.plan.decision.action == "deploy" else nothing,
        now=before.now if before else "",
        url=before.url if before else "",
        verified=before.verified if before else False,
    )


def found_at(task: Task) -> TargetResult:
    """What became of a target by what another job kept."""
    before, plan = task.before, task.plan
    if before is not None and plan.decision.action != "deploy" and before.state is TargetState.UNDEPLOYED:
        return TargetResult(task.name, task.wave, "undeployed", Reason.UNDEPLOYED.value, before.summary)
    if before is not None and plan.decision.action == "deploy" and is_of(before, plan):
        known = {"now": before.now, "url": before.url, "verified": before.verified}
        return TargetResult(task.name, task.wave, "deployed", Reason.DEPLOYED.value, before.summary, **known)  # type: ignore[arg-type]
    tried = before is not None and before.version == plan.decision.version and before.commit == plan.decision.commit
    if before is None or not tried or before.state in (TargetState.SUCCESS, TargetState.NOT_STARTED):
        return TargetResult(task.name, task.wave, "not-started", now=before.now if before else "")
    if before.state is TargetState.STARTED:
        told = "its job never said how it ended"
        return TargetResult(task.name, task.wave, "failed", Reason.CANCELLED.value, told, now=before.now)
    reason = Reason.DEPLOYER_FAILED
    if before.state is TargetState.ERROR:  # what is there and could not be verified is left for a person
        reason = Reason.VERIFICATION_INCONCLUSIVE if before.placed else Reason.CANCELLED
    return TargetResult(task.name, task.wave, "failed", reason.value, before.summary, now=before.now, url=before.url)
