"""What each feature takes of the token: with just that it works, and with a part of it taken away it says which."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import pytest

from model_stage_deploy.adapters.git_locks import open_lock_store
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.permissions import DEPLOYS, FEATURES, LOOKS, READS, Needs, as_yaml, needed_by
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.stored import LockEntry
from tests.faces.command_lines import run
from tests.faces.jobs import MAPPING, REPOSITORY, TOKEN, Ended, Job

LOCKING = MAPPING.replace("defaults: {lock: {use: none}}\n", "")
LOWER = {"write": "read", "read": "none"}
NEEDS = {feature.name: feature.needs for feature in FEATURES}
UNLOCKED = NEEDS["deploy, with `lock: {use: none}`"]

Ways = Callable[[Job], Ended]


def _gated(job: Job, gates: str) -> None:
    job.map(MAPPING.replace("    environment: production\n", f"    environment: production\n    gates: {gates}\n"))


def _commit(job: Job) -> str:
    return job.repository.tags()["churn#prod#5"]


def _locking(job: Job) -> Ended:
    job.map(LOCKING)
    return job.push("churn#prod#5")


def _unrecorded(job: Job) -> Ended:
    job.map(LOCKING)
    return job.push("churn#prod#5", no_github="true")


def _rollback(job: Job) -> Ended:
    job.map(LOCKING)
    return job.dispatch(command="rollback", model="churn", stage="prod", write_tag="true", to="v1.0.0")


def _sweep(job: Job) -> Ended:
    """With a record, a pending mark and a lock of a run that died."""
    commit = _commit(job)
    job.github.state.clock = lambda: datetime(2025, 1, 1, tzinfo=UTC)
    payload = {"model": "churn", "stage": "prod", "version": "v2.0.0", "attempt": "dead", "commit": commit}
    job.github.add_deployment(
        ref=commit, environment="production/churn", payload=json.dumps(payload), states=["in_progress"]
    )
    job.github.add_commit_status(commit, "pending", context="model-deploy/churn/prod")
    with GitSource(None, [(job.remote.repository_url(REPOSITORY), Secret(TOKEN))]) as source:
        was_allowed, job.remote.allow_push = job.remote.allow_push, True
        dead = LockEntry("", "run", key_of("churn", "prod"), "dead", "ann", "deploy", "", 1e9, 1e9, 60.0)
        open_lock_store(source).put(dead, replacing="")
        job.remote.allow_push = was_allowed
    return job.dispatch(command="sweep")


def _checks(job: Job) -> Ended:
    _gated(job, "{checks: [unit]}")
    job.github.add_check_run(_commit(job), "unit", "success")
    return job.push("churn#prod#5")


def _approval(job: Job) -> Ended:
    _gated(job, "{approval: {by: [ann]}}")
    job.github.state.login = "ann"
    job.github.add_commit_status(_commit(job), "success", context="model-approve/churn/v2.0.0/prod")
    return job.push("churn#prod#5")


def _reachable(job: Job) -> Ended:
    _gated(job, "{reachable-from: main}")
    job.github.add_branch("main", job.repository.git("rev-parse", "main"), protected=True)
    return job.push("churn#prod#5")


def _people(job: Job) -> Ended:
    _gated(job, '{people: {pushers: ["permission:maintain"]}}')
    job.github.add_person("ada", "admin")
    return job.push("churn#prod#5")


# Feature -> how it is used, what it takes with what it stands beside, and how it ends.
USED: dict[str, tuple[Ways, Needs, str]] = {
    "deploy": (_locking, DEPLOYS, "deployed"),
    "deploy, with `lock: {use: none}`": (lambda job: job.push("churn#prod#5"), UNLOCKED, "deployed"),
    "deploy, with `no-github`": (_unrecorded, NEEDS["deploy, with `no-github`"], "deployed"),
    "rollback": (_rollback, DEPLOYS, "rolled-back"),
    "sweep": (_sweep, DEPLOYS, "swept"),
    "reconcile": (lambda job: job.dispatch(command="reconcile", model="churn", stage="prod"), LOOKS, "drift"),
    "reconcile, with `apply`": (
        lambda job: job.dispatch(command="reconcile", model="churn", stage="prod", apply="true"),
        UNLOCKED,
        "reconciled",
    ),
    "plan, and any `dry-run`": (lambda job: job.push("churn#prod#5", command="plan"), LOOKS, "dry-run"),
    "promote": (
        lambda job: job.dispatch(command="promote", model="churn", stage="prod", to="v1.0.0"),
        NEEDS["promote"],
        "promoted",
    ),
    "check": (lambda job: job.dispatch(command="check"), READS, "mapping-valid"),
    "resolve": (lambda job: job.push("churn#prod#5", command="resolve"), READS, "resolved"),
    "gate `checks`": (_checks, {**NEEDS["gate `checks`"], **UNLOCKED}, "deployed"),
    "gate `approval`": (_approval, UNLOCKED, "deployed"),
    "gate `reachable-from`": (_reachable, UNLOCKED, "deployed"),
    "gate `people`, and who may override": (_people, UNLOCKED, "deployed"),
}
ELSEWHERE = {
    "status, history --deployments": "test_looking_takes_to_read_deployments",
    "approve": "test_an_approval_takes_to_write_statuses",
    "promote --dispatch": "test_a_dispatch_takes_to_write_actions",
    "check-run": "tests/adapters/test_github_check_runs.py",
}
"""Features that are shown by another test."""
REFUSED = {"drift": 3}


def _allow(job: Job, permissions: Mapping[str, str]) -> None:
    """Give the job's token just these, on GitHub and for git."""
    job.github.permit(permissions)
    job.remote.allow_read = permissions.get("contents", "none") != "none"
    job.remote.allow_push = permissions.get("contents") == "write"


def _taken_away() -> Iterator[tuple[str, str, str]]:
    for name, (_, needs, _) in USED.items():
        for scope, level in needs.items():
            yield name, scope, LOWER[level]


def test_every_feature_of_the_page_is_shown() -> None:
    assert set(USED) | set(ELSEWHERE) == {feature.name for feature in FEATURES}


@pytest.mark.thorough
@pytest.mark.parametrize("name", USED)
def test_with_just_what_it_takes_it_works(job: Job, name: str) -> None:
    use, needs, reason = USED[name]
    _allow(job, needs)
    ended = use(job)
    assert (ended.exit_code, ended.outputs["reason"]) == (REFUSED.get(reason, 0), reason), ended.log
    assert "permission-missing" not in ended.log


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "scope", "level"), list(_taken_away()))
def test_with_a_part_of_it_taken_away_it_says_which(job: Job, name: str, scope: str, level: str) -> None:
    use, needs, _ = USED[name]
    _allow(job, dict(needs) | {scope: level})
    ended = use(job)
    line = f"{scope}: {needs[scope]}"
    assert "Traceback" not in ended.log
    assert line in ended.everything
    told = [each for each in ended.log.splitlines() if line in each and not each.startswith("::")]
    if name.startswith("plan") and scope == "deployments":
        assert (ended.exit_code, ended.outputs["reason"]) == (0, "dry-run"), "told as a warning"
        return
    reason = "gate-unknown" if scope == "checks" else "permission-missing"
    assert (ended.exit_code, ended.outputs["reason"]) == (4, reason), ended.log
    assert len([each for each in told if each.strip().startswith("what to do: ")]) == 1, ended.log
    assert job.receiver.requests == [], "nothing is deployed by halves"
    states = [status.state for each in job.github.deployments for status in job.github.deployment_statuses(each.id)]
    assert "success" not in states


def _environment(job: Job) -> dict[str, str]:
    return {
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": job.github.url,
        "GITHUB_SERVER_URL": job.remote.url,
    }


@pytest.mark.parametrize("command", [["status", "--exit-code"], ["history", "churn", "--deployments"]])
def test_looking_takes_to_read_deployments(job: Job, command: list[str]) -> None:
    _allow(job, LOOKS)
    assert run(job.repository.path, *command, env=_environment(job)).exit_code in (0, 3)
    _allow(job, READS)
    done = run(job.repository.path, *command, env=_environment(job))
    assert done.exit_code == 4
    assert "`deployments: read`" in done.out + done.err


@pytest.mark.thorough
def test_an_approval_takes_to_write_statuses(job: Job) -> None:
    approve = ["approve", "churn", "v2.0.0", "prod"]
    _allow(job, {**NEEDS["approve"], **READS})
    assert run(job.repository.path, *approve, env=_environment(job)).exit_code == 0
    _allow(job, {**READS, "statuses": "read"})
    done = run(job.repository.path, *approve, "--json", env=_environment(job))
    assert (done.exit_code, done.json["reason"]) == (4, "permission-missing")
    assert "`statuses: write`" in done.json["hint"]


@pytest.mark.parametrize(("scope", "reason"), [("", "promoted"), ("contents", "permission-missing")])
def test_a_dispatch_takes_to_write_actions(job: Job, scope: str, reason: str) -> None:
    job.repository.git("remote", "add", "origin", job.remote.repository_url(REPOSITORY))
    _allow(job, dict(NEEDS["promote --dispatch"]) | ({scope: "read"} if scope else {}))
    promote = [
        "promote",
        "churn",
        "--version",
        "v1.0.0",
        "--to",
        "prod",
        "--push",
        "--dispatch",
        "deploy-by-hand.yml",
        "--json",
    ]
    who = {f"GIT_COMMITTER_{name}": value for name, value in (("NAME", "Ann"), ("EMAIL", "ann@example.com"))}
    done = run(job.repository.path, *promote, env=_environment(job) | who)
    assert done.json["reason"] == reason, done.out
    assert len(job.github.dispatches) == (0 if scope else 1)


def test_what_a_command_takes_is_one_line_of_yaml() -> None:
    assert as_yaml(needed_by("deploy")) == "permissions: {contents: write, deployments: write, statuses: write}"
    assert needed_by("deploy", dry_run=True) == needed_by("plan") == LOOKS
    assert needed_by("reconcile", apply=True) == DEPLOYS
    assert needed_by("reconcile", apply=True, dry_run=True) == LOOKS
    assert needed_by("parse") == {}
