"""Whatever happens to a stage with many targets, what is kept of them is true: driven by Hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from model_stage_deploy.core.errors import Cancelled, MachineryFailed
from model_stage_deploy.core.lifecycle import now_running
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.targets import TargetState
from model_stage_deploy.flows.context import Scope
from tests.flows.delivery_world import Life
from tests.flows.target_world import ALL, TargetWorld, mapping

_TROUBLE = some.lists(some.sampled_from(ALL), max_size=2, unique=True)
_STRATEGIES = some.sampled_from(["stop", "continue", "rollback-wave", "rollback-all"])
_SCOPES = some.one_of(
    some.just(Scope()),
    some.builds(Scope, wave=some.integers(1, 2), shard=some.sampled_from(["", "1/2", "2/2"])),
    some.builds(Scope, targets=some.lists(some.sampled_from(ALL), min_size=1, max_size=3, unique=True).map(tuple)),
    some.just(Scope(finish=True)),
)


def _cancel() -> None:
    raise Cancelled("SIGTERM")


class Stage(RuleBasedStateMachine):
    """One stage with six targets. Versions come one after the other; runs fail, die, are in parts, and go back."""

    def __init__(self) -> None:
        super().__init__()
        self.world = TargetWorld()
        self.version = 0
        self.tag = ""

    @initialize(strategy=_STRATEGIES, parallel=some.integers(1, 4))
    def begin(self, strategy: str, parallel: int) -> None:
        self.world.mapping = mapping(f"waves: [canary, rest], max-parallel: {parallel}, on-failure: {strategy}")
        self.assign()

    @rule()
    def assign(self) -> None:
        """A new version is given the stage."""
        self.version += 1
        commit = "ABCDEF"[self.version % 6]
        self.world.tag(f"m@v{self.version}.0.0", commit)
        self.tag = self.world.tag(f"m#prod#{self.version}", commit)

    @rule(broken=_TROUBLE, bad=_TROUBLE, unsure=_TROUBLE, scope=_SCOPES, by_hand=some.booleans(), force=some.booleans())
    def deploy(
        self, broken: list[str], bad: list[str], unsure: list[str], scope: Scope, by_hand: bool, force: bool
    ) -> None:
        """Somebody deploys, and targets fail."""
        self._trouble(broken, bad, unsure)
        outcome = self.world.run(self.tag, scope=scope, by_hand=by_hand, force=force)
        assert outcome is not None
        if outcome.result is Result.DEPLOYED and outcome.targets:
            assert all(self.world.has.get(one.target) == f"v{self.version}.0.0" for one in outcome.targets)
            assert scope.is_part or {one.target for one in outcome.targets} == set(ALL)
        for one in outcome.targets:
            if one.verified:
                assert self.world.has[one.target] == one.now

    @rule(left=some.integers(0, 90), scope=_SCOPES, bad=_TROUBLE)
    def die(self, left: int, scope: Scope, bad: list[str]) -> None:
        """A run is killed; its lock is stale when the next one comes."""
        self._trouble([], bad, [])
        self.world.run(self.tag, Life(left=left), scope=scope)
        self.world.clock.time += 10_000

    @rule(broken=_TROUBLE, scope=_SCOPES)
    def go_back(self, broken: list[str], scope: Scope) -> None:
        """Somebody rolls back by hand, whole or in parts."""
        self._trouble(broken, [], [])
        outcome = self.world.roll_back(scope=scope)
        assert outcome is not None
        if outcome.reason is Reason.ROLLED_BACK:
            assert {self.world.has.get(name) for name in ALL} == {outcome.subject.version}

    @rule(left=some.integers(0, 90), scope=_SCOPES)
    def die_on_the_way_back(self, left: int, scope: Scope) -> None:
        """A rollback by hand is killed."""
        self._trouble([], [], [])
        self.world.roll_back(life=Life(left=left), scope=scope)
        self.world.clock.time += 10_000

    @rule(scope=_SCOPES)
    def take_away(self, scope: Scope) -> None:
        """The version is taken out of the stage; a part takes nothing else away."""
        gone = self.world.tag(f"m#prod!#{self.version + 1}", "ABCDEF"[self.version % 6])
        self.version += 1
        outcome = self.world.run(gone, scope=scope)
        assert outcome is not None
        if outcome.result is Result.UNDEPLOYED:
            assert not any(self.world.has.get(name) for name in ALL)
        self.assign()

    @rule(bad=_TROUBLE, after=some.integers(0, 6), scope=_SCOPES)
    def lose_the_log(self, bad: list[str], after: int, scope: Scope) -> None:
        """What becomes of targets cannot be kept any more, from some moment on."""
        self._trouble([], bad, [])
        calls = 0

        def fail(_operation: str) -> None:
            nonlocal calls
            calls += 1
            if calls > after:
                raise MachineryFailed(Reason.LOG_FAILED, "the remote is away")

        self.world.kept.before = fail
        self.world.run(self.tag, scope=scope)
        self.world.kept.before = lambda _: None

    @rule(where=some.sampled_from(ALL), scope=_SCOPES)
    def be_cancelled(self, where: str, scope: Scope) -> None:
        """The run is cancelled while it is at work at a target."""
        self._trouble([], [], [])
        self.world.at[where] = _cancel
        self.world.run(self.tag, scope=scope)
        self.world.at.clear()

    @rule(seconds=some.sampled_from([-5000.0, -0.5, 60.0]))
    def turn_the_clock(self, seconds: float) -> None:
        """The next run is on a machine with another clock."""
        self.world.clock.time += seconds

    @rule(strategy=_STRATEGIES)
    def change_the_strategy(self, strategy: str) -> None:
        """The mapping says something else of failures: the targets have what they had."""
        self.world.mapping = mapping(f"waves: [canary, rest], max-parallel: 2, on-failure: {strategy}")

    @invariant()
    def what_is_kept_as_good_is_there(self) -> None:
        """A target is begun in the records before it is touched, so what they call good is true."""
        for name, record in self.world.targets().items():
            if record.state is TargetState.SUCCESS:
                assert self.world.has.get(name) == record.version, name

    @invariant()
    def what_the_stage_calls_live_is_everywhere(self) -> None:
        """A stage is a success where all its targets are, as long as nobody touched a part of them since."""
        records = self.world.records()
        newest = records.newest_first[0] if records.newest_first else None
        kept = self.world.targets().values()
        untouched = newest is not None and all(
            record.version == newest.version and record.state is not TargetState.UNDEPLOYED for record in kept
        )
        if newest is not None and newest.state == "success" and untouched and now_running(records) == newest:
            assert {self.world.has.get(name) for name in ALL} == {newest.version}

    @invariant()
    def the_newest_of_a_target_is_known(self) -> None:
        """What is said of a target whose last attempt came to its end is so."""
        for name, record in self.world.targets().items():
            if record.state is TargetState.UNDEPLOYED:
                assert not self.world.has.get(name), name
            elif record.placed and record.state is TargetState.FAILURE:
                assert self.world.has.get(name) == record.version, name

    def _trouble(self, broken: list[str], bad: list[str], unsure: list[str]) -> None:
        now = f"v{self.version}.0.0"
        self.world.broken = {f"{name}@{now}" for name in broken}
        self.world.bad = {f"{name}@{now}" for name in bad}
        self.world.unsure = {f"{name}@{now}" for name in unsure}


TestStage = Stage.TestCase
TestStage.settings = settings(
    max_examples=60, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
