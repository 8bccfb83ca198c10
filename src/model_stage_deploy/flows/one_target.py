"""One target of a stage, in a thread of its own: the deployer, its verification, and what is to be kept of both."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan, Previous
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Good, TargetRecord, TargetResult, TargetState
from model_stage_deploy.core.verdict import Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.environment import msd_variables
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.planning import Prepared
from model_stage_deploy.flows.target_voice import TargetVoice
from model_stage_deploy.flows.trying import tried
from model_stage_deploy.flows.verifying import verify

_SUMMARY = 500  # characters
_IDS = uuid.UUID("6f1c6b0e-6a9a-4c7e-9a52-6f1f0c0a7b11")


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done at one target. `before` is what was known of it; `wave` counts from 1.

    `good` is what it is on its way back to, if so: that stays what it can go back to, whatever becomes of this.
    """

    prepared: Prepared
    wave: int
    before: TargetRecord | None
    good: Good | None = None

    @property
    def plan(self) -> Plan:
        """The target's own plan."""
        return self.prepared.plan

    @property
    def name(self) -> str:
        """The target's name."""
        return self.plan.target


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended: to be kept, and to be told."""

    record: TargetRecord
    result: TargetResult


class TargetWork:
    """The work of one attempt on the targets of a stage. `job` is that of the stage; `line` takes lines, one at a time.

    `env` is what all targets' processes have; `attempt` the stage's.
    """

    def __init__(
        self, context: Context, job: Job, attempt: str, env: Mapping[str, str], line: Callable[[str], None]
    ) -> None:
        self._context = context
        self._job = job
        self._attempt = attempt
        self._env = env
        self._line = line
        self._placed: set[tuple[str, str]] = set()
        self._model_dirs = {job.plan.decision.commit: job.model_dir}

    def fetch(self, commit: str) -> None:
        """Have the files of another commit than the job's, where deployers are given files. Raises MachineryFailed."""
        if commit not in self._model_dirs:
            wanted = self._job.model_dir is not None
            self._model_dirs[commit] = self._context.repository.checkout(commit) if wanted else None

    def begun(self, task: Task) -> TargetRecord:
        """What is kept before anything is done: that it is begun."""
        return self._record(task, TargetState.STARTED, "begun")

    def left(self, task: Task) -> TargetRecord:
        """What is kept of one that was to begin and did not: what was known of it before."""
        if task.before is None:
            return self._record(task, TargetState.NOT_STARTED, "not begun, as others had failed")
        return task.before._replace(time=self._context.clock.now())

    def done(self, task: Task) -> Done:
        """Do it. Never raises for what goes wrong, but Cancelled."""
        context, plan = self._context, task.plan
        begun = context.clock.monotonic()
        voice = TargetVoice(task.name, context.announcer, self._line)
        checks: list[Verified] = []
        placed, url = False, plan.environment_url or ""
        deploys = plan.decision.action == "deploy"
        inner = replace(context, announcer=voice)
        try:
            job = self._job_of(task, voice)
            receipt = tried(inner, task.prepared, job, say=voice.say)
            placed, url = True, receipt.url or url
            self._placed.add((task.name, plan.decision.version))
            if deploys and plan.verify:
                if receipt.url:
                    job = replace(job, env={**job.env, "MSD_ENVIRONMENT_URL": receipt.url})
                verify(inner, job, task.prepared.verify(receipt.url, job.attempt), checks)
        except ModelStageError as problem:
            told = problem.message.partition("\n")[0]
            record = self._record(task, _state_of(problem), told, placed=placed, url=url)
            result, reason = "failed", problem.reason
        except Exception as defect:  # noqa: BLE001 - of ours; other targets must go on
            told = f"a defect in model-stage-deploy: {type(defect).__name__}: {defect}"
            record = self._record(task, TargetState.ERROR, told, placed=placed, url=url)
            result, reason = "failed", Reason.INTERNAL_ERROR
        else:
            told = f"{plan.decision.version} is live" if deploys else f"{plan.decision.version} was taken away"
            state = TargetState.SUCCESS if deploys else TargetState.UNDEPLOYED
            record = self._record(task, state, told, placed=deploys, url=url)
            result, reason = ("deployed", Reason.DEPLOYED) if deploys else ("undeployed", Reason.UNDEPLOYED)
        finally:
            voice.end()
        seconds = context.clock.monotonic() - begun
        return Done(
            record,
            TargetResult(
                target=task.name,
                wave=task.wave,
                result=result,
                reason=reason.value,
                message=self._brief(told),
                now=record.now,
                seconds=seconds,
                url=url,
                verified=record.verified,
            ),
        )

    def broken_off(self, task: Task, problem: BaseException) -> Done:
        """The end of one whose thread was stopped."""
        cancelled = isinstance(problem, Cancelled)
        told = (
            "cancelled; what the deployer started was ended" if cancelled else f"broken off: {type(problem).__name__}"
        )
        deploys = task.plan.decision.action == "deploy"
        placed = deploys and (task.name, task.plan.decision.version) in self._placed
        record = self._record(task, TargetState.ERROR, told, placed=placed)
        return Done(record, TargetResult(task.name, task.wave, "cancelled", Reason.CANCELLED.value, told, record.now))

    def _job_of(self, task: Task, voice: TargetVoice) -> Job:
        """Ids are the same for the same target of the same attempt, and no other.

        The way back has one of its own: whoever leaves alone what comes a second time would leave it.
        """
        plan = task.plan
        back = " back" if task.good is not None else ""
        id_ = uuid.uuid5(_IDS, f"{self._attempt} {task.name}{back}").hex
        files = self._model_dirs[plan.decision.commit]
        values = msd_variables(plan, id_, model_dir=files, action=plan.decision.action)
        env = {**self._env, **task.prepared.env, **values}
        job = replace(self._job, plan=plan, attempt=id_, env=env, timeout=plan.timeout, output=voice.output)
        return replace(job, model_dir=files)

    def _record(
        self, task: Task, state: TargetState, summary: str, *, placed: bool = False, url: str = ""
    ) -> TargetRecord:
        decision = task.plan.decision
        return TargetRecord(
            target=task.name,
            version=decision.version,
            commit=decision.commit,
            tag=decision.tag,
            digest=task.plan.digest,
            attempt=self._attempt,
            state=state,
            time=self._context.clock.now(),
            wave=task.wave,
            placed=placed,
            checks=len(task.plan.verify),
            rollback=decision.rollback,
            url=url,
            summary=self._brief(summary),
            good=task.good or (task.before.good_now if task.before is not None else None),
            had=task.before.now if task.before is not None else "",
        )

    def _brief(self, text: str) -> str:
        """A text for records and results. Scrubbed before it is cut: half a secret is one that no scrubber knows."""
        return one_line(self._context.scrub(text), _SUMMARY)


def _state_of(problem: ModelStageError) -> TargetState:
    """`failure` where the deployer or a check said no; `error` where it cannot be told, or something else broke."""
    sure = isinstance(problem, DeploymentFailed) and problem.reason is not Reason.VERIFICATION_INCONCLUSIVE
    return TargetState.FAILURE if sure else TargetState.ERROR


def before_of(record: TargetRecord | None, version: str) -> Previous | None:
    """What a target had before, as what is replaced; None for nothing, and for the same version."""
    if record is None or not record.now or record.now == version:
        return None
    if record.placed:
        return Previous(record.version, record.tag, record.commit)
    return Previous(record.good.version, record.good.tag, record.good.commit) if record.good else None
