"""Finding out whether what was deployed serves: every check of the stage, one after another."""

from __future__ import annotations

from collections.abc import Sequence

from model_stage_deploy.core.errors import DeploymentFailed, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.flows.context import Context


def verify(context: Context, job: Job, checks: Sequence[Check], seen: list[Verified]) -> None:
    """Make the checks, adding what each says to `seen`; the first that is not passed ends it.

    Raises DeploymentFailed (verification-failed, verification-inconclusive).
    """
    for check in checks:
        told = _verified(context, job, check)
        seen.append(told)
        context.announcer.say(f"verification {told.check}: {told.finding.value}: {told.sentence}")
        if told.finding is Finding.FAILED:
            raise DeploymentFailed(Reason.VERIFICATION_FAILED, f"verification {told.check} failed: {told.sentence}")
        if told.finding is Finding.INCONCLUSIVE:
            raise DeploymentFailed(
                Reason.VERIFICATION_INCONCLUSIVE,
                f"verification {told.check} cannot tell whether it serves: {told.sentence}",
                hint="look at what is live; then deploy again with --force, or roll back",
            )


def _verified(context: Context, job: Job, check: Check) -> Verified:
    name = check.name or check.kind
    context.announcer.begin(f"verify: {name}")
    try:
        return context.verifier(check.kind).verify(job, check)
    except ModelStageError as problem:
        return Verified(name, Finding.INCONCLUSIVE, problem.message)
    except Exception as defect:  # noqa: BLE001 - a defect of a verifier proves nothing about the model
        told = one_line(f"{type(defect).__name__}: {defect}", 10_000)
        return Verified(name, Finding.INCONCLUSIVE, f"the verifier broke: {told}")
    finally:
        context.announcer.end()
