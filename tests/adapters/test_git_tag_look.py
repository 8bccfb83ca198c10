"""The cheap look at a clone's tags: no change by any other process is missed, and git is not asked without need."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_tag_look import DOUBT, TagLook
from tests.adapters.git_clones import isolate
from tests.standins.registries import GitRepository

NAMES = ["m#prod#1", "m#prod#2", "a/b/m@v1.0.0", "a/b", "a/c@v1.0.0", "z"]


class CountingGit(Git):
    """Counts how often it is asked."""

    asked = 0

    def stream(self, *arguments: object, **named: object):  # type: ignore[no-untyped-def]
        self.asked += 1
        return super().stream(*arguments, **named)  # type: ignore[arg-type]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    made = GitRepository(tmp_path / "clone")
    made.commit()
    made.tag("m#prod#1")
    return made


def age(repository: GitRepository, seconds: float = 100.0) -> None:
    """Let everything have been changed long ago."""
    then = time.time() - seconds
    place = repository.path / ".git"
    for path in [place / "packed-refs", *(place / "refs").rglob("*"), place / "refs"]:
        if path.exists():
            os.utime(path, (then, then))


def looked(clone: GitRepository, clock: Callable[[], float] = time.time) -> tuple[TagLook, CountingGit]:
    git = CountingGit(clone.path)
    return TagLook(git, clone.path / ".git", clock), git


def test_nothing_is_asked_where_nothing_changed(clone: GitRepository) -> None:
    age(clone)
    look, git = looked(clone)
    first = look.fingerprint()
    assert [look.fingerprint() for _ in range(5)] == [first] * 5
    assert git.asked == 0


def test_what_is_written_anew_with_the_same_tags_is_no_change(clone: GitRepository) -> None:
    look, git = looked(clone)
    first = look.fingerprint()
    clone.git("pack-refs", "--all")
    assert (look.fingerprint(), git.asked) == (first, 2)
    age(clone)
    assert (look.fingerprint(), git.asked) == (first, 3)
    assert (look.fingerprint(), git.asked) == (first, 3)


def test_what_changed_just_now_is_not_trusted(clone: GitRepository) -> None:
    look, git = looked(clone)
    first = look.fingerprint()
    assert look.fingerprint() == first
    assert git.asked == 2


def test_a_change_that_leaves_the_same_time_is_seen(clone: GitRepository) -> None:
    """As on a file system that counts in steps: the directory's time is the same before and after."""
    look, _ = looked(clone)
    directory = clone.path / ".git/refs/tags"
    times = (directory.stat().st_atime_ns, directory.stat().st_mtime_ns)
    first = look.fingerprint()
    clone.tag("m#prod#2")
    os.utime(directory, ns=times)
    assert look.fingerprint() != first


def test_a_folder_that_was_made_in_the_same_moment_as_the_look_is_seen_later(clone: GitRepository) -> None:
    look, _ = looked(clone)
    directory = clone.path / ".git/refs/tags"
    look.fingerprint()
    times = (directory.stat().st_atime_ns, directory.stat().st_mtime_ns)
    clone.tag("a/b@v1.0.0")
    os.utime(directory, ns=times)  # the folder `a` is new, and its parent's time says nothing
    before = look.fingerprint()
    age(clone)
    look.fingerprint()
    clone.tag("a/c@v1.0.0")
    assert look.fingerprint() != before


def test_a_file_written_in_place_is_seen_in_the_end(clone: GitRepository) -> None:
    clone.commit()
    age(clone)
    now = time.time()
    look, _ = looked(clone, lambda: now)
    first = look.fingerprint()
    clone.git("update-ref", "refs/heads/other", "HEAD")
    (clone.path / ".git/refs/tags/m#prod#1").write_text(clone.git("rev-parse", "HEAD") + "\n")
    assert look.fingerprint() == first
    now += DOUBT
    assert look.fingerprint() != first


def test_branches_do_not_matter(clone: GitRepository) -> None:
    age(clone)
    look, git = looked(clone)
    first = look.fingerprint()
    clone.commit()
    assert (look.fingerprint(), git.asked) == (first, 0)


def test_a_linked_work_tree_has_the_same_tags(clone: GitRepository, tmp_path: Path) -> None:
    clone.git("worktree", "add", "--quiet", str(tmp_path / "linked"))
    look, _ = looked(clone)
    first = look.fingerprint()
    GitRepository(tmp_path / "linked").tag("m#prod#7")
    assert look.fingerprint() != first


def test_other_ways_of_keeping_refs_are_left_to_git(clone: GitRepository) -> None:
    (clone.path / ".git/reftable").mkdir()
    age(clone)
    look, git = looked(clone)
    first = look.fingerprint()
    assert (look.fingerprint(), git.asked) == (first, 2)


class TagsThatChange(RuleBasedStateMachine):
    """Another process makes, moves, deletes and packs tags; time passes or does not; each look tells of a change."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        self.clone = GitRepository(self.folder / f"{time.monotonic_ns()}")
        self.commits = [self.clone.commit(), self.clone.commit()]
        self.look, self.git = looked(self.clone)
        self.last = ("", "")  # the tags, and the fingerprint
        self.met: dict[str, str] = {}  # tags by fingerprint

    @rule(name=st.sampled_from(NAMES), at=st.integers(0, 1))
    def put(self, name: str, at: int) -> None:
        self.try_git("update-ref", f"refs/tags/{name}", self.commits[at])

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        self.try_git("update-ref", "-d", f"refs/tags/{name}")

    @rule()
    def pack(self) -> None:
        self.try_git("pack-refs", "--all")

    @rule(seconds=st.sampled_from([0.5, 4.0, 30.0]))
    def wait(self, seconds: float) -> None:
        place = self.clone.path / ".git"
        for path in [place / "packed-refs", *(place / "refs").rglob("*")]:
            if path.exists():
                status = path.stat()
                os.utime(path, (status.st_atime, status.st_mtime - seconds))

    def try_git(self, *words: str) -> None:
        try:
            self.clone.git(*words)
        except AssertionError as problem:  # a/b cannot be beside a/b/m
            assert "cannot lock ref" in str(problem) or "exists" in str(problem), problem

    @invariant()
    def tells(self) -> None:
        if not hasattr(self, "look"):
            return
        there = self.clone.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags")
        found = self.look.fingerprint()
        assert self.met.setdefault(found, there) == there, "other tags, the same fingerprint"
        if self.last[0] == there and self.git.asked > 1:
            assert self.last[1] == found, "the same tags, another fingerprint"
        self.last = (there, found)


def test_no_change_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path / "home")
    machine = type("Machine", (TagsThatChange,), {"folder": tmp_path})
    run_state_machine_as_test(machine, settings=settings(max_examples=12, stateful_step_count=12, deadline=None))
