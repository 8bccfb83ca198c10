"""The demo's teller notices what goes wrong, and its repository is one that can be pushed to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.demo.chapters import CHAPTERS, Chapter, Run
from model_stage_deploy.demo.repository import Repository, Training
from model_stage_deploy.demo.story import tell
from tests.standins.registries import isolated_environment

pytestmark = pytest.mark.thorough


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own settings count, and the demo must do without those of whoever runs it."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    for name, value in isolated_environment(tmp_path).items():
        monkeypatch.setenv(name, value)


def _git(directory: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=directory, check=True, capture_output=True, text=True).stdout


def test_a_chapter_is_told_and_a_wrong_end_is_noticed(capfd: pytest.CaptureFixture[str]) -> None:
    wrong = Chapter("Not so", (Run(("parse", "churn@v1.0.0"), exit_code=3),))
    assert tell(chapters=[CHAPTERS[0], wrong]) == 1
    out, err = capfd.readouterr()
    assert "=== 1. The first version goes to staging ===" in out
    assert "\nDeployed: churn v1.0.0 deployed to staging\n" in out
    assert [line.split() for line in out.splitlines()[-2:]] == [
        ["staging", "v1.0.0", "v1.0.0", "v1.0.0"],
        ["prod", "nothing", "nothing", "nothing"],
    ]
    assert err == "error: python -m model_stage_deploy parse churn@v1.0.0\n  ended with exit code 0, not 3\n"


def test_training_is_committed_and_pushed(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "demo", 9)
    repository.create("24h")
    repository.train(Training(accuracy=0.5, auc=0.25))
    repository.set_soak("1s")

    here = tmp_path / "demo"
    assert _git(here, "ls-remote", "origin", "refs/heads/main").split()[0] == _git(here, "rev-parse", "HEAD").strip()
    assert _git(here, "show", "HEAD:metrics.json") == '{"accuracy": 0.5, "auc": 0.25}\n'
    assert "soak: 1s " in _git(here, "show", "HEAD:.github/model-stages.yml")
    assert _git(here, "log", "--format=%an %s").splitlines() == [
        "Ada Production waits 1s",
        "Ada Train churn, run 1",
        "Ada Production waits 24h",
    ]
    assert _git(here, "status", "--porcelain") == ""


def test_git_that_fails_is_one_clear_error(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "demo", 9)
    repository.create("24h")
    _git(tmp_path / "demo", "remote", "set-url", "origin", "nowhere")
    with pytest.raises(MachineryFailed, match=r"^git push failed in .*nowhere"):
        repository.train(Training(accuracy=0.5, auc=0.25))
