"""The main job in a real runner, from the real Dockerfile, judged from outside."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.runner import ACTION_IMAGE, Run, Runner
from tests.acceptance.world import DESCRIPTION, EXAMPLE, HOOK_SECRET, TOKEN, World, workflow

pytestmark = [pytest.mark.runner, pytest.mark.xdist_group("runner"), pytest.mark.timeout(600)]

DEFAULT_CHECKOUT = "uses: actions/checkout@v6"
OLD_CHECKOUT = "uses: actions/checkout@v4"
FULL_CHECKOUT = "{uses: actions/checkout@v6, with: {fetch-depth: 0}}"
OLD_FULL_CHECKOUT = "{uses: actions/checkout@v4, with: {fetch-depth: 0}}"


def outputs_read_later(run: Run) -> dict[str, str]:
    """The action's outputs as the step after it had them in its hands."""
    read: dict[str, str] = json.loads("\n".join(run.steps["after"].lines))
    return read


def deployments(world: World) -> list[dict[str, Any]]:
    """What GitHub knows of deployments, oldest first, with the states of each."""
    dump = world.github.dump()["deployments"]
    return [{**each, "states": [status["state"] for status in each["statuses"]]} for each in dump]


def commit_states(world: World, tag: str) -> list[tuple[str, str]]:
    commit = world.repository.tags()[tag]
    return [(status.context, status.state) for status in world.github.commit_statuses(commit)]


def assert_nothing_leaked(world: World, run: Run) -> None:
    told = json.dumps([{**call, "headers": None} for call in world.github.dump()["calls"]])
    shown = run.log + told + "".join(step.summary + "".join(step.outputs.values()) for step in run.steps.values())
    assert TOKEN not in shown
    assert HOOK_SECRET not in shown
    assert not [delivery for delivery in world.receiver.deliveries if "stolen" in delivery.path]


@pytest.mark.parametrize(
    "checkout",
    [
        pytest.param(DEFAULT_CHECKOUT, id="depth-1"),
        pytest.param(OLD_FULL_CHECKOUT, id="full-tag-made-lightweight"),
        pytest.param(FULL_CHECKOUT, id="full"),
        pytest.param("", id="no-checkout"),
    ],
)
def test_pushed_tag_is_deployed_by_webhook(world: World, checkout: str) -> None:
    run = world.push("churn#prod#3", workflow(checkout))
    assert run.succeeded, run.log

    commit = world.repository.tags()["churn#prod#3"]
    assert len(world.receiver.deliveries) == 1, run.log
    [delivery] = world.receiver.deliveries
    assert delivery.path == "/models/churn"
    told = json.loads(delivery.body)
    assert (told["model"]["name"], told["version"], told["stage"]) == ("churn", "v2.0.0", "prod")
    assert (told["tag"], told["commit"], told["previous"]["version"]) == ("churn#prod#3", commit, "v1.0.0")
    assert_signed(delivery.headers, delivery.body)

    [deployment] = deployments(world)
    assert deployment["states"] == ["in_progress", "success"]
    assert (deployment["environment"], deployment["sha"]) == ("production/churn", commit)
    recorded = {key: deployment["payload"][key] for key in ("model", "stage", "version", "tag")}
    assert recorded == {"model": "churn", "stage": "prod", "version": "v2.0.0", "tag": "churn#prod#3"}
    assert deployment["statuses"][-1]["environment_url"] == "https://models.example.com/churn"
    assert [state for context, state in commit_states(world, "churn#prod#3")] == ["pending", "success"]
    assert {context for context, _ in commit_states(world, "churn#prod#3")} == {"model-deploy/churn/prod"}

    outputs = outputs_read_later(run)
    assert outputs == run.steps["deploy"].outputs
    expected = {
        "event": "assignment",
        "name": "churn",
        "version": "v2.0.0",
        "stage": "prod",
        "type": "model",
        "path": "models/churn.pkl",
        "description": DESCRIPTION,
        "tag": "churn#prod#3",
        "commit": commit,
        "environment": "production",
        "environment-url": "https://models.example.com/churn",
        "previous-version": "v1.0.0",
        "result": "deployed",
        "deployment-id": str(deployment["id"]),
    }
    assert {key: outputs.get(key) for key in expected} == expected
    assert json.loads(outputs["json"])["result"] == "deployed"
    summary = run.steps["deploy"].summary
    assert "churn" in summary and "v2.0.0" in summary and "v1.0.0" in summary
    assert_nothing_leaked(world, run)


def assert_signed(headers: Mapping[str, str], body: bytes) -> None:
    """The signature is that of Standard Webhooks over id, timestamp and body, as the receiver got them."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(HOOK_SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_pushed_tag_is_deployed_by_a_shell_command(world: World) -> None:
    run = world.push("churn#staging#2", workflow(OLD_CHECKOUT))
    assert run.succeeded, run.log

    assert len(world.receiver.at("/model")) == 1, run.log
    [model] = world.receiver.at("/model")
    assert model.body == b"churn v2.0.0\n"
    [environment] = world.receiver.at("/environment")
    variables = dict(row.split("=", 1) for row in environment.body.decode().split("\0") if "=" in row)
    values = {value for name, value in variables.items() if name.startswith("MSD_")}
    assert {"churn", "staging", "v2.0.0", "churn#staging#2"} <= values
    assert "INPUT_TOKEN" not in variables

    [deployment] = deployments(world)
    assert deployment["environment"] == "staging/churn"
    assert deployment["states"] == ["in_progress", "success"]
    assert outputs_read_later(run)["result"] == "deployed"
    assert_nothing_leaked(world, run)


def test_rollback_from_workflow_dispatch(world: World) -> None:
    assert world.push("churn#prod#3", workflow(DEFAULT_CHECKOUT)).succeeded
    inputs = {"model": "churn", "stage": "prod", "to": "v1.0.0"}
    run = world.dispatch(inputs, workflow(DEFAULT_CHECKOUT))
    assert run.succeeded, run.log

    first, second = world.receiver.at("/models/churn")
    assert json.loads(first.body)["version"] == "v2.0.0"
    told = json.loads(second.body)
    assert (told["event"], told["version"], told["previous"]["version"]) == ("rollback", "v1.0.0", "v2.0.0")
    assert told["commit"] == world.repository.tags()["churn@v1.0.0"]

    before, after = deployments(world)
    assert before["states"] == ["in_progress", "success", "inactive"]
    assert after["states"] == ["in_progress", "success"]
    assert after["sha"] == world.repository.tags()["churn@v1.0.0"]
    assert after["payload"]["version"] == "v1.0.0"

    outputs = outputs_read_later(run)
    assert outputs["result"] == "deployed"
    assert (outputs["version"], outputs["previous-version"]) == ("v1.0.0", "v2.0.0")
    assert_nothing_leaked(world, run)


def test_example_workflow_as_it_is(world: World) -> None:
    run = world.push("churn#prod#3", EXAMPLE)
    assert run.succeeded, run.log
    run = world.dispatch({"model": "churn", "stage": "prod"}, EXAMPLE)
    assert run.succeeded, run.log

    bodies = [json.loads(delivery.body) for delivery in world.receiver.deliveries]
    assert [(body["event"], body["version"]) for body in bodies] == [("deployment", "v2.0.0"), ("rollback", "v1.0.0")]
    assert [each["states"][-1] for each in deployments(world)] == ["inactive", "success"]
    assert_nothing_leaked(world, run)


def test_refused_rollback_fails_the_step_and_deploys_nothing(world: World) -> None:
    inputs = {"model": "churn", "stage": "prod", "to": "v9.9.9"}
    run = world.dispatch(inputs, workflow())
    assert not run.succeeded
    assert run.steps["deploy"].outcome == "failure"
    assert world.receiver.deliveries == []
    assert deployments(world) == []
    assert outputs_read_later(run)["result"] == "refused"
    assert_nothing_leaked(world, run)


def test_cancelled_action_closes_its_record(world: World, tmp_path: Path) -> None:
    """act ends containers without the signals that GitHub's runner sends, so the image is started by itself here."""
    assert world.push("churn@v2.0.0", workflow()).succeeded, "builds the image"
    tag, engine, name = "churn#slow#4", world.runner.engine, f"msd-cancel-{uuid.uuid4().hex[:12]}"
    commit = world.repository.tags()[tag]
    event = tmp_path / "event.json"
    event.write_text(json.dumps(world.push_event(tag)), "utf-8")
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": "/event.json",
        "GITHUB_REF": f"refs/tags/{tag}",
        "GITHUB_SHA": commit,
        "INPUT_COMMAND": "deploy",
        "INPUT_TOKEN": TOKEN,
    }
    try:
        engine.start(ACTION_IMAGE, name, env=world.servers | variables, files={event: "/event.json"})
        assert world.receiver.wait_for("/started", seconds=60)
        asked = time.monotonic()
        engine.signal(name, "SIGINT")
        status = engine.wait(name, timeout=60)
        took = time.monotonic() - asked
    finally:
        engine.clear(name)

    assert status == 130
    assert took < 5
    [deployment] = deployments(world)
    assert deployment["states"] == ["in_progress", "error"]
    assert "cancelled" in deployment["statuses"][-1]["description"].lower()
    assert commit_states(world, tag) == [("model-deploy/churn/slow", "pending"), ("model-deploy/churn/slow", "error")]


def test_run_that_does_not_end_is_ended_and_leaves_nothing(runner: Runner) -> None:
    workflow = "on: push\njobs:\n  wait:\n    runs-on: ubuntu-latest\n    steps: [{run: sleep 600}]\n"
    with pytest.raises(AssertionError, match="still running after 8 s"):
        runner.run("push", {"ref": "refs/heads/main"}, workflow=workflow, commit="0" * 40, secrets={}, timeout=8)
    for place in runner.scratch.glob("run-*"):
        assert runner.engine.names(f"act-{place.name}") == ([], [])
