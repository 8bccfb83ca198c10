"""The example that promotes, in a real runner: one job writes the stage tag and deploys it, for whoever asked."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.acceptance.test_runner import assert_nothing_leaked, deployments
from tests.acceptance.world import REPOSITORY, World
from tests.contract.generate import ROOT
from tests.standins.registries import isolated_environment

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

EXAMPLE = (ROOT / "workflows-examples/promote.yml").read_text("utf-8")
# The example as it is, but for a name for its second step.
WORKFLOW = EXAMPLE.replace("      - uses: org", "      - id: deploy\n        uses: org")


def tag_on_the_remote(world: World, name: str) -> str:
    """The commit of a tag, as the remote has it."""
    place = world.remote.directory(*REPOSITORY.split("/"))
    command = ["git", "--git-dir", str(place), "rev-parse", "--verify", f"refs/tags/{name}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=isolated_environment(place))
    return done.stdout.strip()


def test_t20_a_program_asks_for_a_promotion_and_one_job_does_all_of_it(world: World) -> None:
    asked = {"command": "promote", "model": "churn", "stage": "prod", "to": "v1.0.0"}
    run = world.ask(asked, WORKFLOW)
    assert run.succeeded, run.log
    outputs = run.steps["promote"].outputs
    assert (outputs["tag"], outputs["reason"], outputs["version"]) == ("churn#prod#5", "promoted", "v1.0.0")
    assert tag_on_the_remote(world, "churn#prod#5") == world.repository.tags()["churn@v1.0.0"]
    assert run.steps["deploy"].outputs["reason"] == "deployed"
    [delivery] = world.receiver.at("/models/churn")
    assert json.loads(delivery.body)["version"] == "v1.0.0"
    assert [each["states"][-1] for each in deployments(world)] == ["success"]
    assert_nothing_leaked(world, run)

    again = world.dispatch({"model": "churn", "to": "v1.0.0", "stage": "prod"}, WORKFLOW)
    assert again.succeeded, again.log
    assert again.steps["promote"].outputs["reason"] == "already-in-stage"
    assert again.steps["deploy"].outputs["tag"] == "churn#prod#5"

    refused = world.dispatch({"model": "churn", "to": "v9.0.0", "stage": "prod"}, WORKFLOW)
    assert not refused.succeeded
    assert refused.steps["promote"].outputs["reason"] == "unknown-version"
    assert refused.steps["promote"].outputs["tag"] == ""
    assert "deploy" not in refused.steps or refused.steps["deploy"].outcome != "success"
