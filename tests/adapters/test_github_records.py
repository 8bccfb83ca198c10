"""Reading what became of deployments: as few calls as can be, never more than said, never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Records
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.ports import Ending
from tests.fakes.plans import a_plan
from tests.standins.github import GitHubStandIn

COMMIT = "c" * 40
LONG = "m" * 260


class _Minutes:
    """A clock that goes on by a minute whenever it is read."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture(params=["github", "ghes"])
def github(request: pytest.FixtureRequest) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock=_Minutes(), description=request.param) as standin:
        yield standin
        standin.assert_clean()


def _host(github: GitHubStandIn) -> GitHubDeployments:
    client = GitHubClient(github.url, "org/models", Secret("test-token"), timeout=1, backoff=0.01)
    return GitHubDeployments(client, str, "https://github.example.com/runs/77")


def _add(github: GitHubStandIn, *states: str, version: str = "v1.0.0", **payload: Any) -> str:
    facts = {"model": "churn", "stage": "prod", "version": version, "commit": COMMIT, "tag": "churn#prod#1"}
    made = github.add_deployment(
        ref=COMMIT,
        environment="production/churn",
        production_environment=True,
        payload=facts | payload,
        states=[state.replace("-", "_") for state in states],
    )
    return str(made.id)


def _read(github: GitHubStandIn, *, limit: int = 30, past: int = 0) -> Records:
    return _host(github).records("churn", "prod", "production", limit=limit, past=past)


def test_a_deployment_of_ours_is_read_back_whole(github: GitHubStandIn) -> None:
    host, plan = _host(github), a_plan()
    host.finish(
        plan, "a", host.start(plan, "a", Evidence()), Ending("success", "done", "https://models.example.com/churn")
    )
    records = _read(github)

    [record] = records.newest_first
    assert records.whole is False, "what is below a success is not read"
    assert (record.version, record.commit, record.tag) == ("v3.1.0", COMMIT, "churn#prod#4")
    assert (record.state, record.outcome, record.rollback) == ("success", "success", False)
    assert record.environment_url == "https://models.example.com/churn"
    assert record.log_url == "https://github.example.com/runs/77"
    assert "2026-01-01T00:01:00Z" == record.created < record.ended == record.updated


def test_the_end_is_told_of_one_that_was_retired(github: GitHubStandIn) -> None:
    _add(github, "in-progress", "success", "inactive", rollback=True)
    [record] = _read(github).newest_first
    assert (record.state, record.outcome, record.rollback) == ("inactive", "success", True)
    assert record.created < record.ended < record.updated


@pytest.mark.parametrize("settling", ["success", "inactive"])
def test_reading_stops_where_it_is_known_what_runs(github: GitHubStandIn, settling: str) -> None:
    for _ in range(20):
        _add(github, "success", "inactive")
    _add(github, settling, version="v2.0.0")
    _add(github, "failure", version="v3.0.0")
    _add(github, "in-progress", version="v3.0.0")
    records = _read(github)

    assert [record.state for record in records.newest_first] == ["in_progress", "failure", settling]
    assert len(github.calls) == 1 + 3


def test_a_plain_answer_takes_two_calls(github: GitHubStandIn) -> None:
    _add(github, "success")
    _read(github)
    assert len(github.calls) == 2


def test_never_more_calls_than_said(github: GitHubStandIn) -> None:
    for _ in range(295):
        _add(github, "failure", stage="other")
    for _ in range(10):
        _add(github, "failure")
    records = _read(github, limit=4)
    assert (len(records.newest_first), records.whole) == (4, False)
    assert len(github.calls) == 1 + 4

    github.calls.clear()
    records = _read(github, limit=30)
    assert (len(records.newest_first), records.whole) == (10, False), "300 deployments are looked at, of 305"
    assert len(github.calls) == 3 + 10 <= 3 + 30


def test_the_past_is_read_where_it_is_asked_for(github: GitHubStandIn) -> None:
    for number in range(6):
        _add(github, "success", "inactive", version=f"v1.0.{number}")
    _add(github, "success", version="v2.0.0")
    assert [each.version for each in _read(github, past=3).newest_first] == ["v2.0.0", "v1.0.5", "v1.0.4"]
    everything = _read(github, past=20)
    assert (len(everything.newest_first), everything.whole) == (7, True)
    assert len(_read(github, past=20, limit=5).newest_first) == 5


def test_only_this_model_and_stage_count(github: GitHubStandIn) -> None:
    _add(github, "success", model="fraud")
    _add(github, "success", stage="staging")
    github.add_deployment(ref=COMMIT, environment="production/churn", payload="no JSON")
    github.add_deployment(ref=COMMIT, environment="production", payload={"model": "churn", "stage": "prod"})
    assert _read(github) == Records((), whole=True)


def test_a_deployment_without_a_status_has_no_state(github: GitHubStandIn) -> None:
    number = _add(github)
    [record] = _read(github).newest_first
    assert (record.id, record.state, record.outcome, record.environment_url) == (number, "", "", "")


def test_a_payload_of_other_types_makes_no_record_of_nonsense(github: GitHubStandIn) -> None:
    _add(github, "success", version=3, commit=None, tag=["x"], rollback="yes")  # type: ignore[arg-type]
    [record] = _read(github).newest_first
    assert (record.version, record.commit, record.tag, record.rollback) == ("", "", "", False)


def test_a_name_too_long_for_github_is_asked_for_as_it_was_recorded(github: GitHubStandIn) -> None:
    host, plan = _host(github), a_plan(name=LONG)
    host.start(plan, "a", Evidence())
    assert [each.state for each in host.records(LONG, "prod", "production", limit=3).newest_first] == ["in_progress"]


@pytest.mark.parametrize("path", ["/deployments$", "/statuses$"])
@pytest.mark.parametrize("body", [{}, "text", [1], {"message": "x"}])
def test_an_answer_of_the_wrong_shape_is_no_fact(github: GitHubStandIn, path: str, body: Any) -> None:
    _add(github, "success")
    github.fail_next("GET", path, status=200, body=body, times=9)
    if body == [1] and path == "/deployments$":
        assert _read(github).newest_first == ()
        return
    with pytest.raises(MachineryFailed) as caught:
        _read(github)
    assert caught.value.reason is Reason.GITHUB_FAILED


def test_a_missing_permission_says_its_line() -> None:
    with GitHubStandIn(permissions={"contents": "read"}) as github:
        with pytest.raises(MachineryFailed) as caught:
            _read(github)
        assert caught.value.reason is Reason.PERMISSION_MISSING
        assert "deployments: " in caught.value.hint
        assert len(github.calls) == 1


def test_a_500_is_got_over(github: GitHubStandIn) -> None:
    _add(github, "success")
    github.fail_next("GET", "/deployments$", status=502)
    github.fail_next("GET", "/statuses$", kind="reset")
    assert _read(github).newest_first[0].state == "success"
