"""Trouble with GitHub as a job meets it: what the run says, what it deployed, what is recorded in the end."""

from __future__ import annotations

import time

import pytest

from model_stage_deploy.faces.settings import OUTPUTS
from tests.faces.jobs import REPOSITORY, TOKEN, Ended, Job
from tests.faces.runner_log import assert_only_ours
from tests.standins.github import GitHubStandIn
from tests.standins.receiver import Answer

pytestmark = pytest.mark.thorough

DEPLOYMENTS = "/deployments$"
STATUSES = r"/deployments/\d+/statuses$"
COMMIT_STATUSES = "/statuses/[0-9a-f]{40}$"
EVERY_CALL = {
    "create": ("POST", DEPLOYMENTS, 0),
    "in-progress": ("POST", STATUSES, 0),
    "pending": ("POST", COMMIT_STATUSES, 0),
    "success": ("POST", STATUSES, 1),
    "green": ("POST", COMMIT_STATUSES, 1),
    "list": ("GET", DEPLOYMENTS, 0),
    "old-statuses": ("GET", STATUSES, 0),
    "inactive": ("POST", STATUSES, 2),
}
REFUSED = {"message": "Resource not accessible by integration", "documentation_url": "https://docs.github.com/rest"}


def _states(job: Job) -> list[str]:
    return [
        ",".join(status.state for status in job.github.deployment_statuses(each.id)) for each in job.github.deployments
    ]


def _end(ended: Ended) -> tuple[int, str, str]:
    """Exit code, result and reason: the same everywhere that they are told."""
    assert_only_ours(ended.log)
    assert "Traceback" not in ended.log
    assert set(ended.outputs) == {output.name for output in OUTPUTS}
    document = ended.document
    told = (document["exit_code"], document["result"], document["reason"])
    assert told == (ended.exit_code, ended.outputs["result"], ended.outputs["reason"])
    if ended.exit_code:
        assert f"`{ended.outputs['reason']}` (exit code {ended.exit_code})" in ended.summary
        assert "::error title=model-stage-deploy::" in ended.log
    return told


def test_one_500_at_every_call_is_got_over(job: Job) -> None:
    assert job.push("churn#prod#1", force="true").exit_code == 0
    for method, path, after in EVERY_CALL.values():
        job.github.fail_next(method, path, after=after, status=500)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (0, "deployed", "deployed"), ended.log
    assert job.github.pending_faults == 0
    assert ended.document["warnings"] == []
    assert _states(job) == ["in_progress,success,inactive", "in_progress,success"]
    assert [request.json["version"] for request in job.receiver.requests] == ["v1.0.0", "v2.0.0"]


@pytest.mark.parametrize("call", ["create", "in-progress", "pending"])
def test_nothing_is_deployed_when_the_start_is_not_recorded(job: Job, call: str) -> None:
    method, path, after = EVERY_CALL[call]
    job.github.fail_next(method, path, after=after, status=422, body={"message": "Validation Failed"}, times=2)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (4, "error", "start-not-recorded"), ended.log
    assert job.receiver.requests == []
    assert "--no-github" in ended.log
    assert all(states.split(",")[-1] != "success" for states in _states(job))


@pytest.mark.parametrize(
    ("call", "status"), [("create", 403), ("in-progress", 403), ("pending", 403), ("create", 401), ("create", 404)]
)
def test_a_missing_permission_is_one_line_that_says_which(job: Job, call: str, status: int) -> None:
    body = {403: REFUSED, 401: {"message": "Bad credentials"}, 404: {"message": "Not Found"}}[status]
    method, path, after = EVERY_CALL[call]
    job.github.fail_next(method, path, after=after, status=status, body=body, times=9)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (4, "error", "permission-missing"), ended.log
    assert job.receiver.requests == []
    line = "statuses: write" if call == "pending" else "deployments: write"
    hint = f"`{line}`" if status != 401 else "the token is not valid"
    assert len([each for each in ended.log.splitlines() if each.startswith("  what to do: ") and hint in each]) == 1


@pytest.mark.parametrize("answers", [Answer(200), Answer(418)], ids=["deployed", "failed"])
@pytest.mark.parametrize("call", ["success", "green"])
def test_an_end_that_is_not_recorded_is_told_loudly(job: Job, call: str, answers: Answer) -> None:
    job.receiver.behave(answers)
    method, path, after = EVERY_CALL[call]
    job.github.fail_next(method, path, after=after, status=403, body=REFUSED, times=9)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (4, "unrecorded", "end-not-recorded"), ended.log
    assert len(job.receiver.requests) == 1
    assert ended.document["ended_as"] == ("deployed" if answers.status == 200 else "deployer-failed")
    assert "NOT RECORDED" in ended.log
    assert ended.outputs["deployment-id"] == str(job.github.deployments[0].id)


def test_an_older_deployment_that_cannot_be_retired_is_a_warning_of_a_good_run(job: Job) -> None:
    assert job.push("churn#prod#1", force="true").exit_code == 0
    job.github.fail_next("POST", STATUSES, after=2, status=403, body=REFUSED, times=9)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (0, "deployed", "deployed"), ended.log
    assert "::warning::" in ended.log
    [warning] = ended.document["warnings"]
    assert "still looks active" in warning
    assert _states(job) == ["in_progress,success", "in_progress,success"]


def test_a_create_whose_answer_is_lost_deploys_once(job: Job) -> None:
    job.github.fail_next("POST", DEPLOYMENTS, kind="reset", applied=True)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (0, "deployed", "deployed"), ended.log
    assert _states(job) == ["in_progress,success"]
    assert len(job.receiver.requests) == 1


def test_a_rate_limit_is_waited_out(job: Job) -> None:
    job.github.limit_next("POST", DEPLOYMENTS, retry_after=1)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (0, "deployed", "deployed"), ended.log
    [recorded] = [step for step in ended.document["steps"] if step["name"] == "record the start"]
    assert 1 <= recorded["seconds"] < 10
    assert "GitHub's secondary rate limit is met: waiting 1 s, until " in ended.log
    assert len(job.github.deployments) == 1


def test_a_rate_limit_that_ends_later_ends_the_run_and_says_when(job: Job) -> None:
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + 1800)}
    job.github.fail_next("POST", DEPLOYMENTS, status=403, headers=spent, body={"message": "API rate limit exceeded"})
    ended = job.push("churn#prod#5")

    assert _end(ended) == (4, "error", "rate-limited"), ended.log
    assert "Error: nothing was deployed: GitHub's rate limit is met until " in ended.log
    assert (job.receiver.requests, job.github.deployments) == ([], [])
    assert job.github.calls[-1].status == 403, "nothing more is sent"


@pytest.mark.parametrize("path", [DEPLOYMENTS, STATUSES])
def test_a_page_of_html_is_no_answer(job: Job, path: str) -> None:
    job.github.fail_next("POST", path, kind="html", status=200, times=9)
    ended = job.push("churn#prod#5")

    assert _end(ended) == (4, "error", "start-not-recorded"), ended.log
    assert job.receiver.requests == []
    assert "<html>" not in ended.log


def test_a_rollback_that_may_not_ask_what_is_live_does_not_guess(job: Job) -> None:
    job.github.fail_next("GET", DEPLOYMENTS, status=403, body=REFUSED, times=9)
    ended = job.dispatch(command="rollback", model="churn", stage="prod")

    assert _end(ended) == (4, "error", "permission-missing"), ended.log
    assert "deployments: " in ended.outputs["json"]
    assert job.receiver.requests == []


def test_without_github_nothing_is_asked_of_it(job: Job) -> None:
    job.github.fail_next("*", "", status=500, times=99)
    ended = job.push("churn#prod#5", no_github="true")

    assert _end(ended) == (0, "deployed", "deployed"), ended.log
    assert job.github.calls == []
    assert ended.outputs["deployment-id"] == "1", "of the run's own log"


def test_ghes_is_asked_below_its_prefix(job: Job) -> None:
    with GitHubStandIn(repository=REPOSITORY, token=TOKEN, description="ghes") as enterprise:
        job.extra["GITHUB_API_URL"] = enterprise.url
        ended = job.push("churn#prod#5")

        assert _end(ended) == (0, "deployed", "deployed"), ended.log
        assert {call.target[:8] for call in enterprise.calls} == {"/api/v3/"}
        assert [each.environment for each in enterprise.deployments] == ["production/churn"]
        enterprise.assert_clean()
    assert job.github.calls == []


def test_a_long_model_name_fits_githubs_limits(job: Job) -> None:
    name = "m" * 238
    job.repository.tag(f"{name}@v1.0.0", at="main~2")
    job.repository.tag(f"{name}#prod#1", at="main~2")
    job.publish()
    ended = job.push(f"{name}#prod#1")

    assert _end(ended) == (0, "deployed", "deployed"), ended.log
    assert job.receiver.requests[-1].json["model"]["name"] == name


@pytest.mark.parametrize("ends", ["raise SystemExit(0)", "1 / 0"])
def test_a_deployer_of_the_users_own_that_just_ends_has_failed(job: Job, ends: str) -> None:
    describe = "    def describe(self, plan, options): return []\n"
    own = f"class Deployer:\n{describe}    def deploy(self, job, options): {ends}\n"
    job.map("version: 1\nstages: {dev: {deploy: {uses: ./own.py}}}\n", {"own.py": own})
    ended = job.push("churn#dev#3")

    assert _end(ended) == (1, "failed", "deployer-failed"), ended.log
    assert "the deployer ./own.py broke: " in ended.document["message"]
    assert _states(job) == ["in_progress,failure"]
