"""A GitLab job, and other CIs, at the door: predefined variables become typed facts."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.event import Platform, WorkflowEvent, read_event
from model_stage_deploy.faces.opening import token_for, token_in

COMMIT = "c" * 40
JOB = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_PROJECT_PATH": "ml/team/models",
    "CI_SERVER_URL": "https://gitlab.example.com",
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_DEFAULT_BRANCH": "trunk",
    "CI_COMMIT_SHA": COMMIT,
    "CI_COMMIT_BEFORE_SHA": "0" * 40,
    "CI_COMMIT_TAG": "churn#prod#4",
    "CI_PIPELINE_SOURCE": "push",
    "CI_JOB_ID": "77",
    "CI_JOB_URL": "https://gitlab.example.com/ml/team/models/-/jobs/77",
    "GITLAB_USER_LOGIN": "ada",
}


def _event(**changes: str) -> WorkflowEvent:
    return read_event({name: value for name, value in (JOB | changes).items() if value})


def test_a_pushed_tag() -> None:
    event = _event()
    assert (event.name, event.ref, event.commit, event.by_hand) == ("push", "refs/tags/churn#prod#4", COMMIT, False)
    assert (event.repository, event.default_branch) == ("ml/team/models", "trunk")
    assert (event.server_url, event.api_url) == ("https://gitlab.example.com", "https://gitlab.example.com/api/v4")
    assert (event.run.id, event.run.actor, event.run.url) == ("77", "ada", JOB["CI_JOB_URL"])
    assert (event.platform, event.home, event.in_job) == (Platform.GITLAB, Platform.GITLAB, True)
    assert (event.pushed.object_id, event.pushed.forced, event.pushed.deleted) == (COMMIT, False, False)


def test_a_tag_that_was_on_another_commit_was_moved() -> None:
    assert _event(CI_COMMIT_BEFORE_SHA="d" * 40).pushed.forced
    assert not _event(CI_COMMIT_BEFORE_SHA=COMMIT).pushed.forced
    assert not _event(CI_COMMIT_BEFORE_SHA="d" * 40, CI_COMMIT_TAG="", CI_COMMIT_BRANCH="main").pushed.forced


@pytest.mark.parametrize(
    ("source", "name", "by_hand"),
    [
        ("push", "push", False),
        ("schedule", "schedule", False),
        ("web", "web", True),
        ("api", "api", True),
        ("trigger", "trigger", True),
        ("pipeline", "pipeline", True),
        ("merge_request_event", "pull_request", False),
    ],
)
def test_what_started_the_pipeline(source: str, name: str, by_hand: bool) -> None:
    event = _event(CI_PIPELINE_SOURCE=source, CI_COMMIT_TAG="", CI_COMMIT_BRANCH="main")
    assert (event.name, event.by_hand, event.ref) == (name, by_hand, "refs/heads/main")


def test_addresses_have_defaults() -> None:
    event = _event(CI_SERVER_URL="", CI_API_V4_URL="", CI_JOB_URL="", CI_PIPELINE_URL="https://gitlab.com/p/1")
    assert (event.server_url, event.api_url) == ("https://gitlab.com", "https://gitlab.com/api/v4")
    assert event.run.url == "https://gitlab.com/p/1"


@pytest.mark.parametrize("path", ["", "models", "../models", "ml/../models", "ml/mo dels", "-x/models", "ml/models?x"])
def test_a_project_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(Invalid) as wrong:
        read_event(JOB | {"CI_PROJECT_PATH": path})
    assert wrong.value.reason is Reason.EVENT_INVALID


def test_at_a_terminal_the_project_can_be_named() -> None:
    event = read_event({"CI_PROJECT_PATH": "ml/models", "CI_SERVER_URL": "https://gitlab.example.com"})
    assert (event.platform, event.home, event.in_job) == (Platform.NONE, Platform.GITLAB, False)


def test_github_actions_goes_first() -> None:
    """A workflow may carry such variables along; its token is not for GitLab."""
    event = read_event(JOB | {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/models"})
    assert (event.platform, event.home, event.repository) == (Platform.GITHUB, Platform.GITHUB, "org/models")


def test_a_jenkins_job() -> None:
    job = {
        "JENKINS_URL": "https://ci.example.com/",
        "BUILD_URL": "https://ci.example.com/job/models/12/",
        "BUILD_NUMBER": "12",
        "BUILD_USER_ID": "ada",
        "TAG_NAME": "churn#prod#4",
        "GIT_COMMIT": COMMIT,
    }
    event = read_event(job)
    assert (event.ref, event.commit, event.in_job) == ("refs/tags/churn#prod#4", COMMIT, True)
    assert (event.run.url, event.run.id, event.run.actor) == (job["BUILD_URL"], "12", "ada")
    assert event.platform is Platform.NONE


def test_another_ci_says_where_its_run_is() -> None:
    event = read_event({"BUILD_URL": "https://ci.example.com/12", "TAG_NAME": "churn#prod#4"})
    assert (event.run.url, event.ref, event.in_job) == ("https://ci.example.com/12", "", False)


def test_each_token_is_for_its_own_server() -> None:
    both = JOB | {"GITLAB_TOKEN": "glpat-x", "GITHUB_TOKEN": "ghp-x"}
    assert token_in(both) == "glpat-x"
    found = token_for("https://gitlab.example.com/ml/models.git", both)
    assert found is not None
    assert found.reveal() == "glpat-x"
    for url in ("https://github.com/o/r", "http://gitlab.example.com/x", "https://gitlab.example.com.evil.org/x"):
        assert token_for(url, both) is None
    at_home = {"GITLAB_TOKEN": "glpat-x", "GITHUB_TOKEN": "ghp-x"}
    assert token_in(at_home) == "ghp-x"
    assert token_for("https://gitlab.example.com/ml/models.git", at_home) is None
