"""Lists of several pages: for each list that is read, the one that matters is on the second page or later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.adapters.github_forge import GitHubForge
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import now_running
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.ports import Ending
from tests.fakes.plans import a_plan
from tests.standins.github import GitHubStandIn

pytestmark = pytest.mark.thorough

PLAN = a_plan()
COMMIT = PLAN.decision.commit
WHERE = ("churn", "prod", "production")


@pytest.fixture(params=["github", "ghes"])
def github(request: pytest.FixtureRequest) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(description=request.param) as standin:
        yield standin
        standin.assert_clean()


def _client(github: GitHubStandIn) -> GitHubClient:
    return GitHubClient(github.url, "org/models", Secret("test-token"), timeout=2, backoff=0.01)


def _host(github: GitHubStandIn) -> GitHubDeployments:
    return GitHubDeployments(_client(github), str)


def _deployments(github: GitHubStandIn, count: int, *, stage: str = "dev") -> None:
    for number in range(count):
        payload = {"model": "churn", "stage": stage, "version": f"v1.0.{number}", "attempt": f"{stage} {number}"}
        github.add_deployment(ref=COMMIT, environment="production/churn", payload=payload, states=())


def _live(github: GitHubStandIn) -> str:
    running = now_running(_host(github).records(*WHERE, limit=30))
    return running.version if running else ""


@pytest.mark.parametrize("newer", [99, 100, 101, 200, 299])
def test_what_runs_is_found_behind_others_of_its_environment(github: GitHubStandIn, newer: int) -> None:
    _host(github).finish(PLAN, "a", _host(github).start(PLAN, "a", Evidence()), Ending("success", "well"))
    _deployments(github, newer)
    assert _live(github) == "v3.1.0"


def test_beyond_three_hundred_nothing_is_looked_for_and_the_records_are_not_whole(github: GitHubStandIn) -> None:
    _host(github).finish(PLAN, "a", _host(github).start(PLAN, "a", Evidence()), Ending("success", "well"))
    _deployments(github, 300)
    records = _host(github).records(*WHERE, limit=30)
    assert (records.newest_first, records.whole) == ((), False)


def test_three_hundred_attempts_of_one_stage_are_all_told(github: GitHubStandIn) -> None:
    _deployments(github, 300, stage="prod")
    records = _host(github).records(*WHERE, limit=300, past=300)
    assert [record.version for record in records.newest_first] == [f"v1.0.{number}" for number in range(299, -1, -1)]


def test_an_attempt_whose_answer_was_lost_is_found_among_the_newest(github: GitHubStandIn) -> None:
    made = _host(github).start(PLAN, "mine", Evidence())
    _deployments(github, 98)
    assert _host(github).finish(PLAN, "mine", None, Ending("error", "cancelled")) == []
    assert github.deployment_statuses(int(made))[-1].state == "error"


def test_a_deployment_with_a_hundred_statuses_still_says_how_it_ended(github: GitHubStandIn) -> None:
    host = _host(github)
    made = host.start(PLAN, "a", Evidence())
    host.finish(PLAN, "a", made, Ending("success", "well"))
    deployment = github.deployments[0]
    for _ in range(97):  # another program's, on top of ours
        github.state.create_deployment_status(deployment, {"state": "queued", "auto_inactive": False})
    [record] = host.records(*WHERE, limit=5).newest_first
    assert (record.state, record.outcome, record.placed) == ("queued", "success", True)


def test_an_approval_behind_hundreds_of_statuses_counts_and_so_does_its_withdrawal(github: GitHubStandIn) -> None:
    host = _host(github)
    github.state.login = "ann"
    host.approve("churn", "v3.1.0", "prod", COMMIT, "yes")
    for number in range(350):
        github.add_commit_status(COMMIT, "success", context=f"ci/{number}")
    assert [approved.by for approved in host.approvals("churn", "v3.1.0", "prod", COMMIT)] == ["ann"]
    github.add_commit_status(COMMIT, "failure", context="model-approve/churn/v3.1.0/prod")
    for number in range(150):
        github.add_commit_status(COMMIT, "success", context=f"ci/{number}")
    assert list(host.approvals("churn", "v3.1.0", "prod", COMMIT)) == []


def test_a_dead_runs_mark_behind_hundreds_of_statuses_is_ended(github: GitHubStandIn) -> None:
    host = _host(github)
    host.start(PLAN, "dead", Evidence())
    for number in range(250):
        github.add_commit_status(COMMIT, "success", context=f"model-deploy/fraud/{number}")
    host.close(host.records(*WHERE, limit=5).newest_first[0], "its run died")
    last = github.commit_statuses(COMMIT)[-1]
    assert (last.context, last.state) == ("model-deploy/churn/prod", "error")


@pytest.mark.parametrize("kind", ["status", "run"])
@pytest.mark.parametrize("others", [99, 100, 250])
def test_a_check_on_the_last_page_counts(github: GitHubStandIn, kind: str, others: int) -> None:
    if kind == "status":
        github.add_commit_status(COMMIT, "failure", context="slow")
        for number in range(others):
            github.add_commit_status(COMMIT, "success", context=f"ci/{number}")
    else:
        github.add_check_run(COMMIT, "slow", "failure")
        for number in range(others):
            github.add_check_run(COMMIT, f"ci/{number}", "success")
    found = GitHubForge(_client(github)).checks(COMMIT)
    assert len(found) == others + 1
    assert found["slow"] == "failure"


def test_a_rule_on_the_second_page_guards_the_branch(github: GitHubStandIn) -> None:
    github.add_branch("main", COMMIT, rules=[*["deletion"] * 130, "pull_request"])
    assert GitHubForge(_client(github)).is_protected("main")


LINK = '<http://127.0.0.1/x?page=2>; rel="next", <http://127.0.0.1/x?page=2>; rel="last"'
LAST = '<http://127.0.0.1/x?page=1>; rel="prev", <http://127.0.0.1/x?page=1>; rel="first"'


@pytest.mark.parametrize(
    ("items", "headers", "asked"),
    [
        (1, {"Link": LINK}, 2),  # GitHub leaves out what the token may not see after it has cut the pages
        (0, {"Link": LINK}, 2),
        (100, {}, 2),  # no header, as behind a proxy that drops it
        (99, {}, 1),
        (100, {"Link": LAST}, 1),
        (1, {"Link": LAST}, 1),
    ],
)
def test_githubs_own_word_says_whether_there_are_more(
    github: GitHubStandIn, items: int, headers: dict[str, str], asked: int
) -> None:
    github.fail_next("GET", "/deployments$", status=200, headers=headers, body=[{}] * items)
    found = list(_client(github).pages("/deployments", {}, limit=300, permission="deployments: read"))
    assert len(found) == items
    assert len(github.calls) == asked


def test_a_list_within_an_object_that_does_not_end_is_not_known(github: GitHubStandIn) -> None:
    body: Any = {"check_runs": [{"id": number, "name": "x"} for number in range(100)]}
    github.fail_next("GET", "/check-runs$", status=200, body=body, times=99)
    with pytest.raises(MachineryFailed, match="goes on for more than 2000 check_runs"):
        GitHubForge(_client(github)).checks(COMMIT)
    assert sum(call.path.endswith("/check-runs") for call in github.calls) == 20


def test_models_and_stages_in_one_environment_do_not_hide_each_other(github: GitHubStandIn) -> None:
    """T30, T31: what is retired is found behind two pages of another stage."""
    host = _host(github)
    first = host.start(PLAN, "a", Evidence())
    host.finish(PLAN, "a", first, Ending("success", "well"))
    _deployments(github, 150)
    newer = replace(PLAN, decision=replace(PLAN.decision, version="v3.2.0"))
    assert host.finish(newer, "b", host.start(newer, "b", Evidence()), Ending("success", "well")) == []
    assert github.deployment_statuses(int(first))[-1].state == "inactive"
