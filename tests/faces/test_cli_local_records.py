"""`status` and `history --deployments` without GitHub: what this repository's own log says, and nothing made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faces.command_lines import Done, run
from tests.standins.registries import GitRepository

MAPPING = """\
version: 1
stages:
  prod: {environment: production, deploy: {run: 'test "$MSD_VERSION" != v2.0.0'}}
"""


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0 is for prod."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    return made


def _run(registry: GitRepository, *arguments: str) -> Done:
    return run(registry.path, *arguments)


def test_nothing_was_deployed_from_here(registry: GitRepository) -> None:
    told = _run(registry, "status", "--json").json
    assert (told["asked"], told["recorded_in"], told["stages"][0]["state"]) == (False, None, "unknown")
    done = _run(registry, "history", "m", "--deployments")
    assert (done.exit_code, done.out) == (0, "no deployment is recorded in this repository's log\n")


@pytest.mark.thorough
def test_what_was_deployed_from_here_is_told(registry: GitRepository) -> None:
    assert _run(registry, "deploy", "m#prod#1", "--no-github").exit_code == 0
    registry.commit()
    registry.tag("m@v2.0.0")
    registry.tag("m#prod#2")
    assert _run(registry, "deploy", "m#prod#2", "--no-github").exit_code == 1

    done = _run(registry, "status", "--exit-code")
    assert done.exit_code == 3
    assert "m: prod should have v2.0.0, but v1.0.0 is running: its deployment failed" in done.out
    assert _run(registry, "status", "--no-github", "--json").json["recorded_in"] == "log"
    told = _run(registry, "history", "m", "prod", "--deployments", "--json").json
    assert told["recorded_in"] == "log"
    assert [(each["version"], each["result"]) for each in told["deployments"]] == [
        ("v2.0.0", "failed"),
        ("v1.0.0", "deployed"),
    ]
    assert told["deployments"][0]["tag_object"] == registry.git("rev-parse", "refs/tags/m#prod#2")


@pytest.mark.thorough
def test_a_log_that_cannot_be_read_is_not_called_empty(registry: GitRepository) -> None:
    assert _run(registry, "deploy", "m#prod#1", "--no-github").exit_code == 0
    log = registry.path / ".git" / "model-stages" / "deployments.sqlite3"
    log.write_bytes(b"nonsense" * 1000)
    done = _run(registry, "status", "--exit-code", "--json")
    assert (done.exit_code, done.json["stages"][0]["reason"]) == (4, "log-failed")
    told = _run(registry, "history", "m", "--deployments", "--json")
    assert (told.exit_code, told.json["problems"][0]["reason"]) == (4, "log-failed")


def test_a_job_without_a_token_has_no_log_to_read(registry: GitRepository) -> None:
    job = {"GITHUB_ACTIONS": "true"}
    done = run(registry.path, "history", "m", "--deployments", "--json", env=job)
    assert (done.exit_code, done.json["reason"]) == (2, "usage")
    assert "GITHUB_TOKEN" in done.json["hint"]
