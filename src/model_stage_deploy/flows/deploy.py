"""Deploying: record the start, run the deployer, record the end, whatever happens in between."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Literal

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed, MachineryFailed, ModelStageError, NothingToDo
from model_stage_deploy.core.outcome import Journal, Outcome, from_error, subject_of
from model_stage_deploy.core.plan import Decision, Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed, decide, read_tag, require_assignment
from model_stage_deploy.flows.overheard import overheard
from model_stage_deploy.flows.planning import Prepared, actions_of, prepare
from model_stage_deploy.ports import Ending


def deploy_tag(context: Context, ref: str, pushed: Pushed, journal: Journal, *, by_hand: bool) -> Outcome:
    """Deploy what a stage tag says. Raises ModelStageError where nothing may or need be deployed, and Cancelled."""
    tag = read_tag(ref, by_hand=by_hand)
    require_assignment(tag)
    if pushed.deleted:
        raise NothingToDo(Reason.TAG_DELETED, f"{tag.text} was deleted; a deletion never deploys", doubtful=True)
    with journal.step("resolve the version"):
        decision, notes = decide(tag, context.repository, pushed, now=context.clock.now())
    return carry_out(context, decision, notes, journal)


def carry_out(context: Context, decision: Decision, notes: tuple[str, ...], journal: Journal) -> Outcome:
    """Plan a decision and, unless this is a dry run, deploy it.

    Raises what planning raises and Cancelled before anything has started; from then on the outcome tells.
    """
    journal.subject = subject_of(decision)
    with journal.step("plan"):
        prepared = prepare(context, context.configuration(decision.commit), decision, notes)
    for note in notes:
        context.announcer.note("warning", note)
    journal.warnings.extend(notes)
    if context.dry_run:
        return Outcome(
            reason=Reason.DRY_RUN,
            message=f"would deploy {decision.model} {decision.version} to {decision.stage}",
            subject=journal.subject,
            plan=prepared.plan,
            actions=actions_of(prepared),
            steps=tuple(journal.steps),
            warnings=tuple(journal.warnings),
        )
    context.announcer.say(_about_to(prepared.plan))
    return _Deployment(context, prepared, _job(context, prepared, journal), journal).run()


def _job(context: Context, prepared: Prepared, journal: Journal) -> Job:
    plan, attempt = prepared.plan, uuid.uuid4().hex
    files = model_dir = None
    if prepared.deployer.needs_files:
        with journal.step("fetch files"):
            files = prepared.configuration.files()
            model_dir = context.repository.checkout(plan.decision.commit)
    values = msd_variables(plan, attempt, model_dir=model_dir)
    return Job(
        plan=plan,
        attempt=attempt,
        env=child_environment(context.environ) | dict(prepared.env) | values,
        timeout=plan.timeout,
        output=context.announcer.output,
        files=files,
        model_dir=model_dir,
    )


@dataclass
class _Deployment:
    """One attempt, from its first record to its last."""

    context: Context
    prepared: Prepared
    job: Job
    journal: Journal
    deployment_id: str | None = None
    ending: Ending | None = None  # known once the deployer has ended
    ended_as: str = ""

    def run(self) -> Outcome:
        try:
            return self._attempt()
        except Cancelled:
            return self._cancelled()

    def _attempt(self) -> Outcome:
        plan = self.prepared.plan
        try:
            self._record_start()
            receipt = self._run_deployer()
        except ModelStageError as problem:
            outcome = self._failure(problem)
            self.ending = _ending(_state_of(problem), outcome)
        else:
            reason = Reason.ROLLED_BACK if plan.decision.rollback else Reason.DEPLOYED
            url = receipt.url or plan.environment_url or ""
            outcome = replace(self._outcome(reason, _done(plan)), environment_url=url)
            self.ending = _ending("success", outcome)
        self.ended_as = outcome.reason.value
        return self._recorded(outcome, self.ending)

    def _record_start(self) -> None:
        if self.context.host is not None:
            with self.journal.step("record the start"):
                self.deployment_id = self.context.host.start(self.prepared.plan, self.job.attempt)

    def _run_deployer(self) -> Receipt:
        plan, announcer = self.prepared.plan, self.context.announcer
        decision = plan.decision
        with self.journal.step("deploy"):
            announcer.begin(f"{plan.deployer}: {decision.model} {decision.version} -> {decision.stage}")
            try:
                with overheard(announcer.output):
                    return self.prepared.deployer.deploy(self.job, self.prepared.options)
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

    def _recorded(self, outcome: Outcome, ending: Ending) -> Outcome:
        """Record the end and add what came of that to the outcome."""
        host = self.context.host
        if host is None or self.deployment_id is None:
            return self._with_journal(outcome)
        try:
            with self.journal.step("record the end"):
                warnings = host.finish(self.prepared.plan, self.job.attempt, self.deployment_id, ending)
        except MachineryFailed as problem:
            message = f"{outcome.message}; {problem.message}"
            unrecorded = replace(outcome, reason=Reason.END_NOT_RECORDED, message=message, hint=problem.hint)
            return self._with_journal(replace(unrecorded, ended_as=self.ended_as))
        for warning in warnings:
            self.context.announcer.note("warning", warning)
        self.journal.warnings.extend(warnings)
        return self._with_journal(outcome)

    def _cancelled(self) -> Outcome:
        """Close the record within the seconds that a cancelled job is given: with how the deployer ended, if it did."""
        message = (
            "cancelled while recording the end" if self.ending else "cancelled; what the deployer started was ended"
        )
        outcome = self._outcome(Reason.CANCELLED, message)
        host = self.context.host
        if host is not None:
            closing = replace(self.ending or Ending("error", "cancelled"), hurry=True)
            try:
                host.finish(self.prepared.plan, self.job.attempt, self.deployment_id, closing)
            except MachineryFailed as problem:
                outcome = replace(outcome, message=f"{message}; {problem.message}")
        return self._with_journal(replace(outcome, ended_as=self.ended_as))

    def _failure(self, problem: ModelStageError) -> Outcome:
        outcome = from_error(problem, self.journal, self.prepared.plan)
        if self.deployment_id is None and self.context.host is not None:
            return outcome  # the message already says that nothing was deployed, and why
        decision = self.prepared.plan.decision
        told = f"{decision.model} {decision.version} was not deployed to {decision.stage}: {problem.message}"
        return replace(outcome, message=told)

    def _outcome(self, reason: Reason, message: str) -> Outcome:
        plan = self.prepared.plan
        return Outcome(reason=reason, message=message, subject=self.journal.subject, plan=plan)

    def _with_journal(self, outcome: Outcome) -> Outcome:
        return replace(
            outcome,
            steps=tuple(self.journal.steps),
            warnings=tuple(self.journal.warnings),
            deployment_id=self.deployment_id or "",
        )


def _ending(state: Literal["success", "failure", "error"], outcome: Outcome) -> Ending:
    return Ending(state, outcome.message, outcome.environment_url or None)


def _state_of(problem: ModelStageError) -> Literal["failure", "error"]:
    """GitHub's word for it: `failure` where the deployer said no, `error` where something else broke."""
    return "failure" if isinstance(problem, DeploymentFailed) else "error"


def _about_to(plan: Plan) -> str:
    decision = plan.decision
    verb = "rolling back to" if decision.rollback else "deploying"
    replacing = decision.previous.version if decision.previous else "nothing"
    return (
        f"{verb} {decision.model} {decision.version} ({decision.tag}, commit {decision.commit[:12]}) "
        f"in {decision.stage}: environment {plan.environment}, replacing {replacing}, by {plan.config}"
    )


def _done(plan: Plan) -> str:
    decision = plan.decision
    did = "rolled back" if decision.rollback else "deployed"
    replaced = f", replacing {decision.previous.version}" if decision.previous else ""
    if decision.rollback:
        replaced = f" from {decision.previous.version}" if decision.previous else ""
        return f"{decision.model} {did}{replaced} to {decision.version} in {decision.stage}"
    return f"{decision.model} {decision.version} {did} to {decision.stage}{replaced}"
