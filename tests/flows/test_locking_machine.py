"""Runs on machines whose clocks differ: whoever sleeps or dies, two of them never think that they have the lock."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.locks import SKEW, key_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.flows.hold import _GIVEN_UP, Hold
from model_stage_deploy.flows.locking import Wanted, _Claim
from tests.fakes.clock import FakeClock
from tests.fakes.lock_store import FakeLockStore

KEY = key_of("churn", "prod")
LEASE = 60.0
RUNS = st.integers(0, 1)


@dataclass
class SkewedClock:
    """A machine's own idea of the time; what only grows does so everywhere alike."""

    true: FakeClock
    skew: float

    def now(self) -> float:
        return self.true.now() + self.skew

    def monotonic(self) -> float:
        return self.true.monotonic()

    def sleep(self, seconds: float) -> None:
        raise AssertionError


@dataclass
class Machine:
    """One machine that wants the lock again and again, a step at a time."""

    store: FakeLockStore
    clock: SkewedClock
    name: str
    attempt: int = 0
    has_it: bool = False
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.anew()

    def anew(self) -> None:
        """Begin another attempt, without a word to the store: as a machine that was switched off."""
        self.attempt += 1
        self.has_it = False
        claim = f"{self.name}-{self.attempt}"
        self.hold = Hold(self.store, self.clock, claim, self.told.append, lambda: None)
        wanted = Wanted(KEY, claim, self.name, "deploy", "", LEASE)
        self.claim = _Claim(self.store, self.clock, wanted, self.told.append, self.hold)

    def look(self) -> None:
        """One try to get the lock."""
        entries = self.store.entries()
        if self.claim._in_the_way(entries) is None and self.claim._tried(entries) is not None:
            self.has_it = True

    @property
    def believes(self) -> bool:
        """Whether it would act: it had the lock, did not learn otherwise, and its lease is not nearly over."""
        return self.has_it and not self.hold.lost and self.clock.monotonic() - self.hold._good < LEASE * _GIVEN_UP


class Locking(RuleBasedStateMachine):
    """Two machines, one lock, one true time."""

    @initialize(skews=st.lists(st.floats(-SKEW / 2, SKEW / 2), min_size=2, max_size=2))
    def begin(self, skews: list[float]) -> None:
        self.store, self.time = FakeLockStore(), FakeClock()
        self.machines = [
            Machine(self.store, SkewedClock(self.time, skew), f"m{number}") for number, skew in enumerate(skews)
        ]

    @rule(seconds=st.sampled_from([0.1, 5.0, 20.0, 61.0, 1000.0]))
    def time_passes(self, seconds: float) -> None:
        self.time.time += seconds

    @rule(run=RUNS)
    def looks(self, run: int) -> None:
        if not self.machines[run].has_it:
            self.machines[run].look()

    @rule(run=RUNS, seconds=st.sampled_from([10.0, 31.0, 45.0, 59.9, 60.0]))
    def waits(self, run: int, seconds: float) -> None:
        """Look, and look again."""
        self.looks(run)
        self.time.time += seconds
        self.looks(run)

    @rule(run=RUNS)
    def renews(self, run: int) -> None:
        if self.machines[run].has_it:
            self.machines[run].hold.renew()

    @rule(run=RUNS)
    def cannot_renew(self, run: int) -> None:
        def refuse(_operation: str) -> None:
            raise MachineryFailed(Reason.LOCK_FAILED, "no answer")

        if self.machines[run].has_it:
            self.store.before = refuse
            self.machines[run].hold.renew()
            self.store.before = lambda _: None

    @rule(run=RUNS)
    def lets_go(self, run: int) -> None:
        if self.machines[run].has_it:
            self.machines[run].hold.end()
            self.machines[run].anew()

    @rule(run=RUNS)
    def dies(self, run: int) -> None:
        self.machines[run].anew()

    @precondition(lambda self: not any(machine.believes for machine in self.machines))
    @rule(run=RUNS)
    def a_dead_lock_is_never_for_ever(self, run: int) -> None:
        machine = self.machines[run]
        if not machine.has_it:
            machine.look()
            self.time.time += LEASE
            machine.look()
            assert machine.has_it

    @invariant()
    def one_at_most(self) -> None:
        believers = [machine.name for machine in getattr(self, "machines", ()) if machine.believes]
        assert len(believers) <= 1, believers

    @invariant()
    def who_believes_is_in_the_store(self) -> None:
        for machine in getattr(self, "machines", ()):
            if machine.believes:
                assert [entry.claim for entry in self.store.held.values()] == [machine.claim._wanted.claim]


TestLocking = Locking.TestCase
TestLocking.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
