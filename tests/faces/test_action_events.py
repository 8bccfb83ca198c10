"""The action as a process, for each event that can start it: what is deployed, and what is said where nothing is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.faces.jobs import TOKEN, Ended, Job

pytestmark = pytest.mark.thorough

TAG = "churn#prod#5"
REF = f"refs/tags/{TAG}"
BRANCH = "refs/heads/main"


def started(job: Job, name: str, body: Mapping[str, Any], ref: str = BRANCH, **inputs: str) -> Ended:
    """The run that an event starts; GITHUB_SHA is the commit of its ref."""
    commit = job.repository.tags().get(ref.removeprefix("refs/tags/")) or job.repository.git("rev-parse", "main")
    return job.run(name, ref, commit, body, inputs, "none")


def asked(job: Job, payload: Any, **inputs: str) -> Ended:
    """The run that a program starts through the API."""
    body = {"action": "deploy-model", "branch": "main", "client_payload": payload}
    return started(job, "repository_dispatch", body, **inputs)


def deployment(payload: Any, ref: str = "") -> dict[str, Any]:
    """The event of a Deployment that somebody made."""
    return {"action": "created", "deployment": {"id": 5, "task": "deploy", "ref": ref, "payload": payload}}


def ended(run: Ended) -> tuple[int, str]:
    assert "Traceback" not in run.log, run.log
    return run.exit_code, run.outputs["reason"]


def versions(job: Job) -> list[str]:
    """What the user's service was told to deploy."""
    return [request.json["version"] for request in job.receiver.requests]


def assert_nothing_was_touched(job: Job) -> None:
    assert (job.receiver.requests, job.github.calls, job.remote.requests) == ([], [], [])


def test_a_created_tag_is_deployed_and_a_created_branch_is_nothing(job: Job) -> None:
    branch = started(job, "create", {"ref": "x", "ref_type": "branch"}, "refs/heads/x")
    assert ended(branch) == (0, "not-a-stage-tag")
    assert_nothing_was_touched(job)

    tag = started(job, "create", {"ref": TAG, "ref_type": "tag"}, REF)
    assert ended(tag) == (0, "deployed")
    assert versions(job) == ["v2.0.0"]


def test_t24_a_deletion_deploys_nothing_whichever_event_tells_of_it(job: Job) -> None:
    for run in (
        started(job, "delete", {"ref": TAG, "ref_type": "tag"}),
        started(job, "push", {"ref": REF, "deleted": True, "after": "0" * 40}),
        started(job, "push", {"ref": "refs/tags/churn@v2.0.0", "deleted": True, "after": "0" * 40}),
    ):
        assert ended(run) == (0, "tag-deleted")
        assert "python -m model_stage_deploy reconcile churn" in run.log
    assert ended(started(job, "delete", {"ref": "x", "ref_type": "branch"})) == (0, "not-a-stage-tag")
    assert_nothing_was_touched(job)


def test_a_dispatch_on_a_tag_deploys_it_as_by_hand(job: Job) -> None:
    late = started(job, "workflow_dispatch", {"ref": "refs/tags/churn#prod#1", "inputs": {}}, "refs/tags/churn#prod#1")
    assert ended(late) == (3, "superseded")
    assert ended(started(job, "workflow_dispatch", {"ref": REF, "inputs": {}}, REF)) == (0, "deployed")
    assert versions(job) == ["v2.0.0"]


def test_what_a_program_asks_for_is_asked_by_hand(job: Job) -> None:
    assert ended(asked(job, {"tag": "churn#prod#1"})) == (3, "superseded")
    shown = asked(job, {"command": "rollback", "model": "churn", "stage": "prod", "dry-run": True})
    assert ended(shown) == (0, "dry-run")
    resolved = asked(job, {"command": "resolve", "tag": TAG})
    assert (ended(resolved), resolved.outputs["version"]) == ((0, "resolved"), "v2.0.0")
    assert ended(asked(job, {"command": "reconcile", "model": "churn", "stage": "prod"})) == (3, "drift")
    assert versions(job) == []


def test_a_program_asks_for_a_tag_and_for_the_way_back(job: Job) -> None:
    assert ended(asked(job, {"tag": "churn#prod#1", "force": True})) == (0, "deployed")
    assert ended(asked(job, {"command": "deploy", "tag": REF})) == (0, "deployed")
    back = asked(job, {"command": "rollback", "model": "churn", "stage": "prod"})
    assert ended(back) == (0, "rolled-back")
    assert versions(job) == ["v1.0.0", "v2.0.0", "v1.0.0"]


@pytest.mark.parametrize(
    ("payload", "inputs", "end", "says"),
    [
        ({}, {}, (2, "usage"), "deploy needs a tag, and this repository_dispatch names none"),
        (None, {"command": "rollback"}, (2, "usage"), "rollback needs a model and a stage"),
        ({"tag": TAG, "modell": "churn"}, {}, (2, "event-invalid"), "'modell' is not a key (keys: command, tag,"),
        ({"tag": TAG, "force": "yes"}, {}, (2, "event-invalid"), "`force` must be true or false, without quotes"),
        ({"tag": f"{TAG}\n::error::x"}, {}, (2, "event-invalid"), "`tag` holds a character that cannot be printed"),
        ({"tag": "$(curl x)#prod"}, {}, (2, "event-invalid"), "`tag` is wrong"),
        ({"command": "sweep"}, {}, (2, "event-invalid"), "`command` is 'sweep'"),
        ({"tag": TAG, "to": "v1.0.0"}, {}, (2, "event-invalid"), "`to`, which means nothing to the command deploy"),
        ({"tag": TAG}, {"tag": "churn#prod#1"}, (2, "usage"), "the workflow's input `tag` is 'churn#prod#1'"),
        ({"command": "rollback"}, {"command": "sweep"}, (2, "usage"), "the workflow's input `command` is 'sweep'"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_touched(
    job: Job, payload: Any, inputs: dict[str, str], end: tuple[int, str], says: str
) -> None:
    run = asked(job, payload, **inputs)

    assert ended(run) == end
    assert says in run.log
    assert "\n::error::x" not in run.log
    assert_nothing_was_touched(job)


def test_a_published_release_deploys_its_stage_tag(job: Job) -> None:
    body = {"action": "published", "release": {"tag_name": TAG, "draft": False}}
    assert ended(started(job, "release", body, REF)) == (0, "deployed")
    assert versions(job) == ["v2.0.0"]


def test_a_release_of_a_version_and_an_unpublished_one_deploy_nothing(job: Job) -> None:
    version = {"action": "published", "release": {"tag_name": "churn@v2.0.0", "draft": False}}
    assert ended(started(job, "release", version, "refs/tags/churn@v2.0.0")) == (0, "registration")
    stage = {"tag_name": TAG, "draft": False}
    for body in (
        {"action": "deleted", "release": stage},
        {"action": "edited", "release": stage},
        {"action": "published", "release": stage | {"draft": True}},
    ):
        assert ended(started(job, "release", body, REF)) == (0, "event-ignored")
    assert_nothing_was_touched(job)


@pytest.mark.parametrize(
    ("name", "body", "ref", "hint"),
    [
        ("schedule", {"schedule": "17 * * * *"}, BRANCH, "use `command: reconcile`"),
        ("pull_request", {"number": 7, "pull_request": {}}, "refs/pull/7/merge", "`command: check` says"),
        ("workflow_run", {"workflow_run": {"head_branch": TAG, "conclusion": "success"}}, BRANCH, "the gate `checks`"),
        ("deployment_status", {"deployment": {"ref": TAG}}, REF, "name one, such as churn#prod#4"),
    ],
)
def test_an_event_that_names_no_tag_is_a_mistake_of_the_workflow(
    job: Job, name: str, body: dict[str, Any], ref: str, hint: str
) -> None:
    run = started(job, name, body, ref)

    assert ended(run) == (2, "usage")
    assert "deploy needs a tag" in run.log
    assert hint in run.log
    assert_nothing_was_touched(job)


def test_a_pull_request_can_check_the_mapping(job: Job) -> None:
    run = started(job, "pull_request", {"number": 7, "pull_request": {}}, "refs/pull/7/merge", command="check")
    assert ended(run) == (0, "mapping-valid")


def test_somebodys_deployment_deploys_its_tag_by_hand(job: Job) -> None:
    assert ended(started(job, "deployment", deployment({"tag": "churn#prod#1"}), "")) == (3, "superseded")
    assert ended(started(job, "deployment", deployment({}), BRANCH)) == (0, "event-ignored")
    assert ended(started(job, "deployment", deployment({}, TAG), REF)) == (0, "deployed")
    assert versions(job) == ["v2.0.0"]


@pytest.mark.parametrize("command", ["deploy", "rollback"])
def test_t37_a_deployment_of_our_own_never_starts_another(job: Job, command: str) -> None:
    """With an App's token each record that we make is an event, and the workflow may even name the tag in it."""
    job.push(TAG)
    calls, [made] = len(job.github.calls), job.github.deployments

    body = {"deployment": {"id": made.id, "task": "deploy", "ref": made.sha, "payload": made.payload}}
    again = started(job, "deployment", body, "", command=command, tag=TAG, model="churn", stage="prod", force="true")

    assert ended(again) == (0, "event-ignored")
    assert "is the record of a run of this tool; nothing was deployed" in again.log
    assert (versions(job), len(job.github.calls)) == (["v2.0.0"], calls)
    assert TOKEN not in again.everything
