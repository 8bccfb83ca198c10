"""A deployer of a user's own that has all verbs: it runs a program, and asks for the port that does so."""

import os
from typing import Any

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt, Status
from model_stage_deploy.ports import Command, Finished, Process


class OurOptions(Options):
    """Settings of this deployer."""

    program: str
    token: str = ""
    looks: bool = True


class Deployer:
    """Runs `program` with sh."""

    options = OurOptions
    verbatim_options = frozenset({"program"})

    def __init__(self, process: Process) -> None:
        self._process = process

    def describe(self, plan: Plan, options: OurOptions) -> list[str]:
        """What `deploy` would do."""
        return [f"run {one_line(options.program)} for {one_line(str(plan.model.description))}, by {options.token}"]

    def deploy(self, job: Job, options: OurOptions) -> Receipt:
        """Run it."""
        done = self._run(job, options)
        if done.timed_out:
            raise DeploymentFailed(Reason.DEPLOYER_TIMEOUT, f"it did not end in {job.timeout:g} s", tail=done.tail)
        if done.exit_code:
            raise DeploymentFailed(
                Reason.DEPLOYER_FAILED,
                f"it exited with {done.exit_code}",
                tail=done.tail,
                retryable=done.exit_code == os.EX_TEMPFAIL,
                after=7.0,
            )
        return Receipt(facts={"target": job.plan.target}, tail=done.tail)

    def describe_undeploy(self, plan: Plan, options: OurOptions) -> list[str]:
        """What `undeploy` would do."""
        return self.describe(plan, options)

    def undeploy(self, job: Job, options: OurOptions) -> Receipt:
        """Run it; it can tell by MSD_ACTION."""
        return self.deploy(job, options)

    def why_not_status(self, options: OurOptions) -> str:
        """Why it cannot look."""
        return "" if options.looks else "`looks` is false"

    def status(self, job: Job, options: OurOptions) -> Status:
        """Run it; it can tell by MSD_ACTION."""
        return Status("stopped" if self._run(job, options).exit_code else "running", "as its program says")

    def _run(self, job: Job, options: OurOptions) -> Finished:
        assert job.files is not None
        env: dict[str, Any] = {**job.env, "TOKEN": options.token}
        return self._process.run(Command(("sh", "-c", options.program), job.files, env, job.timeout), job.output)
