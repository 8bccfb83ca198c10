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
from model_stage_deploy.core.reported import Reported
from model_stage_deploy.core.targets import TargetResult
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.fanout import Fanout
from model_stage_deploy.flows.locking import Hold
from model_stage_deploy.flows.planning import Fan, Prepared
from model_stage_deploy.flows.target_results import at_targets
from model_stage_deploy.flows.trying import tried
from model_stage_deploy.flows.verifying import verify
from model_stage_deploy.ports import CodeHost, Ending


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
    resuming: bool = False
    """Whether an earlier run of the same tag was never finished: then its targets are left as they are."""
    outer: dict[str, str] = field(default_factory=dict)
    """The environment of processes before the stage's own."""
    targets: tuple[TargetResult, ...] = ()
    deployment_id: str | None = None
    placed: bool = False
    reported: Reported | None = None
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
            if self.prepared.fan is None:
                receipt = self._act(job)
                self._verify(job, receipt)
            else:
                receipt = self._fan_out(job, self.prepared.fan)
        except ModelStageError as problem:
            outcome = self._failure(problem)
            self.ending = Ending(_state_of(problem), outcome.message, outcome.environment_url or None)
        else:
            url = receipt.url or self._plan.environment_url or ""
            message = done(self._plan) + at_targets(self.targets)
            outcome = replace(self._outcome(self.success, message), environment_url=url)
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
        self.outer = child_environment(context.environ) | handed
        return Job(
            plan=plan,
            attempt=self.id,
            env=self.outer | dict(self.prepared.env) | values,
            timeout=plan.timeout,
            output=context.announcer.output,
            files=files,
            model_dir=model_dir,
        )

    @property
    def _host(self) -> CodeHost | None:
        """Where the stage's record is made: nowhere by a run about a part of its targets."""
        return None if self.context.wishes.scope.is_part else self.context.host

    def _fan_out(self, job: Job, fan: Fan) -> Receipt:
        """Deploy to the targets of the stage; what became of each is there afterwards, whatever is raised."""
        fanout = Fanout(self.context, self.prepared, fan, job, self.outer, self.hold, self.id, self.resuming)
        try:
            with self.journal.step("judge the targets" if self.context.wishes.scope.finish else "targets"):
                receipt = fanout.run()
        finally:
            self.targets = tuple(fanout.results.values())
        self.placed = True
        if self._deploys and self._plan.verify and self.targets and all(one.verified for one in self.targets):
            count = f"{len(self.targets)} of {len(self.targets)} targets verified"
            self.checks.append(Verified("targets", Finding.PASSED, count))
        return receipt

    def _record_start(self) -> None:
        if self._host is not None:
            with self.journal.step("record the start"):
                self.deployment_id = self._host.start(self._plan, self.id, self.evidence)

    def _act(self, job: Job) -> Receipt:
        plan, announcer, decision = self._plan, self.context.announcer, self._plan.decision
        with self.journal.step(decision.action):
            announcer.begin(f"{plan.deployer}: {decision.model} {decision.version} -> {decision.stage}")
            try:
                receipt = tried(self.context, self.prepared, job, say=announcer.say)
            finally:
                announcer.end()
        self.placed = True
        self.reported = Reported(receipt.url, receipt.version, receipt.facts)
        if self._deploys and receipt.facts.get("proof") is False and not self._plan.verify:
            self._warn(
                f"nothing proves that {decision.version} is what {decision.stage} has now: by itself a good end of "
                f"{plan.deployer} does not; add `verify:` to the stage"
            )
        return receipt

    def _verify(self, job: Job, receipt: Receipt) -> None:
        if not self._deploys or not self._plan.verify:
            return
        if self._host is not None and self.deployment_id is not None:
            with self.journal.step("record the deployer's end"):
                self._record_placed(self.deployment_id)
        if receipt.url:
            job = replace(job, env={**job.env, "MSD_ENVIRONMENT_URL": receipt.url})
        with self.journal.step("verify"):
            verify(self.context, job, self.prepared.verify(receipt.url, self.id), self.checks)

    def _record_placed(self, deployment_id: str) -> None:
        """A record that lags behind is no reason to leave the new version unverified."""
        assert self._host is not None  # noqa: S101 - for the type checker
        try:
            self._host.placed(self._plan, deployment_id)
        except MachineryFailed as problem:
            self._warn(f"that the deployer ended could not be recorded: {problem.message}")

    def _recorded(self, outcome: Outcome, ending: Ending) -> Outcome:
        """Record the end and add what came of that to the outcome."""
        host = self._host
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
        host = self._host
        if host is not None:
            closing = replace(self.ending or Ending("error", message.partition(";")[0]), hurry=True)
            try:
                host.finish(self._plan, self.id, self.deployment_id, closing)
            except MachineryFailed as problem:
                outcome = replace(outcome, message=f"{message}; {problem.message}")
        return self._with_journal(replace(outcome, ended_as=self.ended_as))

    def _failure(self, problem: ModelStageError) -> Outcome:
        outcome = from_error(problem, self.journal, self._plan)
        if self.deployment_id is None and self._host is not None:
            return outcome  # the message already says that nothing was deployed, and why
        decision = self._plan.decision
        if self.targets and problem.reason in (Reason.TARGETS_FAILED, Reason.VERIFICATION_INCONCLUSIVE):
            told = f"{decision.model} {decision.version} in {decision.stage}: {problem.message}"
        elif self.placed:
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
            receipt=self.reported,
            way=self.journal.way,
            targets=self.targets,
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
