"""The whole delivery, case by case: newest wins, locks, verification, rollback, idempotence, what other tags do."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.stored import LockEntry
from tests.flows.delivery_world import MAPPING, Life, World

STOP = MAPPING.replace("on-failure: rollback", "on-failure: stop")


def a_world(mapping: str = MAPPING) -> World:
    """Three versions, of which none is in prod yet."""
    world = World(mapping)
    for version, letter in (("v1.0.0", "A"), ("v2.0.0", "B"), ("v3.0.0", "C")):
        world.tag(f"m@{version}", letter)
    return world


def done(outcome: Outcome | None) -> Outcome:
    assert outcome is not None
    return outcome


def states(world: World) -> list[tuple[str, str]]:
    return [(record.version, record.state) for record in world.records().newest_first]


def test_a_deployment_is_verified_recorded_and_leaves_no_lock() -> None:
    world = a_world()
    outcome = done(world.run(world.tag("m#prod#1", "A")))
    assert (outcome.reason, outcome.exit_code, outcome.verified, outcome.live_version) == (
        *(Reason.DEPLOYED, 0, True, "v1.0.0"),
    )
    assert world.live == "v1.0.0"
    newest = world.records().newest_first[0]
    assert (newest.version, newest.state, newest.verified, newest.actor) == ("v1.0.0", "success", True, "ada")
    assert list(world.locks.entries()) == []


def test_the_same_again_is_nothing_to_do() -> None:
    world = a_world()
    tag = world.tag("m#prod#1", "A")
    world.run(tag)
    again = done(world.run(tag))
    assert (again.reason, again.exit_code) == (Reason.ALREADY_DEPLOYED, 0)
    assert "--force" in again.hint
    assert world.history == ["v1.0.0"]
    forced = done(world.run(tag, force=True))
    assert forced.reason is Reason.DEPLOYED
    assert world.history == ["v1.0.0", "v1.0.0"]
    assert world.records().newest_first[0].forced


@pytest.mark.parametrize(
    "changed",
    [
        MAPPING.replace("{uses: fake}", "{uses: fake, timeout: 5m}"),
        MAPPING.replace("version: 1", "version: 1\nvars: {size: 2}"),
        MAPPING.replace('run: "true"', 'run: "exit 0"'),
    ],
)
def test_the_same_version_with_other_settings_is_deployed(changed: str) -> None:
    world = a_world()
    tag = world.tag("m#prod#1", "A")
    world.run(tag)
    world.mapping = changed
    assert done(world.run(tag)).reason is Reason.DEPLOYED


def test_what_no_check_verified_is_deployed_again() -> None:
    world = a_world("version: 1\nstages: {prod: {deploy: {uses: fake}}}")
    tag = world.tag("m#prod#1", "A")
    first = done(world.run(tag))
    assert (first.reason, first.verified) == (Reason.DEPLOYED, False)
    assert done(world.run(tag)).reason is Reason.DEPLOYED


def test_t27_an_old_run_run_again_never_puts_an_old_model_over_a_new_one() -> None:
    world = a_world()
    old = world.tag("m#prod#1", "A")
    world.run(old)
    world.run(world.tag("m#prod#2", "B"))
    late = done(world.run(old))
    assert (late.reason, late.exit_code, late.result) == (Reason.SUPERSEDED, 0, Result.NOTHING_TO_DO)
    asked = done(world.run(old, by_hand=True))
    assert (asked.reason, asked.exit_code, asked.result) == (Reason.SUPERSEDED, 3, Result.REFUSED)
    assert world.live == "v2.0.0"
    assert done(world.run(old, by_hand=True, force=True)).reason is Reason.DEPLOYED
    assert world.live == "v1.0.0"


def test_t28_a_tag_that_comes_while_we_wait_wins() -> None:
    world = a_world()
    first = world.tag("m#prod#1", "A")
    other = LockEntry("", "run", key_of("m", "prod"), "somebody", "bob", "deploy", "", 0.0, world.clock.now(), 60.0)
    world.locks.put(other, replacing="")
    slept = world.clock.sleep

    def sleep(seconds: float) -> None:
        slept(seconds)
        if len(world.shelf.records) == 4:  # once: the newer tag is pushed and the other run ends
            world.tag("m#prod#2", "B")
            world.locks.remove(next(iter(world.locks.entries())))

    world.clock.sleep = sleep  # type: ignore[method-assign]
    assert done(world.run(first)).reason is Reason.SUPERSEDED
    assert world.history == []
    assert list(world.locks.entries()) == []


def test_another_deployment_is_waited_for_and_then_refused() -> None:
    world = a_world()
    held = LockEntry("", "freeze", key_of("m", "prod"), "x", "bob", "incident 42", "", 1.0, 1.0, 0.0)
    world.locks.put(held, replacing="")
    refused = done(world.run(world.tag("m#prod#1", "A")))
    assert (refused.reason, refused.exit_code) == (Reason.LOCKED, 3)
    assert "incident 42" in refused.message
    assert "bob" in refused.message
    assert world.history == []
    assert states(world) == []


def test_a_failed_verification_brings_back_what_was_verified_last() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    outcome = done(world.run(world.tag("m#prod#2", "B")))
    assert (outcome.reason, outcome.exit_code) == (Reason.ROLLED_BACK_AFTER_FAILURE, 1)
    assert outcome.live_version == world.live == "v1.0.0"
    assert "v2.0.0" in outcome.message
    assert "v1.0.0 is live again" in outcome.message
    assert outcome.back is not None
    assert outcome.back.verified
    newest, failed, *_ = world.records().newest_first
    assert (newest.version, newest.verified, newest.automatic) == ("v1.0.0", True, True)
    assert (failed.version, failed.outcome, failed.placed) == ("v2.0.0", "failure", True)


def test_a_failed_deployer_brings_back_what_was_verified_last() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.broken.add("v2.0.0")
    outcome = done(world.run(world.tag("m#prod#2", "B")))
    assert outcome.reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert world.history == ["v1.0.0", "v1.0.0"]


def test_with_stop_the_new_version_stays_and_both_truths_are_told() -> None:
    world = a_world(STOP)
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    outcome = done(world.run(world.tag("m#prod#2", "B")))
    assert (outcome.reason, outcome.exit_code) == (Reason.VERIFICATION_FAILED, 1)
    assert outcome.live_version == world.live == "v2.0.0"


def test_what_cannot_be_told_is_left_for_a_person() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.unsure.add("v2.0.0")
    outcome = done(world.run(world.tag("m#prod#2", "B")))
    assert (outcome.reason, outcome.exit_code) == (Reason.VERIFICATION_INCONCLUSIVE, 1)
    assert world.live == "v2.0.0"
    assert world.records().newest_first[0].outcome == "error"


def test_nothing_verified_nothing_to_go_back_to() -> None:
    world = a_world()
    world.bad.add("v1.0.0")
    outcome = done(world.run(world.tag("m#prod#1", "A")))
    assert outcome.reason is Reason.VERIFICATION_FAILED
    assert "no other version was ever verified" in outcome.message
    assert world.history == ["v1.0.0"]


def test_never_a_rollback_of_a_rollback() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#prod#2", "B"))
    world.bad.add("v1.0.0")
    outcome = done(world.roll_back())
    assert outcome.reason is Reason.VERIFICATION_FAILED
    assert "not answered by another" in outcome.message
    assert world.history == ["v1.0.0", "v2.0.0", "v1.0.0"]


def test_a_rollback_that_fails_says_so_first() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.bad |= {"v1.0.0", "v2.0.0"}
    outcome = done(world.run(world.tag("m#prod#2", "B")))
    assert (outcome.reason, outcome.exit_code) == (Reason.ROLLBACK_FAILED, 1)
    assert "AND THE ROLLBACK FAILED" in outcome.message
    assert world.history == ["v1.0.0", "v2.0.0", "v1.0.0"]


def test_not_back_to_what_was_verified_too_long_ago() -> None:
    world = a_world(MAPPING + "    rollback: {max-age: 2d}\n")
    world.run(world.tag("m#prod#1", "A"))
    world.clock.time += 3 * 86400
    world.bad.add("v2.0.0")
    outcome = done(world.run(world.tag("m#prod#2", "B")))
    assert outcome.reason is Reason.VERIFICATION_FAILED
    assert "max-age" in outcome.message
    assert world.live == "v2.0.0"


def test_not_back_to_a_version_that_was_deregistered_or_failed_since() -> None:
    world = a_world()
    for number, letter in enumerate("ABC", start=1):
        world.run(world.tag(f"m#prod#{number}", letter))
    world.tag("m@v2.0.0!", "B")
    world.tag("m@v4.0.0", "D")
    world.bad.add("v4.0.0")
    world.bad.add("v3.0.0")
    assert done(world.run("m#prod#3", force=True)).reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert world.live == "v1.0.0"


def test_after_a_rollback_automation_does_not_deploy_the_failed_version_again() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    tag = world.tag("m#prod#2", "B")
    world.run(tag)
    held = done(world.run(tag))
    assert (held.reason, held.exit_code) == (Reason.HELD, 3)
    assert "--force" in held.hint
    assert world.live == "v1.0.0"
    assert done(world.run(world.tag("m#prod#3", "B"))).reason is Reason.HELD, "the same version by another tag"
    world.clock.time += 2 * 86400
    world.bad.clear()
    assert done(world.run("m#prod#3")).reason is Reason.DEPLOYED, "the hold is over"


def test_another_version_is_not_held() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    world.run(world.tag("m#prod#2", "B"))
    assert done(world.run(world.tag("m#prod#3", "C"))).reason is Reason.DEPLOYED


def test_r36_an_unassignment_falls_back_as_the_plan_says() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#prod#2", "B"))
    outcome = done(world.run(world.tag("m#prod!#3", "B")))
    assert (outcome.reason, outcome.exit_code) == (Reason.FALLEN_BACK, 0)
    assert world.live == "v1.0.0"
    assert any("now gives it to v1.0.0" in warning for warning in outcome.warnings)


def test_r37_a_deregistration_falls_back_in_each_of_its_stages() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#prod#2", "B"))
    assert done(world.run(world.tag("m@v2.0.0!", "B"))).reason is Reason.FALLEN_BACK
    assert world.live == "v1.0.0"


def test_an_unassignment_of_what_the_stage_does_not_have_changes_nothing() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#prod#2", "B"))
    outcome = done(world.run(world.tag("m#prod!#3", "A")))
    assert (outcome.reason, outcome.result) == (Reason.UNASSIGNMENT, Result.NOTHING_TO_DO)
    assert world.live == "v2.0.0"


def test_nothing_left_to_fall_back_to() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    outcome = done(world.run(world.tag("m#prod!#2", "A")))
    assert (outcome.reason, outcome.exit_code, outcome.doubtful) == (Reason.NOTHING_LEFT, 0, True)
    assert world.live == "v1.0.0"


def test_a_deprecation_undeploys_where_the_mapping_says_so() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    outcome = done(world.run(world.tag("m@deprecated", "A")))
    assert (outcome.reason, outcome.exit_code, outcome.live_version) == (Reason.UNDEPLOYED, 0, "")
    assert world.live == ""
    assert world.records().newest_first[0].state == "inactive"


def test_only_what_runs_is_undeployed() -> None:
    world = a_world(MAPPING.replace("unassign: fallback", "unassign: undeploy"))
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    world.run(world.tag("m#prod#2", "B"))
    assert world.live == "v1.0.0"
    outcome = done(world.run(world.tag("m#prod!#3", "B")))
    assert (outcome.reason, outcome.exit_code, outcome.doubtful) == (Reason.UNASSIGNMENT, 0, True)
    assert "v1.0.0 does, and was left alone" in outcome.message
    assert world.live == "v1.0.0"


TWO = (
    MAPPING
    + """  eu:
    deploy: {uses: fake}
    events: {deprecate: undeploy}
"""
)


def test_a_deprecation_is_carried_out_in_every_stage_and_each_is_told() -> None:
    world = a_world(TWO)
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#eu#2", "A"))
    outcome = done(world.run(world.tag("m@deprecated", "A")))
    assert (outcome.reason, outcome.exit_code) == (Reason.UNDEPLOYED, 0)
    assert [(part.subject.stage, part.reason) for part in outcome.parts] == [
        *(("eu", Reason.UNDEPLOYED), ("prod", Reason.UNDEPLOYED)),
    ]


def test_who_cancels_means_all_stages() -> None:
    world = a_world(TWO)
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#eu#2", "A"))

    def cancel() -> None:
        raise Cancelled

    world.before_undeploying = cancel
    outcome = done(world.run(world.tag("m@deprecated", "A")))
    assert (outcome.reason, len(outcome.parts)) == (Reason.CANCELLED, 1)
    assert world.live == "v1.0.0"


@pytest.mark.parametrize("tag", ["m#prod!#2", "m@v1.0.0!", "m@deprecated"])
def test_by_default_such_tags_change_nothing_and_say_so(tag: str) -> None:
    world = a_world("version: 1\nstages: {prod: {deploy: {uses: fake}}}")
    world.run(world.tag("m#prod#1", "A"))
    outcome = done(world.run(world.tag(tag, "A")))
    assert (outcome.result, outcome.exit_code, outcome.doubtful) == (Result.NOTHING_TO_DO, 0, True)
    assert "events:" in outcome.hint
    assert world.history == ["v1.0.0"]


def test_a_newer_assignment_wins_over_an_unassignment() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#prod#2", "B"))
    removal = world.tag("m#prod!#3", "B")
    world.tag("m#prod#4", "C")
    assert done(world.run(removal)).reason is Reason.SUPERSEDED
    assert world.live == "v2.0.0"


def test_a_run_that_was_killed_is_found_closed_and_told() -> None:
    world = a_world()
    tag = world.tag("m#prod#1", "A")
    died = 0
    for calls in range(200):
        if world.run(tag, Life(left=calls), force=True) is not None:
            break
        died += 1
        world.clock.time += 3600  # its lock is stale by then
        after = done(world.run(tag, force=True))
        assert after.reason is Reason.DEPLOYED, (calls, after.message)
        assert [record.state for record in world.records().newest_first if record.state == "in_progress"] == []
        assert list(world.locks.entries()) == []
    assert died > 20, "a deployment makes more calls than that"


def test_a_dry_run_touches_nothing() -> None:
    from dataclasses import replace

    from model_stage_deploy.core.outcome import Journal
    from model_stage_deploy.flows.context import Wishes
    from model_stage_deploy.flows.decide import Pushed
    from model_stage_deploy.flows.deploy import deploy_tag

    world = a_world()
    tag = world.tag("m#prod#1", "A")
    context = replace(world.context(Life(), Wishes()), dry_run=True)
    outcome = deploy_tag(context, tag, Pushed(), Journal(world.clock.monotonic))
    assert (outcome.reason, world.history, states(world), list(world.locks.entries())) == (Reason.DRY_RUN, [], [], [])
    assert "make v1.0.0 live" in outcome.actions
    assert any("roll back" in line for line in outcome.actions)


GATED = (
    MAPPING + "    gates: {checks: [ci], people: {pushers: [ada]}, window: {days: mon-sun}, override: {by: [ada]}}\n"
)


def test_every_gate_answers_and_all_reasons_are_told_at_once() -> None:
    world = a_world(GATED)
    world.closed |= {"checks", "window"}
    refused = done(world.run(world.tag("m#prod#1", "A")))
    assert (refused.reason, refused.exit_code) == (Reason.GATES_REFUSED, 3)
    assert [(verdict.gate, verdict.answer.value) for verdict in refused.gates] == [
        *(("people", "passed"), ("checks", "failed"), ("window", "failed")),
    ]
    assert "checks: it is closed" in refused.message
    assert "window: it is closed" in refused.message
    assert (world.history, states(world), list(world.locks.entries())) == ([], [], [])


def test_what_a_gate_cannot_know_is_no_yes_and_has_an_exit_code_of_its_own() -> None:
    world = a_world(GATED)
    world.unknown.add("checks")
    unknown = done(world.run(world.tag("m#prod#1", "A")))
    assert (unknown.reason, unknown.exit_code) == (Reason.GATE_UNKNOWN, 4)
    world.closed.add("window")
    assert done(world.run("m#prod#1")).reason is Reason.GATES_REFUSED, "a no is a no, whatever else cannot be known"
    assert world.history == []


def test_an_override_goes_past_the_gates_loudly_and_is_recorded() -> None:
    world = a_world(GATED)
    world.closed.add("window")
    tag = world.tag("m#prod#1", "A")
    outcome = done(world.run(tag, override="incident 42"))
    assert (outcome.reason, outcome.overridden) == (Reason.DEPLOYED, "incident 42")
    assert any("GATES OVERRIDDEN by ada, because: incident 42" in warning for warning in outcome.warnings)
    assert world.records().newest_first[0].override == "incident 42"
    world.mapping = GATED.replace("by: [ada]", "by: [bob]")
    assert done(world.run(tag, override="me too", force=True)).reason is Reason.OVERRIDE_REFUSED


def test_back_to_what_was_verified_here_only_people_are_asked() -> None:
    world = a_world(GATED)
    world.run(world.tag("m#prod#1", "A"))
    world.run(world.tag("m#prod#2", "B"))
    world.closed |= {"checks", "window"}
    world.asked.clear()
    assert done(world.roll_back()).reason is Reason.ROLLED_BACK
    assert world.asked == ["people"]
    assert world.live == "v1.0.0"
    never = done(world.roll_back(to="v3.0.0", force=True))
    assert (never.reason, world.live) == (Reason.GATES_REFUSED, "v1.0.0"), "never verified here: all gates count"
    world.closed.add("people")
    assert done(world.roll_back(to="v2.0.0")).reason is Reason.GATES_REFUSED


def test_what_is_replaced_is_what_is_live_not_what_the_tags_say() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.tag("m#prod#2", "B")  # never deployed
    outcome = done(world.run(world.tag("m#prod#3", "C")))
    assert outcome.plan is not None
    assert outcome.plan.decision.previous is not None
    assert outcome.plan.decision.previous.version == "v1.0.0"
    assert "replacing v1.0.0" in outcome.message


def test_a_rollback_passes_over_a_version_that_failed_here() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    world.run(world.tag("m#prod#2", "B"))
    world.run(world.tag("m#prod#3", "C"))
    back = done(world.roll_back())
    assert (back.reason, world.live) == (Reason.ROLLED_BACK, "v1.0.0")


def test_the_hold_outlives_a_later_success_of_another_version() -> None:
    world = a_world()
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    world.run(world.tag("m#prod#2", "B"))
    world.run(world.tag("m#prod#3", "C"))
    assert done(world.run(world.tag("m#prod#4", "B"))).reason is Reason.HELD


def test_who_cancels_when_all_is_done_is_told_the_truth() -> None:
    world = a_world()
    tag = world.tag("m#prod#1", "A")

    signals = [Cancelled()]

    def cancel(operation: str) -> None:
        if operation == "remove" and signals:
            raise signals.pop()

    world.locks.before = cancel
    outcome = done(world.run(tag))
    assert (outcome.reason, world.live) == (Reason.DEPLOYED, "v1.0.0")
    assert states(world) == [("v1.0.0", "success")]
