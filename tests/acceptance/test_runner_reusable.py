"""The reusable workflow in a real runner: a plan, jobs made of it, a summary, and outputs that a later job reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.runner import Run, Runner
from tests.acceptance.world import HOOK_SECRET, TOKEN, World
from tests.contract.generate import ROOT
from tests.contract.reusable import ON_HOST, WORKFLOW, for_older_servers

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

EXAMPLE = (ROOT / "workflows-examples/deploy-with-reusable.yml").read_text("utf-8")
# What the caller's next job has in its hands.
AFTER = """
  after:
    needs: deploy
    if: always()
    runs-on: ubuntu-latest
    steps:
      - id: after
        env:
          OUTPUTS: ${{ toJSON(needs.deploy.outputs) }}
        run: printf '%s' "$OUTPUTS" | jq --compact-output .
"""
CALLER = (
    EXAMPLE.replace(
        "DEPLOY_SECRETS: ${{ secrets.DEPLOY_SECRETS }}",
        "DEPLOY_SECRETS: 'DEPLOY_HOOK_SECRET=${{ secrets.DEPLOY_HOOK_SECRET }}'",
    )
    + AFTER
)


@pytest.fixture(autouse=True)
def older_server(runner: Runner) -> None:
    """`act` knows neither `deployment: false` nor `queue: max`, as an older server: what the docs say to leave out."""
    for path in (WORKFLOW, ON_HOST):
        published = runner.actions["org/model-stage-deploy@v1"] / path.relative_to(ROOT)
        published.write_text(for_older_servers(path.read_text("utf-8")), "utf-8")


def outputs(run: Run) -> dict[str, str]:
    """The outputs of the reusable workflow as the job after it read them."""
    read: dict[str, str] = json.loads("\n".join(run.steps["after"].lines))
    return read


def deployments(world: World) -> list[dict[str, Any]]:
    """What GitHub knows of deployments, oldest first, with the states of each."""
    dump = world.github.dump()["deployments"]
    return [{**each, "states": [status["state"] for status in each["statuses"]]} for each in dump]


def assert_nothing_leaked(world: World, run: Run) -> None:
    told = json.dumps([{**call, "headers": None} for call in world.github.dump()["calls"]])
    shown = run.log + told + "".join(step.summary + "".join(step.outputs.values()) for step in run.steps.values())
    assert TOKEN not in shown
    assert HOOK_SECRET not in shown


def test_a_pushed_tag_is_planned_deployed_and_rolled_back(world: World) -> None:
    run = world.push("churn#prod#3", CALLER)
    assert run.succeeded, run.log

    told = json.loads(run.steps["plan"].outputs["matrix"])["include"]
    assert [(entry["action"], entry["environment"], entry["with"]["tag"]) for entry in told] == [
        ("deploy", "production", "")
    ]
    [delivery] = world.receiver.deliveries
    assert json.loads(delivery.body)["version"] == "v2.0.0"
    assert "webhook-signature" in delivery.headers
    [deployment] = deployments(world)
    assert (deployment["environment"], deployment["states"]) == ("production/churn", ["in_progress", "success"])
    assert outputs(run) | {"matrix": "", "deployment-id": ""} == {
        "result": "deployed",
        "reason": "deployed",
        "count": "1",
        "matrix": "",
        "name": "churn",
        "stage": "prod",
        "version": "v2.0.0",
        "previous-version": "v1.0.0",
        "live-version": "v2.0.0",
        "verified": "false",
        "environment": "production",
        "environment-url": "https://models.example.com/churn",
        "deployment-id": "",
    }
    assert "| `churn` | `prod` | v1.0.0 | `v2.0.0` | deployed | `deployed` |" in run.steps["summary"].summary
    assert_nothing_leaked(world, run)

    run = world.dispatch({"model": "churn", "stage": "prod"}, CALLER)
    assert run.succeeded, run.log
    first, second = (json.loads(delivery.body) for delivery in world.receiver.deliveries)
    assert (first["version"], second["event"], second["version"]) == ("v2.0.0", "rollback", "v1.0.0")
    assert run.steps["deploy"].outputs["version"] == outputs(run)["live-version"] == "v1.0.0"
    assert_nothing_leaked(world, run)


def test_the_same_on_the_runner_itself(world: World) -> None:
    run = world.push("churn#staging#2", CALLER.replace("workflows/deploy.yml@v1", "workflows/deploy-on-host.yml@v1"))
    assert run.succeeded, run.log
    assert [delivery.body for delivery in world.receiver.at("/model")] == [b"churn v2.0.0\n"]
    [environment] = world.receiver.at("/environment")
    assert b"INPUT_SECRETS" not in environment.body
    assert HOOK_SECRET.encode() not in environment.body, "the stage does not list it"
    assert (outputs(run)["result"], outputs(run)["environment"]) == ("deployed", "staging")
    assert_nothing_leaked(world, run)


def test_a_registration_starts_no_job_that_deploys(world: World) -> None:
    run = world.push("churn@v2.0.0", CALLER)
    assert run.succeeded, run.log
    assert "row" not in run.steps
    assert {key: outputs(run)[key] for key in ("result", "reason", "count")} == {
        "result": "nothing-to-do",
        "reason": "registration",
        "count": "0",
    }
    assert world.receiver.deliveries == []


def test_a_refusal_ends_with_the_plan_and_nobody_is_asked(world: World) -> None:
    run = world.dispatch({"model": "churn", "stage": "prod", "to": "v9.9.9"}, CALLER)
    assert not run.succeeded
    assert run.steps["plan"].outcome == "failure"
    assert "row" not in run.steps
    assert world.receiver.deliveries == []
    assert deployments(world) == []
    # act starts no job of the caller after a reusable workflow that failed.
    assert run.steps["summary"].outputs["reason"] == "unknown-version"
    assert run.steps["summary"].outputs["result"] == "refused"
