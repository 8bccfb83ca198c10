"""The smallest deployer that a user may write: `describe`, `deploy`, no ports, and no settings of its own."""

import time
from pathlib import Path

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import FreeOptions
from model_stage_deploy.deployers.contract import Job, Receipt


class Deployer:
    """Waits for a file, and writes another."""

    def describe(self, plan: Plan, options: FreeOptions) -> list[str]:
        """What `deploy` would do."""
        return [f"wait for {options.get('for')!r}, then write {plan.model.description!r}, by {options.get('token')}"]

    def deploy(self, job: Job, options: FreeOptions) -> Receipt:
        """Do it."""
        job.output(f"hello from {job.plan.target}\n")
        if options.get("fails"):
            job.output("last words\n")
            passing = bool(options["fails"] == "for now")
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, "it failed", tail="last words", retryable=passing, after=7.0)
        until = time.monotonic() + job.timeout
        while options.get("for") and not Path(options["for"]).exists():
            if time.monotonic() >= until:
                raise DeploymentFailed(Reason.DEPLOYER_TIMEOUT, "the file did not come")
            time.sleep(0.01)
        if options.get("writes"):
            Path(options["writes"]).write_bytes(str(job.plan.model.description).encode())
        return Receipt(facts={"target": job.plan.target})
