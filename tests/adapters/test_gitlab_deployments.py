"""What GitLab shows of a deployment, and that the record does not depend on it once it has begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_log import GitLog
from model_stage_deploy.adapters.gitlab_client import GitLabClient
from model_stage_deploy.adapters.gitlab_deployments import GitLabDeployments, environment_name
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.ports import Ending
from tests.adapters.journal_places import journals_on
from tests.fakes.plans import a_plan
from tests.standins.github_server import Reply
from tests.standins.gitlab import GitLabStandIn
from tests.standins.gitlab_state import User

GOOD = Ending("success", "it serves", "https://models.example.com/churn")


@pytest.fixture
def gitlab() -> Iterator[GitLabStandIn]:
    with GitLabStandIn() as standin:
        yield standin
        standin.assert_clean()


@pytest.fixture
def host(gitlab: GitLabStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLabDeployments]:
    with journals_on(tmp_path, monkeypatch, alone=True) as journals:
        log = GitLog(journals, who="ann", clock=SystemClock())
        client = GitLabClient(gitlab.url, gitlab.project, Secret("test-token"), timeout=2, backoff=0.01)
        yield GitLabDeployments(client, log, str, a_plan().run.url)


def _states(gitlab: GitLabStandIn) -> list[str]:
    return [each["status"] for each in gitlab.state.deployments]


def _undeploying() -> Plan:
    plan = a_plan()
    return replace(plan, decision=replace(plan.decision, action="undeploy"))


def test_a_deployment_takes_five_calls(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    plan = a_plan()
    started = host.start(plan, "a1", Evidence())
    assert gitlab.operations() == ["create-deployment", "set-commit-status"]
    [status] = gitlab.state.statuses
    assert (status["status"], status["name"]) == ("running", "model-deploy/churn/prod")
    assert status["description"] == "deploying churn v3.1.0 to prod, replacing v3.0.0"
    host.placed(plan, started)
    assert host.finish(plan, "a1", started, GOOD) == []
    assert gitlab.operations()[2:] == ["update-deployment", "set-commit-status", "update-environment"]
    assert (_states(gitlab), status["status"], status["description"]) == (["success"], "success", "it serves")
    assert gitlab.state.environments[0]["external_url"] == "https://models.example.com/churn"


def test_an_undeployment_stops_the_environment(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    host.finish(a_plan(), "a1", host.start(a_plan(), "a1", Evidence()), GOOD)
    gone = _undeploying()
    host.finish(gone, "a2", host.start(gone, "a2", Evidence(action="undeploy")), Ending("inactive", "gone"))
    assert [each["state"] for each in gitlab.state.environments] == ["stopped"]
    host.start(a_plan(), "a3", Evidence())
    assert [each["state"] for each in gitlab.state.environments] == ["available"]


def test_a_start_that_cannot_be_shown_deploys_nothing(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    gitlab.meddle = lambda operation, _: Reply(500) if operation == "set-commit-status" else None
    with pytest.raises(MachineryFailed, match="nothing was deployed") as failed:
        host.start(a_plan(), "a1", Evidence())
    assert failed.value.reason is Reason.START_NOT_RECORDED
    assert "--records git" in failed.value.hint
    assert _states(gitlab) == ["canceled"]
    [record] = host.records("churn", "prod", "production", limit=9).newest_first
    assert record.outcome == "error"


def test_a_role_that_may_not_show_it_is_named_as_such(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    gitlab.tokens["test-token"] = User(7, "reporter", 20)
    with pytest.raises(MachineryFailed) as failed:
        host.start(a_plan(), "a1", Evidence())
    assert failed.value.reason is Reason.PERMISSION_MISSING


def test_a_lost_answer_makes_no_second_deployment(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    client = GitLabClient(gitlab.url, gitlab.project, Secret("test-token"))
    lost = [True]

    def lose(operation: str, _request: object) -> Reply | None:
        if operation == "create-deployment" and lost:
            lost.clear()
            decision = a_plan().decision
            body = {"environment": "production/churn", "sha": decision.commit, "ref": decision.tag, "tag": True}
            client.send("POST", "/deployments", {**body, "status": "running"})
            return Reply(drop=True)
        return None

    gitlab.meddle = lose
    started = host.start(a_plan(), "a1", Evidence())
    host.finish(a_plan(), "a1", started, GOOD)
    assert _states(gitlab) == ["success"]


def test_an_end_that_gitlab_cannot_be_told_is_a_warning(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    started = host.start(a_plan(), "a1", Evidence())
    gitlab.meddle = lambda _operation, _request: Reply(500)
    [warning] = host.finish(a_plan(), "a1", started, Ending("failure", "it does not serve", hurry=True))
    assert "GitLab's page of production/churn is out of date" in warning
    [record] = host.records("churn", "prod", "production", limit=9).newest_first
    assert record.outcome == "failure"


def test_an_end_whose_answer_was_lost_is_no_failure(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    started = host.start(a_plan(), "a1", Evidence())
    gitlab.state.deployments[0]["status"] = "success"
    assert host.finish(a_plan(), "a1", started, GOOD) == []


def test_a_status_that_a_dead_run_left_running_is_taken_over(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    host.start(a_plan(), "killed", Evidence())
    started = host.start(a_plan(), "a2", Evidence())
    assert host.finish(a_plan(), "a2", started, GOOD) == []
    assert [status["status"] for status in gitlab.state.statuses] == ["success"]


def test_closing_touches_no_deployment_of_this_run(host: GitLabDeployments, gitlab: GitLabStandIn) -> None:
    started = host.start(a_plan(), "mine", Evidence())
    gitlab.state.deployments.insert(0, {**gitlab.state.deployments[0], "id": 1})
    [record] = host.records("churn", "prod", "production", limit=9).newest_first
    host.close(record, "nobody works on it")
    assert _states(gitlab) == ["canceled", "running"]
    assert record.id == started


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("churn", "production/churn"),
        ("fraud/eu", "production/fraud/eu"),
        ("dir:churn", "production-dir-churn-"),
        ("x" * 300, "production-xxx"),
    ],
)
def test_a_name_that_gitlab_does_not_take_gets_another(model: str, name: str) -> None:
    found = environment_name("production", model)
    assert found.startswith(name)
    assert len(found) <= 255
