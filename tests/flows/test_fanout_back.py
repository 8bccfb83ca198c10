"""The ways back of a stage with many targets: of one target, of a wave, and of all by hand from halfway."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.core.errors import Cancelled, MachineryFailed
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.flows.context import Scope
from tests.flows import target_world
from tests.flows.delivery_world import Life, Shelf
from tests.flows.target_world import TargetWorld, results
from tests.flows.test_fanout import world

FINISH = Scope(finish=True)


def test_the_way_back_of_a_target_has_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gets a webhook a second time by its id leaves it: the way back would do nothing and look good."""
    made = world("on-failure: rollback-wave, max-parallel: 1")
    made.bad.add("c1@v2.0.0")
    seen: list[tuple[str, str]] = []
    deploy = target_world.Deployer.deploy

    def deployed(self: Any, job: Job, options: Any) -> Receipt:
        seen.append((job.attempt, job.plan.decision.version))
        return deploy(self, job, options)

    monkeypatch.setattr(target_world.Deployer, "deploy", deployed)
    assert results(made.deploy("m#prod#2"))["c1"] == "rolled-back"
    assert [version for _, version in seen] == ["v2.0.0", "v1.0.0"]
    assert seen[0][0] != seen[1][0]


def third(strategy: str) -> TargetWorld:
    """A world where v1 and v2 were everywhere, one after the other, and v3 comes."""
    made = world(strategy)
    assert made.deploy("m#prod#2").result is Result.DEPLOYED
    made.tag("m@v3.0.0", "C")
    made.tag("m#prod#3", "C")
    made.calls.clear()
    return made


def _failed_halfway(made: TargetWorld) -> None:
    made.bad.add("e2@v3.0.0")
    assert made.deploy("m#prod#3").result is Result.FAILED


def _killed_halfway(made: TargetWorld) -> None:
    for left in range(20, 400):
        made.run("m#prod#3", Life(left=left))
        made.clock.time += 10_000
        if "v3.0.0" in made.has.values():
            return


def _cancelled_matrix(made: TargetWorld) -> None:
    assert made.deploy("m#prod#3", scope=Scope(wave=1)).reason is Reason.TARGETS_DEPLOYED


@pytest.mark.parametrize("halfway", [_failed_halfway, _killed_halfway, _cancelled_matrix])
@pytest.mark.parametrize("to", ["", "v2.0.0"])
def test_a_rollback_from_halfway_goes_to_what_was_everywhere(halfway: Any, to: str) -> None:
    """The stage's record says v2 all the while, as v3 never got there whole."""
    made = third('waves: [canary, "50%", rest]')
    halfway(made)
    assert "v3.0.0" in made.has.values()
    outcome = made.roll_back(to)
    assert outcome is not None
    assert outcome.reason is Reason.ROLLED_BACK, outcome.message
    assert set(made.has.values()) == {"v2.0.0"}


def test_a_rollback_from_halfway_over_a_matrix() -> None:
    made = third('waves: [canary, "50%", rest]')
    _failed_halfway(made)
    for shard in ("1/3", "2/3", "3/3"):
        part = made.roll_back("v2.0.0", scope=Scope(shard=shard))
        assert part is not None and part.reason is Reason.TARGETS_DEPLOYED, part
    outcome = made.roll_back("v2.0.0", scope=FINISH)
    assert outcome is not None
    assert outcome.reason is Reason.ROLLED_BACK, outcome.message
    assert set(made.has.values()) == {"v2.0.0"}


def test_a_rollback_where_nothing_of_the_failed_one_is_left_goes_one_further() -> None:
    made = third("on-failure: rollback-wave")
    made.bad.add("e2@v3.0.0")
    made.deploy("m#prod#3")
    assert set(made.has.values()) == {"v2.0.0"}
    outcome = made.roll_back()
    assert outcome is not None and outcome.reason is Reason.ROLLED_BACK
    assert set(made.has.values()) == {"v1.0.0"}


def test_force_is_about_the_version_and_not_about_the_way_back() -> None:
    made = world("waves: [canary, rest], on-failure: rollback-all")
    made.bad.add("c1@v2.0.0")
    outcome = made.deploy("m#prod#2", force=True)
    assert outcome.reason is Reason.ROLLED_BACK_AFTER_FAILURE
    assert made.calls == ["c1 v2.0.0", "c1 v1.0.0"]


def test_a_way_back_whose_end_nobody_heard_looks_like_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """The targets of the wave that were well are not well any more, when their way back is cancelled."""
    made = world("waves: [rest], on-failure: rollback-wave, max-parallel: 1")
    made.bad.add("u2@v2.0.0")
    deploy = target_world.Deployer.deploy

    def cancelled(self: Any, job: Job, options: Any) -> Receipt:
        if job.plan.decision.version == "v1.0.0":
            raise Cancelled("SIGTERM")
        return deploy(self, job, options)

    monkeypatch.setattr(target_world.Deployer, "deploy", cancelled)
    outcome = made.deploy("m#prod#2")
    assert outcome.result is Result.CANCELLED
    assert set(results(outcome).values()) == {"cancelled"}
    assert not any(one.verified for one in outcome.targets)


def test_a_whole_rollback_ends_what_was_rolled_back_by_hand_at_one_target() -> None:
    made = third("waves: [rest]")
    assert made.deploy("m#prod#3").result is Result.DEPLOYED
    assert made.roll_back("v1.0.0", scope=Scope(targets=("e1",))) is not None
    outcome = made.roll_back()
    assert outcome is not None and outcome.reason is Reason.ROLLED_BACK
    assert set(made.has.values()) == {"v2.0.0"}


def test_where_the_way_back_failed_the_version_that_was_left_is_there() -> None:
    made = third("on-failure: rollback-wave, max-parallel: 1")
    made.bad.add("c1@v3.0.0")
    made.broken.add("c1@v2.0.0")
    outcome = made.deploy("m#prod#3")
    assert results(outcome)["c1"] == "rollback-failed"
    assert (made.has["c1"], made.targets()["c1"].now) == ("v3.0.0", "v3.0.0")
    made.broken.clear()
    back = made.roll_back("v2.0.0")
    assert back is not None and back.reason is Reason.ROLLED_BACK
    assert set(made.has.values()) == {"v2.0.0"}


@pytest.mark.parametrize("over_a_matrix", [False, True])
def test_the_way_back_of_a_target_has_the_files_of_the_version_it_goes_back_to(
    monkeypatch: pytest.MonkeyPatch, over_a_matrix: bool
) -> None:
    made = world("on-failure: rollback-wave, max-parallel: 1")
    made.bad.add("c1@v2.0.0")
    seen: list[tuple[str, str, str]] = []
    deploy = target_world.Deployer.deploy

    def deployed(self: Any, job: Job, options: Any) -> Receipt:
        seen.append((job.plan.decision.version, str(job.model_dir), job.env["MSD_MODEL_DIR"]))
        return deploy(self, job, options)

    monkeypatch.setattr(target_world.Deployer, "deploy", deployed)
    monkeypatch.setattr(Shelf, "checkout", lambda _self, commit: Path("/files") / commit[:1])
    if over_a_matrix:
        made.deploy("m#prod#2", scope=Scope(wave=1))
        outcome = made.deploy("m#prod#2", scope=FINISH)
    else:
        outcome = made.deploy("m#prod#2")
    assert results(outcome)["c1"] == "rolled-back"
    first, back = seen[0], seen[-1]
    assert first[0] == "v2.0.0" and back[0] == "v1.0.0"
    assert first[1] == first[2] != back[1] == back[2]
    assert back[1] == f"/files/{(made.shelf.records[0].commit or '')[:1]}"


def test_where_the_files_of_the_earlier_version_cannot_be_had_there_is_no_way_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = world("on-failure: rollback-wave, max-parallel: 1")
    made.bad.add("c1@v2.0.0")
    old = made.shelf.records[0].commit

    def checkout(_self: Shelf, commit: str) -> Path:
        if commit == old:
            raise MachineryFailed(Reason.GIT_FAILED, "the commit is gone")
        return Path("/files")

    monkeypatch.setattr(Shelf, "checkout", checkout)
    outcome = made.deploy("m#prod#2")
    assert results(outcome)["c1"] == "rollback-failed"
    assert "THE WAY BACK FAILED: the commit is gone" in outcome.message
