"""The whole delivery as a state machine: tags, runs, failures, kills and rollbacks in any order.

What is promised after each step: the records know what is live (or that a run died), one deployment at a time, no run
that ended leaves a lock or a record under way, and no old version is put over a new one.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from model_stage_deploy.core.lifecycle import UNDER_WAY, now_running
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.registry import fold
from tests.flows.delivery_world import Life, World

VERSIONS = {"v1.0.0": "A", "v2.0.0": "B", "v3.0.0": "C"}
versions = st.sampled_from(sorted(VERSIONS))


class Delivery(RuleBasedStateMachine):
    """`sure` says that no run died since something was put in place."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        for version, letter in VERSIONS.items():
            self.world.tag(f"m@{version}", letter)
        self.pushed: list[str] = []
        self.died = False
        self.sure = True

    @rule(version=versions)
    def assign(self, version: str) -> None:
        self.pushed.append(self.world.tag(f"m#prod#{len(self.world.shelf.records)}", VERSIONS[version]))

    @rule(version=versions)
    def unassign(self, version: str) -> None:
        self.pushed.append(self.world.tag(f"m#prod!#{len(self.world.shelf.records)}", VERSIONS[version]))

    @rule(version=versions, fault=st.sampled_from(["broken", "bad", "unsure", "fine"]))
    def becomes(self, version: str, fault: str) -> None:
        for faults in (self.world.broken, self.world.bad, self.world.unsure):
            faults.discard(version)
        if fault != "fine":
            getattr(self.world, fault).add(version)

    @rule(hours=st.sampled_from([0.01, 1.0, 30.0]))
    def time_passes(self, hours: float) -> None:
        self.world.clock.time += hours * 3600

    @precondition(lambda self: self.pushed)
    @rule(data=st.data(), force=st.booleans(), by_hand=st.booleans())
    def run(self, data: st.DataObject, force: bool, by_hand: bool) -> None:
        tag = data.draw(st.sampled_from(self.pushed))
        before = self.world.live
        outcome = self.world.run(tag, force=force, by_hand=by_hand)
        assert outcome is not None
        self._ended(outcome, before)
        if not force and outcome.result in (Result.DEPLOYED, Result.FAILED) and "#prod#" in tag:
            holder = fold(self.world.shelf.records).model("m").holder("prod")
            assert holder is not None
            assert holder.event.tag.text == tag, "a superseded tag was deployed"

    @precondition(lambda self: self.pushed)
    @rule(data=st.data(), calls=st.integers(0, 60))
    def run_that_is_killed(self, data: st.DataObject, calls: int) -> None:
        tag = data.draw(st.sampled_from(self.pushed))
        before = self.world.live
        outcome = self.world.run(tag, Life(left=calls))
        if outcome is None:
            self.died, self.sure = True, False
        else:
            self._ended(outcome, before)

    @rule(calls=st.none() | st.integers(0, 60))
    def roll_back(self, calls: int | None) -> None:
        before = self.world.live
        outcome = self.world.roll_back(life=Life(left=calls))
        if outcome is None:
            self.died, self.sure = True, False
        else:
            self._ended(outcome, before)

    def _ended(self, outcome: Outcome, before: str) -> None:
        assert outcome.reason is not Reason.INTERNAL_ERROR
        if outcome.placed or outcome.result is Result.UNDEPLOYED:
            self.died, self.sure = False, True  # it held the lock, so whatever died before was found
        if outcome.live_version and outcome.placed:
            assert outcome.live_version == self.world.live
        if outcome.result is Result.DEPLOYED:
            assert outcome.verified
        if outcome.reason is Reason.ALREADY_DEPLOYED:
            assert not self.sure or before == outcome.subject.version
        if outcome.result in (Result.REFUSED, Result.NOTHING_TO_DO):
            assert self.world.live == before

    @invariant()
    def one_at_a_time(self) -> None:
        assert self.world.most_at_work <= 1

    @invariant()
    def records_know_what_is_live(self) -> None:
        if self.sure:
            live = now_running(self.world.records())
            assert (live.version if live else "") == self.world.live

    @invariant()
    def nothing_is_left_behind(self) -> None:
        under_way = [record for record in self.world.records().newest_first if record.state in UNDER_WAY]
        locks = list(self.world.locks.entries())
        if not self.died:
            assert (under_way, locks) == ([], [])
        assert len(locks) <= 1


Delivery.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDelivery = Delivery.TestCase
