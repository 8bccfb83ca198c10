"""Many targets of one stage: ways in which a run could do the wrong thing, lose something, or look too good."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.core.drift import Compared, Consent, Kind
from model_stage_deploy.core.errors import Cancelled, MachineryFailed
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.targets import TargetState
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.flows.context import Context, Scope, Wishes
from model_stage_deploy.flows.reconcile import Wanted, reconcile
from tests.flows import target_world
from tests.flows.delivery_world import Life
from tests.flows.target_world import TargetWorld, mapping
from tests.flows.test_fanout import parts, world
from tests.flows.test_fanout_back import third

FINISH = Scope(finish=True)


@pytest.mark.parametrize("strategy", ["rollback-wave", "rollback-all"])
def test_finish_leaves_for_a_person_what_cannot_be_told_as_one_process_does(strategy: str) -> None:
    rule = f'waves: [canary, "50%", rest], max-parallel: 1, on-failure: {strategy}'
    alone, spread = world(rule), world(rule)
    for made in (alone, spread):
        made.unsure.add("c1@v2.0.0")
    one = alone.deploy("m#prod#2")
    parts(spread, "m#prod#2")
    joined = spread.deploy("m#prod#2", scope=FINISH)
    assert one.reason is Reason.VERIFICATION_INCONCLUSIVE
    assert joined.reason is Reason.VERIFICATION_INCONCLUSIVE
    assert alone.has == spread.has
    assert spread.has["c1"] == "v2.0.0"


@pytest.mark.parametrize("strategy", ["rollback-wave", "rollback-all"])
def test_finish_after_jobs_that_did_nothing_rolls_nothing_back(strategy: str) -> None:
    made = world(f"on-failure: {strategy}")
    outcome = made.deploy("m#prod#2", scope=FINISH)
    assert outcome.reason is Reason.TARGETS_FAILED
    assert made.calls == []
    assert made.deploy("m#prod#2").result is Result.DEPLOYED  # and so it is not held


def test_finish_twice_is_as_finish_once() -> None:
    made = world('waves: [canary, "50%", rest]')
    parts(made, "m#prod#2")
    assert made.deploy("m#prod#2", scope=FINISH).reason is Reason.DEPLOYED
    before = made.records()
    assert made.deploy("m#prod#2", scope=FINISH).reason is Reason.ALREADY_DEPLOYED
    assert made.records() == before


def test_parts_and_finish_of_an_older_tag_do_nothing_any_more() -> None:
    made = third('waves: [canary, "50%", rest]')
    assert made.deploy("m#prod#3").result is Result.DEPLOYED
    made.calls.clear()
    for scope in (Scope(wave=1), Scope(targets=("c1",)), FINISH):
        assert made.deploy("m#prod#2", scope=scope).reason is Reason.SUPERSEDED
    assert made.calls == []


def test_a_part_takes_no_other_version_away() -> None:
    made = world()
    made.deploy("m#prod#2")
    assert made.roll_back() is not None
    gone = made.tag("m#prod!#3", "B")
    assert set(made.has.values()) == {"v1.0.0"}
    made.deploy(gone, scope=Scope(targets=("c1", "e1")))
    assert set(made.has.values()) == {"v1.0.0"}


def test_a_part_takes_away_what_the_tag_speaks_of() -> None:
    made = world()
    made.deploy("m#prod#2")
    gone = made.tag("m#prod!#3", "B")
    assert made.deploy(gone, scope=Scope(wave=1)).reason is Reason.TARGETS_DEPLOYED
    assert made.deploy(gone, scope=FINISH).result is Result.UNDEPLOYED
    assert set(made.has.values()) == {""}


@pytest.mark.parametrize("scope", [Scope(wave=2, targets=("c1",)), Scope(shard="1/2", targets=("c1", "u2"))])
def test_a_target_that_is_not_in_the_named_part_is_told(scope: Scope) -> None:
    """Else nothing is deployed, all is well, and verified."""
    made = world()
    made.deploy("m#prod#2", scope=Scope(wave=1))
    outcome = made.deploy("m#prod#2", scope=scope)
    assert outcome.reason is Reason.UNKNOWN_TARGET, outcome.message


def test_an_empty_part_is_not_verified() -> None:
    made = world()
    outcome = made.deploy("m#prod#2", scope=Scope(wave=1, shard="1/2"))
    assert outcome.reason is Reason.TARGETS_DEPLOYED
    assert (outcome.verified, outcome.targets) == (False, ())


def test_what_the_clock_says_later_counts_later_even_if_it_was_turned_back() -> None:
    made = world("waves: [rest]")

    def turned_back() -> None:
        made.clock.time -= 3600

    made.at["e2"] = turned_back
    assert made.deploy("m#prod#2").result is Result.DEPLOYED
    assert {record.state for record in made.targets().values()} == {TargetState.SUCCESS}


def test_a_target_that_was_cancelled_in_its_verification_has_what_was_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world("max-parallel: 1")

    def cancelled(*_: object) -> None:
        raise Cancelled("SIGTERM")

    monkeypatch.setattr(target_world.Verifier, "verify", cancelled)
    outcome = made.deploy("m#prod#2")
    assert outcome.result is Result.CANCELLED
    told = {result.target: result for result in outcome.targets}
    assert (told["c1"].result, told["c1"].now, made.has["c1"]) == ("cancelled", "v2.0.0", "v2.0.0")
    assert made.targets()["c1"].now == "v2.0.0"


def test_a_cancelled_run_writes_in_a_hurry_only() -> None:
    """A remote that hangs would take the seconds in which the stage's own record is closed."""
    made = world("waves: [canary, rest], max-parallel: 1")
    cancelled = []

    def cancel() -> None:
        cancelled.append(len(made.kept.calls))
        made.clock.time += 100  # it is long since anything was written
        raise Cancelled("SIGTERM")

    made.at["e1"] = cancel
    assert made.deploy("m#prod#2").result is Result.CANCELLED
    after = made.kept.calls[cancelled[0] :]
    assert after.count("hurry") == 1
    assert "add" not in after


class _Telling(TargetWorld):
    """A world whose deployer says a secret at the place where messages are cut."""

    def context(self, life: Life, wishes: Wishes) -> Context:
        return replace(super().context(life, wishes), scrub=lambda text: text.replace("s3cr3t-t0k3n", "***"))


def test_no_half_of_a_secret_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made = _Telling(mapping=mapping("waves: [rest]"))
    made.tag("m@v1.0.0", "A")

    def broken(_self: Any, job: Job, _options: Any) -> Receipt:
        padding = "x" * (494 - len("the deployer fake broke: ValueError: "))
        raise ValueError(f"{padding}s3cr3t-t0k3n")

    monkeypatch.setattr(target_world.Deployer, "deploy", broken)
    outcome = made.deploy(made.tag("m#prod#1", "A"))
    assert outcome.result is Result.FAILED
    for text in (*(one.message for one in outcome.targets), *(one.summary for one in made.targets().values())):
        assert "s3c" not in text


def test_a_log_that_cannot_be_read_stops_a_rollback_before_anything_is_touched() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.calls.clear()

    def fail(operation: str) -> None:
        if operation == "read":
            raise MachineryFailed(Reason.LOG_FAILED, "damaged")

    made.kept.before = fail
    outcome = made.roll_back()
    assert outcome is not None
    assert (outcome.reason, made.calls) == (Reason.LOG_FAILED, [])


def test_what_a_person_rolled_back_at_one_target_is_not_undone_by_a_schedule() -> None:
    made = world()
    made.deploy("m#prod#2")
    part = made.roll_back("v1.0.0", scope=Scope(targets=("e1",)))
    assert part is not None and part.reason is Reason.TARGETS_DEPLOYED
    made.calls.clear()

    def seen(**consent: bool) -> Compared:
        context = made.context(Life(), Wishes())
        assert context.host is not None
        return reconcile(context, context.host, Wanted("", "", Consent(**consent))).seen[0].row

    assert seen(apply=True).kind is Kind.INCOMPLETE
    assert made.calls == []
    seen(apply=True, force=True)
    assert made.calls == ["e1 v2.0.0"]


def test_what_a_target_has_is_what_was_placed_there_last_good_or_not() -> None:
    made = third("max-parallel: 1, on-failure: continue")
    made.bad.add("e1@v3.0.0")
    made.deploy("m#prod#3")
    made.tag("m@v4.0.0", "D")
    made.broken |= {"e1@v4.0.0", "e1@v2.0.0"}
    outcome = made.deploy(made.tag("m#prod#4", "D"))
    told = {result.target: result for result in outcome.targets}
    assert made.has["e1"] == "v3.0.0"
    assert (told["e1"].now, made.targets()["e1"].now) == ("v3.0.0", "v3.0.0")
