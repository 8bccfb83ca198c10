"""Lost events in a real runner: a schedule finds them and is red, `apply` heals them, and then all is green."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.acceptance.runner import Run
from tests.acceptance.test_runner import assert_nothing_leaked, deployments
from tests.acceptance.world import REPOSITORY, World
from tests.contract.generate import ROOT

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

EXAMPLE = (ROOT / "workflows-examples/reconcile.yml").read_text("utf-8")
# The example as it is, but for a name for its step.
WORKFLOW = EXAMPLE.replace("      - uses: org", "      - id: reconcile\n        uses: org")


def kinds(run: Run) -> dict[str, Any]:
    """What the output `json` says of each stage."""
    told = json.loads(run.steps["reconcile"].outputs["json"])
    return {stage["stage"]: stage["kind"] for stage in told["stages"]}


def test_t18_t20_lost_events_make_a_schedule_red_and_are_healed_by_hand(world: World) -> None:
    world.repository.git("tag", "--delete", "churn#slow#4")  # it takes ten minutes
    world.remote.update(REPOSITORY, world.repository)

    red = world.schedule(WORKFLOW)
    assert not red.succeeded
    assert red.steps["reconcile"].outcome == "failure"
    assert kinds(red) == {"prod": "missing", "staging": "missing"}
    assert (world.receiver.deliveries, deployments(world)) == ([], [])
    outputs = red.steps["reconcile"].outputs
    assert (outputs["result"], outputs["reason"], outputs["count"]) == ("refused", "drift", "2")
    assert "2 of 2 stages have drifted" in red.steps["reconcile"].summary
    assert [text for command, _, text in red.steps["reconcile"].commands if command == "error"]

    healed = world.dispatch({"apply": "true"}, WORKFLOW)
    assert healed.succeeded, healed.log
    assert healed.steps["reconcile"].outputs["reason"] == "reconciled"
    [delivery] = world.receiver.at("/models/churn")
    assert (json.loads(delivery.body)["version"], len(world.receiver.at("/model"))) == ("v2.0.0", 1)
    assert sorted((each["environment"], each["states"][-1]) for each in deployments(world)) == [
        ("production/churn", "success"),
        ("staging/churn", "success"),
    ]

    green = world.schedule(WORKFLOW)
    assert green.succeeded, green.log
    assert kinds(green) == {"prod": "in-sync", "staging": "in-sync"}
    assert len(deployments(world)) == 2
    for run in (red, healed, green):
        assert_nothing_leaked(world, run)
