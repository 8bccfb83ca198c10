"""Starting a workflow: once, and where it is not sure whether it started, that is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_workflows import GitHubWorkflows
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github import GitHubStandIn, Workflow

NAME, TAG = "deploy-by-hand.yml", {"tag": "churn#prod#4"}
PAGES = "https://github.com/org/models"
DISPATCH = "/dispatches$"


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(default_branch="trunk") as standin:
        yield standin
        standin.assert_clean()


def _starter(github: GitHubStandIn, branch: str = "", token: str = "test-token") -> GitHubWorkflows:
    client = GitHubClient(github.url, "org/models", Secret(token), timeout=1, backoff=0.01)
    return GitHubWorkflows(client, PAGES, branch)


def _posts(github: GitHubStandIn) -> int:
    return sum(call.method == "POST" for call in github.calls)


def _problem(github: GitHubStandIn, name: str = NAME, inputs: dict[str, str] | None = None) -> MachineryFailed:
    with pytest.raises(MachineryFailed) as caught:
        _starter(github).start(name, TAG if inputs is None else inputs)
    assert caught.value.reason is Reason.DISPATCH_FAILED
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", [NAME, f".github/workflows/{NAME}"])
def test_it_starts_on_the_default_branch_and_names_the_run(github: GitHubStandIn, name: str) -> None:
    page = _starter(github).start(name, TAG)
    [started] = github.dispatches
    assert (started.workflow, started.ref, started.inputs) == (NAME, "trunk", TAG)
    assert page == f"{PAGES}/actions/runs/{started.run_id}"
    assert [call.method for call in github.calls] == ["GET", "POST"]


def test_a_known_branch_is_not_asked_for(github: GitHubStandIn) -> None:
    _starter(github, "trunk").start(NAME, TAG)
    assert [call.method for call in github.calls] == ["POST"]


def test_a_server_that_answers_204_names_the_workflows_runs(github: GitHubStandIn) -> None:
    said = {"message": 'Invalid request.\n\n"return_run_details" is not a permitted key.'}
    github.fail_next("POST", DISPATCH, status=422, body=said)
    assert _starter(github).start(NAME, TAG) == f"{PAGES}/actions/workflows/{NAME}"
    assert len(github.dispatches) == 1
    assert github.calls[-1].status == 204


def test_an_enterprise_server_is_asked_in_its_own_words() -> None:
    with GitHubStandIn(default_branch="trunk", description="ghes") as github:
        assert _starter(github).start(NAME, TAG) == f"{PAGES}/actions/workflows/{NAME}"
        assert [call.status for call in github.calls] == [200, 204]
        github.assert_clean()


def test_an_unknown_file_says_where_it_must_be(github: GitHubStandIn) -> None:
    problem = _problem(github, "nope.yml")
    assert "nope.yml was not started" in problem.message and "404" in problem.message
    assert ".github/workflows/nope.yml must be on the default branch, trunk" in problem.hint
    assert github.dispatches == []


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        (Workflow({"tag": True}, by_hand=False), "does not have 'workflow_dispatch' trigger"),
        (Workflow({"ref": False}), "Unexpected inputs provided"),
        (Workflow({"tag": True, "reason": True}), "Required input 'reason' not provided"),
    ],
    ids=["no-trigger", "unexpected", "missing"],
)
def test_a_workflow_that_takes_something_else_says_what_it_must_take(workflow: Workflow, said: str) -> None:
    with GitHubStandIn(default_branch="trunk", workflows={NAME: workflow}) as github:
        problem = _problem(github)
        assert said in problem.message
        assert "on: {workflow_dispatch: {inputs: {tag: {type: string}}}}" in problem.hint
        assert github.dispatches == [] and _posts(github) == 1


def test_a_missing_permission_says_its_line() -> None:
    with GitHubStandIn(default_branch="trunk", permissions={"contents": "write", "actions": "read"}) as github:
        problem = _problem(github)
        assert "`actions: write`" in problem.hint
        assert github.dispatches == [] and _posts(github) == 1


def test_a_wrong_token_is_told_so(github: GitHubStandIn) -> None:
    with pytest.raises(MachineryFailed) as caught:
        _starter(github, token="wrong").start(NAME, TAG)
    assert caught.value.reason is Reason.DISPATCH_FAILED
    assert "401" in caught.value.message and "token" in caught.value.hint


@pytest.mark.parametrize("applied", [True, False], ids=["started", "not-started"])
@pytest.mark.parametrize(
    "trouble", [{"kind": "reset"}, {"kind": "timeout"}, {"status": 502}, {"kind": "html", "status": 200}]
)
def test_after_an_unclear_end_it_is_not_started_again(
    github: GitHubStandIn, trouble: dict[str, Any], *, applied: bool
) -> None:
    github.fail_next("POST", DISPATCH, applied=applied, **trouble)
    problem = _problem(github)
    assert "may have started, or not" in problem.message
    assert f"{PAGES}/actions/workflows/{NAME}" in problem.hint
    assert _posts(github) == 1
    assert len(github.dispatches) == int(applied)


@pytest.mark.parametrize("body", [{}, [], "started", 7, {"html_url": None}])
def test_an_answer_that_is_not_githubs_is_unclear(github: GitHubStandIn, body: Any) -> None:
    github.fail_next("POST", DISPATCH, status=200, body=body)
    assert "may have started, or not" in _problem(github).message


def test_a_rate_limit_is_waited_out(github: GitHubStandIn) -> None:
    github.limit_next("POST", DISPATCH, retry_after=1)
    _starter(github).start(NAME, TAG)
    assert len(github.dispatches) == 1


@pytest.mark.parametrize("trouble", [{"status": 500}, {"status": 200, "body": {}}, {"status": 200, "body": []}])
def test_without_a_default_branch_nothing_is_started(github: GitHubStandIn, trouble: dict[str, Any]) -> None:
    github.fail_next("GET", "/repos/org/models$", times=9, **trouble)
    with pytest.raises(MachineryFailed) as caught:
        _starter(github).start(NAME, TAG)
    assert caught.value.reason is Reason.DISPATCH_FAILED
    assert "was not started" in caught.value.message
    assert _posts(github) == 0


def test_a_name_is_encoded(github: GitHubStandIn) -> None:
    _problem(github, "deploy #1?.yml")
    assert github.calls[-1].target.endswith("/actions/workflows/deploy%20%231%3F.yml/dispatches")


@pytest.mark.parametrize("name", ["", ".", "..", "../deploy.yml", "a/b.yml", ".github/workflows/"])
def test_what_is_no_file_name_is_refused_before_anything_is_sent(github: GitHubStandIn, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        _starter(github).start(name, TAG)
    assert caught.value.reason is Reason.USAGE
    assert github.calls == []
