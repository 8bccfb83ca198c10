"""`sweep` and `approve` as processes: on the stand-in for GitHub, and on the log of a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.local_log import PLACE, LocalLog
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.stored import LockEntry
from tests.faces.command_lines import COMPLAINT, Done, run
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.standins.github import GitHubStandIn
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough

MAPPING = """\
version: 1
stages:
  prod: {environment: production, deploy: {run: "true"}, gates: {approval: {by: [alice]}}}
  dev: {deploy: {run: "true"}}
"""
LONG_AGO = 1_600_000_000.0


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING})
    made.tag("churn@v1.0.0")
    made.tag("churn#prod#1")
    return made


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock=lambda: datetime.fromtimestamp(LONG_AGO, UTC)) as standin:
        yield standin
        standin.assert_clean()


def _on_github(registry: GitRepository, github: GitHubStandIn, *arguments: str) -> Done:
    environ = {"GITHUB_TOKEN": "test-token", "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}
    return run(registry.path, *arguments, env=environ)


def _killed(registry: GitRepository, *, ago: bool = True) -> LocalLog:
    """The log with a deployment to prod that never ended."""
    path = registry.path / ".git" / PLACE
    LocalLog(path, who="ann", clock=FakeClock(LONG_AGO) if ago else _Now()).start(a_plan(), "killed", Evidence())
    return LocalLog(path, who="ann", clock=FakeClock())


class _Now(FakeClock):
    def now(self) -> float:
        return datetime.now(UTC).timestamp()


def _states(log: LocalLog) -> list[str]:
    return [record.state for record in log.records("churn", "prod", "production", limit=9, past=9).newest_first]


def _keys(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in COMPLAINT | {"schema"}}


def test_sweep_closes_a_killed_run_on_github(registry: GitRepository, github: GitHubStandIn) -> None:
    payload = {"model": "churn", "stage": "prod", "version": "v1.0.0", "commit": "c" * 40, "attempt": "killed"}
    github.add_deployment(
        ref="c" * 40, environment="production/churn", payload=payload | {"actor": "alice"}, states=["in_progress"]
    )
    dry = _on_github(registry, github, "sweep", "--dry-run")
    assert dry.out.startswith("would close: churn v1.0.0 to prod, begun 2020-09-13T12:26:40Z by alice: ")
    done = _on_github(registry, github, "sweep")
    assert (done.exit_code, done.out.splitlines()[0].partition(":")[0]) == (0, "closed")
    assert _on_github(registry, github, "sweep").out == "nothing to clear up in 2 stages, by GitHub\n"


def test_sweep_names_what_it_could_not_look_at(registry: GitRepository, github: GitHubStandIn) -> None:
    github.fail_next("GET", "/deployments", kind="html", status=200, times=2)
    done = _on_github(registry, github, "sweep", "--json")
    assert done.exit_code == 4
    assert done.json["reason"] == "github-failed"
    assert [(fault["model"], fault["stage"]) for fault in done.json["faults"]] == [("churn", "prod"), ("churn", "dev")]


def test_approve_on_github_is_by_whom_github_says(registry: GitRepository, github: GitHubStandIn) -> None:
    done = _on_github(registry, github, "approve", "churn", "v1.0.0", "prod", "-m", "as agreed", "--json")
    assert done.exit_code == 0
    assert (done.json["recorded_in"], done.json["asked"], done.json["tag"]) == ("github", True, "churn#prod#1")
    assert done.json["by"]
    assert "Ada" not in done.json["by"]


def test_sweep_closes_a_killed_run_in_the_log(registry: GitRepository) -> None:
    log = _killed(registry)
    assert run(registry.path, "sweep", "--dry-run").out.endswith("Dry run: nothing was changed.\n")
    assert _states(log) == ["in_progress"]
    done = run(registry.path, "sweep", "--json")
    assert done.exit_code == 0
    assert _keys(done.json)["closed"][0]["deployment"] == "1"
    assert _states(log) == ["error"]
    assert (
        run(registry.path, "sweep", "churn").out == "nothing to clear up in 2 stages, by the log of this repository\n"
    )


def test_sweep_leaves_alone_what_has_just_begun(registry: GitRepository) -> None:
    log = _killed(registry, ago=False)
    assert run(registry.path, "sweep", "--no-github").out.startswith("left alone: churn v3.1.0 to prod")
    assert _states(log) == ["in_progress"]
    assert run(registry.path, "sweep", "--grace", "0").out.startswith("closed: ")


def test_sweep_removes_the_lock_of_a_dead_run_and_no_freeze(registry: GitRepository) -> None:
    from model_stage_deploy.adapters.git_locks import open_lock_store
    from model_stage_deploy.adapters.git_repository import GitRepository as Opened
    from model_stage_deploy.adapters.git_source import GitSource

    with GitSource(Opened.open(registry.path), []) as source:
        locks = open_lock_store(source)
        for kind, lease in (("run", 60.0), ("freeze", 0.0)):
            locks.put(
                LockEntry("", kind, key_of("churn", "prod"), "c", "run 7", "", "", LONG_AGO, LONG_AGO, lease),  # type: ignore[arg-type]
                replacing="",
            )
        done = run(registry.path, "sweep")
        assert done.out.startswith("unlocked: churn in prod: run 7 has it no more")
        assert [entry.kind for entry in locks.entries()] == ["freeze"]


def test_approve_in_the_log_is_by_gits_name(registry: GitRepository) -> None:
    done = run(registry.path, "approve", "churn", "v1.0.0", "prod", "-m", "as\nagreed")
    assert done.exit_code == 0
    assert done.out.startswith("Ada Model <ada@example.com> approved churn v1.0.0 for prod (commit ")
    assert "to deploy it now: python -m model_stage_deploy deploy 'churn#prod#1'" in done.out
    assert "asks for no approval" in run(registry.path, "approve", "churn", "v1.0.0", "dev").out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "reason"),
    [
        (("approve", "churn", "v9.0.0", "prod"), 3, "unknown-version"),
        (("approve", "nobody", "v1.0.0", "prod"), 3, "unknown-model"),
        (("approve", "churn", "v1.0.0", "prdo"), 2, "unmapped-stage"),
        (("approve", "churn", "v1.0.0", "prod", "--repo", "https://example.com/x"), 2, "usage"),
        (("sweep", "nobody"), 3, "unknown-model"),
        (("sweep", "--grace", "soon"), 2, "usage"),
        (("sweep", "--repo", "https://example.com/x"), 2, "usage"),
    ],
)
def test_refusals(registry: GitRepository, arguments: tuple[str, ...], exit_code: int, reason: str) -> None:
    done = run(registry.path, *arguments, "--json")
    assert (done.exit_code, done.json["reason"]) == (exit_code, reason)
    assert done.json["hint"]


@pytest.mark.parametrize("command", [("sweep",), ("approve", "churn", "v1.0.0", "prod")])
def test_a_job_without_a_token_does_not_take_a_log_of_its_own(
    registry: GitRepository, command: tuple[str, ...]
) -> None:
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_REPOSITORY": "org/models", "GITHUB_WORKSPACE": str(registry.path)}
    done = run(registry.path, *command, env=environ)
    assert done.exit_code == 2
    assert "GITHUB_TOKEN" in done.err


def test_a_damaged_log_is_one_message(registry: GitRepository) -> None:
    path = registry.path / ".git" / PLACE
    path.parent.mkdir()
    path.write_text("this is no database, but it is long enough to be taken for one" * 99)
    done = run(registry.path, "approve", "churn", "v1.0.0", "prod")
    assert done.exit_code == 4
    assert "is not a database" in done.err
    assert "mv " in done.err
