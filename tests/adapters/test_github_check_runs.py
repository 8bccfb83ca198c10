"""Check runs on GitHub: what is sent, in how many requests, and what a token without the permission is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from model_stage_deploy.adapters.github_check_runs import GitHubCheckRuns
from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.core.errors import MachineryFailed, Mistake
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github import GitHubStandIn
from tests.standins.github_description import Description

SHA = "a" * 40
RUN = CheckRun(
    "churn/prod", SHA, "success", "Deployed: churn", "## Deployed", "https://github.com/org/models/actions/1"
)


@pytest.fixture(params=["github", "ghes"])
def standin(request: pytest.FixtureRequest) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(description=request.param) as running:
        yield running
        running.assert_clean()


def reporter(standin: GitHubStandIn) -> GitHubCheckRuns:
    return GitHubCheckRuns(GitHubClient(standin.url, "org/models", Secret("test-token"), backoff=0.01))


def mistakes(count: int) -> tuple[Mistake, ...]:
    return tuple(
        Mistake("m.yml", line, 3, f"stages.s{line}", "unknown key", "did you mean x?") for line in range(count)
    )


def test_one_request_makes_a_check_run_that_has_ended(standin: GitHubStandIn) -> None:
    address = reporter(standin).report(RUN)

    [made] = standin.check_runs
    assert (made.name, made.sha, made.conclusion) == ("model-deploy/churn/prod", SHA, "success")
    assert (made.title, made.summary, made.details_url) == (RUN.title, RUN.summary, RUN.url)
    assert address == f"https://github.com/org/models/runs/{made.id}"
    assert [(call.method, call.operation) for call in standin.calls] == [("POST", "checks/create")]
    assert standin.calls[0].body["status"] == "completed"


def test_mistakes_stand_at_their_lines(standin: GitHubStandIn) -> None:
    reporter(standin).report(RUN._replace(conclusion="failure", mistakes=mistakes(3)))

    [made] = standin.check_runs
    assert [note["start_line"] for note in made.annotations] == [1, 1, 2]
    assert made.annotations[2] == {
        "path": "m.yml",
        "start_line": 2,
        "end_line": 2,
        "annotation_level": "failure",
        "title": "stages.s2",
        "message": "unknown key (did you mean x?)",
    }


@pytest.mark.parametrize(("count", "requests"), [(50, 1), (51, 2), (120, 3), (900, 10)])
def test_more_mistakes_than_one_request_takes_come_by_updates(
    standin: GitHubStandIn, count: int, requests: int
) -> None:
    reporter(standin).report(RUN._replace(conclusion="failure", mistakes=mistakes(count)))

    [made] = standin.check_runs
    assert len(made.annotations) == min(count, 500)
    assert len(standin.calls) == requests
    assert made.conclusion == "failure"


def test_a_token_without_the_permission_is_told_its_line(standin: GitHubStandIn) -> None:
    standin.permit({"deployments": "write", "statuses": "write", "checks": "read"})
    with pytest.raises(MachineryFailed) as problem:
        reporter(standin).report(RUN)
    assert problem.value.reason is Reason.PERMISSION_MISSING
    assert "`checks: write`" in problem.value.hint


def test_in_a_hurry_it_is_tried_once(standin: GitHubStandIn) -> None:
    standin.fail_next("POST", "/check-runs$", status=502)
    with pytest.raises(MachineryFailed):
        reporter(standin).report(RUN, hurry=True)
    assert len(standin.calls) == 1


def test_a_failure_of_github_is_got_over(standin: GitHubStandIn) -> None:
    standin.fail_next("POST", "/check-runs$", status=502)
    reporter(standin).report(RUN)
    assert len(standin.check_runs) == 1


def test_an_answer_without_an_id_is_none() -> None:
    with GitHubStandIn() as standin:
        standin.fail_next("POST", "/check-runs$", status=201, body={"name": "x"})
        with pytest.raises(MachineryFailed, match="holds no id"):
            reporter(standin).report(RUN)


def test_long_names_and_titles_fit(standin: GitHubStandIn) -> None:
    long = RUN._replace(
        name=f"{'m' * 300}/prod", title="t" * 3000, mistakes=(Mistake("m.yml", 1, 1, "p" * 3000, "m" * 9000),)
    )
    reporter(standin).report(long)
    [made] = standin.check_runs
    assert len(made.name) <= 255
    assert len(made.title) <= 255
    assert all(len(note["title"]) <= 255 and len(note["message"]) <= 2000 for note in made.annotations)


def test_the_description_knows_the_limits_that_are_kept() -> None:
    [create] = [each for each in Description.load().operations if each.id == "checks/create"]
    output = create.spec["requestBody"]["content"]["application/json"]["schema"]["properties"]["output"]["properties"]
    assert output["annotations"]["maxItems"] == 50
    assert output["summary"]["maxLength"] == 65_535
