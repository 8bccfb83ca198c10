"""Asking a deployer to do its work, once more where its failure is worth that, within the time that there is.

Deployers try once. What is repeated, how often and when, is decided here and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from model_stage_deploy.core.errors import DeploymentFailed, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.reported import plain_facts
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.reported_url import usable_url
from model_stage_deploy.deployers.retry import pause
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.overheard import overheard
from model_stage_deploy.flows.planning import Prepared

_ALL = 10_000  # characters; a short cut could halve a secret, which the scrubber would not know
_SHORTEST = 0.01  # seconds


def tried(context: Context, prepared: Prepared, job: Job, *, say: Callable[[str], None]) -> Receipt:
    """Deploy (or undeploy, as the plan of the job says), and the receipt of the first try that goes well.

    A failure that is worth it is followed by another try with the same `job.attempt`, `deploy.retries` times at most,
    and all tries together take no longer than `job.timeout`. `say` hears one line before each retry; what the deployer
    prints goes to `job.output`. May be called from several threads at once, each with a job of its own.

    Raises DeploymentFailed (deployer-failed, deployer-timeout), also for a defect of the deployer and where it reports
    another version than the plan's; the other errors of the family as they come; and Cancelled.
    """
    clock, retries = context.clock, prepared.settings.retries
    until, number = clock.monotonic() + job.timeout, 1
    now = job
    while True:
        try:
            return _once(prepared, now)
        except DeploymentFailed as problem:
            if not problem.retryable or number > retries:
                raise _counted(problem, number) from problem
            wait = _wait(problem, number, clock.now(), job.attempt)
            if clock.monotonic() + wait >= until:
                raise _late(job, problem, wait) from problem
            told = one_line(problem.message, _ALL)
        say(f"try {number} of {retries + 1} failed: {told}; again in {wait:.1f} s")
        clock.sleep(wait)
        number += 1
        now = replace(job, timeout=max(_SHORTEST, until - clock.monotonic()))


def _once(prepared: Prepared, job: Job) -> Receipt:
    plan = job.plan
    deployer: Any = prepared.deployer
    act = deployer.deploy if plan.decision.action == "deploy" else deployer.undeploy
    try:
        with overheard(job.output):
            receipt = act(job, prepared.options)
    except ModelStageError:
        raise
    except (Exception, SystemExit) as defect:
        # A deployer of the user's own may raise anything; that is a failed deployment, not a traceback.
        told = f"the deployer {plan.deployer} broke: {type(defect).__name__}: {defect}"
        raise DeploymentFailed(Reason.DEPLOYER_FAILED, told) from defect
    receipt = _in_order(receipt, job)
    _require_version(plan, receipt)
    return receipt


def _in_order(receipt: object, job: Job) -> Receipt:
    """The receipt with plain facts and a URL that a browser may be sent to. Raises DeploymentFailed for none."""
    if not isinstance(receipt, Receipt):
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED,
            f"the deployer {job.plan.deployer} returned no Receipt, so nobody knows how it ended "
            f"({type(receipt).__name__})",
            hint="let it end with `return Receipt()`",
        )
    url = usable_url(receipt.url)
    if receipt.url and url is None:
        job.output("[the url that the deployer reports is not used: it is no plain http or https URL]\n")
    version = receipt.version if isinstance(receipt.version, str) else str(receipt.version or "")
    return replace(receipt, url=url, version=version.strip(), facts=plain_facts(receipt.facts))


def _require_version(plan: Plan, receipt: Receipt) -> None:
    """Whoever reports what is live must report what was to be deployed. Raises DeploymentFailed."""
    wanted = plan.decision.version
    if plan.decision.action != "deploy" or not receipt.version:
        return
    if receipt.version.removeprefix("v") != wanted.removeprefix("v"):
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED,
            f"{one_line(receipt.version, _ALL)} is live, as the deployer {plan.deployer} reports, and not {wanted}",
            hint="find out why it took another version; what it reports is compared with the version of the tag",
            tail=receipt.tail,
        )


def _wait(problem: DeploymentFailed, number: int, now: float, seed: str) -> float:
    """Seconds until the next try: as many as were asked for, else ever more."""
    after = problem.after
    if isinstance(after, (int, float)) and not math.isnan(after):
        return max(0.0, float(after))
    return pause(number, {}, now, seed)


def _counted(problem: DeploymentFailed, tries: int) -> DeploymentFailed:
    """The failure of the last try, which says how many there were."""
    if tries == 1:
        return problem
    message = f"{problem.message} (tried {tries} times)"
    return DeploymentFailed(problem.reason, message, hint=problem.hint, tail=problem.tail, retryable=problem.retryable)


def _late(job: Job, problem: DeploymentFailed, wait: float) -> DeploymentFailed:
    return DeploymentFailed(
        Reason.DEPLOYER_TIMEOUT,
        f"it did not succeed within {job.timeout:g} s, and the next try would be in {wait:.1f} s; last: "
        f"{problem.message}",
        hint=problem.hint or "give `deploy.timeout` more time; what it began may still be at work",
        tail=problem.tail,
        retryable=True,
    )
