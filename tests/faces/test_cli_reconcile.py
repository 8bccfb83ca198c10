"""`reconcile` as a process: on the log of a real repository, and on the stand-in for GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command_lines import COMPLAINT, Done, run
from tests.standins.github import GitHubStandIn
from tests.standins.registries import STEP, GitRepository

MAPPING = """\
version: 1
defaults: {lock: {use: none}}
stages:
  staging: {deploy: {run: "true"}, verify: [{run: "true"}]}
  prod:
    environment: production
    deploy: {run: 'test "$MSD_VERSION" != v2.0.0'}
    gates: {needs: [staging]}
"""


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0 is for prod and staging, and nothing was ever deployed."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    made.tag("m#staging#2")
    return made


@pytest.fixture
def github(registry: GitRepository) -> Iterator[GitHubStandIn]:
    with GitHubStandIn(clock=lambda: datetime.fromtimestamp(registry.moment - STEP / 2, UTC)) as standin:
        yield standin
        standin.assert_clean()


def _reconcile(registry: GitRepository, *arguments: str, github: GitHubStandIn | None = None) -> Done:
    if github is None:
        return run(registry.path, "reconcile", *arguments, "--no-github")
    environ = {"GITHUB_TOKEN": "test-token", "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}
    return run(registry.path, "reconcile", *arguments, env=environ)


def _kinds(document: dict[str, Any]) -> dict[str, str]:
    return {stage["stage"]: stage["kind"] for stage in document["stages"]}


@pytest.mark.thorough
def test_what_was_lost_is_shown_healed_and_then_in_sync(registry: GitRepository) -> None:
    shown = _reconcile(registry)
    assert shown.exit_code == 3
    assert "m: prod should have v1.0.0, but nothing runs: m#prod#1 was not deployed" in shown.out
    assert (
        "2 of 2 stages have drifted\n  to heal 2: python -m model_stage_deploy reconcile --apply --no-gi" in shown.out
    )
    healed = _reconcile(registry, "--apply")
    assert healed.exit_code == 0, healed.out + healed.err
    assert "healed: m prod\n  Deployed: m v1.0.0 deployed to prod" in healed.out
    assert healed.out.endswith("2 of 2 stages healed, 0 left as they are\n")
    again = _reconcile(registry, "--apply")
    assert (again.exit_code, again.out) == (*(0, "in sync: 2 of 2 stages have what the registry decides\n"),)


@pytest.mark.thorough
def test_the_document_of_a_dry_run_has_plans_and_gates_and_touches_nothing(registry: GitRepository) -> None:
    done = _reconcile(registry, "--apply", "--dry-run", "--json")
    assert (done.exit_code, done.json["reason"], done.json["dry_run"]) == (3, "drift", True)
    ends = {stage["stage"]: stage["outcome"]["reason"] for stage in done.json["stages"]}
    assert ends == {"prod": "gates-refused", "staging": "dry-run"}
    assert all(stage["outcome"]["plan"] for stage in done.json["stages"])
    assert (done.json["drifted"], done.json["left"], done.json["recorded_in"]) == (2, 2, "log")
    assert _kinds(_reconcile(registry, "--json").json) == {"prod": "missing", "staging": "missing"}


@pytest.mark.thorough
def test_one_model_and_one_stage(registry: GitRepository) -> None:
    assert _kinds(_reconcile(registry, "m", "staging", "--apply", "--json").json) == {"staging": "missing"}
    assert _kinds(_reconcile(registry, "m", "--json").json) == {"prod": "missing", "staging": "in-sync"}


@pytest.mark.thorough
def test_on_github_a_failure_is_told_and_tried_again(registry: GitRepository, github: GitHubStandIn) -> None:
    assert _reconcile(registry, "--apply", github=github).exit_code == 0
    registry.commit()
    registry.tag("m@v2.0.0")
    registry.tag("m#prod#3")
    registry.tag("m#staging#4")
    failed = _reconcile(registry, "--apply", "--json", github=github)
    assert (failed.exit_code, failed.json["reason"], failed.json["recorded_in"]) == (1, "not-reconciled", "github")
    assert {stage["stage"]: stage["outcome"]["reason"] for stage in failed.json["stages"]} == {
        "prod": "deployer-failed",
        "staging": "deployed",
    }
    assert _kinds(_reconcile(registry, "--json", github=github).json) == {"prod": "failed", "staging": "in-sync"}


@pytest.mark.thorough
def test_github_is_asked_twice_for_each_stage(registry: GitRepository, github: GitHubStandIn) -> None:
    assert _reconcile(registry, "--apply", github=github).exit_code == 0
    before = len(github.calls)
    assert _reconcile(registry, github=github).exit_code == 0
    asked = [call.path for call in github.calls[before:]]
    assert len(asked) == 4
    assert {call.method for call in github.calls[before:]} == {"GET"}


@pytest.mark.thorough
def test_what_github_does_not_say_is_unknown_and_exits_with_4(registry: GitRepository, github: GitHubStandIn) -> None:
    github.fail_next("GET", "/deployments", kind="html", status=200, times=2)
    done = _reconcile(registry, "--apply", "--json", github=github)
    assert (done.exit_code, done.json["reason"]) == (4, "github-failed")
    assert _kinds(done.json) == {"prod": "unknown", "staging": "unknown"}
    assert not github.deployments


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "exit_code", "reason"),
    [
        (("nobody",), 3, "unknown-model"),
        (("m", "attic"), 3, "never-in-stage"),
        (("m#prod#1",), 2, "usage"),
        (("--repo", "https://example.com/x"), 2, "usage"),
        (("--config", "nowhere.yml"), 2, "mapping-not-found"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    registry: GitRepository, arguments: tuple[str, ...], exit_code: int, reason: str
) -> None:
    done = _reconcile(registry, *arguments, "--json")
    assert (done.exit_code, done.json["reason"]) == (exit_code, reason)
    assert set(done.json) >= COMPLAINT or done.json["stages"]


def test_without_a_token_and_without_no_github_nothing_is_compared(registry: GitRepository) -> None:
    done = run(registry.path, "reconcile", "--json")
    assert (done.exit_code, done.json["reason"]) == (2, "usage")
    assert "--no-github" in done.json["hint"]
