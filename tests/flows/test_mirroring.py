"""Registries that follow: told once a version is live and recorded, in no deployment's way, healed by a repeat."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.outcome import document
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.flows.locking import Wanted, held
from model_stage_deploy.mirrors.contract import MirrorProblem
from tests.flows.delivery_world import Life
from tests.flows.mirror_worlds import MirroredWorld, mapping, started


def busy(*, after: float | None = None) -> MirrorProblem:
    return MirrorProblem("MLflow is busy", retryable=True, after=after)


def broken() -> MirrorProblem:
    return MirrorProblem("MLflow has no such version", hint="tag it")


def test_after_a_deployment() -> None:
    world = started()
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.DEPLOYED
    assert done.verified
    assert world.mirror.says == {"prod": "v1.0.0"}
    assert [(told.mirror, told.ok, told.changed, told.sentence) for told in done.mirrors] == [
        ("mlflow", True, True, "prod is v1.0.0")
    ]
    assert document(done)["mirrors"] == [
        {
            "mirror": "mlflow",
            "ok": True,
            "changed": True,
            "sentence": "prod is v1.0.0",
            "hint": None,
            "facts": {"alias": "prod"},
        }
    ]
    assert "tell mlflow" in [step.name for step in done.steps]


@pytest.mark.parametrize("bad", ["broken", "bad", "unsure"])
def test_what_is_not_verified_is_not_told(bad: str) -> None:
    world = started()
    getattr(world, bad).add("v1.0.0")
    assert world.deploy("m#prod#1").result is Result.FAILED
    assert world.mirror.told == []


def test_an_automatic_rollback_is_told() -> None:
    world = started()
    world.deploy("m#prod#1")
    world.mirror.says = {"prod": "somebody moved it"}
    world.bad.add("v2.0.0")
    world.tag("m#prod#2", "B")
    done = world.deploy("m#prod#2")
    assert done.reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert world.live == "v1.0.0"
    assert world.mirror.says == {"prod": "v1.0.0"}
    assert [told.ok for told in done.mirrors] == [True]


def test_an_automatic_rollback_stays_a_failure_if_it_cannot_be_told() -> None:
    world = started()
    world.deploy("m#prod#1")
    world.bad.add("v2.0.0")
    world.tag("m#prod#2", "B")
    world.mirror.problems = [broken()]
    done = world.deploy("m#prod#2")
    assert done.reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert "MLflow has no such version" in done.message


def test_a_rollback_by_hand_is_told() -> None:
    world = started()
    world.deploy("m#prod#1")
    world.tag("m#prod#2", "B")
    world.deploy("m#prod#2")
    assert world.mirror.says == {"prod": "v2.0.0"}
    done = world.roll_back()
    assert done is not None
    assert done.reason is Reason.ROLLED_BACK
    assert world.mirror.says == {"prod": "v1.0.0"}


def test_a_failing_mirror_undoes_nothing() -> None:
    world = started()
    world.mirror.problems = [broken()]
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.MIRROR_FAILED
    assert done.exit_code == 4
    assert done.ended_as == "deployed"
    assert done.live_version == "v1.0.0"
    assert [step.ok for step in done.steps if step.name == "tell mlflow"] == [False]
    assert world.live == "v1.0.0"
    assert world.records().newest_first[0].outcome == "success"
    assert "m v1.0.0 deployed to prod" in done.message
    assert "MLflow has no such version" in done.message
    assert done.hint == "tag it; then tell them again: python -m model_stage_deploy mirror m prod"


@pytest.mark.parametrize("again", ["deploy", "mirror"])
def test_a_repeat_heals(again: str) -> None:
    world = started()
    world.mirror.problems = [broken()]
    world.deploy("m#prod#1")
    history = list(world.history)
    done = world.deploy("m#prod#1") if again == "deploy" else world.follow()
    assert done.reason is (Reason.ALREADY_DEPLOYED if again == "deploy" else Reason.MIRRORED)
    assert done.exit_code == 0
    assert world.mirror.says == {"prod": "v1.0.0"}
    assert world.history == history


def test_a_repeat_that_fails_again_says_so() -> None:
    world = started()
    world.deploy("m#prod#1")
    world.mirror.problems = [broken()]
    done = world.deploy("m#prod#1")
    assert (done.reason, done.ended_as) == (Reason.MIRROR_FAILED, "already-deployed")


def test_a_repeat_while_the_stage_is_locked_only_warns() -> None:
    world = started()
    world.deploy("m#prod#1")
    told = len(world.mirror.told)
    other = Wanted(key_of("m", "prod"), "another", "bob", "deploys", "", 60.0)
    with held(world.locks, world.clock, other, wait=0.0, tell=lambda _line: None):
        done = world.deploy("m#prod#1", wait=0.0)
    assert (done.reason, done.exit_code) == (Reason.ALREADY_DEPLOYED, 0)
    assert "the mirrors were not told again" in done.warnings[0]
    assert len(world.mirror.told) == told


@pytest.mark.thorough
def test_a_run_that_died_between_record_and_mirror_is_healed() -> None:
    died = 0
    for left in range(1, 80):
        world = started()
        world.run("m#prod#1", Life(left))
        for record in world.locks.entries():
            world.locks.remove(record)  # its lease is over
        newest = world.records().newest_first
        done = world.deploy("m#prod#1")
        assert done.exit_code == 0
        assert world.mirror.says == {"prod": "v1.0.0"}
        died += bool(newest and newest[0].outcome == "success")
    assert died > 1


def test_what_may_pass_is_tried_again() -> None:
    world = started()
    world.mirror.problems = [busy(), busy(after=5.0), busy()]
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.DEPLOYED
    assert world.mirror.says == {"prod": "v1.0.0"}
    assert world.clock.slept[-3:] == [1.0, 5.0, 4.0]
    assert any("again in 5 s" in line for line in world.announcer.said)


def test_not_for_ever() -> None:
    world = started()
    world.mirror.problems = [busy() for _ in range(100)]
    before = world.clock.monotonic()
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.MIRROR_FAILED
    assert "(tried 5 times)" in done.message
    assert world.clock.monotonic() - before < 21.0


@pytest.mark.parametrize("after", [0.0, 0.2])
def test_a_server_that_asks_for_no_pause_is_not_hammered(after: float) -> None:
    world = started()
    world.mirror.problems = [busy(after=after) for _ in range(1000)]
    assert world.deploy("m#prod#1").reason is Reason.MIRROR_FAILED
    assert len(world.mirror.told) == 5


def test_no_second_try_without_the_lock() -> None:
    """Whoever has it by then may have told another version already."""
    world = started()
    world.deploy("m#prod#1")
    world.tag("m#prod#2", "B")
    world.mirror.told.clear()
    world.mirror.problems = [busy()]
    world.mirror.under_lock = lambda: True
    sleep = world.clock.sleep

    def lose(seconds: float) -> None:
        sleep(seconds)
        if world.mirror.told:
            for entry in world.locks.entries():
                world.locks.remove(entry)

    world.clock.sleep = lose  # type: ignore[method-assign]
    done = world.deploy("m#prod#2")
    assert done.reason is Reason.MIRROR_FAILED
    assert world.mirror.told == [("live", "v2.0.0")]
    assert world.mirror.says == {"prod": "v1.0.0"}


def test_a_wish_to_wait_longer_than_there_is_time() -> None:
    world = started()
    world.mirror.problems = [busy(after=21.0)]
    assert world.deploy("m#prod#1").reason is Reason.MIRROR_FAILED
    assert len(world.mirror.told) == 1


def test_a_mirror_that_breaks_is_no_traceback() -> None:
    world = started()
    world.mirror.problems = [ZeroDivisionError("x\ny")]
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.MIRROR_FAILED
    assert "the mirror broke: ZeroDivisionError: x\\ny" in done.message


def test_several_mirrors_are_all_tried() -> None:
    world = started(mapping=mapping("[{uses: mlflow, alias: one}, {uses: mlflow, alias: two}]"))
    world.mirror.problems = [broken()]
    done = world.deploy("m#prod#1")
    assert [told.ok for told in done.mirrors] == [False, True]
    assert world.mirror.says == {"two": "v1.0.0"}
    assert done.reason is Reason.MIRROR_FAILED


def test_a_cancelled_run_says_who_was_not_told() -> None:
    world = started(mapping=mapping("[{uses: mlflow, alias: one}, {uses: mlflow, alias: two}]"))
    world.mirror.problems = [Cancelled()]
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.MIRROR_FAILED
    assert done.message.count("cancelled before it could be told") == 2
    assert done.live_version == "v1.0.0"
    assert world.deploy("m#prod#1").exit_code == 0
    assert world.mirror.says == {"one": "v1.0.0", "two": "v1.0.0"}


def test_a_dry_run_says_what_would_be_told() -> None:
    world = started(dry_run=True)
    done = world.deploy("m#prod#1")
    assert "then mlflow: prod live v1.0.0" in done.actions
    assert world.mirror.told == []


def test_a_dry_run_of_what_is_live_already_tells_nobody() -> None:
    world = started()
    world.deploy("m#prod#1")
    world.mirror.told.clear()
    world.dry_run = True
    assert world.deploy("m#prod#1").reason is Reason.ALREADY_DEPLOYED
    assert world.follow().reason is Reason.DRY_RUN
    assert world.mirror.told == []


def test_a_mirror_that_cannot_be_is_found_before_anything_is_deployed() -> None:
    world = started(mapping=mapping('[{uses: mlflow, alias: "{{ version }}.x"}]'))
    done = world.deploy("m#prod#1")
    assert done.reason is Reason.MAPPING_INVALID
    assert "mirrors[0].alias" in done.message
    assert "'v1.0.0.x' may hold only letters" in done.message
    assert done.mistakes[0].line == 10
    assert world.history == []


def test_secrets_that_were_handed_over_count_where_they_are_listed() -> None:
    world = started(handed={"MLFLOW_TRACKING_PASSWORD": "handed\n"}, environ={"MLFLOW_TRACKING_PASSWORD": "around"})
    world.deploy("m#prod#1")
    assert world.mirror.secrets == ["handed"]
    other = started(handed={"MLFLOW_TRACKING_PASSWORD": "handed"}, environ={"MLFLOW_TRACKING_PASSWORD": "around"})
    other.mapping = other.mapping.replace("    secrets: [MLFLOW_TRACKING_PASSWORD]\n", "")
    other.deploy("m#prod#1")
    assert other.mirror.secrets == ["around"]


class _Meanwhile:
    """While somebody waits for the lock, its owner lets it go, and another run of the same tag comes and dies."""

    def __init__(self, world: MirroredWorld, left: int) -> None:
        self._world = world
        self._left = left
        self._sleep = world.clock.sleep
        self.came = False

    def __call__(self, seconds: float) -> None:
        self._sleep(seconds)
        if not self.came:
            self.came = True
            self._unlock()
            self._world.run("m#prod#1", Life(self._left))
            self._unlock()  # its lease is over

    def _unlock(self) -> None:
        for entry in self._world.locks.entries():
            self._world.locks.remove(entry)


@pytest.mark.thorough
def test_a_run_that_waited_for_one_that_died_before_it_told_tells() -> None:
    """It finds under the lock that its version is live already: who made it so may not have come to the mirrors."""
    healed = 0
    for left in range(1, 80):
        world = started()
        other = Wanted(key_of("m", "prod"), "another", "bob", "deploys", "", 60.0)
        meanwhile = _Meanwhile(world, left)
        with held(world.locks, world.clock, other, wait=0.0, tell=lambda _line: None):
            world.clock.sleep = meanwhile  # type: ignore[method-assign]
            done = world.deploy("m#prod#1", wait=600.0)
        assert meanwhile.came
        assert done.exit_code == 0
        assert world.records().newest_first[0].outcome == "success"
        assert world.mirror.says == {"prod": "v1.0.0"}
        healed += done.reason is Reason.ALREADY_DEPLOYED
    assert healed > 1


@pytest.mark.thorough
def test_an_undeployment_that_died_before_it_told_is_healed_by_a_repeat() -> None:
    healed = 0
    for left in range(1, 60):
        world = started(mapping=mapping(events="undeploy"))
        world.deploy("m#prod#1")
        world.tag("m#prod!#2", "A")
        world.run("m#prod!#2", Life(left))
        for record in world.locks.entries():
            world.locks.remove(record)  # its lease is over
        done = world.deploy("m#prod!#2")
        assert done.exit_code == 0
        assert (world.live, world.mirror.says) == ("", {})
        healed += done.reason is Reason.UNASSIGNMENT
    assert healed > 1
    world.mirror.problems = [broken()]
    assert world.deploy("m#prod!#2").reason is Reason.MIRROR_FAILED
