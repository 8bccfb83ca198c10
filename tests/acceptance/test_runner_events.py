"""A program asks through the API, in a real runner: it is deployed, and a later job reads what became of it."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.runner import Run
from tests.acceptance.test_runner import assert_nothing_leaked, deployments
from tests.acceptance.world import World
from tests.contract.generate import ROOT

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

EXAMPLE = (ROOT / "workflows-examples/deploy-by-api.yml").read_text("utf-8")
# The example as it is, with outputs of its job and a second job that reads them.
WORKFLOW = (
    EXAMPLE.replace(
        "      - uses: org/model-stage-deploy@v1\n", "      - id: deploy\n        uses: org/model-stage-deploy@v1\n"
    )
    .replace(
        "    steps:\n",
        "    outputs:\n"
        "      result: ${{ steps.deploy.outputs.result }}\n"
        "      reason: ${{ steps.deploy.outputs.reason }}\n"
        "      version: ${{ steps.deploy.outputs.version }}\n"
        "      description: ${{ steps.deploy.outputs.description }}\n"
        "    steps:\n",
    )
    .rstrip("\n")
    + """
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
)


def read_by_the_later_job(run: Run) -> dict[str, str]:
    read: dict[str, str] = json.loads("\n".join(run.steps["after"].lines))
    return read


def test_a_program_asks_for_a_tag_and_what_it_gets_wrong_deploys_nothing(world: World) -> None:
    run = world.ask({"tag": "churn#prod#3"}, WORKFLOW)
    assert run.succeeded, run.log

    [delivery] = world.receiver.at("/models/churn")
    told = json.loads(delivery.body)
    assert (told["tag"], told["version"], told["commit"]) == (
        "churn#prod#3",
        "v2.0.0",
        world.repository.tags()["churn#prod#3"],
    )
    [deployment] = deployments(world)
    assert deployment["states"] == ["in_progress", "success"]
    outputs = read_by_the_later_job(run)
    assert (outputs["result"], outputs["reason"], outputs["version"]) == ("deployed", "deployed", "v2.0.0")
    assert outputs["description"] == run.steps["deploy"].outputs["description"] != ""
    assert_nothing_leaked(world, run)

    wrong = world.ask({"tag": "churn#prod#3", "version": "v6.6.6", "force": "true"}, WORKFLOW)
    assert not wrong.succeeded
    assert read_by_the_later_job(wrong)["reason"] == "event-invalid"
    assert "'version' is not a key" in wrong.log
    assert len(world.receiver.deliveries) == len(deployments(world)) == 1
    assert_nothing_leaked(world, wrong)
