"""What was planned, approved or pushed is what is deployed; what was moved or changed since then is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faces.jobs import MAPPING, Ended, Job

pytestmark = pytest.mark.thorough

TAG = "churn#prod#5"
REF = f"refs/tags/{TAG}"
REMOVALS = """\
version: 1
defaults: {lock: {use: none}}
stages:
  dev: {environment: development, events: {deregister: fallback}, deploy: {run: "echo dev $MSD_VERSION"}}
  staging: {deploy: {run: "true"}}
  prod: {environment: production, events: {deregister: PROD}, deploy: {run: "echo prod $MSD_VERSION"}}
"""


def entry_of(ended: Ended) -> dict[str, Any]:
    """The only entry of a plan."""
    [found] = json.loads(ended.outputs["matrix"])["include"]
    entry: dict[str, Any] = found
    return entry


def move(job: Job) -> None:
    """Somebody moves the tag to the commit of the other version."""
    job.repository.tag(TAG, at="churn@v1.0.0^{commit}", force=True)
    job.publish()


def ended(run: Ended) -> tuple[int, str]:
    return run.exit_code, run.outputs["reason"]


def test_a_tag_that_was_moved_after_it_was_planned_and_approved_is_refused(job: Job) -> None:
    entry = entry_of(job.dispatch(command="plan", tag=TAG))
    assert entry["version"] == "v2.0.0"
    move(job)
    run = job.dispatch(**entry["with"])
    assert ended(run) == (3, "moved-tag"), run.log


def test_t25_a_created_tag_is_held_to_the_commit_that_its_run_is_for(job: Job) -> None:
    commit = job.repository.tags()[TAG]
    move(job)
    run = job.run("create", REF, commit, {"ref": TAG, "ref_type": "tag"}, {}, "none")
    assert ended(run) == (3, "moved-tag"), run.log


def test_a_pushed_tag_that_is_named_as_well_is_still_the_one_that_was_pushed(job: Job) -> None:
    old = job.repository.git("rev-parse", REF)
    commit = job.repository.tags()[TAG]
    move(job)
    body = {"ref": REF, "after": old, "deleted": False, "forced": False}
    run = job.run("push", REF, commit, body, {"tag": TAG}, "none")
    assert ended(run) == (3, "moved-tag"), run.log


def test_a_stage_that_is_named_keeps_out_tags_of_other_stages(job: Job) -> None:
    run = job.push(TAG, stage="staging")
    assert ended(run) == (0, "event-ignored")
    assert "churn#prod#5 is about prod, and the input `stage` says 'staging'" in run.log
    assert ended(job.dispatch(tag=TAG, stage="staging")) == (2, "usage")
    assert job.receiver.requests == []
    assert ended(job.push(TAG, stage="prod")) == (0, "deployed")


def test_no_deployment_is_planned_for_who_asks_for_a_rollback(job: Job) -> None:
    body = {"client_payload": {"command": "rollback", "model": "churn", "stage": "prod"}}
    commit = job.repository.git("rev-parse", "main")
    run = job.run("repository_dispatch", "refs/heads/main", commit, body, {"command": "plan", "tag": TAG}, "none")
    assert (ended(run), run.outputs["matrix"]) == ((2, "usage"), "")
    deploy = job.run("repository_dispatch", "refs/heads/main", commit, body, {"tag": TAG}, "none")
    assert ended(deploy) == (2, "usage")


def test_a_pushed_tag_plans_no_rollback(job: Job) -> None:
    run = job.push(TAG, command="plan", model="churn", stage="prod")
    assert (ended(run), run.outputs["matrix"]) == ((2, "usage"), "")
    assert "leave the inputs `model`, `stage` and `to` empty" in run.log


def test_a_rollback_that_was_approved_takes_no_other_version_away(job: Job) -> None:
    job.push(TAG)
    entry = entry_of(job.dispatch(command="plan", model="churn", stage="prod"))
    assert (entry["version"], entry["previous"]) == ("v1.0.0", "v2.0.0")
    job.repository.commit({"models/churn.pkl": "weights of v3\n"})
    job.repository.tag("churn@v3.0.0")
    job.repository.tag("churn#prod#6")
    job.publish()
    assert ended(job.push("churn#prod#6")) == (0, "deployed")
    run = job.dispatch(**entry["with"])
    assert ended(run) == (3, "superseded"), run.outputs["live-version"]


def test_a_plan_for_one_stage_touches_no_other_that_the_mapping_gained_meanwhile(job: Job) -> None:
    job.map(REMOVALS.replace("PROD", "ignore"))
    job.repository.tag("churn@v2.0.0!", at="churn@v2.0.0^{commit}")
    job.publish()
    entry = entry_of(job.push("churn@v2.0.0!", command="plan"))
    assert entry["stage"] == "dev"
    job.map(REMOVALS.replace("PROD", "fallback"))
    inputs = {name: value for name, value in entry["with"].items() if name != "tag"}
    run = job.push("churn@v2.0.0!", **inputs)
    assert ended(run) == (0, "fallen-back")
    assert [deployment.environment for deployment in job.github.deployments] == ["development/churn"]


def test_a_plan_in_another_environment_is_not_what_reviewers_saw(job: Job) -> None:
    entry = entry_of(job.dispatch(command="plan", tag=TAG))
    job.map(MAPPING.replace("environment: production", "environment: sandbox"))
    run = job.dispatch(**entry["with"])
    assert ended(run) == (3, "superseded")
    assert "environment sandbox instead of production" in run.log
    assert job.receiver.requests == []
