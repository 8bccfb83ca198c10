"""Registries that follow, told without a deployment: of tags that take something away, and by `mirror MODEL STAGE`."""

from __future__ import annotations

from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.mirrors.contract import MirrorProblem
from tests.flows.mirror_worlds import FakeMirror, MirroredWorld, mapping, started


def broken() -> MirrorProblem:
    return MirrorProblem("MLflow has no such version", hint="tag it")


def taken(events: str, *tags: str) -> tuple[MirroredWorld, FakeMirror]:
    """prod has v1.0.0, and v2.0.0 over it where `tags` say so; all of it is deployed and told."""
    world = started(mapping=mapping(events=events))
    world.deploy("m#prod#1")
    for tag in tags:
        world.tag(tag, "B")
        world.deploy(tag)
    return world, world.mirror


def test_undeployed_is_taken_out() -> None:
    world, mirror = taken("undeploy")
    done = world.deploy(world.tag("m#prod!#2", "A"))
    assert done.reason is Reason.UNDEPLOYED
    assert mirror.says == {}
    assert mirror.told[-1] == ("taken-out", "v1.0.0")


def test_fallen_back_is_live() -> None:
    world, mirror = taken("fallback", "m#prod#2")
    done = world.deploy(world.tag("m#prod!#3", "B"))
    assert done.reason is Reason.FALLEN_BACK
    assert mirror.says == {"prod": "v1.0.0"}


def test_what_is_ignored_is_told_all_the_same() -> None:
    world, mirror = taken("ignore")
    tag = world.tag("m#prod!#2", "A")
    done = world.deploy(tag)
    assert (done.reason, done.result) == (Reason.MIRRORED, Result.WRITTEN)
    assert done.subject.tag == tag
    assert world.live == "v1.0.0"
    assert mirror.says == {}
    assert "what runs was left alone" in done.message


def test_nothing_to_fall_back_to_is_told() -> None:
    world, mirror = taken("fallback")
    done = world.deploy(world.tag("m#prod!#2", "A"))
    assert done.reason is Reason.MIRRORED
    assert mirror.says == {}


def test_a_removal_that_cannot_be_told_names_its_tag() -> None:
    world, mirror = taken("ignore")
    mirror.problems = [broken()]
    tag = world.tag("m#prod!#2", "A")
    done = world.deploy(tag)
    assert (done.reason, done.exit_code) == (Reason.MIRROR_FAILED, 4)
    assert f"python -m model_stage_deploy deploy '{tag}'" in done.hint
    assert world.deploy(tag).reason is Reason.MIRRORED


def test_a_removal_that_came_too_late_is_not_told() -> None:
    world, mirror = taken("ignore")
    late = world.tag("m#prod!#2", "A")
    world.tag("m#prod#3", "A")
    assert world.deploy(late).result is Result.NOTHING_TO_DO
    assert mirror.says == {"prod": "v1.0.0"}


def test_without_mirrors_nothing_is_different() -> None:
    world = started(mapping=mapping("[]", "ignore"))
    world.deploy("m#prod#1")
    done = world.deploy(world.tag("m#prod!#2", "A"))
    assert (done.reason, done.result) == (Reason.UNASSIGNMENT, Result.NOTHING_TO_DO)
    assert world.follow().reason is Reason.NOTHING_LEFT
    assert world.mirror.told == []


def test_a_dry_run_of_a_removal() -> None:
    world, mirror = taken("ignore")
    world.dry_run = True
    done = world.deploy(world.tag("m#prod!#2", "A"))
    assert done.reason is Reason.DRY_RUN
    assert "then mlflow: prod taken-out v1.0.0" in done.message
    assert mirror.says == {"prod": "v1.0.0"}


# `mirror MODEL STAGE`.


def test_a_mirror_that_is_new_learns_what_is_live() -> None:
    world = started(mapping=mapping("[]"))
    world.deploy("m#prod#1")
    world.mapping = mapping()
    done = world.follow()
    assert done.reason is Reason.MIRRORED
    assert done.message == "m v1.0.0 is live in prod; nothing was deployed; mlflow follows"
    assert world.mirror.says == {"prod": "v1.0.0"}


def test_after_an_undeployment_the_version_is_taken_out() -> None:
    world, mirror = taken("undeploy")
    mirror.problems = [broken()]
    assert world.deploy(world.tag("m#prod!#2", "A")).reason is Reason.MIRROR_FAILED
    assert mirror.says == {"prod": "v1.0.0"}
    world.follow()
    assert mirror.says == {}


def test_nothing_was_ever_deployed() -> None:
    assert started().follow().reason is Reason.NOTHING_LEFT


def test_what_failed_its_verification_is_told_to_nobody() -> None:
    world = started()
    world.bad.add("v1.0.0")
    world.deploy("m#prod#1")
    done = world.follow()
    assert (done.reason, done.exit_code) == (Reason.MIRROR_FAILED, 4)
    assert world.mirror.told == []


def test_an_unmapped_stage() -> None:
    assert started().follow("nowhere").reason is Reason.UNMAPPED_STAGE
