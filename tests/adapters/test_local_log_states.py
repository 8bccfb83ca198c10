"""What was written to the local log is what is read from it, in order, however starts, ends and looks follow."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.ports import Ending
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan

STAGES = ("prod", "staging")
ENDS = ("success", "failure", "error", "inactive")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@dataclass
class _Deployment:
    """A deployment as the test remembers it."""

    id: str
    plan: Plan
    attempt: str
    state: str = "in_progress"
    outcome: str = ""
    placed: bool = False


def _plan(stage: str, version: str) -> Plan:
    plan = a_plan()
    return replace(plan, decision=replace(plan.decision, stage=stage, version=version))


class LogMachine(RuleBasedStateMachine):
    """The log on disk, opened anew for each step, beside a list."""

    deployments = Bundle("deployments")

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.made: list[_Deployment] = []
        self.approved: list[tuple[str, str, str]] = []

    @property
    def log(self) -> LocalLog:
        self.clock.time += 1
        return LocalLog(self.directory / "a" / "log", who="ann", clock=self.clock)

    @rule(target=deployments, stage=st.sampled_from(STAGES), version=TEXTS, actor=TEXTS)
    def start(self, stage: str, version: str, actor: str) -> _Deployment:
        attempt = f"attempt {len(self.made)}"
        plan = _plan(stage, version)
        made = _Deployment(self.log.start(plan, attempt, Evidence(actor=actor)), plan, attempt)
        self.made.append(made)
        return made

    @rule(of=deployments)
    def start_again(self, of: _Deployment) -> None:
        assert self.log.start(of.plan, of.attempt, Evidence()) == of.id

    @rule(of=deployments)
    def placed(self, of: _Deployment) -> None:
        self.log.placed(of.plan, of.id)
        of.state, of.placed = "in_progress", True

    @rule(of=deployments, state=st.sampled_from(ENDS), lost=st.booleans(), summary=TEXTS)
    def finish(self, of: _Deployment, state: Any, lost: bool, summary: str) -> None:
        ending = Ending(state, summary, hurry=lost)
        assert self.log.finish(of.plan, of.attempt, None if lost else of.id, ending) == []
        of.state, of.outcome = state, "" if state == "inactive" else state
        of.placed = of.placed or state == "success"
        if state in ("success", "inactive"):
            for older in self.made[: self.made.index(of)]:
                if older.plan.decision.stage == of.plan.decision.stage and older.state == "success":
                    older.state = "inactive"

    @rule(stage=st.sampled_from(STAGES))
    def finish_what_never_began(self, stage: str) -> None:
        assert self.log.finish(_plan(stage, "v1"), "never", None, Ending("error", "")) == []

    @rule(of=deployments)
    def close(self, of: _Deployment) -> None:
        [record] = [one for one in self._read(of.plan.decision.stage) if one.id == of.id]
        self.log.close(record, "nobody works on it")
        if of.state == "in_progress":
            of.state = of.outcome = "error"

    @rule(version=st.sampled_from(("v1", "v2")), stage=st.sampled_from(STAGES), message=TEXTS)
    def approve(self, version: str, stage: str, message: str) -> None:
        assert self.log.approve("churn", version, stage, "c" * 40, message) == "ann"
        self.approved.append((version, stage, message))

    @invariant()
    def what_is_read_is_what_was_written(self) -> None:
        for stage in STAGES:
            expected = [made for made in reversed(self.made) if made.plan.decision.stage == stage]
            read = self._read(stage)
            assert [_seen(record) for record in read] == [
                {
                    "id": made.id,
                    "version": made.plan.decision.version,
                    "attempt": made.attempt,
                    "state": made.state,
                    "outcome": made.outcome,
                    "placed": made.placed,
                }
                for made in expected
            ]

    @invariant()
    def approvals_are_kept(self) -> None:
        for version, stage in {(version, stage) for version, stage, _ in self.approved}:
            count = len(self.log.approvals("churn", version, stage, "c" * 40))
            assert count == 1

    def _read(self, stage: str) -> tuple[Recorded, ...]:
        records = self.log.records("churn", stage, "production", limit=1000, past=1000)
        assert records.whole
        return records.newest_first

    def teardown(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _seen(record: Recorded) -> Mapping[str, Any]:
    return {key: getattr(record, key) for key in ("id", "version", "attempt", "state", "outcome", "placed")}


TestLog = LogMachine.TestCase
TestLog.settings = settings(max_examples=12, stateful_step_count=16, deadline=None)
