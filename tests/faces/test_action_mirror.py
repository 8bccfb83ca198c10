"""A job whose stage is followed by MLflow: what it says, what it hides, and what it does about trouble."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.faces.jobs import Job
from tests.faces.runner_log import assert_only_ours
from tests.mirrors.places import Place
from tests.standins.mlflow import Fault, MlflowStandIn

pytestmark = pytest.mark.thorough  # processes, one after the other

PASSWORD = "hunter2 of mine"
MAPPING = """
version: 1
stages:
  prod:
    environment: production
    secrets: [MLFLOW_TRACKING_PASSWORD]
    deploy: {uses: webhook, with: {url: RECEIVER/deploy}}
    mirrors:
      - {uses: mlflow, timeout: 30, tags: {run: "{{ run.id }}"}}
"""


@pytest.fixture
def mlflow() -> Iterator[MlflowStandIn]:
    with MlflowStandIn() as server:
        Place(server.url, "churn").make("v1.0.0", "v2.0.0")
        server.state.users["admin"] = PASSWORD
        yield server


@pytest.fixture
def followed(job: Job, mlflow: MlflowStandIn) -> Job:
    """The job's repository, whose stage is followed; the password is handed over by the input `secrets`."""
    job.map(MAPPING)
    job.extra |= {"MLFLOW_TRACKING_URI": mlflow.url, "MLFLOW_TRACKING_USERNAME": "admin"}
    job.extra["INPUT_SECRETS"] = f"MLFLOW_TRACKING_PASSWORD={PASSWORD}"
    return job


def alias(server: MlflowStandIn) -> str:
    return str(server.state.models["churn"]["aliases"].get("prod", ""))


def test_a_push_is_followed(followed: Job, mlflow: MlflowStandIn) -> None:
    ended = followed.push("churn#prod#5")
    assert ended.exit_code == 0, ended.log
    assert_only_ours(ended.log)
    assert alias(mlflow) == "2"
    assert mlflow.state.models["churn"]["versions"]["2"]["tags"]["run"] == "1001"
    assert "| mlflow | ✅ | pointed the alias prod at version 2; set the tag run of version 2 |" in ended.summary
    assert [told["ok"] for told in ended.document["mirrors"]] == [True]
    assert PASSWORD not in ended.everything
    assert f"::add-mask::{PASSWORD}" in ended.log


def test_a_job_that_cannot_tell_fails_and_says_what_is_live(followed: Job, mlflow: MlflowStandIn) -> None:
    mlflow.state.users["admin"] = "another"
    ended = followed.push("churn#prod#5")
    assert (ended.exit_code, ended.outputs["result"], ended.outputs["reason"]) == (4, "unrecorded", "mirror-failed")
    assert ended.outputs["live-version"] == "v2.0.0"
    assert "churn v2.0.0 deployed to prod" in ended.log
    assert "answered 401" in ended.log
    assert "| mlflow | ❌ |" in ended.summary
    assert PASSWORD not in ended.everything
    states = [status.state for status in followed.github.deployment_statuses(followed.github.deployments[0].id)]
    assert states[-1] == "success"  # the record is of the deployment, and that is good


def test_a_server_that_is_busy_is_asked_again(followed: Job, mlflow: MlflowStandIn) -> None:
    busy = Fault(503, "busy", "model-versions/search", {"Retry-After": "1"})
    mlflow.state.faults += [busy, Fault(429, "slow down", "registered-models/alias", {"Retry-After": "0"})]
    ended = followed.push("churn#prod#5")
    assert ended.exit_code == 0, ended.log
    assert alias(mlflow) == "2"
    assert "again in 1 s" in ended.log


def test_a_cancelled_job_says_that_mlflow_was_not_told(followed: Job, mlflow: MlflowStandIn) -> None:
    mlflow.state.faults += [Fault(503, "busy", headers={"Retry-After": "20"})]
    process, finish = followed.begin_push("churn#prod#5")
    until = time.monotonic() + 30
    while mlflow.state.faults and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    ended = finish(process.communicate(timeout=30)[0])
    assert (ended.exit_code, ended.outputs["reason"]) == (4, "mirror-failed"), ended.log
    assert "cancelled before it could be told" in ended.log
    assert ended.outputs["live-version"] == "v2.0.0"
    assert "Traceback" not in ended.log
