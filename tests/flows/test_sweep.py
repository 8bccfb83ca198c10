"""Sweeping: what nobody owns is closed, what may be at work is left, and trouble with one stage hinders no other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Recorded, Records, now_running
from model_stage_deploy.core.locks import SKEW, key_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.upkeep import Swept
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.sweep import GRACE, sweep
from model_stage_deploy.ports import CodeHost, Ending
from model_stage_deploy.report.upkeep import sweep_page
from tests.core.tag_records import registry
from tests.fakes.clock import FakeClock
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.plans import a_plan
from tests.flows.upkeep_worlds import Locks, context

MAPPING = """\
version: 1
stages:
  prod: {environment: production, deploy: {run: ./deploy.sh}}
  dev: {deploy: {run: ./deploy.sh, timeout: 20m}, lock: {use: none}, verify: [{run: ./ask.sh, timeout: 5m}]}
"""
MODELS = tuple(registry("churn@v1.0.0 A", "churn#prod#1 A", "other@v1.0.0 B"))
DOWN = MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502", hint="later")
DENIED = MachineryFailed(Reason.PERMISSION_MISSING, "no", hint="deployments: write")


class _Down(LocalLog):
    """A log that fails for one stage."""

    stage = "dev"
    problem = DOWN

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        if stage == self.stage:
            raise self.problem
        return super().records(model, stage, environment, limit=limit, past=past)


def _lock(claim: str, clock: FakeClock, *, key: str = "", age: float = 0, kind: Any = "run") -> LockEntry:
    now = clock.now() - age
    return LockEntry("1", kind, key or key_of("churn", "prod"), claim, "run 77", "", "", now, now, 60.0)


def _sweep(world: Context, host: CodeHost, **wished: Any) -> Swept:
    return sweep(world, host, MODELS, **{"everything": True, **wished})


def _prod(host: LocalLog) -> tuple[Recorded, ...]:
    return host.records("churn", "prod", "production", limit=9, past=9).newest_first


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def host(clock: FakeClock) -> LocalLog:
    log = LocalLog(None, who="ann", clock=clock)
    log.finish(a_plan(), "good", log.start(a_plan(), "good", Evidence()), Ending("success", "fine"))
    log.start(a_plan(), "killed", Evidence(actor="alice"))
    return log


def test_a_record_without_an_owner_is_closed_as_an_error(clock: FakeClock, host: LocalLog) -> None:
    clock.time += GRACE + 1
    swept = _sweep(context(MAPPING, clock, Locks()), host)

    assert [(place.model, place.stage, place.record.attempt) for place in swept.closed] == [("churn", "prod", "killed")]
    assert (swept.reason, swept.stages, swept.left, swept.faults) == (Reason.SWEPT, 4, (), ())
    assert _prod(host)[0].outcome == "error"
    live = now_running(Records(_prod(host)))
    assert live is not None
    assert live.attempt == "good"
    assert _sweep(context(MAPPING, clock, Locks()), host).closed == ()


def test_a_record_that_was_placed_is_what_runs(clock: FakeClock, host: LocalLog) -> None:
    host.placed(a_plan(), host.start(a_plan(), "placed", Evidence()))
    clock.time += GRACE + 1
    assert len(_sweep(context(MAPPING, clock, Locks()), host).closed) == 2
    live = now_running(Records(_prod(host)))
    assert live is not None
    assert (live.attempt, live.outcome) == ("placed", "error")
    assert "not verified" in live.summary


def test_a_dry_run_changes_nothing(clock: FakeClock, host: LocalLog) -> None:
    clock.time += 3600
    locks = Locks([_lock("killed", clock, age=3600)])
    swept = _sweep(context(MAPPING, clock, locks), host, dry_run=True)
    assert (len(swept.closed), len(swept.unlocked), swept.dry_run) == (1, 1, True)
    assert len(locks.held) == 1
    assert _prod(host)[0].under_way


def test_a_young_record_is_left_alone(clock: FakeClock, host: LocalLog) -> None:
    clock.time += GRACE - 1
    swept = _sweep(context(MAPPING, clock, Locks()), host)
    assert [left.place.record.attempt for left in swept.left] == ["killed"]
    assert _sweep(context(MAPPING, clock, Locks()), host, grace=60.0).left == ()


def test_what_a_live_lock_owns_is_left_alone(clock: FakeClock, host: LocalLog) -> None:
    clock.time += 3 * GRACE
    locks = Locks([_lock("killed", clock, age=30)])
    swept = _sweep(context(MAPPING, clock, locks), host)
    assert [left.why for left in swept.left] == ["run 77 has its lock"]
    assert (swept.closed, swept.unlocked, len(locks.held)) == ((), (), 1)


@pytest.mark.parametrize("other", ["another attempt's", "a freeze of the same name"])
def test_another_lock_on_the_stage_does_not_own_it(clock: FakeClock, host: LocalLog, other: str) -> None:
    clock.time += GRACE + 1
    freeze = other.startswith("a freeze")
    lock = _lock("killed" if freeze else "another", clock, kind="freeze" if freeze else "run")
    swept = _sweep(context(MAPPING, clock, Locks([lock])), host)
    assert (len(swept.closed), swept.unlocked) == (1, ())


def test_a_dead_runs_lock_goes_with_its_record(clock: FakeClock, host: LocalLog) -> None:
    clock.time += 3600
    dead, alive = _lock("killed", clock, age=SKEW + 61), _lock("works", clock, key=key_of("other", "prod"))
    freeze = _lock("", clock, key=key_of("churn"), age=9e6, kind="freeze")
    locks = Locks([dead, alive, freeze])
    swept = _sweep(context(MAPPING, clock, locks), host)
    assert len(swept.closed) == 1
    assert [lock.key for lock in swept.unlocked] == ["churn#prod"]
    assert locks.held == [alive, freeze]


def test_a_lock_that_somebody_takes_over_meanwhile_stays(clock: FakeClock, host: LocalLog) -> None:
    locks = Locks([_lock("x", clock, age=9999)], clash=True)
    assert _sweep(context(MAPPING, clock, locks), host).unlocked == ()


def test_one_model_leaves_the_locks_of_others(clock: FakeClock, host: LocalLog) -> None:
    locks = Locks([_lock("x", clock, key=key_of("gone", "prod"), age=9999)])
    assert sweep(context(MAPPING, clock, locks), host, MODELS[:1], everything=False).unlocked == ()
    assert len(_sweep(context(MAPPING, clock, locks), host).unlocked) == 1


def test_locks_that_cannot_be_read_let_nothing_be_closed(clock: FakeClock, host: LocalLog) -> None:
    clock.time += 3 * GRACE
    locks = Locks(down=MachineryFailed(Reason.LOCK_FAILED, "the remote does not answer"))
    swept = _sweep(context(MAPPING, clock, locks), host)
    assert [(fault.model, fault.stage) for fault in swept.faults] == [("churn", "prod"), ("", "")]
    assert swept.reason is Reason.LOCK_FAILED
    assert _prod(host)[0].under_way


def test_locks_are_asked_for_only_where_something_is_open(clock: FakeClock) -> None:
    locks = Locks()
    _sweep(context(MAPPING, clock, locks), LocalLog(None, who="", clock=clock))
    assert locks.read == 1  # for the locks themselves


def test_without_locks_the_longest_that_a_run_may_take_decides(clock: FakeClock) -> None:
    host = LocalLog(None, who="", clock=clock)
    plan = a_plan(environment="dev")
    host.start(replace(plan, decision=replace(plan.decision, stage="dev")), "killed", Evidence())
    clock.time += GRACE + 20 * 60 + 5 * 60 - 1  # grace, the deployer's timeout, the check's
    assert len(_sweep(context(MAPPING, clock, Locks()), host).left) == 1
    clock.time += 2
    assert len(_sweep(context(MAPPING, clock, Locks()), host).closed) == 1


def test_trouble_with_one_stage_does_not_hinder_the_others(clock: FakeClock) -> None:
    host = _Down(None, who="", clock=clock)
    host.start(a_plan(), "killed", Evidence())
    clock.time += GRACE + 1
    swept = _sweep(context(MAPPING, clock, Locks()), host)
    assert len(swept.closed) == 1
    assert [(fault.model, fault.stage) for fault in swept.faults] == [("churn", "dev"), ("other", "dev")]
    assert swept.reason is Reason.GITHUB_FAILED
    assert swept.reason.exit_code == 4


def test_a_missing_permission_ends_it_at_once(clock: FakeClock) -> None:
    host = _Down(None, who="", clock=clock)
    host.problem = DENIED
    with pytest.raises(MachineryFailed) as problem:
        _sweep(context(MAPPING, clock, Locks()), host)
    assert problem.value.reason is Reason.PERMISSION_MISSING


def test_a_template_that_cannot_be_rendered_is_a_fault_of_its_stage(clock: FakeClock, host: LocalLog) -> None:
    clock.time += GRACE + 1
    mapping = MAPPING.replace("  dev: {", "  dev: {environment: '{{ vars.nothing }}', ")
    swept = _sweep(context(mapping, clock, Locks()), host)
    assert (len(swept.closed), swept.reason) == (1, Reason.TEMPLATE_ERROR)


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_was_replaced_and_still_looks_active_is_retired(clock: FakeClock, *, dry_run: bool) -> None:
    """Where a run was killed after its success and before it retired what it replaced."""
    older, newer = (
        Recorded(str(number), f"v{number}.0.0", "c" * 40, f"churn#prod#{number}", state="success", outcome="success")
        for number in (1, 2)
    )
    host = FakeCodeHost({("churn", "prod"): Records((newer, older))})
    swept = _sweep(context(MAPPING, clock, Locks()), host, dry_run=dry_run)
    assert [(place.model, place.stage, place.record.id) for place in swept.closed] == [("churn", "prod", "1")]
    assert [number for number, _ in host.closed] == ([] if dry_run else ["1"])
    assert "it was replaced, and still looked active" in str(next(sweep_page(swept, "github")))
