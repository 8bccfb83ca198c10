"""A stage with many targets: wave after wave, each target deployed, verified and recorded; and back, where it must be.

One process does it all, or many jobs do a part each and `finish` judges what they left (core/targets.py, the port
TargetLog). Either way the same records come of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.errors import DeploymentFailed, MachineryFailed, ModelStageError
from model_stage_deploy.core.plan import Decision, Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import (
    Target,
    TargetResult,
    TargetState,
    Wave,
)
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.crew import Crew
from model_stage_deploy.flows.hold import Hold
from model_stage_deploy.flows.one_target import Done, TargetWork, Task, before_of
from model_stage_deploy.flows.planning import Fan, Prepared
from model_stage_deploy.flows.target_book import TargetBook
from model_stage_deploy.flows.target_results import already, found_at, is_answered, is_at, is_of, told
from model_stage_deploy.flows.target_scope import selected

_NOTHING = "it had nothing before that it could go back to"


@dataclass
class Fanout:
    """The targets of a stage in one attempt. `resuming` says that a run of the same tag was never finished.

    `results` grows while it works, and is complete when `run` has ended, however that was.
    """

    context: Context
    prepared: Prepared
    fan: Fan
    job: Job
    env: Mapping[str, str]
    hold: Hold
    attempt: str
    resuming: bool
    results: dict[str, TargetResult] = field(default_factory=dict)
    _tasks: dict[str, Task] = field(default_factory=dict)
    _touched: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._scope = self.context.wishes.scope
        self._waves = selected(self._plan.waves, self._scope)
        self._progress = self.context.progress()
        self._one_at_a_time = threading.Lock()
        self._book = TargetBook(
            self.context.targets, self.context.clock, self._plan, self.attempt, self.context.announcer.say
        )
        self._work = TargetWork(self.context, self.job, self.attempt, self.env, self._line)

    @property
    def _plan(self) -> Plan:
        return self.prepared.plan

    def run(self) -> Receipt:
        """Do what the scope says. Raises DeploymentFailed (targets-failed, verification-inconclusive), MachineryFailed
        where it is not known or not kept what became of targets, and Cancelled."""
        self._progress.begin(self._title, self._waves)
        try:
            if self._scope.finish:
                self._judge()
            else:
                self._require_earlier_waves()
                self._tasks = {task.name: task for wave in self._waves for task in self._prepared_for(wave)}
                self._deploy()
            if self._goes_back:
                self._back(self._failing_waves())
        except BaseException:
            self._leave_rest()
            with suppress(MachineryFailed):
                self._book.hurry()
            raise
        finally:
            self._progress.end()
        self._close()
        return self._told()

    def _require_earlier_waves(self) -> None:
        """A wave begins when those before it are verified: one of many jobs sees that by what the others kept."""
        scope, decision = self._scope, self._plan.decision
        if scope.wave < 2 or self._goes_on_anyhow or decision.action != "deploy" or self.context.wishes.force:
            return
        for wave in self._plan.waves:
            kept = [(target, self._book.known.get(target.name)) for target in wave.targets]
            missing = [target.name for target, known in kept if not is_at(known, decision, self.fan.digest(target))]
            if wave.number < scope.wave and missing:
                raise DeploymentFailed(
                    Reason.TARGETS_FAILED,
                    f"wave {wave.number} ({wave.name}) has not ended well, so wave {scope.wave} does not begin: "
                    f"{len(missing)} of {len(wave.targets)} targets do not have it ({', '.join(missing[:5])}"
                    f"{', …' if len(missing) > 5 else ''})",
                    hint=f"deploy the missing ones first: --wave {wave.number}",
                )

    @property
    def _title(self) -> str:
        decision = self._plan.decision
        count = sum(len(wave.targets) for wave in self._waves)
        return f"{decision.model} {decision.version} in {decision.stage}: {count} targets"

    @property
    def _goes_back(self) -> bool:
        """Whether the wave that failed is to be rolled back: not by one of many jobs, which sees a part of it only."""
        wanted = self.fan.strategy.on_failure == "rollback-wave" and not self._plan.decision.rollback
        deploys = self._plan.decision.action == "deploy"
        return wanted and deploys and not self._scope.is_part and any(map(is_answered, self.results.values()))

    def _prepared_for(self, wave: Wave) -> Iterable[Task]:
        """Tasks of a wave, rendered before anything is begun: a template that is wrong for one target stops all."""
        decision = self._plan.decision
        for target in wave.targets:
            before = self._book.known.get(target.name)
            yield self._task(target, replace(decision, previous=before_of(before, decision.version)), wave.number)

    def _task(self, target: Target, decision: Decision, wave: int) -> Task:
        return Task(self.fan.of(target, decision), wave, self._book.known.get(target.name))

    def _deploy(self) -> None:
        """The waves, until one fails."""
        worked = False
        for wave in self._waves:
            if not self._goes_on:
                break
            tasks = [self._tasks[target.name] for target in wave.targets]
            rest = []
            for task in tasks:
                if self._is_there(task):
                    self._hear_result(already(task))
                else:
                    rest.append(task)
            if not rest:
                continue
            if worked:
                self._pause(wave)
                self.hold.require()
            worked = True
            names = {task.name for task in rest}
            self._progress.wave(wave._replace(targets=tuple(one for one in wave.targets if one.name in names)))
            self._book.begin([self._work.begun(task) for task in rest])
            self._carry_out(rest, goes_on=self._goes_on_anyhow)
        self._leave_rest()
        self._book.settle()

    @property
    def _goes_on_anyhow(self) -> bool:
        return self.fan.strategy.on_failure == "continue" or self._plan.decision.rollback

    @property
    def _goes_on(self) -> bool:
        return self._goes_on_anyhow or all(result.is_good for result in self.results.values())

    def _pause(self, wave: Wave) -> None:
        seconds = self.fan.strategy.pause
        if seconds > 0:
            self._progress.note(f"wave {wave.number} ({wave.name}) begins in {format_duration(round(seconds))}")
            self._book.settle()
            self.context.clock.sleep(seconds)

    def _carry_out(self, tasks: Sequence[Task], *, goes_on: bool) -> None:
        crew: Crew[Task, Done] = Crew(self.fan.strategy.max_parallel, self.context.stop)

        def heard(task: Task, ended: Done | BaseException) -> None:
            if isinstance(ended, BaseException):
                self._hear(self._work.broken_off(task, ended))
                return
            self._hear(ended)

        def begun(task: Task) -> None:
            with self._one_at_a_time:
                self._touched.append(task.name)
                self._progress.started(task.name)

        left = crew.run(
            tasks,
            self._work.done,
            halts=lambda done: not (done.result.is_good or goes_on),
            begun=begun,
            heard=heard,
            idle=self._book.flush,
        )
        for task in left:  # begun by the records, and not in fact
            self._book.keep(self._work.left(task))

    def _hear(self, done: Done) -> None:
        self._keep(done)
        self._hear_result(done.result)

    def _keep(self, done: Done) -> None:
        stopped = self.context.stop.is_set() or done.result.result == "cancelled"
        self._book.keep(done.record, soon=not stopped)  # one that is stopped has time for one last write only

    def _hear_result(self, result: TargetResult) -> None:
        self.results[result.target] = result
        with self._one_at_a_time:
            self._progress.ended(result)

    def _line(self, text: str) -> None:
        with self._one_at_a_time:
            self._progress.note(text)

    def _is_there(self, task: Task) -> bool:
        """Whether the target has it already: verified there, or put there by the run that is resumed."""
        before, plan = task.before, task.plan
        if before is None or self.context.wishes.force:
            return False
        if plan.decision.action != "deploy":
            other = self._scope.is_part and before.now not in ("", plan.decision.version)  # never taken in its place
            return other or before.state is TargetState.UNDEPLOYED
        return is_of(before, plan) and (before.verified or self.resuming)

    def _judge(self) -> None:
        """What other jobs did, by what they kept; nothing is deployed."""
        for wave in self._waves:
            self._progress.wave(wave)
            for task in self._prepared_for(wave):
                self._tasks[task.name] = task
                found = found_at(task)
                self._hear_result(found)
                if found.result != "not-started":
                    self._touched.append(task.name)

    def _failing_waves(self) -> list[Wave]:
        bad = {result.wave for result in self.results.values() if result.result in ("failed", "cancelled")}
        return [wave for wave in self._waves if wave.number in bad]

    def _back(self, waves: Sequence[Wave]) -> None:
        """Each touched target of the waves gets back what it had before."""
        touched = set(self._touched)
        for wave in waves:
            names = [target.name for target in wave.targets if self.results[target.name].result != "already"]
            tasks = []
            for target in (target for target in wave.targets if target.name in names and target.name in touched):
                failed = self.results[target.name]
                task = self._way_back(target, wave.number)
                if isinstance(task, str):
                    message = f"{failed.message}; THE WAY BACK FAILED: {task}"
                    self._hear_result(failed._replace(result="rollback-failed", message=message))
                else:
                    tasks.append(task)
            if not tasks:
                continue
            self.hold.require()
            self._progress.note(f"wave {wave.number} ({wave.name}) failed: {len(tasks)} targets go back")
            self._go_back(tasks)

    def _go_back(self, tasks: Sequence[Task]) -> None:
        crew: Crew[Task, Done] = Crew(self.fan.strategy.max_parallel, self.context.stop)
        whys = {task.name: self.results[task.name] for task in tasks}

        def heard(task: Task, ended: Done | BaseException) -> None:
            if isinstance(ended, BaseException):
                self._hear(self._work.broken_off(task, ended))
                return
            self._keep(ended)
            why, good = whys[task.name], ended.result.is_good
            told = f"back at {task.plan.decision.version}" if good else f"THE WAY BACK FAILED: {ended.result.message}"
            self._hear_result(
                why._replace(
                    result="rolled-back" if good else "rollback-failed",
                    message=f"{why.message}; {told}",
                    now=ended.result.now if good else "",
                    verified=ended.result.verified,
                )
            )

        self._book.begin([self._work.begun(task) for task in tasks])
        # So it stays where nobody hears how the way back ends.
        self.results |= {name: why._replace(result="cancelled", now="", verified=False) for name, why in whys.items()}
        crew.run(
            tasks, self._work.done, halts=lambda _: False, begun=lambda _: None, heard=heard, idle=self._book.flush
        )
        self._book.settle()

    def _way_back(self, target: Target, wave: int) -> Task | str:
        """What brings a target back; why nothing can, as a sentence."""
        before = self._tasks[target.name].before
        decision, rule = self._plan.decision, self.prepared.settings.rollback
        if before is None:
            return _NOTHING
        # To `finish`, `before` is what the other jobs left: what was good before they came is in it.
        good = before.good if self._scope.finish else before.good_now
        if good is None:
            return _NOTHING
        model = decision.registry
        version = model.find(good.version) if model is not None else None
        if model is not None and (version is None or not version.is_active()):
            return f"{good.version}, which it had before, was deregistered since"
        age = self.context.clock.now() - good.time
        if rule.max_age is not None and age > rule.max_age:
            return f"{good.version}, which it had before, is older than `rollback.max-age` allows"
        again = replace(
            decision,
            version=good.version,
            commit=good.commit,
            tag=good.tag,
            rollback=True,
            registered=True,
            proof=None,
            previous=before_of(self._book.known.get(target.name), good.version),
        )
        try:
            self._work.fetch(good.commit)
            return replace(self._task(target, again, wave), good=good)
        except ModelStageError as problem:  # of one target: the others go back all the same
            return problem.message.partition("\n")[0]

    def _leave_rest(self) -> None:
        """Targets that nothing was done at, or whose work nobody heard the end of."""
        for wave in self._waves:
            for target in wave.targets:
                if target.name not in self.results:
                    known = self._book.known.get(target.name)
                    now = known.now if known is not None else ""
                    result = "cancelled" if target.name in self._touched else "not-started"
                    self.results[target.name] = TargetResult(target.name, wave.number, result, now=now)

    def _close(self) -> None:
        """Everything is kept; only to join the parts may wait."""
        self._book.settle()
        if self._scope.is_part:
            return
        try:
            self._book.join()
        except MachineryFailed as problem:
            self.context.announcer.note(
                "warning", f"the records of the targets are kept, but not joined yet: {problem.message}"
            )

    def _told(self) -> Receipt:
        return told(self.results.values())
