"""Twenty people promote versions of one model at the same moment: every tag is there, and everybody sees the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from model_stage_deploy.core.tags import parse_tag
from tests.core.gto_oracle import ask
from tests.faces.command_lines import Done, run
from tests.standins.registries import GitRepository, History

pytestmark = pytest.mark.thorough

PEOPLE = 20
STAGES = ("prod", "staging", "eu/prod")  # tags of different stages have different names: their counters differ, too


def registry(room: Path) -> GitRepository:
    """A remote with a version for each person, all in one stage's queue."""
    history = History()
    for number in range(1, PEOPLE + 1):
        commit = history.commit({"model.bin": f"model {number}"})
        history.tag(f"churn@v{number}.0.0", at=commit)
    remote = GitRepository(room / "remote.git", bare=True)
    history.write(remote)
    return remote


def promote(room: Path, person: int, version: str, stage: str = "prod") -> Done:
    """One person's command, from a clone of their own."""
    clone, home = room / f"clone-{person}", room / f"home-{person}"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(room / "remote.git"), str(clone)], check=True, capture_output=True)
    words = ["promote", "churn", "--version", version, "--to", stage, "--push", "--json"]
    return run(clone, *words, "-m", f"person {person}", home=home)


def together(commands: Sequence[Callable[[], Done]]) -> list[Done]:
    """All at the same time."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return [command.result() for command in [pool.submit(command) for command in commands]]


def test_everybody_who_promotes_at_once_is_heard(tmp_path: Path) -> None:
    remote = registry(tmp_path)
    before = remote.tags()

    ended = together([partial(promote, tmp_path, n, f"v{n}.0.0", STAGES[n % 3]) for n in range(1, PEOPLE + 1)])

    assert [(done.exit_code, done.err) for done in ended] == [(0, "")] * PEOPLE
    after = remote.tags()
    assert before.items() <= after.items(), "no tag was lost or moved"
    made = sorted(set(after) - set(before))
    assert {parse_tag(name).counter for name in made} == set(range(1, PEOPLE + 1)), made
    for done, number in zip(ended, range(1, PEOPLE + 1), strict=True):
        (tag,) = [tag["name"] for tag in done.json["tags"]]
        assert after[tag] == after[f"churn@v{number}.0.0"]
    shown = run(
        tmp_path / "clone-1", "show", "churn", "--json", "--repo", remote.path.as_uri(), home=tmp_path / "home-1"
    )
    held = {stage: holding["version"] for stage, holding in shown.json["models"]["churn"]["stages"].items()}
    assert set(held) == set(STAGES)
    assert ask(remote.path)["churn"].by_time == held
    assert remote.git("fsck", "--strict", "--no-dangling") == ""


def test_who_asks_for_the_same_at_once_is_told_why_not(tmp_path: Path) -> None:
    remote = registry(tmp_path)
    ended = together([partial(promote, tmp_path, person, "v7.0.0") for person in range(1, 7)])
    assert sorted(done.exit_code for done in ended) == [0, 3, 3, 3, 3, 3]
    assert {done.json["reason"] for done in ended} == {"promoted", "already-in-stage"}
    assert [name for name in remote.tags() if "#" in name] == ["churn#prod#1"]
