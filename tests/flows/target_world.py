"""A small world with many targets, all in memory but the threads: what each target has is the truth."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import TargetRecord, TargetResult, Wave
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job, Options, Receipt
from model_stage_deploy.flows.context import Context, Scope, Wishes
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.target_log import FakeTargetLog
from tests.flows import delivery_world
from tests.flows.delivery_world import Life, Mortal

ALL_TARGETS = Scope()
ALL = ("c1", "e1", "e2", "e3", "u1", "u2")


def mapping(strategy: str = "", *, verify: bool = True, targets: str = "", stage: str = "") -> str:
    """A mapping whose stage `prod` has six targets, the first of which is a canary."""
    listed = targets or "{name: c1, labels: [canary]}, e1, e2, e3, u1, u2"
    return f"""
version: 1
stages:
  prod:
    deploy: {{uses: fake}}
    {'verify: [{name: serves, run: "true"}]' if verify else ""}
    targets: [{listed}]
    strategy: {{{strategy or 'waves: [canary, "50%", rest], max-parallel: 4'}}}
    events: {{unassign: undeploy}}
    {stage}
"""


@dataclass
class Watch:
    """Fulfils ports.Progress, and remembers."""

    told: list[str] = field(default_factory=list)

    def begin(self, what: str, waves: Sequence[Wave]) -> None:
        self.told.append(f"begin {what}")

    def wave(self, wave: Wave) -> None:
        self.told.append(f"wave {wave.number}: {' '.join(target.name for target in wave.targets)}")

    def started(self, target: str) -> None:
        pass

    def ended(self, result: TargetResult) -> None:
        self.told.append(f"{result.target} {result.result}")

    def note(self, text: str) -> None:
        self.told.append(text)

    def end(self) -> None:
        self.told.append("end")


@dataclass
class TargetWorld(delivery_world.World):
    """All that outlives a run. `broken` and `bad` name `target` or `target@version`."""

    has: dict[str, str] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    kept: FakeTargetLog = field(default_factory=FakeTargetLog)
    at: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What happens when the deployer is at work at a target."""
    watch: Watch = field(default_factory=Watch)
    announcer: FakeAnnouncer = field(default_factory=FakeAnnouncer)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def context(self, life: Life, wishes: Wishes) -> Context:
        self.watch, self.announcer = Watch(), FakeAnnouncer()
        return replace(
            super().context(life, wishes),
            deployer=lambda _name, _files: Deployer(self, life),
            verifier=lambda _kind: Verifier(self, life),
            targets=Mortal(self.kept, life),
            progress=lambda: self.watch,
            announcer=self.announcer,
        )

    def deploy(self, tag: str, life: Life | None = None, scope: Scope = ALL_TARGETS, **wishes: Any) -> Outcome:
        outcome = self.run(tag, life, scope=scope, **wishes)
        assert outcome is not None
        return outcome

    def targets(self) -> Mapping[str, TargetRecord]:
        """What is kept of each."""
        return self.kept.read("m", "prod", "prod")

    def is_(self, where: set[str], name: str, version: str) -> bool:
        """Whether a target is in one of the sets of trouble."""
        return name in where or f"{name}@{version}" in where


def results(outcome: Outcome) -> dict[str, str]:
    """What became of each target."""
    return {result.target: result.result for result in outcome.targets}


class Deployer(delivery_world.Deployer):
    """Puts versions at targets."""

    _world: TargetWorld

    def deploy(self, job: Job, options: Options) -> Receipt:
        name, version = job.plan.target, job.plan.decision.version
        self._life.spend()
        with self._world.lock:
            self._world.at_work += 1
            self._world.most_at_work = max(self._world.most_at_work, self._world.at_work)
            self._world.calls.append(f"{name} {version}")
        try:
            self._world.at.get(name, lambda: None)()
            if self._world.is_(self._world.broken, name, version):
                raise DeploymentFailed(Reason.DEPLOYER_FAILED, f"{version} cannot be loaded")
            self._world.has[name] = version
        finally:
            with self._world.lock:
                self._world.at_work -= 1
        self._life.spend()
        job.output(f"{version} is at {name}\n")
        return Receipt()

    def undeploy(self, job: Job, options: Options) -> Receipt:
        self._life.spend()
        self._world.has[job.plan.target] = ""
        return Receipt()


class Verifier(delivery_world.Verifier):
    """Looks at what the target has."""

    _world: TargetWorld

    def verify(self, job: Job, check: Any) -> Verified:
        self._life.spend()
        name, version = job.plan.target, job.plan.decision.version
        if self._world.is_(self._world.unsure, name, version):
            return Verified("serves", Finding.INCONCLUSIVE, "no answer")
        good = self._world.has.get(name) == version and not self._world.is_(self._world.bad, name, version)
        return Verified("serves", Finding.PASSED if good else Finding.FAILED, f"it serves {self._world.has.get(name)}")
