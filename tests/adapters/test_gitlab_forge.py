"""People, checks and branches by GitLab: only what it says outright counts. And approvals, by whom it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model_stage_deploy.adapters.gitlab_approvals import GitLabApprovals
from model_stage_deploy.adapters.gitlab_client import GitLabClient
from model_stage_deploy.adapters.gitlab_forge import GitLabForge
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github_server import Reply
from tests.standins.gitlab import GitLabStandIn
from tests.standins.gitlab_state import User

COMMIT = "c" * 40
WHAT = ("churn", "v1.0.0", "prod", COMMIT)


@pytest.fixture
def gitlab() -> Iterator[GitLabStandIn]:
    with GitLabStandIn() as standin:
        yield standin
        standin.assert_clean()


def _client(gitlab: GitLabStandIn, token: str = "test-token") -> GitLabClient:
    return GitLabClient(gitlab.url, gitlab.project, Secret(token), timeout=2, backoff=0.01)


@pytest.fixture
def forge(gitlab: GitLabStandIn) -> GitLabForge:
    return GitLabForge(_client(gitlab))


@pytest.mark.parametrize(
    ("level", "permission"),
    [(5, "none"), (10, "read"), (15, "read"), (20, "triage"), (30, "write"), (40, "maintain"), (50, "admin")],
)
def test_access_levels_are_permissions(gitlab: GitLabStandIn, forge: GitLabForge, level: int, permission: str) -> None:
    gitlab.state.members = [User(1, "ann", level), User(2, "ann-marie", 50), User(3, "joann", 50)]
    assert forge.permission("Ann") == permission


def test_who_is_no_member_or_blocked_may_nothing(gitlab: GitLabStandIn, forge: GitLabForge) -> None:
    gitlab.state.members = [User(1, "ann", 50, "blocked")]
    assert (forge.permission("ann"), forge.permission("bob")) == ("none", "none")


def test_who_is_a_member_twice_has_the_higher_level(gitlab: GitLabStandIn, forge: GitLabForge) -> None:
    gitlab.state.members = [User(1, "ann", 40), User(1, "ann", 20)]
    assert forge.permission("ann") == "maintain"


def test_groups(gitlab: GitLabStandIn, forge: GitLabForge) -> None:
    gitlab.state.groups["ml/leads"] = [User(1, "ann", 30)]
    assert forge.is_member("ann", "ml/leads")
    assert not forge.is_member("bob", "ml/leads")
    with pytest.raises(MachineryFailed, match="may not see") as hidden:
        forge.is_member("ann", "ml/others")
    assert hidden.value.reason is Reason.PERMISSION_MISSING


def test_the_newest_of_each_check_counts(gitlab: GitLabStandIn, forge: GitLabForge) -> None:
    client = _client(gitlab)
    for name, ref, state in (
        ("test", "main", "failed"),
        ("test", "churn#prod#1", "success"),
        ("lint", "main", "running"),
        ("slow", "main", "canceled"),
        ("docs", "main", "skipped"),
    ):
        client.send("POST", f"/statuses/{COMMIT}", {"state": state, "name": name, "ref": ref})
    found = {"test": "success", "lint": "pending", "slow": "cancelled", "docs": "skipped"}
    assert forge.checks(COMMIT) == found


def test_protected_branches(gitlab: GitLabStandIn, forge: GitLabForge) -> None:
    gitlab.state.branches = {"main": True, "release/1": False}
    assert forge.is_protected("main")
    assert not forge.is_protected("release/1")
    with pytest.raises(MachineryFailed):
        forge.is_protected("gone")


def test_what_a_proxy_says_of_a_branch_does_not_count(gitlab: GitLabStandIn, forge: GitLabForge) -> None:
    gitlab.meddle = lambda _operation, _request: Reply(200, {}, b'{"name": "other", "protected": true}')
    with pytest.raises(MachineryFailed, match="does not say whether main is protected"):
        forge.is_protected("main")


def test_an_approval_is_by_whom_gitlab_says(gitlab: GitLabStandIn) -> None:
    gitlab.tokens |= {"ann": User(1, "ann", 30), "bob": User(2, "bob", 40)}
    ann, bob = (GitLabApprovals(_client(gitlab, name), str) for name in ("ann", "bob"))
    assert (ann.approve(*WHAT, "as agreed"), bob.approve(*WHAT, "")) == ("ann", "bob")
    assert [(each.by, each.message) for each in ann.approvals(*WHAT)] == [("bob", ""), ("ann", "as agreed")]


def test_an_approval_can_be_taken_back_by_its_author_alone(gitlab: GitLabStandIn) -> None:
    gitlab.tokens |= {"ann": User(1, "ann", 30), "bob": User(2, "bob", 40)}
    ann, bob = (GitLabApprovals(_client(gitlab, name), str) for name in ("ann", "bob"))
    ann.approve(*WHAT, "")
    bob.approve(*WHAT, "")
    name = "model-approve/churn/v1.0.0/prod"
    _client(gitlab, "ann").send("POST", f"/statuses/{COMMIT}", {"state": "failed", "name": name})
    assert [each.by for each in bob.approvals(*WHAT)] == ["bob"]


def test_a_commit_that_gitlab_has_no_place_for_is_explained(gitlab: GitLabStandIn) -> None:
    said = b'{"message": "404 References for commit Not Found"}'
    gitlab.meddle = lambda _operation, _request: Reply(404, {}, said)
    with pytest.raises(MachineryFailed, match="no branch holds commit") as failed:
        GitLabApprovals(_client(gitlab), str).approve(*WHAT, "")
    assert failed.value.reason is Reason.GITLAB_FAILED
