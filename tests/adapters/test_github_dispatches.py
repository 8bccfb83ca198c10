"""A `repository_dispatch`: sent once, held to GitHub's own description; what it takes is said where it is missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_dispatches import GitHubDispatches
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github import GitHubStandIn

PAYLOAD = {"command": "promote", "model": "churn", "stage": "prod", "to": "v1.0.0"}


@pytest.fixture(params=["github", "ghes"])
def github(request: pytest.FixtureRequest) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(description=request.param, permissions={"contents": "write"}) as standin:
        yield standin
        standin.assert_clean()


def dispatches(github: GitHubStandIn) -> GitHubDispatches:
    return GitHubDispatches(GitHubClient(github.url, "org/models", Secret("test-token"), timeout=1, backoff=0.01))


def test_the_workflows_are_asked(github: GitHubStandIn) -> None:
    dispatches(github).dispatch("model-promotion", PAYLOAD)
    assert [(each.event_type, each.payload) for each in github.events] == [("model-promotion", PAYLOAD)]


def test_without_the_permission_it_is_named(github: GitHubStandIn) -> None:
    github.permit({"contents": "read"})
    with pytest.raises(MachineryFailed) as caught:
        dispatches(github).dispatch("model-promotion", PAYLOAD)
    assert caught.value.reason is Reason.PERMISSION_MISSING
    assert "contents: write" in caught.value.hint
    assert github.events == []


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_failure_is_not_repeated_here(github: GitHubStandIn, status: int) -> None:
    """MLflow sends the delivery again; a second try here could ask twice within one."""
    github.fail_next("POST", "/dispatches$", status=status, body={"message": "down"}, times=5)
    with pytest.raises(MachineryFailed):
        dispatches(github).dispatch("model-promotion", PAYLOAD)
    assert len([call for call in github.calls if call.method == "POST"]) == 1
    github.heal()
