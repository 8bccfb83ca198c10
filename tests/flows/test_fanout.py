"""Many targets of one stage: waves, partial failure, the way back, parts and `finish`."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import pytest

from model_stage_deploy.core.drift import Consent, Kind
from model_stage_deploy.core.errors import Cancelled, MachineryFailed
from model_stage_deploy.core.outcome import Journal
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.reconciled import Reconciled
from model_stage_deploy.core.targets import TargetState
from model_stage_deploy.flows.context import Scope, Wishes
from model_stage_deploy.flows.decide import Pushed
from model_stage_deploy.flows.deploy import deploy_tag
from model_stage_deploy.flows.reconcile import Wanted, reconcile
from model_stage_deploy.report.drift_words import sentence
from tests.flows.delivery_world import Life
from tests.flows.target_world import ALL, TargetWorld, mapping, results


def world(strategy: str = "", **more: str) -> TargetWorld:
    """A world where v1 is everywhere, verified, and v2 is about to come."""
    made = TargetWorld(mapping=mapping(strategy, **more))  # type: ignore[arg-type]
    made.tag("m@v1.0.0", "A")
    assert made.deploy(made.tag("m#prod#1", "A")).result is Result.DEPLOYED
    made.tag("m@v2.0.0", "B")
    made.tag("m#prod#2", "B")
    made.calls.clear()
    return made


def test_every_target_has_the_version_in_waves() -> None:
    made = world()
    outcome = made.deploy("m#prod#2")
    assert outcome.result is Result.DEPLOYED
    assert set(made.has) == set(ALL) and set(made.has.values()) == {"v2.0.0"}
    assert results(outcome) == dict.fromkeys(ALL, "deployed")
    waves = [told for told in made.watch.told if told.startswith("wave")]
    assert waves == ["wave 1: c1", "wave 2: e1 e2 e3", "wave 3: u1 u2"]
    assert made.calls[0] == "c1 v2.0.0" and set(made.calls[4:]) == {"u1 v2.0.0", "u2 v2.0.0"}
    assert outcome.verified
    assert outcome.live_version == "v2.0.0"
    newest = made.records().newest_first[0]
    assert (newest.version, newest.state, newest.verified) == ("v2.0.0", "success", True)
    assert {record.version for record in made.targets().values()} == {"v2.0.0"}
    assert not made.kept.parts


def _meet(gate: threading.Barrier) -> None:
    gate.wait()


def test_no_more_at_once_than_allowed() -> None:
    made = world("max-parallel: 2")
    gate = threading.Barrier(2, timeout=30)
    for name in ALL:
        made.at[name] = lambda: _meet(gate)
    assert made.deploy("m#prod#2").result is Result.DEPLOYED
    assert made.most_at_work == 2


def test_a_wave_begins_when_the_one_before_is_verified() -> None:
    made = world()
    made.bad.add("e2@v2.0.0")
    outcome = made.deploy("m#prod#2")
    assert (outcome.result, outcome.reason) == (Result.FAILED, Reason.TARGETS_FAILED)
    assert made.has["u1"] == made.has["u2"] == "v1.0.0"
    assert results(outcome)["e2"] == "failed"
    assert results(outcome)["u1"] == "not-started"
    assert "e2: verification serves failed" in outcome.message
    assert outcome.live_version == ""


def test_stop_begins_nothing_more_in_the_wave() -> None:
    made = world("max-parallel: 1")
    made.broken.add("e1@v2.0.0")
    outcome = made.deploy("m#prod#2")
    assert made.calls == ["c1 v2.0.0", "e1 v2.0.0"]
    assert [made.has[name] for name in ALL] == ["v2.0.0", *["v1.0.0"] * 5]
    assert made.targets()["u1"].version == "v1.0.0"  # what was to begin says again what it had
    assert made.targets()["u1"].state is TargetState.SUCCESS
    assert list(results(outcome).values()) == ["deployed", "failed", *["not-started"] * 4]


def test_continue_goes_on_with_all_others() -> None:
    made = world("waves: [canary, rest], on-failure: continue")
    made.broken |= {"c1@v2.0.0", "u2@v2.0.0"}
    outcome = made.deploy("m#prod#2")
    assert outcome.result is Result.FAILED
    assert [name for name in ALL if made.has[name] == "v2.0.0"] == ["e1", "e2", "e3", "u1"]
    assert "2 of 6 targets do not have it" in outcome.message


def test_running_it_again_deploys_what_is_missing_only() -> None:
    made = world("on-failure: continue")
    made.broken |= {"e1@v2.0.0", "u2@v2.0.0"}
    made.deploy("m#prod#2")
    made.broken.clear()
    made.calls.clear()
    outcome = made.deploy("m#prod#2")
    assert outcome.result is Result.DEPLOYED
    assert sorted(made.calls) == ["e1 v2.0.0", "u2 v2.0.0"]
    assert results(outcome)["c1"] == "already"
    assert made.deploy("m#prod#2").reason is Reason.ALREADY_DEPLOYED


def test_without_verification_a_run_that_died_is_resumed_and_one_that_ended_is_repeated() -> None:
    made = world("on-failure: continue", verify=False)  # type: ignore[arg-type]
    made.broken.add("e1@v2.0.0")
    made.deploy("m#prod#2")
    made.broken.clear()
    made.calls.clear()
    made.deploy("m#prod#2")
    assert made.calls == ["e1 v2.0.0"]
    made.calls.clear()
    made.deploy("m#prod#2", by_hand=True)
    assert len(made.calls) == 6


def test_a_stage_that_is_live_by_its_record_is_not_left_alone_while_a_target_lacks_it() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.broken.add("e1")
    assert made.deploy("m#prod#2", scope=Scope(targets=("e1",)), force=True).result is Result.FAILED
    made.broken.clear()
    made.calls.clear()
    assert made.deploy("m#prod#2").result is Result.DEPLOYED
    assert made.calls == ["e1 v2.0.0"]


def test_force_deploys_to_all_again() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.calls.clear()
    made.deploy("m#prod#2", force=True)
    assert len(made.calls) == 6


def test_a_new_target_gets_the_version_and_the_others_are_left_alone() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.calls.clear()
    made.mapping = mapping(targets="{name: c1, labels: [canary]}, e1, e2, e3, u1, u2, new")
    outcome = made.deploy("m#prod#2")
    assert (outcome.result, made.calls) == (Result.DEPLOYED, ["new v2.0.0"])


def test_changed_variables_of_one_target_are_deployed_there_only() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.calls.clear()
    made.mapping = mapping(targets="{name: c1, labels: [canary]}, e1, {name: e2, vars: {host: x}}, e3, u1, u2")
    assert made.deploy("m#prod#2").result is Result.DEPLOYED
    assert made.calls == ["e2 v2.0.0"]


def test_the_wave_that_failed_goes_back() -> None:
    made = world('waves: [canary, "50%", rest], on-failure: rollback-wave')
    made.bad.add("e2@v2.0.0")
    outcome = made.deploy("m#prod#2")
    assert (outcome.result, outcome.reason) == (Result.FAILED, Reason.TARGETS_FAILED)
    assert [made.has[name] for name in ALL] == ["v2.0.0", *["v1.0.0"] * 5]
    assert results(outcome)["c1"] == "deployed"
    assert results(outcome)["e2"] == "rolled-back"
    assert results(outcome)["u1"] == "not-started"
    assert made.targets()["e2"].version == "v1.0.0"
    assert made.targets()["e2"].rollback


def test_a_way_back_that_fails_is_told_and_hinders_no_other() -> None:
    made = world("on-failure: rollback-wave, max-parallel: 8")
    made.bad.add("e2@v2.0.0")
    made.broken.add("e3@v1.0.0")
    gate, met = threading.Barrier(6, timeout=30), set[str]()  # all have begun before any fails

    def meet(name: str) -> None:
        if name not in met:
            met.add(name)
            gate.wait()

    for name in ALL:
        made.at[name] = partial(meet, name)
    outcome = made.deploy("m#prod#2")
    told = {result.target: result for result in outcome.targets}
    assert told["e3"].result == "rollback-failed"
    assert "THE WAY BACK FAILED" in told["e3"].message
    assert "THE WAY BACK FAILED" in outcome.message
    assert made.has["e2"] == "v1.0.0"
    assert {name for name in ALL if made.has[name] == "v2.0.0"} <= {"e3"}


def test_a_target_that_had_nothing_cannot_go_back() -> None:
    made = TargetWorld(mapping=mapping("on-failure: rollback-wave"))
    made.tag("m@v1.0.0", "A")
    made.bad.add("e1")
    outcome = made.deploy(made.tag("m#prod#1", "A"))
    told = {result.target: result for result in outcome.targets}
    assert told["e1"].result == "rollback-failed"
    assert "nothing before" in told["e1"].message


def test_a_version_that_was_deregistered_is_no_way_back() -> None:
    made = world("on-failure: rollback-wave")
    made.tag("m@v1.0.0!", "A")
    made.bad.add("e1@v2.0.0")
    outcome = made.deploy("m#prod#2")
    assert "deregistered" in {result.target: result for result in outcome.targets}["e1"].message


def test_all_go_back() -> None:
    made = world("waves: [canary, rest], on-failure: rollback-all")
    made.bad.add("u1@v2.0.0")
    outcome = made.deploy("m#prod#2")
    assert outcome.reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert set(made.has.values()) == {"v1.0.0"}
    assert outcome.live_version == "v1.0.0"
    assert results(outcome)["c1"] == "rolled-back"
    assert made.deploy("m#prod#2").reason is Reason.HELD


def test_all_go_back_where_the_stage_says_rollback() -> None:
    made = world("max-parallel: 8", stage="on-failure: rollback")
    made.bad.add("u1@v2.0.0")
    assert made.deploy("m#prod#2").reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert set(made.has.values()) == {"v1.0.0"}


def test_what_cannot_be_told_is_left_for_a_person() -> None:
    made = world("on-failure: rollback-all")
    made.unsure.add("u1@v2.0.0")
    outcome = made.deploy("m#prod#2")
    assert outcome.reason is Reason.VERIFICATION_INCONCLUSIVE
    assert "v2.0.0" in made.has.values()


def test_a_rollback_by_hand_is_one_wave_that_goes_on() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.calls.clear()
    made.broken.add("c1@v1.0.0")
    outcome = made.roll_back()
    assert outcome is not None
    assert len(made.calls) == 6
    assert outcome.result is Result.FAILED
    assert [made.has[name] for name in ALL] == ["v2.0.0", *["v1.0.0"] * 5]


def test_an_undeployment_takes_away_all() -> None:
    made = world()
    made.deploy("m#prod#2")
    outcome = made.deploy(made.tag("m#prod!#3", "B"))
    assert outcome.result is Result.UNDEPLOYED
    assert set(made.has.values()) == {""}
    assert {record.state for record in made.targets().values()} == {TargetState.UNDEPLOYED}


def test_it_waits_between_waves() -> None:
    made = world("waves: [canary, rest], pause: 5m")
    made.clock.slept.clear()
    made.deploy("m#prod#2")
    assert 300.0 in made.clock.slept


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        (Scope(wave=2), ["e1", "e2", "e3"]),
        (Scope(wave=2, shard="1/2"), ["e1"]),
        (Scope(wave=2, shard="2/2"), ["e2", "e3"]),
        (Scope(targets=("u2", "c1")), ["c1", "u2"]),
    ],
)
def test_a_part_deploys_to_its_targets_and_makes_no_record_of_the_stage(scope: Scope, touched: list[str]) -> None:
    made = world()
    before = made.records()
    if scope.wave > 1:
        made.deploy("m#prod#2", scope=Scope(wave=1))
        touched = ["c1", *touched]
    outcome = made.deploy("m#prod#2", scope=scope)
    assert outcome.reason is Reason.TARGETS_DEPLOYED
    assert [name for name in ALL if made.has[name] == "v2.0.0"] == touched
    assert made.records() == before
    assert len(made.kept.parts[("m", "prod", "prod")]) == (2 if scope.wave > 1 else 1)


def test_a_wave_of_its_own_begins_when_those_before_it_ended_well() -> None:
    made = world()
    early = made.deploy("m#prod#2", scope=Scope(wave=3))
    assert early.reason is Reason.TARGETS_FAILED
    assert "wave 1 (canary) has not ended well, so wave 3 does not begin" in early.message
    assert made.calls == []
    made.deploy("m#prod#2", scope=Scope(wave=1))
    made.bad.add("e2@v2.0.0")
    made.deploy("m#prod#2", scope=Scope(wave=2))
    assert "wave 2 (50%) has not ended well" in made.deploy("m#prod#2", scope=Scope(wave=3)).message
    assert made.deploy("m#prod#2", scope=Scope(wave=3), force=True).reason is Reason.TARGETS_DEPLOYED


def test_with_continue_each_wave_of_its_own_begins() -> None:
    made = world("waves: [canary, rest], on-failure: continue")
    made.broken.add("c1@v2.0.0")
    assert made.deploy("m#prod#2", scope=Scope(wave=1)).reason is Reason.TARGETS_FAILED
    assert made.deploy("m#prod#2", scope=Scope(wave=2)).reason is Reason.TARGETS_DEPLOYED


@pytest.mark.parametrize("scope", [Scope(wave=4), Scope(targets=("nobody",))])
def test_a_part_that_is_none_is_told(scope: Scope) -> None:
    assert world().deploy("m#prod#2", scope=scope).reason is Reason.UNKNOWN_TARGET


def test_a_stage_without_targets_has_no_parts() -> None:
    made = TargetWorld()
    made.tag("m@v1.0.0", "A")
    assert made.deploy(made.tag("m#prod#1", "A"), scope=Scope(wave=1)).reason is Reason.UNKNOWN_TARGET


def parts(made: TargetWorld, tag: str) -> list[Result]:
    """What a matrix of jobs does, wave after wave, two shards each, and no further after a wave that failed."""
    ends = []
    for wave in (1, 2, 3):
        for shard in ("1/2", "2/2"):
            ends.append(made.deploy(tag, scope=Scope(wave=wave, shard=shard)).result)
        if Result.FAILED in ends:
            break
    return ends


def told_by(made: TargetWorld) -> object:
    """All that is kept, but ids and times."""
    kept = [
        record._replace(attempt="", time=0, good=record.good and record.good._replace(time=0))
        for record in made.targets().values()
    ]
    records = [
        record._replace(id="", attempt="", answers="", created="", updated="", ended="")
        for record in made.records().newest_first
    ]
    return sorted(kept), records


@pytest.mark.parametrize("bad", ["", "e2@v2.0.0", "c1@v2.0.0"])
@pytest.mark.parametrize("strategy", ["stop", "rollback-wave", "rollback-all"])
def test_one_process_and_a_matrix_give_the_same_records(strategy: str, bad: str) -> None:
    rule = f'waves: [canary, "50%", rest], max-parallel: 1, on-failure: {strategy}'
    alone, spread = world(rule), world(rule)
    for made in (alone, spread):
        made.bad |= {bad} - {""}
    one = alone.deploy("m#prod#2")
    parts(spread, "m#prod#2")
    joined = spread.deploy("m#prod#2", scope=Scope(finish=True))
    assert alone.has == spread.has
    assert told_by(alone) == told_by(spread)
    assert (one.result, one.reason) == (joined.result, joined.reason)
    assert not spread.kept.parts


def test_finish_says_what_no_job_did() -> None:
    made = world()
    made.deploy("m#prod#2", scope=Scope(wave=1))
    outcome = made.deploy("m#prod#2", scope=Scope(finish=True))
    assert outcome.reason is Reason.TARGETS_FAILED
    assert "5 of 6 targets do not have it" in outcome.message
    assert results(outcome)["c1"] == "deployed"
    assert made.calls == ["c1 v2.0.0"]


def test_finish_deploys_nothing() -> None:
    made = world()
    made.deploy("m#prod#2", scope=Scope(finish=True))
    assert made.calls == []


def _cancel() -> None:
    raise Cancelled("SIGTERM")


def test_a_cancelled_run_keeps_what_was_done_and_says_the_rest() -> None:
    made = world("waves: [canary, rest], max-parallel: 1")
    made.at["e2"] = _cancel
    outcome = made.deploy("m#prod#2")
    assert outcome.result is Result.CANCELLED
    kept = made.targets()
    assert (kept["c1"].version, kept["e1"].version) == ("v2.0.0", "v2.0.0")
    assert kept["e2"].state is TargetState.ERROR
    assert results(outcome)["e2"] == "cancelled"
    assert results(outcome)["u1"] == "not-started"
    made.at.clear()
    made.calls.clear()
    assert made.deploy("m#prod#2").result is Result.DEPLOYED
    assert sorted(made.calls) == ["e2 v2.0.0", "e3 v2.0.0", "u1 v2.0.0", "u2 v2.0.0"]


def test_nothing_begins_that_cannot_be_kept() -> None:
    made = world()

    def fail(operation: str) -> None:
        if operation == "add":
            raise MachineryFailed(Reason.LOG_FAILED, "the remote is away")

    made.kept.before = fail
    outcome = made.deploy("m#prod#2")
    assert outcome.reason is Reason.LOG_FAILED
    assert made.calls == []


def test_what_was_done_and_cannot_be_kept_is_no_success() -> None:
    made = world("waves: [rest]")
    calls: list[str] = []

    def fail(operation: str) -> None:
        calls.append(operation)
        if operation != "read" and "add" in calls[:-1]:
            raise MachineryFailed(Reason.LOG_FAILED, "the remote is away")

    made.kept.before = fail
    outcome = made.deploy("m#prod#2")
    assert outcome.exit_code != 0
    assert len(made.calls) == 6


def _killings() -> range:
    return range(0, 120, 7)


@pytest.mark.parametrize("left", _killings())
def test_a_killed_run_is_taken_up_where_it_was(left: int) -> None:
    made = world("waves: [canary, rest], max-parallel: 3")
    made.run("m#prod#2", Life(left=left))
    known = {name for name, record in made.targets().items() if record.version == "v2.0.0" and record.verified}
    assert all(made.has[name] == "v2.0.0" for name in known)
    made.clock.time += 10_000  # the lock of the dead
    made.calls.clear()
    outcome = made.deploy("m#prod#2", by_hand=True)
    assert outcome.reason in (Reason.DEPLOYED, Reason.ALREADY_DEPLOYED)
    assert set(made.has.values()) == {"v2.0.0"}
    assert not {call.split()[0] for call in made.calls} & known


def test_a_line_of_output_names_its_target() -> None:
    made = world()
    made.deploy("m#prod#2")
    assert "c1 | v2.0.0 is at c1" in made.watch.told


def test_a_dry_run_touches_nothing_and_says_the_waves() -> None:
    made = world()
    dry = replace(made.context(Life(), Wishes()), dry_run=True)
    outcome = deploy_tag(dry, "m#prod#2", Pushed(), Journal(made.clock.monotonic))
    assert outcome.actions[0] == "6 targets, up to 4 at a time: wave 1 (canary): 1; wave 2 (50%): 3; wave 3 (rest): 2"
    assert made.calls == []
    assert outcome.plan is not None and [len(wave.targets) for wave in outcome.plan.waves] == [1, 3, 2]


def test_a_target_that_lost_it_is_drift_and_healed_alone() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.broken.add("e1")
    made.deploy("m#prod#2", scope=Scope(targets=("e1",)), force=True)
    made.broken.clear()
    made.calls.clear()

    def seen(**consent: bool) -> Reconciled:
        context = made.context(Life(), Wishes())
        assert context.host is not None
        return reconcile(context, context.host, Wanted("", "", Consent(**consent)))

    [row] = seen().seen
    assert row.row.kind is Kind.INCOMPLETE
    assert sentence(row.row) == "prod has v2.0.0, as it should; but 1 target does not: e1"
    seen(apply=True)
    assert made.calls == ["e1 v2.0.0"]
    [row] = seen().seen
    assert row.row.kind is Kind.IN_SYNC
