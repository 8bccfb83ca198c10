"""Many files of many commits at once say what each says by itself, from a clone and from a remote."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_stage_deploy.adapters import git_files
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed
from tests.adapters.git_clones import isolate
from tests.standins.registries import GitRepository

PATHS = ("metrics.json", "a b/ü.json", "./metrics.json", "a b", "../metrics.json", "/etc/passwd", "gone.json", ".", "l")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    return GitRepository(tmp_path / "registry")


@pytest.fixture
def commits(registry: GitRepository) -> list[str]:
    made = [registry.commit({"metrics.json": b'{"a": %d}' % number, "a b/\u00fc.json": "1"}) for number in range(3)]
    (registry.path / "l").symlink_to("metrics.json")
    made.append(registry.commit({"metrics.json": b"\0\n\r\n bytes \xff\n", "empty.json": b""}))
    return made


def test_each_file_is_what_it_is_by_itself(registry: GitRepository, commits: list[str]) -> None:
    reader = Reader.open(registry.path)
    asked = [(commit, path) for commit in commits for path in (*PATHS, "empty.json")]
    found = git_files.read_files(reader.git, asked)
    assert found == {(commit, path): reader.read_file(commit, path) for commit, path in asked}
    assert found[commits[3], "empty.json"] == b""


def test_it_takes_a_handful_of_processes(registry: GitRepository, commits: list[str]) -> None:
    runs: list[str] = []

    class Counting(Git):
        def attempt(self, arguments, **more):  # type: ignore[no-untyped-def]
            runs.append(arguments[0])
            return super().attempt(arguments, **more)

    found = git_files.read_files(Counting(registry.path), [(commit, path) for commit in commits for path in PATHS])
    assert len(found) == len(commits) * len(PATHS)
    assert len(runs) <= 4


def test_what_cannot_be_said_is_left_out(
    registry: GitRepository, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    git = Git(registry.path)
    monkeypatch.setattr(git_files, "LARGEST", 10)
    asked = [("d" * 40, "metrics.json"), (commits[0], "a\nb.json"), (commits[3], "metrics.json"), ("HEAD", "l")]
    assert git_files.read_files(git, [*asked, (commits[0], "metrics.json")]) == {
        (commits[0], "metrics.json"): b'{"a": 0}'
    }
    monkeypatch.setattr(git_files, "MOST", 8)
    both = [(commits[0], "metrics.json"), (commits[1], "metrics.json"), (commits[0], "./metrics.json")]
    assert list(git_files.read_files(git, both)) == [both[0], both[2]], "the same content counts once"


def test_nothing_asked_nothing_done(registry: GitRepository) -> None:
    assert git_files.read_files(Git(registry.path), []) == {}


def test_the_clone_is_asked_and_of_what_it_lacks_the_remote(
    registry: GitRepository, commits: list[str], tmp_path: Path
) -> None:
    registry.git("config", "uploadpack.allowAnySHA1InWant", "true")
    registry.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    registry.git("clone", "--quiet", str(registry.path), str(clone))
    newer = registry.commit({"metrics.json": "newer"})
    asked = [(commit, path) for commit in (*commits, newer) for path in ("metrics.json", "a b/\u00fc.json", "gone")]
    url = f"file://{registry.path}"
    with GitSource(Reader.open(clone), [(url, None)]) as source:
        expected = {one: source.read_file(*one) for one in asked}
        assert source.read_files(asked) == expected
    with GitSource(None, [(url, None)]) as source:
        assert source.read_files(asked) == expected
    with GitSource(Reader.open(clone)) as source:
        assert source.read_files(asked) == {one: expected[one] for one in asked if one[0] != newer}


def test_a_remote_brings_everything_in_two_fetches(
    registry: GitRepository, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.git("config", "uploadpack.allowAnySHA1InWant", "true")
    registry.git("config", "uploadpack.allowFilter", "true")
    with GitSource(None, [(f"file://{registry.path}", None)]) as source:
        source.read_files([(commits[0], "gone")])
        monkeypatch.setenv("GIT_TRACE", str(registry.path / "trace"))
        source._scratch.git.environment["GIT_TRACE"] = str(registry.path / "trace")  # type: ignore[union-attr]
        source.read_files([(commit, "metrics.json") for commit in commits])
    trace = (registry.path / "trace").read_text(encoding="utf-8")
    assert trace.count("built-in: git fetch ") == 2


def test_a_remote_that_is_gone_is_said(registry: GitRepository, commits: list[str], tmp_path: Path) -> None:
    with GitSource(None, [(f"file://{tmp_path}/gone", None)]) as source, pytest.raises(MachineryFailed):
        source.read_files([(commits[0], "metrics.json")])
