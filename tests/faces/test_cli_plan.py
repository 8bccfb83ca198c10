"""`plan` on the command line: a dry run, and the matrix of the jobs that would follow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_stage_deploy.core.matrix import group_of
from tests.faces.command_lines import Done, run
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough

MAPPING = """\
version: 1
defaults: {deploy: {run: "true"}}
stages:
  dev: {}
  prod: {environment: production, url: "https://models.example.com/{{ model.slug }}", production: true}
"""


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0 and then v2.0.0 for prod."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING})
    for number, version in enumerate(("v1.0.0", "v2.0.0"), start=1):
        made.commit()
        made.tag(f"m@{version}")
        made.tag(f"m#prod#{number}")
    return made


def plan(registry: GitRepository, *arguments: str) -> Done:
    """One plan by the local log."""
    return run(registry.path, "plan", *arguments, "--no-github")


def test_a_tag_is_planned_and_nothing_is_touched(registry: GitRepository) -> None:
    done = plan(registry, "m#prod#2", "--json")
    assert done.exit_code == 0
    assert done.out.isascii()
    told = done.json
    assert (told["schema"], told["count"], told["outcome"]["reason"]) == ("model-stage-deploy/plan/v1", 1, "dry-run")
    [entry] = told["matrix"]["include"]
    assert json.loads(entry["with"].pop("planned"))["version"] == "v2.0.0"
    assert entry == {
        "model": "m",
        "version": "v2.0.0",
        "stage": "prod",
        "action": "deploy",
        "tag": "m#prod#2",
        "environment": "production",
        "url": "https://models.example.com/m",
        "previous": "v1.0.0",
        "production": True,
        "group": group_of("m", "prod"),
        "index": 0,
        "targets": 0,
        "with": {"command": "deploy", "tag": "m#prod#2", "model": "", "stage": "prod", "to": ""},
    }
    assert run(registry.path, "history", "m", "--deployments", "--no-github", "--json").json["deployments"] == []


def test_people_see_the_plan_and_a_table(registry: GitRepository) -> None:
    done = plan(registry, "m#prod#2")
    assert "Plan: deploy m v2.0.0 -> prod" in done.out
    assert "1 deployment for the jobs that follow" in done.out
    assert done.out.splitlines()[-1].split()[:5] == ["deploy", "m", "v2.0.0", "prod", "production"]


def test_a_rollback_is_planned(registry: GitRepository) -> None:
    [entry] = plan(registry, "--rollback", "m", "prod", "--json").json["matrix"]["include"]
    wanted = {"command": "rollback", "model": "m", "stage": "prod", "to": "v1.0.0"}
    assert {name: entry["with"][name] for name in wanted} == wanted
    [named] = plan(registry, "--rollback", "m", "prod", "--to", "v1.0.0", "--json").json["matrix"]["include"]
    assert named == entry


@pytest.mark.parametrize(
    ("arguments", "exit_code", "reason"),
    [
        (["m#prod#1"], 3, "superseded"),
        (["m@v1.0.0"], 0, "registration"),
        (["m#qa#9"], 3, "tag-not-found"),
        (["--rollback", "m", "prod", "--to", "v9.9.9"], 3, "unknown-version"),
        (["--rollback", "m", "dev"], 3, "no-earlier-version"),
    ],
)
def test_what_is_not_deployed_has_no_job(
    registry: GitRepository, arguments: list[str], exit_code: int, reason: str
) -> None:
    done = plan(registry, *arguments, "--json")
    assert (done.exit_code, done.json["outcome"]["reason"], done.json["count"]) == (exit_code, reason, 0)
    assert done.json["matrix"] == {"include": []}


@pytest.mark.parametrize("arguments", [["--to", "v1.0.0"], ["m#prod#2", "--rollback", "m", "prod"], []])
def test_what_does_not_go_together_is_told(registry: GitRepository, arguments: list[str]) -> None:
    done = plan(registry, *arguments, "--json")
    told = json.loads(done.out)
    assert (done.exit_code, told.get("outcome", told)["reason"]) == (2, "usage")


def test_what_a_plan_promised_is_held_on_the_command_line_too(registry: GitRepository) -> None:
    [entry] = plan(registry, "m#prod#2", "--json").json["matrix"]["include"]
    promised = ("--stage", entry["stage"], "--planned", entry["with"]["planned"], "--no-github")
    registry.commit()
    registry.tag("m@v3.0.0")
    registry.tag("m#prod#3")

    other = run(registry.path, "deploy", "m#prod#3", *promised)
    assert (other.exit_code, "reason: moved-tag" in other.out) == (3, True), other.out
    assert run(registry.path, "deploy", "m#prod#2", "--force", *promised).exit_code == 0
