"""The host action in a real runner: beside the container action, with the runner's own tools and credentials."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from model_stage_deploy.faces.settings import OUTPUTS
from tests.acceptance.runner import Run
from tests.acceptance.test_runner import assert_nothing_leaked, deployments
from tests.acceptance.world import DESCRIPTION, REPOSITORY, World

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

# What earlier steps of a job leave for later ones: a program, a variable, a file in the home directory.
WORKFLOW = r"""
on: {push: {tags: ["**#**"]}}
permissions: {contents: write, deployments: write, statuses: write}
jobs:
  deploy:
    runs-on: ubuntu-latest
    outputs:
      result: ${{ steps.deploy.outputs.result }}
      version: ${{ steps.deploy.outputs.version }}
      description: ${{ steps.deploy.outputs.description }}
      environment-url: ${{ steps.deploy.outputs.environment-url }}
    steps:
      - uses: actions/checkout@v6
      - run: |
          rm -rf "$RUNNER_TOOL_CACHE/model-stage-deploy"
          mkdir -p "$RUNNER_TEMP/bin" ~/.kube
          printf '%s\n' '#!/usr/bin/env bash' "curl -sf RECEIVER/kubectl -d \"\$* \$CLUSTER \$(cat ~/.kube/config)\"" \
            > "$RUNNER_TEMP/bin/kubectl"
          chmod +x "$RUNNER_TEMP/bin/kubectl"
          echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
          echo "CLUSTER=from-an-earlier-step" >> "$GITHUB_ENV"
          echo "token-of-the-cluster" > ~/.kube/config
      - {id: container, uses: org/model-stage-deploy@v1, with: {dry-run: true}}
      - {id: host, uses: org/model-stage-deploy/host@v1, with: {dry-run: true}}
      - id: deploy
        uses: org/model-stage-deploy/host@v1
        env: {DEPLOY_HOOK_SECRET: "${{ secrets.DEPLOY_HOOK_SECRET }}"}
      - id: refused
        uses: org/model-stage-deploy/host@v1
        with: {command: rollback, model: churn, stage: staging, to: v9.9.9}
      - id: end
        if: always()
        env: {REFUSED: "${{ toJSON(steps.refused.outputs) }}"}
        run: printf '%s' "$REFUSED" | jq --compact-output .
  later:
    needs: deploy
    if: always()
    runs-on: ubuntu-latest
    steps:
      - id: later
        env: {OUTPUTS: "${{ toJSON(needs.deploy.outputs) }}"}
        run: printf '%s' "$OUTPUTS" | jq --compact-output .
"""
MAPPING = """\
version: 1
stages:
  staging:
    environment: staging
    url: "https://staging.example.com/{{ model.slug }}"
    deploy:
      run: kubectl rollout "$MSD_MODEL" "$MSD_VERSION"
"""


def printed(run: Run, step: str) -> dict[str, Any]:
    """What a step printed as JSON."""
    found: dict[str, Any] = json.loads("\n".join(run.steps[step].lines))
    return found


def without_times(outputs: Any) -> dict[str, Any]:
    """Outputs of a step, without what only tells how long it took."""
    return {**outputs, "json": json.loads(outputs["json"]) | {"steps": None}}


def test_it_runs_where_the_tools_are_and_tells_the_same(world: World) -> None:
    world.repository.commit({".github/model-stages.yml": MAPPING}, message="Roll out with kubectl")
    world.remote.update(REPOSITORY, world.repository)

    run = world.push("churn#staging#2", WORKFLOW.replace("RECEIVER", world.receiver.url))

    # Its last step but one was refused, as it should be, so the job failed.
    assert run.steps["refused"].outcome == "failure", run.log
    assert [name for name, step in run.steps.items() if step.outcome == "failure"] == ["refused"], run.log
    assert without_times(run.steps["host"].outputs) == without_times(run.steps["container"].outputs)
    [told] = [delivery.body.decode() for delivery in world.receiver.at("/kubectl")]
    assert told == "rollout churn v2.0.0 from-an-earlier-step token-of-the-cluster"

    [deployment] = deployments(world)
    assert (deployment["environment"], deployment["states"]) == ("staging/churn", ["in_progress", "success"])
    outputs = run.steps["deploy"].outputs
    assert set(outputs) == set(run.steps["container"].outputs) == {output.name for output in OUTPUTS}
    assert (outputs["result"], outputs["deployment-id"]) == ("deployed", str(deployment["id"]))
    names = ("result", "version", "description", "environment-url")
    assert printed(run, "later") == {name: outputs[name] for name in names}
    assert printed(run, "end")["result"] == "refused"
    assert outputs["description"] == DESCRIPTION

    first, again = (run.steps[name].lines[0] for name in ("host", "deploy"))
    assert re.fullmatch(r"model-stage-deploy runs on this runner: Python 3\.\d+\.\d+, set up in \d+\.\d s", first)
    assert again.endswith(", set up before")
    assert_nothing_leaked(world, run)
