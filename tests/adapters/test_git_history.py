"""Whether a branch contains a commit: of the remote, where there is one, and never by guessing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed
from tests.adapters.git_clones import CLONES, NAME, World, isolate, make_registry, serve, snapshot
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    registry = make_registry(tmp_path / "registry")
    registry.git("checkout", "--quiet", "-b", "feature/x", "HEAD~1")
    registry.commit({"new.txt": "not on main"})
    registry.git("checkout", "--quiet", "main")
    with serve(registry, monkeypatch, tmp_path) as made:
        yield made


def commit(world: World, name: str) -> str:
    return world.registry.git("rev-parse", f"{name}^{{commit}}")


def answers(source: GitSource, world: World) -> list[bool | None]:
    """Of the oldest version, of main's newest commit, of one that is on another branch only; of a missing branch."""
    questions = [("m@v1.0.0", "main"), ("main", "refs/heads/main"), ("feature/x", "main"), ("feature/x", "feature/x")]
    told = [source.is_reachable(commit(world, name), branch) for name, branch in questions]
    return [*told, source.is_reachable(commit(world, "main"), "feature/x"), source.is_reachable("f" * 40, "gone")]


EXPECTED = [True, True, False, True, False, None]


@pytest.mark.parametrize("kind", [None, "whole", "single-tag-lightweight", "partial", "shallow", "no-tags"])
def test_whatever_is_here_the_remotes_branches_decide(world: World, kind: str | None) -> None:
    clone = None if kind is None else world.clone() if kind == "whole" else CLONES[kind](world)
    before = None if clone is None else snapshot(clone.path)
    with world.source(clone) as source:
        source.tags("m", fresh=True)  # what is shallow there must not cut the history
        assert answers(source, world) == EXPECTED
    assert clone is None or snapshot(clone.path) == before, "the clone is left as it was"
    assert all(request.had_authorization for request in world.remote.requests)


def test_an_unknown_commit_is_on_no_branch(world: World) -> None:
    with world.source(world.clone()) as source:
        assert source.is_reachable("f" * 40, "main") is False
    with world.source(None) as source:
        assert source.is_reachable("f" * 40, "main") is False


def test_a_whole_clone_is_used_where_it_knows_the_newest_commit(world: World) -> None:
    with world.source(world.clone()) as source:
        assert source.is_reachable(commit(world, "m@v1.0.0"), "main") is True
    asked = [request for request in world.remote.requests if request.method == "POST"]
    assert len(asked) == 1, "for the branch's newest commit, and nothing is fetched"


def test_a_stale_clone_does_not_decide(world: World) -> None:
    """A commit that was on the branch when the clone was made, and was taken off since, is not on it."""
    old = commit(world, "main")
    clone = world.clone()
    world.registry.git("reset", "--quiet", "--hard", "HEAD~1")
    world.remote.update(NAME, world.registry)
    with world.source(clone) as source:
        assert source.is_reachable(old, "main") is False
    new = world.registry.commit({"later.txt": "later"})
    world.remote.update(NAME, world.registry)
    with world.source(clone) as source:
        assert source.is_reachable(new, "main") is True


def test_a_tag_named_like_a_branch_is_no_branch(world: World) -> None:
    world.registry.git("tag", "gone", "feature/x")
    world.registry.git("tag", "main", "feature/x")
    world.registry.git("update-ref", "refs/heads/x/refs/heads/gone", "feature/x")  # ls-remote matches by endings
    world.remote.update(NAME, world.registry)
    with world.source(None) as source:
        assert source.is_reachable(commit(world, "refs/heads/feature/x"), "gone") is None
        assert source.is_reachable(commit(world, "refs/heads/feature/x"), "main") is False


def test_a_pattern_is_no_branch(world: World) -> None:
    with world.source(world.clone()) as source:
        assert source.is_reachable(commit(world, "main"), "*") is None
        assert source.is_reachable(commit(world, "main"), "feature/?") is None


def test_replacements_do_not_count(world: World) -> None:
    """`git replace` could graft any commit into a clone's history."""
    clone = world.clone()
    stranger = commit(world, "feature/x")
    clone.git("replace", "--graft", commit(world, "main"), stranger)
    assert clone.git("merge-base", "--is-ancestor", stranger, "main") == ""
    with world.source(clone) as source:
        assert source.is_reachable(stranger, "main") is False
    with GitSource(Reader.open(clone.path)) as source:
        assert source.is_reachable(stranger, "main") is False


def test_a_remote_that_does_not_answer_is_no_answer(world: World) -> None:
    clone = world.clone()
    world.remote.down = True
    with world.source(clone) as source, pytest.raises(MachineryFailed):
        source.is_reachable(commit(world, "main"), "main")


def test_without_a_remote_the_own_branches_decide(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")
    alone = make_registry(tmp_path / "alone")
    with GitSource(Reader.open(alone.path)) as source:
        assert source.is_reachable(alone.git("rev-parse", "m@v1.0.0^{commit}"), "main") is True
        assert source.is_reachable("f" * 40, "main") is False
        assert source.is_reachable(alone.git("rev-parse", "HEAD"), "gone") is None
        assert source.is_reachable(alone.git("rev-parse", "HEAD"), "mai?") is None
    with GitSource(None) as source, pytest.raises(MachineryFailed):
        source.is_reachable("f" * 40, "main")


def test_a_shallow_clone_without_a_remote_says_yes_or_that_it_cannot_tell(world: World) -> None:
    clone = GitRepository(world.clone("--depth=1").path)
    with GitSource(Reader.open(clone.path)) as source:
        assert source.is_reachable(clone.git("rev-parse", "HEAD"), "main") is True
        with pytest.raises(MachineryFailed, match="shallow"):
            source.is_reachable(commit(world, "m@v1.0.0"), "main")
