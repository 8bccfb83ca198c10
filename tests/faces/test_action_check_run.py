"""`check-run: true`: the commit's page tells how a run ended, and nothing else about the run changes."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.redaction import STARS
from tests.faces.jobs import MAPPING, SECRET, TOKEN, Ended, Job
from tests.faces.rendered import assert_harmless
from tests.faces.runner_log import assert_only_ours
from tests.standins.receiver import Answer

pytestmark = pytest.mark.thorough

WRONG = """\
version: 1
stages:
  prod:
    enviroment: production
    deploy: {run: "true", argv: [x]}
"""
MAPPING_AT = ".github/model-stages.yml"


def _end(ended: Ended) -> tuple[int, str]:
    assert_only_ours(ended.log)
    return ended.exit_code, ended.outputs["reason"]


def _commit(job: Job, ref: str) -> str:
    return job.repository.git("rev-parse", f"{ref}^{{commit}}")


def test_a_deployment_is_told_on_the_commit_of_its_version(job: Job) -> None:
    ended = job.push("churn#prod#5", check_run="true")

    assert _end(ended) == (0, "deployed"), ended.log
    [made] = job.github.check_runs
    commit = _commit(job, "churn@v2.0.0")
    assert (made.name, made.sha, made.conclusion) == ("model-deploy/churn/prod", commit, "success")
    assert made.title == "Deployed: churn v2.0.0 deployed to prod, replacing v1.0.0"
    assert made.summary.startswith("## ✅ Deployed")
    assert "mermaid" not in made.summary
    assert "```mermaid" in ended.summary
    assert_harmless(made.summary, ("https://models.example.com/churn",))
    assert made.details_url is not None and made.details_url.endswith("/actions/runs/1001")
    assert made.annotations == ()
    assert [status.state for status in job.github.commit_statuses(commit)] == ["pending", "success"]
    assert "check run churn/prod: success: https://github.com/" in ended.log
    job.github.assert_clean()


def test_without_the_input_there_is_none(job: Job) -> None:
    assert _end(job.push("churn#prod#5")) == (0, "deployed")
    assert job.github.check_runs == []
    assert not [call for call in job.github.calls if "check-runs" in call.path]


@pytest.mark.parametrize(
    ("tag", "inputs", "answer", "reason", "conclusion"),
    [
        ("churn#prod#5", {}, Answer(500), "deployer-failed", "failure"),
        ("churn#prod#5", {"dry_run": "true"}, Answer(200), "dry-run", "neutral"),
        ("churn#prod#1", {}, Answer(200), "superseded", "neutral"),
    ],
)
def test_each_end_has_its_conclusion(
    job: Job, tag: str, inputs: dict[str, str], answer: Answer, reason: str, conclusion: str
) -> None:
    job.receiver.behave(answer)
    ended = job.push(tag, **{"check_run": "true", **inputs})  # type: ignore[arg-type]
    assert ended.outputs["reason"] == reason
    [made] = job.github.check_runs
    assert made.conclusion == conclusion
    assert made.name == "model-deploy/churn/prod"
    assert SECRET not in made.summary + made.title
    assert TOKEN not in made.summary + made.title


def test_a_tag_that_is_none_of_ours_costs_no_request(job: Job) -> None:
    job.repository.tag("v9.9.9")
    ended = job.push("v9.9.9", check_run="true")
    assert _end(ended) == (0, "not-a-stage-tag")
    assert job.github.calls == []


@pytest.mark.parametrize("answer", [Answer(200), Answer(500)], ids=["deployed", "failed"])
def test_without_the_permission_one_warning_names_it_and_the_run_ends_as_it_did(job: Job, answer: Answer) -> None:
    job.receiver.behave(answer)
    job.github.permit({"contents": "write", "deployments": "write", "statuses": "write"})
    ended = job.push("churn#prod#5", check_run="true")

    expected = (0, "deployed") if answer.status == 200 else (1, "deployer-failed")
    assert _end(ended) == expected, ended.log
    assert ended.document["reason"] == expected[1]
    warnings = [line for line in ended.log.splitlines() if line.startswith("::warning") and "check run" in line]
    assert len(warnings) == 1
    assert "`checks: write`" in warnings[0]
    assert len(job.github.deployments) == 1
    assert job.github.check_runs == []


def test_a_github_that_is_down_is_a_warning_too(job: Job) -> None:
    job.github.fail_next("POST", "/check-runs$", status=422, body={"message": "Validation Failed"}, times=9)
    ended = job.push("churn#prod#5", check_run="true")
    assert _end(ended) == (0, "deployed"), ended.log
    assert "no check run was made: GitHub answered 422" in ended.log


def test_after_a_rate_limit_nothing_more_is_asked(job: Job) -> None:
    spent = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"}
    job.github.fail_next(
        "POST", "/deployments$", status=403, headers=spent, body={"message": "API rate limit exceeded"}
    )
    ended = job.push("churn#prod#5", check_run="true")
    assert _end(ended) == (4, "rate-limited"), ended.log
    assert "no check run was made: GitHub's rate limit is met" in ended.log
    assert "check-runs" not in job.github.calls[-1].path


def test_no_github_means_none(job: Job) -> None:
    ended = job.push("churn#prod#5", check_run="true", no_github="true")
    assert _end(ended) == (0, "deployed"), ended.log
    assert "no check run was made: the input no-github is set" in ended.log
    assert job.github.calls == []


def test_mistakes_of_the_mapping_stand_at_their_lines(job: Job) -> None:
    job.map(WRONG)
    ended = job.push("churn#prod#5", check_run="true")

    assert _end(ended) == (2, "mapping-invalid"), ended.log
    mistake = ended.document["mistakes"][0]
    assert (mistake["file"], mistake["line"]) == (MAPPING_AT, 4)
    assert set(mistake) == {"file", "line", "column", "path", "message", "hint"}
    [made] = job.github.check_runs
    assert made.sha == _commit(job, "churn#prod#5"), "the commit of the event"
    assert [(note["path"], note["start_line"], note["annotation_level"]) for note in made.annotations] == [
        (MAPPING_AT, 4, "failure"),
        (MAPPING_AT, 5, "failure"),
    ]
    assert "did you mean" in made.annotations[0]["message"]
    placed = [line for line in ended.log.splitlines() if f"file={MAPPING_AT}," in line]
    assert [line.partition("line=")[2].partition(",")[0] for line in placed] == ["4", "5"]
    assert "has 2 mistakes" in ended.summary


def test_many_mistakes_are_all_in_the_check_run_and_a_few_in_the_log(job: Job) -> None:
    stages = "".join(f"  s{number}: {{deploy: {{run: 'true'}}, nonsense: 1}}\n" for number in range(60))
    job.map(f"version: 1\nstages:\n{stages}")
    ended = job.push("churn#prod#5", check_run="true")

    assert _end(ended) == (2, "mapping-invalid"), ended.log
    [made] = job.github.check_runs
    assert [note["start_line"] for note in made.annotations] == list(range(3, 63))
    assert [call.method for call in job.github.calls if "check-runs" in call.path] == ["POST", "PATCH"]
    errors = [line for line in ended.log.splitlines() if line.startswith("::error")]
    assert len(errors) == 10, "as many as GitHub keeps of a step"
    assert "and 10 more" in ended.summary


def test_a_template_that_cannot_be_rendered_stands_at_its_line(job: Job) -> None:
    job.map('version: 1\nstages:\n  prod:\n    url: "https://x/{{ vars.nobody }}"\n    deploy: {run: "true"}\n')
    ended = job.push("churn#prod#5", check_run="true")
    assert _end(ended) == (2, "template-error"), ended.log
    [made] = job.github.check_runs
    assert [(note["path"], note["start_line"]) for note in made.annotations] == [(MAPPING_AT, 4)]
    assert f"file={MAPPING_AT},line=4," in ended.log


def test_each_stage_that_reconcile_heals_is_told_of(job: Job) -> None:
    assert job.push("churn#prod#5").exit_code == 0
    ended = job.dispatch(command="reconcile", apply="true", check_run="true", model="churn")

    assert ended.exit_code == 0, ended.log
    assert [(made.name, made.conclusion) for made in job.github.check_runs] == [
        ("model-deploy/churn/dev", "success"),
        ("model-deploy/churn/staging", "success"),
    ]


@pytest.mark.parametrize("command", ["resolve", "plan"])
def test_what_deploys_nothing_makes_none(job: Job, command: str) -> None:
    ended = job.push("churn#prod#5", check_run="true", command=command)
    assert ended.exit_code == 0, ended.log
    assert job.github.check_runs == []


def _pull_request(job: Job, head: str, **inputs: str) -> Ended:
    body = {"pull_request": {"head": {"sha": head}}}
    merged = job.repository.git("rev-parse", "main")
    given = {"command": "check", "check_run": "true", **inputs}
    return job.run("pull_request", "refs/pull/7/merge", merged, body, given, "none")


def test_check_in_a_pull_request_reports_on_its_newest_commit(job: Job) -> None:
    head = "d" * 40
    ended = _pull_request(job, head)

    assert ended.exit_code == 0, ended.log
    [made] = job.github.check_runs
    assert (made.name, made.sha, made.conclusion) == ("model-deploy/check", head, "success")
    for text in (made.summary, ended.summary):
        assert "| Stage | Version now | Environment | Deployer | Gates now | Problem |" in text
        assert "`churn prod`" in text
        assert_harmless(text)
    job.github.assert_clean()


def test_check_of_a_mapping_with_mistakes_annotates_the_pull_request(job: Job) -> None:
    job.map(WRONG)
    head = "d" * 40
    ended = _pull_request(job, head, config_ref="main")

    assert _end(ended) == (2, "mapping-invalid"), ended.log
    [made] = job.github.check_runs
    assert (made.name, made.sha, made.conclusion) == ("model-deploy/check", head, "failure")
    assert [note["start_line"] for note in made.annotations] == [4, 5]


def test_check_annotates_what_one_stage_alone_shows(job: Job) -> None:
    job.map('version: 1\nstages:\n  prod:\n    url: "https://x/{{ vars.nobody }}"\n    deploy: {run: "true"}\n')
    ended = _pull_request(job, "d" * 40)

    assert ended.exit_code == 2, ended.log
    [made] = job.github.check_runs
    assert made.conclusion == "failure"
    assert (MAPPING_AT, 4) in {(note["path"], note["start_line"]) for note in made.annotations}
    assert f"file={MAPPING_AT},line=4," in ended.log
    assert "mistakes" not in ended.outputs["json"]


def test_a_secret_never_reaches_a_check_run(job: Job) -> None:
    job.map(MAPPING)
    job.receiver.behave(Answer(500, body=f"bad secret {SECRET}".encode()))
    job.push("churn#prod#5", check_run="true")
    [made] = job.github.check_runs
    assert SECRET not in f"{made}"
    assert STARS in made.summary or "bad secret" not in made.summary
