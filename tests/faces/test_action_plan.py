"""`command: plan` as a process, and the jobs that are made of its matrix."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy.faces.settings import OUTPUTS
from model_stage_deploy.receiving import verify
from tests.faces.jobs import MAPPING, SECRET, Ended, Job

pytestmark = pytest.mark.thorough

HANDED = "whsec_aGFuZGVkLXNlY3JldC0wMTIzNDU2Nzg5"
REMOVALS = """\
version: 1
defaults: {lock: {use: none}, events: {deregister: fallback}}
stages:
  dev: {environment: development, deploy: {run: "echo dev $MSD_VERSION"}}
  staging: {deploy: {run: "true"}}
  prod: {environment: production, deploy: {run: "echo prod $MSD_VERSION"}}
"""


def pushed(job: Job, tag: str, inputs: dict[str, Any]) -> Ended:
    """The job that a matrix entry makes, in the run that pushing the tag started."""
    assert inputs["tag"] == ""
    return job.push(tag, **{name: value for name, value in inputs.items() if name != "tag"})


def entries(ended: Ended) -> list[dict[str, Any]]:
    """What the later jobs are made of."""
    found: list[dict[str, Any]] = json.loads(ended.outputs["matrix"])["include"]
    assert ended.outputs["count"] == str(len(found))
    return found


def test_a_pushed_tag_is_planned_and_then_deployed_as_the_matrix_says(job: Job) -> None:
    planned = job.push("churn#prod#5", command="plan")

    assert planned.exit_code == 0, planned.log
    assert set(planned.outputs) == {output.name for output in OUTPUTS}
    [entry] = entries(planned)
    assert (entry["version"], entry["environment"], entry["previous"]) == ("v2.0.0", "production", "v1.0.0")
    assert (planned.outputs["result"], planned.outputs["version"]) == ("planned", "v2.0.0")
    assert planned.document["schema"] == "model-stage-deploy/plan/v1"
    assert job.receiver.requests == []
    assert job.github.deployments == []

    ended = pushed(job, "churn#prod#5", entry["with"])
    assert (ended.exit_code, ended.outputs["result"]) == (0, "deployed")
    assert job.receiver.requests[-1].json["version"] == "v2.0.0"


def test_what_asks_for_nothing_is_no_failure_and_no_job(job: Job) -> None:
    for tag, reason in (("churn@v2.0.0", "registration"), ("churn#prod#1", "superseded")):
        ended = job.push(tag, command="plan")
        assert (ended.exit_code, ended.outputs["reason"], entries(ended)) == (0, reason, [])


def test_a_rollback_is_pinned_to_what_was_planned(job: Job) -> None:
    job.push("churn#prod#5")
    [entry] = entries(job.dispatch(command="plan", model="churn", stage="prod"))
    named = {"command": "rollback", "tag": "", "model": "churn", "stage": "prod", "to": "v1.0.0"}
    assert {**entry["with"], "planned": ""} == {**named, "planned": ""}

    ended = job.dispatch(**entry["with"])
    assert (ended.exit_code, ended.outputs["live-version"]) == (0, "v1.0.0")


def test_what_was_approved_is_done_or_nothing(job: Job) -> None:
    job.push("churn#prod#1", force="true")
    [entry] = entries(job.push("churn#prod#5", command="plan"))
    other = {**entry["with"], "planned": entry["with"]["planned"].replace("production", "staging")}
    ended = pushed(job, "churn#prod#5", other)
    assert (ended.exit_code, ended.outputs["reason"]) == (3, "superseded")
    assert "environment production instead of staging" in ended.log

    job.repository.tag("churn#prod#5", at="churn@v1.0.0^{commit}", force=True)
    job.publish()
    ended = job.dispatch(**{**entry["with"], "tag": "churn#prod#5"})
    assert (ended.exit_code, ended.outputs["reason"]) == (3, "moved-tag")
    assert len(job.github.deployments) == 1


def test_a_refusal_fails_the_plan_before_anybody_is_asked(job: Job) -> None:
    ended = job.dispatch(command="plan", model="churn", stage="prod", to="v9.9.9")
    assert (ended.exit_code, ended.outputs["reason"], entries(ended)) == (3, "unknown-version", [])
    assert "::error" in ended.log

    by_hand = job.dispatch(command="plan", tag="churn#prod#1")
    assert (by_hand.exit_code, by_hand.outputs["reason"], entries(by_hand)) == (3, "superseded", [])
    forced = job.dispatch(command="plan", tag="churn#prod#1", force="true")
    assert [entry["with"]["tag"] for entry in entries(forced)] == ["churn#prod#1"]


def test_a_rollback_without_a_stage_is_told_what_it_lacks(job: Job) -> None:
    ended = job.dispatch(command="plan", model="churn")
    assert (ended.exit_code, ended.outputs["reason"]) == (2, "usage")
    assert "needs a model and a stage" in ended.log


def test_a_tag_that_concerns_several_stages_is_deployed_by_a_job_for_each(job: Job) -> None:
    job.map(REMOVALS)
    job.repository.tag("churn@v2.0.0!", at="churn@v2.0.0^{commit}")
    job.publish()
    planned = job.push("churn@v2.0.0!", command="plan")

    found = {entry["stage"]: entry for entry in entries(planned)}
    assert {stage: entry["version"] for stage, entry in found.items()} == {"dev": "v1.0.0", "prod": "v1.0.0"}
    ended = pushed(job, "churn@v2.0.0!", found["prod"]["with"])
    assert (ended.exit_code, ended.outputs["reason"]) == (0, "fallen-back")
    assert [deployment.environment for deployment in job.github.deployments] == ["production/churn"]


def test_secrets_that_are_handed_over_reach_the_stage_that_lists_them(job: Job) -> None:
    job.extra["DEPLOY_HOOK_SECRET"] = ""
    ended = job.push("churn#prod#5", secrets=f"DEPLOY_HOOK_SECRET={HANDED}\nOTHER=other-secret-0123456789")

    assert ended.exit_code == 0, ended.log
    [delivery] = job.receiver.requests
    assert verify(HANDED, delivery.headers, delivery.body) == delivery.json["id"]
    assert HANDED not in ended.everything
    assert f"::add-mask::{HANDED}" in ended.log
    assert "::add-mask::other-secret-0123456789" in ended.log


def test_a_script_gets_the_secrets_that_its_stage_lists_and_no_other(job: Job) -> None:
    script = 'deploy: {run: \'test "$LISTED" = x-0123 && test -z "${OTHER-}" && test -z "${INPUT_SECRETS-}"\'}'
    job.map(f"version: 1\ndefaults: {{lock: {{use: none}}}}\nstages:\n  prod: {{secrets: [LISTED], {script}}}\n")
    ended = job.push("churn#prod#5", secrets='{"LISTED": "x-0123", "OTHER": "y-0123"}')
    assert (ended.exit_code, ended.outputs["result"]) == (0, "deployed"), ended.log


def test_secrets_that_cannot_be_read_end_the_run_before_anything_is_done(job: Job) -> None:
    ended = job.push("churn#prod#5", secrets=f"{HANDED}")
    assert (ended.exit_code, ended.outputs["reason"]) == (2, "usage")
    assert HANDED not in ended.everything
    assert job.github.deployments == []


def test_no_environment_is_planned_under_another_name(job: Job) -> None:
    """The value of a secret is starred out, and an environment with stars in it has no reviewers."""
    job.map(MAPPING)
    job.extra["DEPLOY_HOOK_SECRET"] = "production"
    ended = job.push("churn#prod#5", command="plan")
    assert (ended.exit_code, ended.outputs["reason"], ended.outputs["matrix"]) == (2, "usage", "")
    assert SECRET not in ended.everything
