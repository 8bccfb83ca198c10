"""Approvals as commit statuses: GitHub says whose, the newest word of each person counts, a no undoes a yes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github import GitHubStandIn

pytestmark = pytest.mark.thorough  # many of one kind

COMMIT = "c" * 40
CONTEXT = "model-approve/churn/v3.1.0/prod"
RUN_URL = "https://github.example.com/runs/77"
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
POST = ("POST", "/statuses/[0-9a-f]{40}$")
LIST = ("GET", "/commits/[0-9a-f]{40}/statuses$")


class _Minutes:
    def __init__(self) -> None:
        self.now = BEGUN

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture(params=["github", "ghes"])
def github(request: pytest.FixtureRequest) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock=_Minutes(), description=request.param) as standin:
        yield standin
        standin.assert_clean()


def _host(github: GitHubStandIn, run_url: str = RUN_URL) -> GitHubDeployments:
    client = GitHubClient(github.url, "org/models", Secret("test-token"), timeout=1, backoff=0.01)
    return GitHubDeployments(client, str, run_url)


def _approve(github: GitHubStandIn, login: str, message: str = "looks good", **other: str) -> str:
    github.state.login = login
    given = {"model": "churn", "version": "v3.1.0", "stage": "prod", "commit": COMMIT} | other
    return _host(github).approve(message=message, **given)


def _say(github: GitHubStandIn, login: str, state: str, context: str = CONTEXT) -> None:
    github.state.login = login
    github.add_commit_status(COMMIT, state, context=context)


def _approvers(github: GitHubStandIn, **other: str) -> list[str]:
    given = {"model": "churn", "version": "v3.1.0", "stage": "prod", "commit": COMMIT} | other
    return [each.by for each in _host(github).approvals(**given)]


def test_an_approval_is_read_back_as_github_says_it(github: GitHubStandIn) -> None:
    assert _approve(github, "ada") == "ada"
    [status] = github.commit_statuses(COMMIT)
    assert (status.context, status.state, status.target_url) == (CONTEXT, "success", RUN_URL)

    [approval] = _host(github).approvals("churn", "v3.1.0", "prod", COMMIT)
    assert (approval.by, approval.message) == ("ada", "looks good")
    assert approval.time == (BEGUN + timedelta(minutes=1)).timestamp()


def test_nobody_has_approved_yet(github: GitHubStandIn) -> None:
    assert _approvers(github) == []


def test_approvals_stand_newest_first_and_once_for_each_person(github: GitHubStandIn) -> None:
    for login in ("ada", "bob", "ada"):
        _approve(github, login)
    assert _approvers(github) == ["ada", "bob"]


@pytest.mark.parametrize("state", ["failure", "error", "pending"])
def test_a_later_word_takes_it_back(github: GitHubStandIn, state: str) -> None:
    _approve(github, "ada")
    _approve(github, "bob")
    _say(github, "Ada", state)
    assert _approvers(github) == ["bob"], "logins are the same in any case"
    _approve(github, "ada")
    assert _approvers(github) == ["ada", "bob"]


def test_only_this_very_version_and_stage_is_approved(github: GitHubStandIn) -> None:
    _approve(github, "ada")
    for other in ({"model": "fraud"}, {"version": "v3.1.1"}, {"stage": "staging"}, {"commit": "d" * 40}):
        assert _approvers(github, **other) == []
    _say(github, "bob", "success", "model-deploy/churn/prod")
    _say(github, "bob", "success", "Model-Approve/churn/v3.1.0/prod")
    assert _approvers(github) == ["ada"]


def test_names_too_long_for_github_are_kept_apart(github: GitHubStandIn) -> None:
    model = "m" * 260
    _approve(github, "ada", model=f"{model}a")
    assert (_approvers(github, model=f"{model}a"), _approvers(github, model=f"{model}b")) == (["ada"], [])
    assert len(github.commit_statuses(COMMIT)[0].context) == 255


def test_an_approval_behind_pages_of_other_statuses_is_found(github: GitHubStandIn) -> None:
    _approve(github, "ada")
    for number in range(250):
        _say(github, "ci", "success", f"build/{number}")
    assert _approvers(github) == ["ada"]
    assert len([call for call in github.calls if call.method == "GET"]) == 3


@pytest.mark.parametrize("message", ["", "x" * 500, "a\nb\x1b[2J", "café ✓"])
def test_a_message_fits(github: GitHubStandIn, message: str) -> None:
    _approve(github, "ada", message)
    [approval] = _host(github, "").approvals("churn", "v3.1.0", "prod", COMMIT)
    assert approval.message.isprintable() and len(approval.message) <= 140
    assert bool(approval.message) == bool(message)


@pytest.mark.parametrize("call", [POST, LIST], ids=["approve", "approvals"])
@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 500},
        {"kind": "html", "status": 502},
        {"kind": "reset"},
        {"kind": "reset", "applied": True},
        {"kind": "timeout"},
        {
            "status": 403,
            "headers": {"Retry-After": "1"},
            "body": {"message": "You have exceeded a secondary rate limit."},
        },
    ],
    ids=["500", "html-502", "reset", "answer-lost", "timeout", "secondary-limit"],
)
def test_one_piece_of_trouble_is_got_over(github: GitHubStandIn, call: tuple[str, str], trouble: Any) -> None:
    github.fail_next(*call, **trouble)
    assert _approve(github, "ada") == "ada"
    assert _approvers(github) == ["ada"]
    assert github.pending_faults == 0


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 502},
        {"status": 422},
        {"kind": "html", "status": 200},
        {"status": 201, "body": {}},
        {"status": 201, "body": None},
        {"status": 201, "body": {"state": "success"}},
        {"status": 201, "body": {"state": "success", "creator": None}},
        {"status": 201, "body": {"state": "pending", "creator": {"login": "ada"}}},
    ],
)
def test_no_approval_is_claimed_that_github_did_not_record(github: GitHubStandIn, trouble: dict[str, Any]) -> None:
    github.fail_next(*POST, times=99, **trouble)
    with pytest.raises(MachineryFailed) as caught:
        _approve(github, "ada")
    assert caught.value.reason is Reason.GITHUB_FAILED


@pytest.mark.parametrize("trouble", [{"status": 502}, {"status": 422}, {"kind": "html", "status": 200}, {"body": {}}])
def test_approvals_that_cannot_be_read_are_not_none(github: GitHubStandIn, trouble: dict[str, Any]) -> None:
    _approve(github, "ada")
    github.fail_next(*LIST, times=99, **{"status": 200} | trouble)
    with pytest.raises(MachineryFailed):
        _approvers(github)


@pytest.mark.parametrize("creator", [None, {}, {"login": None}, {"login": ""}, "ada"])
def test_a_status_of_nobody_approves_nothing(github: GitHubStandIn, creator: Any) -> None:
    status = {"state": "success", "context": CONTEXT, "created_at": "2026-01-01T00:00:00Z", "creator": creator}
    github.fail_next(*LIST, status=200, body=[status])
    assert _approvers(github) == []


def test_an_approval_of_no_time_is_none(github: GitHubStandIn) -> None:
    status = {"state": "success", "context": CONTEXT, "created_at": None, "creator": {"login": "ada"}}
    github.fail_next(*LIST, status=200, body=[status])
    assert _approvers(github) == []


@pytest.mark.parametrize(("permissions", "line"), [({"statuses": "read"}, "statuses: write"), ({}, "statuses: write")])
def test_a_missing_permission_names_its_line(permissions: dict[str, str], line: str) -> None:
    with GitHubStandIn(permissions=permissions) as github:
        with pytest.raises(MachineryFailed) as caught:
            _approve(github, "ada")
        assert caught.value.reason is Reason.PERMISSION_MISSING
        assert f"`{line}`" in caught.value.hint
        if not permissions:
            with pytest.raises(MachineryFailed) as caught:
                _approvers(github)
            assert "`statuses: read`" in caught.value.hint
