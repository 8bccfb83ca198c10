"""The action on the runner itself, by the step of `host/action.yml`: as in the container, also when it is cancelled."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faces.jobs import Ended, Job
from tests.faces.test_action_signals import Run, _commit_state, _last_states
from tests.host.host_steps import ROOT, command, installed

pytestmark = pytest.mark.thorough

WAITING = """\
version: 1
defaults: {lock: {use: none}}
stages:
  dev:
    deploy: {run: "touch STARTED; sleep 600"}
"""


@pytest.fixture
def on_host(job: Job, tmp_path: Path) -> Job:
    """The same job with the step of the host action, whose libraries are there."""
    tools = installed(tmp_path / "tools")
    places = {"GITHUB_ACTION_PATH": str(ROOT / "host"), "RUNNER_TOOL_CACHE": str(tools)}
    (tmp_path / "host").mkdir()
    return replace(job, path=tmp_path / "host", program=command(tmp_path / "script"), extra=job.extra | places)


def told(ended: Ended) -> dict[str, Any]:
    """Outputs and document without what is of the one run alone."""
    document = ended.document | {"steps": None, "deployment_id": None}
    return {**ended.outputs, "json": json.dumps(document), "deployment-id": bool(ended.outputs["deployment-id"])}


def test_it_deploys_and_tells_as_the_container_does(job: Job, on_host: Job) -> None:
    there, here = job.push("churn#prod#5"), on_host.push("churn#prod#5", force="true")

    assert (there.exit_code, here.exit_code) == (0, 0), here.log
    assert told(here) == told(there) | {"json": told(here)["json"]}
    assert here.document["ended_as"] == there.document["ended_as"]
    assert [state for state, _ in _last_states(job)] == ["inactive", "success"]


@pytest.mark.parametrize(
    "inputs",
    [{"dry-run": "true"}, {"command": "resolve"}, {"dry-run": "maybe"}, {"config": "nowhere.yml"}],
    ids=["dry-run", "resolve", "usage", "no-mapping"],
)
def test_it_ends_as_the_container_does(job: Job, on_host: Job, inputs: Any) -> None:
    there, here = job.push("churn#prod#5", **inputs), on_host.push("churn#prod#5", **inputs)

    assert here.exit_code == there.exit_code
    assert told(here) == told(there)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_cancelled_run_closes_its_records(on_host: Job, number: int) -> None:
    started = on_host.path / "started"
    on_host.map(WAITING.replace("STARTED", str(started)))
    Run(on_host, "churn#dev#3").when(started.exists).cancel(number)

    assert _last_states(on_host) == [("error", "cancelled")]
    assert _commit_state(on_host, "churn#dev#3") == "error"
