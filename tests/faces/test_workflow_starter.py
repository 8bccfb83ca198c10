"""The workflow starter as wiring.py puts it together: from settings and event, or one clear word of what is missing."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.hosting import workflow_starter
from model_stage_deploy.faces.settings import Settings
from tests.standins.github import GitHubStandIn

TAG = {"tag": "churn#prod#4"}


def test_it_starts_a_workflow_of_the_events_repository() -> None:
    with GitHubStandIn() as github:
        environ = {"GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}
        starter = workflow_starter(Settings(command="promote", token=Secret("test-token")), read_event(environ))
        page = starter.start("deploy-by-hand.yml", TAG)
        [started] = github.dispatches
        assert started.inputs == TAG
        assert page == f"https://github.com/org/models/actions/runs/{started.run_id}"
        github.assert_clean()


@pytest.mark.parametrize(
    ("token", "repository", "missing"),
    [
        (None, "", "a token and GITHUB_REPOSITORY"),
        (None, "org/models", "a token"),
        (Secret("t"), "", "GITHUB_REPOSITORY"),
    ],
)
def test_what_is_missing_is_named(token: Secret | None, repository: str, missing: str) -> None:
    event = read_event({"GITHUB_REPOSITORY": repository})
    with pytest.raises(Invalid) as caught:
        workflow_starter(Settings(command="promote", token=token), event)
    assert caught.value.message == f"no workflow can be started without {missing}"
    assert caught.value.hint == "set GITHUB_TOKEN and GITHUB_REPOSITORY=OWNER/NAME"
