"""Every command of README.md runs, and the tutorial leads where it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.contract.consoles import Page
from tests.contract.generate import ROOT
from tests.contract.stories import differences
from tests.standins.registries import GitRepository


def _text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.thorough
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    page = Page(f"```console\n$ {_demo()}\n```\n{_text('README.md')}", tmp_path)
    page.follow()

    assert page.set_up[-2:] == ["make demo", "make test"]
    story, shown, promoted, plan, back = page.said
    assert differences(_text("docs/start/promotion-story.md"), story) == []
    assert _table(story) == _table(_text("docs/start/promotion-story.md"))
    assert re.search(r"^churn +v1\.4\.0 +v1\.2\.0 +v1\.4\.0$", shown, re.MULTILINE)
    assert promoted.startswith("churn v1.4.0 is in prod now")
    assert "churn#prod#12" in promoted
    assert "Plan: deploy churn v1.4.0 -> prod" in plan
    assert re.search(r"replacing +v1\.2\.0", plan)
    assert "Plan: roll back churn v1.0.0 -> prod" in back


def _demo() -> str:
    """What `make demo` runs."""
    return _text("Makefile").split("\ndemo:", 1)[1].splitlines()[1].strip("\t@").replace("$(BIN)", ".venv/bin")


def _table(text: str) -> list[list[str]]:
    """What is live at the story's end, by its own words."""
    rows = text[text.index("STAGE    SERVES") :].splitlines()
    return [row.split() for row in rows[:3]]


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md"])
def test_make_knows_the_targets_that_are_named(path: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", _text("Makefile"), re.MULTILINE))
    named = set(re.findall(r"^\$ make ([\w-]+)", _text(path), re.MULTILINE))
    assert {"demo", "test"} & named
    assert named <= targets


def test_make_demo_runs_the_command_that_the_readme_test_runs() -> None:
    assert _demo() == ".venv/bin/python -m model_stage_deploy demo --keep demo-registry --replace"


def test_the_tutorial_from_an_empty_repository_to_a_pushed_stage_tag(tmp_path: Path) -> None:
    remote = tmp_path / "remote.git"
    GitRepository(tmp_path / "any").git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    page = Page(
        _text("docs/start/first-deployment.md"), tmp_path, {"https://github.com/YOU/models.git": remote.as_uri()}
    )
    page.follow()

    plan = next(said for command, said in zip(page.ran, page.said, strict=True) if "--dry-run" in command)
    assert "Plan: deploy churn v1.0.0 -> staging" in plan
    assert "models/churn.txt (model)" in plan
    pushed = GitRepository(page.directory).git("ls-remote", "--tags", "origin")
    assert "refs/tags/churn#staging#1^{}" in pushed
    deployed = Page(
        "```console\n$ python -m model_stage_deploy deploy 'churn#staging#1' --no-github\n```", page.directory
    )
    deployed.follow()
    assert "deploying churn v1.0.0 to staging, replacing nothing" in deployed.said[0]


def test_a_command_that_fails_or_is_unknown_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="nobody knows"):
        Page("```console\n$ curl example.com\n```", tmp_path).follow()
    with pytest.raises(AssertionError, match="exit code 2"):
        Page("```console\n$ python -m model_stage_deploy parse nope\n```", tmp_path).follow()
