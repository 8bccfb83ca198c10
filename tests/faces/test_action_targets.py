"""The jobs of a workflow that deploy to the targets of one stage, as processes: plan, waves, parts, and `finish`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faces.jobs import Ended, Job

pytestmark = pytest.mark.thorough

MAPPING = """\
version: 1
stages:
  prod:
    environment: production
    secrets: [DEPLOY_HOOK_SECRET]
    deploy:
      uses: webhook
      with: {url: "RECEIVER/models/{{ target.name }}", secret: "{{ secrets.DEPLOY_HOOK_SECRET }}"}
      retries: 0
    targets: [{name: eu, labels: [canary]}, us, asia]
    strategy: {waves: [canary, rest], max-parallel: 1}
"""


@pytest.fixture
def wide(job: Job) -> Job:
    """A job in a repository whose prod has three targets."""
    job.map(MAPPING)
    return job


def planned(ended: Ended) -> tuple[list[list[dict[str, Any]]], list[dict[str, Any]]]:
    """The entries of each wave, and those of the jobs that join them."""
    waves = [wave["include"] for wave in json.loads(ended.outputs["waves"])]
    return waves, json.loads(ended.outputs["finish"])["include"]


def inputs(entry: dict[str, Any]) -> dict[str, Any]:
    """The inputs of an entry's job; what is empty is not set."""
    return {name: value for name, value in entry["with"].items() if value}


def test_many_jobs_make_one_record(wide: Job) -> None:
    plan = wide.push("churn#prod#5", command="plan", spread="4")
    assert plan.exit_code == 0, plan.log
    assert {name: plan.outputs[name] for name in ("count", "spread", "keep-going")} == {
        "count": "0",
        "spread": "1",
        "keep-going": "false",
    }
    assert json.loads(plan.outputs["matrix"]) == {"include": []}
    waves, [finish] = planned(plan)
    assert [[entry["shard"] for entry in wave] for wave in waves] == [["1/1"], ["1/2", "2/2"]]

    for entry in (entry for wave in waves for entry in wave):
        ended = wide.push("churn#prod#5", **inputs(entry))
        assert (ended.exit_code, ended.outputs["reason"]) == (0, "targets-deployed"), ended.log
    assert wide.github.deployments == []
    assert [got.target for got in wide.receiver.requests] == ["/models/eu", "/models/us", "/models/asia"]

    ended = wide.push("churn#prod#5", **inputs(finish))
    assert (ended.exit_code, ended.outputs["reason"], ended.outputs["live-version"]) == (0, "deployed", "v2.0.0")
    [deployment] = wide.github.deployments
    assert deployment.environment == "production/churn"
    assert len(wide.receiver.requests) == 3, "finish deploys to none"

    again = wide.push("churn#prod#5", command="plan", spread="4", force="true")
    assert again.outputs["spread"] == "1"


def test_without_the_input_a_stage_is_one_job(wide: Job) -> None:
    plan = wide.push("churn#prod#5", command="plan")
    assert (plan.outputs["waves"], plan.outputs["spread"], plan.outputs["count"]) == ("[]", "0", "1")
    [entry] = json.loads(plan.outputs["matrix"])["include"]
    assert (entry["targets"], "wave" in entry["with"]) == (3, False)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"command": "plan", "spread": "1"}, "prod has 2 waves of targets, and the workflow has jobs for 1"),
        ({"command": "plan", "target": "eu"}, "`target` means nothing to the command plan"),
        ({"command": "plan", "spread": "many"}, "input spread is 'many'"),
        ({"command": "finish", "wave": "1"}, "`wave` means nothing to the command finish"),
        ({"command": "deploy", "wave": "0"}, "wave is '0'"),
    ],
)
def test_what_cannot_be_is_refused(wide: Job, given: dict[str, Any], told: str) -> None:
    ended = wide.push("churn#prod#5", **given)
    assert (ended.exit_code, told in ended.log) == (2, True), ended.log
    assert wide.receiver.requests == []
