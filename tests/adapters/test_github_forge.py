"""What GitHub knows of people, checks and branches, asked of a stand-in that is held to GitHub's description."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_forge import GitHubForge
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github import GitHubStandIn

COMMIT = "c" * 40


@pytest.fixture(params=["github", "ghes"])
def github(request: pytest.FixtureRequest) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(description=request.param) as standin:
        yield standin
        standin.assert_clean()


def forge(github: GitHubStandIn) -> GitHubForge:
    return GitHubForge(GitHubClient(github.url, "org/models", Secret("test-token"), timeout=1, backoff=0.01))


@pytest.mark.parametrize("role", ["read", "triage", "write", "maintain", "admin", "none"])
def test_a_permission_is_the_role(github: GitHubStandIn, role: str) -> None:
    github.add_person("Ada", role)
    assert forge(github).permission("ada") == role


def test_a_role_of_the_organizations_own_counts_as_what_it_builds_on(github: GitHubStandIn) -> None:
    github.add_person("ada", "deployer", base="write")
    assert forge(github).permission("ada") == "write"


def test_whom_github_does_not_know_has_no_permission(github: GitHubStandIn) -> None:
    assert forge(github).permission("nobody") == "none"
    assert forge(github).permission("github-actions[bot]") == "none"
    assert github.calls[-1].target.endswith("/collaborators/github-actions%5Bbot%5D/permission")


def test_names_stay_within_their_part_of_the_path(github: GitHubStandIn) -> None:
    for login in ("../../../user", "a/b", "a?b=c", "a#b", "ä b", ".."):
        assert forge(github).permission(login) == "none"
        assert github.calls[-1].operation == "repos/get-collaborator-permission-level"


def test_only_active_members_are_in_a_team(github: GitHubStandIn) -> None:
    github.add_team("org/leads", ada="active", bob="pending")
    assert forge(github).is_member("Ada", "org/leads")
    assert not forge(github).is_member("bob", "org/leads")
    assert not forge(github).is_member("eve", "org/leads"), "a team that is seen says so"


def test_a_team_that_the_token_cannot_see_is_unknown(github: GitHubStandIn) -> None:
    with pytest.raises(MachineryFailed, match="may not see who is in @org/secret") as caught:
        forge(github).is_member("ada", "org/secret")
    assert caught.value.reason is Reason.PERMISSION_MISSING
    assert "read:org" in caught.value.hint


def test_a_workflows_own_token_cannot_read_teams() -> None:
    with GitHubStandIn(permissions={"contents": "read", "deployments": "write"}) as github:
        github.add_team("org/leads", ada="active")
        with pytest.raises(MachineryFailed, match="may not see") as caught:
            forge(github).is_member("ada", "org/leads")
    assert caught.value.reason is Reason.PERMISSION_MISSING and "members: read" in caught.value.hint


def test_checks_are_statuses_and_check_runs(github: GitHubStandIn) -> None:
    github.add_commit_status(COMMIT, "failure", context="lint")
    github.add_commit_status(COMMIT, "success", context="lint")
    github.add_commit_status(COMMIT, "pending", context="model-deploy/churn/staging")
    github.add_check_run(COMMIT, "test", "failure")
    github.add_check_run(COMMIT, "test", "success")
    github.add_check_run(COMMIT, "slow", None, status="in_progress")
    github.add_check_run(COMMIT, "maybe", "skipped")
    assert forge(github).checks(COMMIT) == {
        "lint": "success",
        "model-deploy/churn/staging": "pending",
        "test": "success",
        "slow": "in_progress",
        "maybe": "skipped",
    }
    assert forge(github).checks("d" * 40) == {}


@pytest.mark.parametrize("status", ["success", "failure"])
@pytest.mark.parametrize("run", ["success", "failure", None])
def test_a_name_that_both_kinds_share_is_green_if_both_are(github: GitHubStandIn, status: str, run: str | None) -> None:
    github.add_commit_status(COMMIT, status, context="both")
    github.add_check_run(COMMIT, "both", run, status="completed" if run else "queued")
    green = forge(github).checks(COMMIT)["both"] == "success"
    assert green is (status == run == "success")


def test_all_pages_are_read(github: GitHubStandIn) -> None:
    for number in range(205):
        github.add_commit_status(COMMIT, "success", context=f"status-{number}")
        github.add_check_run(COMMIT, f"run-{number}", "success")
    found = forge(github).checks(COMMIT)
    assert len(found) == 410 and set(found.values()) == {"success"}
    assert len(github.calls) == 6


def test_a_branch_is_protected_by_a_branch_rule_or_by_a_rule_set(github: GitHubStandIn) -> None:
    github.add_branch("main", COMMIT, protected=True)
    github.add_branch("release/1.x", COMMIT, rules=["deletion", "pull_request"])
    github.add_branch("dev", COMMIT, rules=["deletion", "non_fast_forward"])
    github.add_branch("free", COMMIT)
    asked = forge(github)
    assert [asked.is_protected(name) for name in ("main", "release/1.x", "dev", "free")] == [True, True, False, False]
    assert github.calls[1].target.endswith("/branches/release%2F1.x")


def test_a_branch_that_is_not_there_or_not_to_be_seen_is_unknown(github: GitHubStandIn) -> None:
    with pytest.raises(MachineryFailed) as caught:
        forge(github).is_protected("gone")
    assert "contents: read" in caught.value.hint


def test_the_answer_of_a_renamed_branch_is_not_taken() -> None:
    def renamed(operation: str, body: Any) -> Any:
        return {**body, "name": "main", "protected": True} if operation == "repos/get-branch" else body

    with GitHubStandIn(spoil_answer=renamed) as github:
        github.add_branch("master", COMMIT)
        with pytest.raises(MachineryFailed, match="does not say whether master is protected"):
            forge(github).is_protected("master")


QUESTIONS: dict[str, Callable[[GitHubForge], object]] = {
    "permission": lambda asked: asked.permission("ada"),
    "is_member": lambda asked: asked.is_member("ada", "org/leads"),
    "checks": lambda asked: asked.checks(COMMIT),
    "is_protected": lambda asked: asked.is_protected("main"),
}


def known(github: GitHubStandIn) -> None:
    github.add_person("ada", "admin")
    github.add_team("org/leads", ada="active")
    github.add_branch("main", COMMIT, protected=True)
    github.add_check_run(COMMIT, "test", "success")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 502, "kind": "html"},
        {"status": 200, "kind": "html"},
        {"status": 200, "body": []},
        {"status": 200, "body": {}},
        {"status": 200, "body": {"message": "hello"}},
        {"status": 401, "body": {"message": "Bad credentials"}},
        {"status": 403, "body": {"message": "Resource not accessible by integration"}},
        {"status": 422, "body": {"message": "Validation Failed"}},
        {"kind": "reset"},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_trouble_is_never_an_answer(github: GitHubStandIn, question: str, fault: dict[str, Any]) -> None:
    known(github)
    github.fail_next("GET", ".*", times=50, **fault)
    with pytest.raises(MachineryFailed) as caught:
        QUESTIONS[question](forge(github))
    assert caught.value.reason in (Reason.GITHUB_FAILED, Reason.PERMISSION_MISSING) and caught.value.hint


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_passing_fault_is_met_by_asking_again(github: GitHubStandIn, question: str) -> None:
    known(github)
    github.fail_next("GET", ".*", status=502)
    assert QUESTIONS[question](forge(github)) in ("admin", True, {"test": "success"})


def test_a_missing_permission_is_named() -> None:
    with GitHubStandIn(permissions={"deployments": "write", "statuses": "write"}) as github:
        known(github)
        for question, line in (("checks", "checks: read"), ("is_protected", "contents: read")):
            with pytest.raises(MachineryFailed) as caught:
                QUESTIONS[question](forge(github))
            assert caught.value.reason is Reason.PERMISSION_MISSING and f"`{line}`" in caught.value.hint
