"""Runs whose token may only read: from forks, by Dependabot. What reads works; what writes says why it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.faces.read_only import why_read_only
from tests.faces.jobs import REPOSITORY, Ended, Job

pytestmark = pytest.mark.thorough

FORK = {
    "pull_request": {"head": {"repo": {"full_name": "mallory/models"}}, "base": {"repo": {"full_name": REPOSITORY}}}
}
OWN = {"pull_request": {"head": {"repo": {"full_name": REPOSITORY}}, "base": {"repo": {"full_name": REPOSITORY}}}}
GONE = {"pull_request": {"head": {"repo": None}, "base": {"repo": {"full_name": REPOSITORY}}}}
READ = {"contents": "read", "deployments": "read", "statuses": "read", "checks": "read"}


@pytest.mark.parametrize(
    ("event", "body", "actor", "why"),
    [
        ("pull_request", FORK, "mallory", "a pull request from the fork mallory/models started it"),
        ("pull_request_review", FORK, "ann", "a pull request from the fork mallory/models started it"),
        ("pull_request", GONE, "mallory", "a pull request from a fork that is gone started it"),
        ("pull_request", OWN, "ann", ""),
        ("pull_request_target", FORK, "mallory", ""),
        ("pull_request", OWN, "dependabot[bot]", "Dependabot started it"),
        ("push", {}, "dependabot[bot]", "Dependabot started it"),
        ("schedule", {}, "dependabot[bot]", ""),
        ("workflow_dispatch", {}, "dependabot[bot]", ""),
        ("push", {}, "ann", ""),
        ("push", FORK, "ann", ""),
        ("", {}, "", ""),
    ],
)
def test_github_gives_a_token_that_may_only_read_for_two_reasons(
    event: str, body: dict[str, Any], actor: str, why: str
) -> None:
    assert why_read_only(event, body, actor) == why


@pytest.mark.parametrize(
    "body",
    [
        {"pull_request": None},
        {"pull_request": []},
        {"pull_request": {"head": "x", "base": {"repo": 7}}},
        {"pull_request": {"head": {"repo": {"full_name": "x\n::error::y"}}, "base": {"repo": {"full_name": "a/b"}}}},
    ],
)
def test_an_odd_event_is_no_crash_and_one_line(body: dict[str, Any]) -> None:
    assert why_read_only("pull_request", body, "").isprintable()


def _pull_request(job: Job, **inputs: str) -> Ended:
    job.github.permit(READ)
    job.remote.allow_push = False
    commit = job.repository.git("rev-parse", "main")
    return job.run("pull_request", "refs/pull/7/merge", commit, FORK, inputs, "none")


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"command": "check"}, "mapping-valid"),
        ({"command": "resolve", "tag": "churn#prod#5"}, "resolved"),
        ({"command": "plan", "tag": "churn#prod#5"}, "dry-run"),
        ({"tag": "churn#prod#5", "dry_run": "true"}, "dry-run"),
    ],
)
def test_what_only_reads_works_for_a_fork(job: Job, inputs: dict[str, str], reason: str) -> None:
    ended = _pull_request(job, **inputs)
    assert (ended.exit_code, ended.outputs["reason"]) == (0, reason), ended.log


@pytest.mark.parametrize("inputs", [{"tag": "churn#prod#5"}, {"command": "sweep"}], ids=["deploy", "sweep"])
def test_what_writes_says_why_it_cannot(job: Job, inputs: dict[str, str]) -> None:
    job.github.add_deployment(
        ref=job.repository.tags()["churn#prod#5"],
        environment="production/churn",
        payload={"model": "churn", "stage": "prod", "version": "v1.0.0"},
        states=["in_progress"],
    )
    extra = {"no_lock": "true"} if "tag" in inputs else {}
    if not extra:
        job.github.fail_next("GET", "/deployments$", status=403, body={"message": "Resource not accessible"})
    ended = _pull_request(job, **inputs, **extra)
    assert (ended.exit_code, ended.outputs["reason"]) == (4, "permission-missing"), ended.log
    why = "this run's token may only read, because a pull request from the fork mallory/models started it: "
    assert [line for line in ended.log.splitlines() if line.startswith(f"Error: {why}")], ended.log
    assert "`check`, `plan` and `dry-run`" in ended.log
    assert job.receiver.requests == []


def test_dependabot_is_told_the_line_that_gives_it_more(job: Job) -> None:
    job.github.permit(READ)
    job.extra["GITHUB_ACTOR"] = "dependabot[bot]"
    ended = job.push("churn#prod#5")
    assert (ended.exit_code, ended.outputs["reason"]) == (4, "permission-missing"), ended.log
    assert "because Dependabot started it" in ended.log
    assert "permissions: {contents: write, deployments: write, statuses: write}" in ended.log


def test_another_run_is_told_all_that_the_command_takes(job: Job) -> None:
    job.github.permit(READ)
    ended = job.push("churn#prod#5")
    [hint] = [line for line in ended.log.splitlines() if line.startswith("  what to do: ")]
    assert "`deployments: write`" in hint
    assert "deploy takes `permissions: {contents: write, deployments: write, statuses: write}`" in hint
    assert "may only read" not in ended.log
