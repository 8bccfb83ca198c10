"""`command: promote`: a workflow writes a stage tag for whoever asked, and its next step deploys that tag."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.faces.jobs import Ended, Job

pytestmark = pytest.mark.thorough  # processes, one after the other


def ask(job: Job, payload: dict[str, Any], **inputs: str) -> Ended:
    """The run that a program starts through the API."""
    commit = job.repository.git("rev-parse", "main")
    body = {"action": "model-promotion", "client_payload": payload}
    return job.run("repository_dispatch", "refs/heads/main", commit, body, inputs, "none")


def remote(job: Job, *words: str) -> str:
    """What git says of the remote's own repository."""
    place = job.remote.directory("org", "models")
    done = subprocess.run(["git", "--git-dir", str(place), *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def tags(job: Job) -> set[str]:
    return set(remote(job, "tag", "--list").split())


PROMOTE = {"command": "promote", "model": "churn", "stage": "prod", "to": "v1.0.0"}


def test_what_was_asked_for_by_hand_is_a_tag_on_the_remote_and_nothing_is_deployed(job: Job) -> None:
    before = tags(job)
    ended = job.dispatch(command="promote", model="churn", stage="prod", to="v1.0.0")
    assert ended.exit_code == 0, ended.log
    assert tags(job) - before == {"churn#prod#6"}
    told = {name: ended.outputs[name] for name in ("tag", "event", "name", "version", "stage", "result", "reason")}
    assert told == {
        "tag": "churn#prod#6",
        "event": "assignment",
        "name": "churn",
        "version": "v1.0.0",
        "stage": "prod",
        "result": "written",
        "reason": "promoted",
    }
    assert ended.outputs["commit"] == job.repository.tags()["churn@v1.0.0"]
    assert "churn v1.0.0 is in prod now" in ended.log
    assert "nothing is deployed by it" in ended.log
    assert "--dispatch" not in ended.log
    assert job.receiver.requests == []
    assert not job.github.deployments
    message = remote(job, "for-each-ref", "--format=%(contents) %(taggername)", "refs/tags/churn#prod#6")
    assert "Promote churn v1.0.0 to prod" in message
    assert "Asked for by ada by workflow_dispatch" in message
    assert "/org/models/actions/runs/" in message
    assert message.endswith("Ada Model")


def test_a_program_asks_and_the_next_step_of_the_same_job_deploys_the_tag(job: Job) -> None:
    """T20: no workflow starts for the tag, so the job goes on; its second step has the same event."""
    first = ask(job, PROMOTE, command="promote")
    assert (first.exit_code, first.outputs["tag"]) == (0, "churn#prod#6"), first.log
    second = ask(job, PROMOTE, tag=first.outputs["tag"])
    assert (second.exit_code, second.outputs["reason"]) == (0, "deployed"), second.log
    assert json.loads(job.receiver.requests[0].body)["version"] == "v1.0.0"

    again = ask(job, PROMOTE, command="promote")
    assert (again.exit_code, again.outputs["reason"], again.outputs["result"]) == (
        0,
        "already-in-stage",
        "nothing-to-do",
    )
    assert again.outputs["tag"] == "churn#prod#6", "so that a run which died between its steps can be run again"
    assert "churn#prod#7" not in tags(job)
    assert ask(job, PROMOTE, tag=again.outputs["tag"]).exit_code == 0


def test_a_workflow_for_any_command_promotes_where_the_payload_says_so(job: Job) -> None:
    ended = ask(job, PROMOTE)
    assert (ended.exit_code, ended.outputs["reason"]) == (0, "promoted"), ended.log
    assert job.receiver.requests == []


@pytest.mark.parametrize("tag", ["churn#dev#3", "fraud#prod#1"])
def test_the_step_after_it_deploys_no_tag_of_another_model_or_stage(job: Job, tag: str) -> None:
    ended = ask(job, PROMOTE, tag=tag)
    assert (ended.exit_code, ended.outputs["reason"]) == (2, "usage"), ended.log
    assert "of its tag is" in ended.log


def test_a_dry_run_shows_the_tag_and_makes_none(job: Job) -> None:
    before = tags(job)
    ended = ask(job, PROMOTE | {"dry-run": True}, command="promote")
    assert (ended.exit_code, ended.outputs["result"], ended.outputs["tag"]) == (0, "planned", "")
    assert "churn v1.0.0 would be in prod" in ended.log
    assert "'churn#prod#6'" in ended.log
    assert tags(job) == before


def test_a_dry_run_deploys_nothing_in_the_next_step_either(job: Job) -> None:
    """What has the stage already has a tag; it is no output, and whoever deploys it all the same makes a dry run."""
    tag = ask(job, PROMOTE, command="promote").outputs["tag"]
    asked = PROMOTE | {"dry-run": True}
    for first in (
        ask(job, asked, command="promote"),
        job.dispatch(command="promote", model="churn", stage="prod", to="v1.0.0", dry_run="true"),
    ):
        assert (first.exit_code, first.outputs["reason"], first.outputs["tag"]) == (0, "already-in-stage", "")
    second = ask(job, asked, tag=tag)
    assert (second.exit_code, second.outputs["result"]) == (0, "planned"), second.log
    assert job.receiver.requests == []


def test_an_old_run_that_is_run_again_takes_nothing_back(job: Job) -> None:
    """Its tag was followed by a newer one: whoever runs it again (for its deployment failed) does not mean the past."""
    job.extra["GITHUB_RUN_ID"] = "77"
    assert ask(job, PROMOTE, command="promote").outputs["tag"] == "churn#prod#6"
    again = ask(job, PROMOTE, command="promote")
    assert (again.outputs["reason"], again.outputs["tag"]) == ("already-in-stage", "churn#prod#6")
    job.extra["GITHUB_RUN_ID"] = "78"
    assert ask(job, PROMOTE | {"to": "v2.0.0"}, command="promote").outputs["tag"] == "churn#prod#7"
    job.extra |= {"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "2"}
    before = tags(job)
    late = ask(job, PROMOTE, command="promote")
    assert (late.exit_code, late.outputs["reason"], late.outputs["tag"]) == (3, "superseded", ""), late.log
    assert "churn#prod#6" in late.log
    assert "churn#prod#7" in late.log
    assert tags(job) == before
    job.extra["GITHUB_RUN_ID"] = "7"  # the beginning of another's number is not that one
    assert ask(job, PROMOTE, command="promote").outputs["tag"] == "churn#prod#8"


@pytest.mark.parametrize(
    ("inputs", "reason", "says"),
    [
        ({"model": "churn", "stage": "prod"}, "usage", "missing: `to`"),
        ({}, "usage", "missing: `model`, `stage`, `to`"),
        ({"model": "churn", "stage": "prod", "to": "3"}, "usage", "'3' is not a version"),
        ({"model": "churn", "stage": "prod", "to": "v1.0.0", "tag": "churn#prod#5"}, "usage", "`tag` means nothing"),
        ({"model": "churn", "stage": "prod", "to": "v9.0.0"}, "unknown-version", "has no version v9.0.0"),
        ({"model": "fraud", "stage": "prod", "to": "v1.0.0"}, "unknown-model", "no model 'fraud'"),
    ],
)
def test_which_version_is_never_guessed(job: Job, inputs: dict[str, str], reason: str, says: str) -> None:
    before = tags(job)
    ended = job.dispatch(command="promote", **inputs)
    assert (ended.exit_code, ended.outputs["reason"]) == (2 if reason == "usage" else 3, reason), ended.log
    assert says in ended.log
    assert tags(job) == before


@pytest.mark.parametrize("extra", [{"force": True}, {"override": "x"}, {"tag": "churn#prod#5"}, {"mlflow": "1"}])
def test_a_payload_with_what_means_nothing_here_is_refused(job: Job, extra: dict[str, Any]) -> None:
    before = tags(job)
    ended = ask(job, PROMOTE | extra, command="promote")
    assert (ended.exit_code, ended.outputs["reason"]) == (2, "event-invalid"), ended.log
    assert tags(job) == before


def test_without_contents_write_it_says_which_permission(job: Job) -> None:
    job.remote.allow_push = False
    ended = job.dispatch(command="promote", model="churn", stage="prod", to="v1.0.0")
    assert (ended.exit_code, ended.outputs["reason"]) == (4, "permission-missing"), ended.log
    assert "permissions: {contents: write}" in ended.log


def test_gto_stages_hold_here_as_well(job: Job) -> None:
    job.repository.commit({".gto": "stages: [dev, prod]\n"}, message="Name the stages")
    job.publish()
    ended = job.dispatch(command="promote", model="churn", stage="staging", to="v1.0.0")
    assert (ended.exit_code, ended.outputs["reason"]) == (3, "stage-not-allowed"), ended.log
