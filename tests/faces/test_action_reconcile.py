"""`command: reconcile` as a job's process: on a schedule it is the alarm, with `apply` it heals."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from tests.faces.jobs import MAPPING, SECRET, Ended, Job
from tests.faces.rendered import assert_harmless
from tests.faces.runner_log import assert_only_ours
from tests.standins.receiver import Answer, Stall


def _scheduled(job: Job, **inputs: str) -> Ended:
    """The run that a schedule starts, on the default branch."""
    commit = job.repository.git("rev-parse", "main")
    ended = job.run("schedule", "refs/heads/main", commit, {"schedule": "7 * * * *"}, inputs, "none")
    assert_only_ours(ended.log)
    assert "Traceback" not in ended.log
    assert SECRET not in ended.everything
    told = json.loads(ended.outputs["json"])
    assert (told["exit_code"], told["result"], told["reason"]) == (
        *(ended.exit_code, ended.outputs["result"], ended.outputs["reason"]),
    )
    assert_harmless(ended.summary)
    return ended


def _tag(payload: Any) -> str:
    return str(payload["tag"])


def _kinds(ended: Ended) -> dict[str, Any]:
    return {stage["stage"]: stage["kind"] for stage in ended.document["stages"]}


@pytest.mark.thorough
def test_t18_t20_t21_t28_a_schedule_finds_lost_events_and_heals_them(job: Job) -> None:
    alarm = _scheduled(job, command="reconcile")
    assert (alarm.exit_code, alarm.outputs["reason"], alarm.outputs["count"]) == (3, "drift", "3")
    assert "::error title=model-stage-deploy::3 of 3 stages have drifted: churn dev (missing)" in alarm.log
    assert (job.receiver.requests, job.github.deployments) == ([], [])
    healed = _scheduled(job, command="reconcile", apply="true")
    assert (healed.exit_code, healed.outputs["result"], healed.outputs["count"]) == (0, "deployed", "0"), healed.log
    assert [request.json["version"] for request in job.receiver.requests] == ["v2.0.0"]
    assert {_tag(each.payload) for each in job.github.deployments} == {
        "churn#dev#3",
        "churn#staging#4",
        "churn#prod#5",
    }
    assert "dev should have v2\\.0\\.0, but nothing runs" in healed.summary


@pytest.mark.thorough
def test_what_is_in_sync_is_left_alone(job: Job) -> None:
    assert _scheduled(job, command="reconcile", apply="true").exit_code == 0
    before = len(job.receiver.requests)
    ended = _scheduled(job, command="reconcile", apply="true")
    assert (ended.exit_code, ended.outputs["reason"], ended.outputs["count"]) == (0, "in-sync", "0")
    assert len(job.receiver.requests) == before
    assert "::error" not in ended.log


@pytest.mark.thorough
def test_other_settings_count_where_the_input_asks(job: Job) -> None:
    assert _scheduled(job, command="reconcile", apply="true").exit_code == 0
    job.map(f"{MAPPING}vars: {{size: 2}}\n")
    assert _scheduled(job, command="reconcile").outputs["reason"] == "in-sync"
    ended = _scheduled(job, command="reconcile", settings="true")
    assert (ended.exit_code, ended.outputs["reason"], ended.outputs["count"]) == (3, "drift", "3")
    assert set(_kinds(ended).values()) == {"changed"}


@pytest.mark.thorough
def test_one_stage_that_fails_hinders_no_other(job: Job) -> None:
    job.receiver.behave(Answer(status=400))
    ended = _scheduled(job, command="reconcile", apply="true")
    assert (ended.exit_code, ended.outputs["reason"], ended.outputs["count"]) == (1, "not-reconciled", "1")
    ends = {stage["stage"]: stage["outcome"]["reason"] for stage in ended.document["stages"]}
    assert ends == {"dev": "deployed", "staging": "deployed", "prod": "deployer-failed"}


@pytest.mark.thorough
def test_a_dry_run_of_one_stage_touches_nothing(job: Job) -> None:
    ended = _scheduled(job, command="reconcile", apply="true", dry_run="true", model="churn", stage="prod")
    assert (ended.exit_code, ended.outputs["reason"]) == (0, "dry-run")
    assert _kinds(ended) == {"prod": "missing"}
    assert (job.receiver.requests, job.github.deployments) == ([], [])


@pytest.mark.thorough
def test_no_gate_is_gone_past(job: Job) -> None:
    commit = job.repository.git("rev-parse", "main")
    inputs = {"command": "reconcile", "apply": "true", "override": "I am in a hurry"}
    ended = job.run("schedule", "refs/heads/main", commit, {}, inputs, "none")
    assert (ended.exit_code, ended.outputs["reason"]) == (2, "usage")
    assert job.github.deployments == []


@pytest.mark.thorough
def test_a_cancelled_run_records_what_it_ended_and_begins_no_other(job: Job) -> None:
    """Staging is deployed, prod hangs, and the job is cancelled; the next run does the rest and nothing twice."""
    job.receiver.behave(Stall())
    commit = job.repository.git("rev-parse", "main")
    inputs = {"command": "reconcile", "apply": "true"}
    process, finish = job.begin("schedule", "refs/heads/main", commit, {}, inputs, "none")
    until = time.monotonic() + 30
    while not job.receiver.requests:
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    ended = finish(process.communicate(timeout=60)[0])
    assert (ended.exit_code, ended.outputs["reason"], ended.outputs["count"]) == (130, "cancelled", "1"), ended.log
    assert "cancelled: 2 healed, 1 of 3 stages have drifted still" in ended.log
    states = [job.github.deployment_statuses(each.id)[-1].state for each in job.github.deployments]
    assert sorted(states) == ["error", "success", "success"]
    job.receiver.behave(Answer())
    again = _scheduled(job, command="reconcile", apply="true")
    assert (again.exit_code, again.outputs["reason"]) == (0, "reconciled"), again.log
    assert {stage["stage"]: bool(stage["outcome"]) for stage in again.document["stages"]} == {
        "dev": False,
        "staging": False,
        "prod": True,
    }
