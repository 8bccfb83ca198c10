"""A stage with targets in a real runner: waves as chained jobs, shards as their matrix, and a job that joins them."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.acceptance.runner import Run, Runner
from tests.acceptance.test_runner_reusable import CALLER, assert_nothing_leaked, deployments, outputs
from tests.acceptance.world import REPOSITORY, World
from tests.contract.generate import ROOT
from tests.contract.reusable import ON_HOST, WORKFLOW, for_older_servers

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

MAPPING = """\
version: 1
stages:
  prod:
    environment: production
    url: "https://models.example.com/{{ model.slug }}"
    deploy: {run: 'curl -fsS --data "$MSD_VERSION" "RECEIVER/$MSD_TARGET"'}
    targets:
      - {name: eu-west, labels: [canary]}
      - {name: eu-north, labels: [canary]}
      - us-east
      - us-west
      - asia
      - africa
    strategy: {waves: [canary, rest], max-parallel: 2}
"""
TARGETS = {"eu-west", "eu-north", "us-east", "us-west", "asia", "africa"}


@pytest.fixture(autouse=True)
def older_server(runner: Runner) -> None:
    """As in test_runner_reusable.py."""
    for path in (WORKFLOW, ON_HOST):
        published = runner.actions["org/model-stage-deploy@v1"] / path.relative_to(ROOT)
        published.write_text(for_older_servers(path.read_text("utf-8")), "utf-8")


def with_targets(world: World) -> World:
    """The world, in which prod has six targets."""
    mapping = MAPPING.replace("RECEIVER", world.receiver.url)
    world.repository.commit({".github/model-stages.yml": mapping}, message="Name the targets")
    world.remote.update(REPOSITORY, world.repository)
    return world


def kept(world: World) -> dict[str, dict[str, Any]]:
    """What the remote's log keeps of each target; every record is in one whole."""
    bare = world.remote.root / f"{REPOSITORY}.git"
    refs = world.repository.git(
        "--git-dir", str(bare), "for-each-ref", "--format=%(refname)", "refs/model-stages/targets"
    )
    [whole] = refs.splitlines()
    assert whole.endswith("/whole")
    [file] = world.repository.git("--git-dir", str(bare), "ls-tree", "-r", "--name-only", whole).splitlines()
    _, *lines = world.repository.git("--git-dir", str(bare), "show", f"{whole}:{file}").splitlines()
    return {record["target"]: record for record in map(json.loads, lines)}


def told(run: Run, step: str) -> dict[str, Any]:
    """The outcome of a step."""
    document: dict[str, Any] = json.loads(run.steps[step].outputs["json"])
    return document


def test_targets_get_it_wave_by_wave_and_one_record_says_so(world: World) -> None:
    run = with_targets(world).push("churn#prod#3", CALLER)
    assert run.succeeded, run.log

    waves = json.loads(run.steps["plan"].outputs["waves"])
    shown = [[(entry["wave"], entry["shard"], entry["targets"]) for entry in wave["include"]] for wave in waves]
    assert shown == [[(1, "1/1", 2)], [(2, "1/2", 2), (2, "2/2", 2)]]
    assert run.steps["plan"].outputs["count"] == "0"

    got = [delivery.path.removeprefix("/") for delivery in world.receiver.deliveries]
    assert Counter(got) == Counter(TARGETS)
    assert set(got[:2]) == {"eu-west", "eu-north"}
    assert {delivery.body for delivery in world.receiver.deliveries} == {b"v2.0.0"}

    records = kept(world)
    assert set(records) == TARGETS
    assert {(one["version"], one["state"]) for one in records.values()} == {("v2.0.0", "success")}
    [deployment] = deployments(world)
    assert (deployment["environment"], deployment["states"][-1]) == ("production/churn", "success")

    said = outputs(run)
    assert (said["result"], said["count"], said["live-version"]) == ("deployed", "1", "v2.0.0")
    assert "| `churn` | `prod` | v1.0.0 | `v2.0.0` | deployed |" in run.steps["summary"].summary
    assert_nothing_leaked(world, run)


def test_after_a_wave_that_failed_none_begins_and_the_next_run_does_what_is_missing(world: World) -> None:
    world.receiver.refusing.add("/eu-north")
    run = with_targets(world).push("churn#prod#3", CALLER)
    assert not run.succeeded
    assert {delivery.path for delivery in world.receiver.deliveries} == {"/eu-west", "/eu-north"}
    assert "wave-2" not in run.steps
    assert told(run, "finish")["reason"] == "targets-failed"
    assert [each["states"][-1] for each in deployments(world)] == ["failure"]
    assert run.steps["summary"].outputs["reason"] == "targets-failed"
    states = {name: record["state"] for name, record in kept(world).items()}
    assert states == {"eu-west": "success", "eu-north": "failure"}

    world.receiver.refusing.clear()
    world.receiver.deliveries.clear()
    again = world.push("churn#prod#3", CALLER)
    assert again.succeeded, again.log
    assert {delivery.path.removeprefix("/") for delivery in world.receiver.deliveries} == TARGETS - {"eu-west"}
    assert {one["version"] for one in kept(world).values()} == {"v2.0.0"}
    assert [each["states"][-1] for each in deployments(world)] == ["failure", "success"]
