"""A demo's registry that is kept: only a demo's is replaced, and its past is there to look at."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from model_stage_deploy import Registry
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.lifecycle import now_running
from model_stage_deploy.demo.kept import alone, log_of, mark, marked_port, place_of
from model_stage_deploy.demo.past import FRAUD
from model_stage_deploy.demo.story import begin, look_command
from tests.standins.registries import isolated_environment


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_"))]:
        monkeypatch.delenv(name)
    for name, value in isolated_environment(tmp_path).items():
        monkeypatch.setenv(name, value)


def test_only_an_earlier_demo_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    with place_of(str(place)) as directory:
        mark(directory, 9)
        (directory / "file").touch()
    assert marked_port(place) == 9
    with pytest.raises(Invalid, match="is not an empty directory") as refused, place_of(str(place)):
        pass
    assert "--replace" in refused.value.hint
    with place_of(str(place), replace=True) as directory:
        assert list(directory.iterdir()) == []

    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    with pytest.raises(Invalid, match="is not an empty directory"), place_of(str(other), replace=True):
        pass
    assert (other / ".git").is_dir()

    mark(place, 9)
    (tmp_path / "link").symlink_to(place)
    with pytest.raises(Invalid, match="is not an empty directory"), place_of(str(tmp_path / "link"), replace=True):
        pass
    assert marked_port(place) == 9


def test_what_is_being_served_is_neither_served_again_nor_replaced(tmp_path: Path) -> None:
    place = tmp_path / "kept"
    mark(place, 9)
    with alone(place):
        with pytest.raises(Invalid, match="is being served already"), alone(place):
            pass
        with pytest.raises(Invalid, match="is being served already"), place_of(str(place), replace=True):
            pass
    assert marked_port(place) == 9
    with alone(place):
        pass


def test_a_mark_that_says_nothing_is_none(tmp_path: Path) -> None:
    assert marked_port(tmp_path) is None
    mark(tmp_path, 9)
    for text in ("", "[]", '{"port": "x"}', "\x00"):
        (tmp_path / ".git" / "model-stages" / "demo.json").write_text(text)
        assert marked_port(tmp_path) is None


def test_the_past_is_one_that_a_team_could_have(tmp_path: Path) -> None:
    begin(tmp_path / "demo", 9)
    registry = Registry(tmp_path / "demo")

    assert {model.name for model in registry.models()} == {"fraud", "segments"}
    assert str(registry.which("fraud", "prod")) == "v2.3.0"
    assert str(registry.which("fraud", "staging")) == FRAUD[-1].name
    prod = log_of(tmp_path / "demo").records("fraud", "prod", "production", limit=20, past=20)
    running = now_running(prod)
    assert running is not None
    assert (running.version, running.verified, bool(running.override)) == ("v2.3.0", True, True)
    assert [record.version for record in prod.newest_first if record.automatic] == ["v2.1.0"]
    assert [record.version for record in prod.newest_first if record.failed_here] == ["v2.2.0"]
    staging = now_running(log_of(tmp_path / "demo").records("fraud", "staging", "staging", limit=20))
    assert staging is not None
    assert staging.version == FRAUD[-2].name  # the newest one waits for whoever plays with it

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=tmp_path / "demo", check=True, capture_output=True, text=True).stdout

    dates = [int(line) for line in git("log", "--format=%ct").split()]
    assert dates == sorted(dates, reverse=True)
    assert max(dates) < time.time() - 86_400
    assert len(git("ls-remote", "--tags", "origin", "fraud*").splitlines()) == 2 * len(
        git("tag", "-l", "fraud*").split()
    )
    assert git("status", "--porcelain") == ""


def test_the_command_that_opens_it_can_be_pasted() -> None:
    line = look_command("my demo")
    assert line.endswith(" -m model_stage_deploy demo --serve 'my demo'")
