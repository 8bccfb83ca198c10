"""One attempt to deploy or to undeploy, from its first record to its last, whatever happens in between."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Literal

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed, MachineryFailed, ModelStageError
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.outcome import Journal, Outcome, from_error
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verified
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.locking import Hold
from model_stage_deploy.flows.overheard import overheard
from model_stage_deploy.flows.planning import Prepared
from model_stage_deploy.flows.verifying import verify
from model_stage_deploy.ports import Ending


def new_id() -> str:
    """An id for an attempt, never used before."""
    return uuid.uuid4().hex


@dataclass
class Attempt:
    """One try. `success` is the reason of a good end; `hold` the lock under which all happens."""

    context: Context
    prepared: Prepared
    journal: Journal
    evidence: Evidence
    hold: Hold
    id: str
    success: Reason
    deployment_id: str | None = None
    placed: bool = False
    checks: list[Verified] = field(default_factory=list)
    ending: Ending | None = None  # known once the deployer has ended
    ended_as: str = ""

    def run(self) -> Outcome:
        """Carry it out. Never raises for what goes wrong, Cancelled included: the outcome tells."""
        try:
            return self._attempt()
        except Cancelled:
            return self._cancelled()

    def _attempt(self) -> Outcome:
        try:
            job = self._job()
            self.hold.require()
            self._record_start()
            receipt = self._act(job)
            self._verify(job, receipt)
        except ModelStageError as problem:
            outcome = self._failure(problem)
            self.ending = Ending(_state_of(problem), outcome.message, outcome.environment_url or None)
        else:
            url = receipt.url or self._plan.environment_url or ""
            outcome = replace(self._outcome(self.success, done(self._plan)), environment_url=url)
            state: Literal["success", "inactive"] = "success" if self._deploys else "inactive"
            self.ending = Ending(state, outcome.message, outcome.environment_url or None)
        self.ended_as = outcome.reason.value
        return self._recorded(outcome, self.ending)

    @property
    def _plan(self) -> Plan:
        return self.prepared.plan

    @property
    def _deploys(self) -> bool:
        return self._plan.decision.action == "deploy"

    def _job(self) -> Job:
        context, plan = self.context, self._plan
        files = model_dir = None
        if self.prepared.deployer.needs_files or any(check.run for check in plan.verify):
            with self.journal.step("fetch files"):
                files = self.prepared.configuration.files()
                model_dir = context.repository.checkout(plan.decision.commit)
        handed = {name: value for name in self.prepared.settings.secrets if (value := context.handed.get(name))}
        values = msd_variables(plan, self.id, model_dir=model_dir, action=plan.decision.action)
        return Job(
            plan=plan,
            attempt=self.id,
            env=child_environment(context.environ) | handed | dict(self.prepared.env) | values,
            timeout=plan.timeout,
            output=context.announcer.output,
            files=files,
            model_dir=model_dir,
        )

    def _record_start(self) -> None:
        if self.context.host is not None:
            with self.journal.step("record the start"):
                self.deployment_id = self.context.host.start(self._plan, self.id, self.evidence)

    def _act(self, job: Job) -> Receipt:
        plan, announcer, decision = self._plan, self.context.announcer, self._plan.decision
        with self.journal.step(decision.action):
            announcer.begin(f"{plan.deployer}: {decision.model} {decision.version} -> {decision.stage}")
            try:
                with overheard(announcer.output):
                    deployer, options = self.prepared.deployer, self.prepared.options
                    receipt = deployer.deploy(job, options) if self._deploys else deployer.undeploy(job, options)  # type: ignore[attr-defined]
            except ModelStageError:
                raise
            except (Exception, SystemExit) as defect:
                # A deployer of the user's own may raise anything; that is a failed deployment, not a traceback.
                raise DeploymentFailed(
                    Reason.DEPLOYER_FAILED,
                    f"the deployer {plan.deployer} broke: {type(defect).__name__}: {defect}",
                ) from defect
            finally:
                announcer.end()
        self.placed = True
        return receipt

    def _verify(self, job: Job, receipt: Receipt) -> None:
        if not self._deploys or not self._plan.verify:
            return
        if self.context.host is not None and self.deployment_id is not None:
            with self.journal.step("record the deployer's end"):
                self._record_placed(self.deployment_id)
        if receipt.url:
            job = replace(job, env={**job.env, "MSD_ENVIRONMENT_URL": receipt.url})
        with self.journal.step("verify"):
            verify(self.context, job, self.prepared.verify(receipt.url, self.id), self.checks)

    def _record_placed(self, deployment_id: str) -> None:
        """A record that lags behind is no reason to leave the new version unverified."""
        assert self.context.host is not None  # noqa: S101 - for the type checker
        try:
            self.context.host.placed(self._plan, deployment_id)
        except MachineryFailed as problem:
            self._warn(f"that the deployer ended could not be recorded: {problem.message}")

    def _recorded(self, outcome: Outcome, ending: Ending) -> Outcome:
        """Record the end and add what came of that to the outcome."""
        host = self.context.host
        if host is None or self.deployment_id is None:
            return self._with_journal(outcome)
        try:
            with self.journal.step("record the end"):
                warnings = host.finish(self._plan, self.id, self.deployment_id, ending)
        except MachineryFailed as problem:
            message = f"{outcome.message}; {problem.message}"
            unrecorded = replace(outcome, reason=Reason.END_NOT_RECORDED, message=message, hint=problem.hint)
            return self._with_journal(replace(unrecorded, ended_as=self.ended_as))
        for warning in warnings:
            self._warn(warning)
        return self._with_journal(outcome)

    def _cancelled(self) -> Outcome:
        """Close the record within the seconds that a cancelled job is given: with how the deployer ended, if it did."""
        self.hold.hurry = True
        if self.hold.lost:
            reason, message = Reason.LOCK_LOST, f"{self.hold.why_lost}; what the deployer started was ended"
        else:
            reason, message = Reason.CANCELLED, "cancelled; what the deployer started was ended"
            if self.ending:
                message = "cancelled while recording the end"
            elif self.placed:
                message = "cancelled after the deployer had ended well and before it was verified"
        outcome = self._outcome(reason, message)
        host = self.context.host
        if host is not None:
            closing = replace(self.ending or Ending("error", message.partition(";")[0]), hurry=True)
            try:
                host.finish(self._plan, self.id, self.deployment_id, closing)
            except MachineryFailed as problem:
                outcome = replace(outcome, message=f"{message}; {problem.message}")
        return self._with_journal(replace(outcome, ended_as=self.ended_as))

    def _failure(self, problem: ModelStageError) -> Outcome:
        outcome = from_error(problem, self.journal, self._plan)
        if self.deployment_id is None and self.context.host is not None:
            return outcome  # the message already says that nothing was deployed, and why
        decision = self._plan.decision
        if self.placed:
            told = f"{decision.model} {decision.version} was deployed to {decision.stage}, but {problem.message}"
        else:
            verb = "deployed to" if self._deploys else "taken out of"
            told = f"{decision.model} {decision.version} was not {verb} {decision.stage}: {problem.message}"
        return replace(outcome, message=told)

    def _outcome(self, reason: Reason, message: str) -> Outcome:
        return Outcome(reason=reason, message=message, subject=self.journal.subject, plan=self._plan)

    def _with_journal(self, outcome: Outcome) -> Outcome:
        return replace(
            outcome,
            steps=tuple(self.journal.steps),
            warnings=tuple(self.journal.warnings),
            deployment_id=self.deployment_id or "",
            gates=self.journal.gates,
            overridden=self.journal.overridden,
            checks=tuple(self.checks),
            placed=self.placed,
            way=self.journal.way,
        )

    def _warn(self, text: str) -> None:
        self.context.announcer.note("warning", text)
        self.journal.warnings.append(text)


def _state_of(problem: ModelStageError) -> Literal["failure", "error"]:
    """GitHub's word for it: `failure` where the deployer or a check said no, `error` where something else broke."""
    inconclusive = problem.reason is Reason.VERIFICATION_INCONCLUSIVE
    return "failure" if isinstance(problem, DeploymentFailed) and not inconclusive else "error"


def about_to(plan: Plan) -> str:
    """What is going to happen, in one line."""
    decision = plan.decision
    verb = "rolling back to" if decision.rollback else f"{decision.action}ing"
    replacing = f"replacing {decision.previous.version if decision.previous else 'nothing'}, "
    return (
        f"{verb} {decision.model} {decision.version} ({decision.tag}, commit {decision.commit[:12]}) "
        f"in {decision.stage}: environment {plan.environment}, "
        f"{replacing if decision.action == 'deploy' else ''}by {plan.config}"
    )


def done(plan: Plan) -> str:
    """What was done, in one line."""
    decision = plan.decision
    if decision.action == "undeploy":
        return f"{decision.model} {decision.version} was taken out of {decision.stage}"
    did = "rolled back" if decision.rollback else "deployed"
    replaced = f", replacing {decision.previous.version}" if decision.previous else ""
    if decision.rollback:
        replaced = f" from {decision.previous.version}" if decision.previous else ""
        return f"{decision.model} {did}{replaced} to {decision.version} in {decision.stage}"
    return f"{decision.model} {decision.version} {did} to {decision.stage}{replaced}"
