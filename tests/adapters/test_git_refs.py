"""Refs and files of the registry's repository: from the clone where it has them, else from the remote."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.adapters.git_clones import CLONES, NAME, TOKEN, World, make_registry, serve, snapshot

pytestmark = pytest.mark.thorough


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    with serve(make_registry(tmp_path / "registry"), monkeypatch, tmp_path) as made:
        yield made


def two_mains(world: World) -> tuple[str, str]:
    """A tag of the name of the default branch, elsewhere (T47): branch commit, tag commit."""
    world.registry.tag("main", at="m@v1.0.0^{commit}")
    world.remote.update(NAME, world.registry)
    return world.registry.git("rev-parse", "refs/heads/main"), world.registry.git("rev-parse", "m@v1.0.0^{commit}")


@pytest.mark.parametrize("local", [True, False])
def test_t47_branch_before_a_tag_of_its_name(world: World, local: bool) -> None:
    branch, tag = two_mains(world)
    clone = world.clone() if local else None
    with world.source(clone) as source:
        assert source.commit_of("main") == branch
        assert source.commit_of(None) == branch
        assert source.commit_of("refs/tags/main") == tag
        assert source.commit_of("refs/heads/main") == branch
        assert source.commit_of("m@v1.0.0") == tag
        assert source.commit_of(tag) == tag
    assert (world.remote.requests == []) is local


def test_t47_branch_named_like_a_commit_is_not_that_commit(world: World) -> None:
    first = world.registry.git("rev-parse", "m@v1.0.0^{commit}")
    world.registry.git("update-ref", f"refs/heads/{first}", "main")
    world.registry.git("update-ref", "refs/heads/refs/tags/m@v1.0.0", "main")
    world.remote.update(NAME, world.registry)
    for clone in (world.clone(), None):
        with world.source(clone) as source:
            assert source.commit_of(first) == first
            assert source.commit_of("refs/tags/m@v1.0.0") == first


def test_t47_branches_may_be_read_where_they_live(world: World) -> None:
    """A job's clone may be from an earlier run: the remote is asked, and what the clone has is second best."""
    clone = world.clone()
    old = world.registry.git("rev-parse", "main")
    new = world.registry.commit({"model-stages.yml": "version: 2\n"})
    world.remote.update(NAME, world.registry)
    told: list[str] = []
    reader = Reader.open(clone.path)
    remotes = [(world.url, Secret(TOKEN))]
    make = partial(GitSource, reader, default_branch="main", refs_from_remote=True, tell=told.append)
    for ref in (None, "main"):
        with make(remotes) as source:
            assert source.commit_of(ref) == new
    assert told == []
    world.remote.down = True
    with make(remotes) as source:
        assert source.commit_of("main") == old
        assert len(told) == 1
        assert "503" in told[0]
        with pytest.raises(MachineryFailed):
            source.commit_of("none")
    with make() as source:
        assert source.commit_of("main") == old, "no remote, no choice"


def test_commit_of_in_a_shallow_clone(world: World) -> None:
    """The remote's branch is asked for, whatever branch of that name the checkout has."""
    with world.source(CLONES["single-tag"](world)) as source:
        assert source.commit_of("main") == world.registry.git("rev-parse", "main")
        for ref in ("none", "refs/heads/none", "f" * 40, "-x", "a b", "main:main", "refs/heads/*"):
            with pytest.raises(MachineryFailed) as failure:
                source.commit_of(ref)
            assert failure.value.reason is Reason.GIT_FAILED


@pytest.mark.parametrize("kind", ["none", *CLONES])
def test_read_file(world: World, kind: str) -> None:
    clone = None if kind == "none" else CLONES[kind](world)
    before = snapshot(clone.path) if clone else {}
    with world.source(clone) as source:
        commit = source.commit_of("main")
        assert source.read_file(commit, "model-stages.yml") == b"version: 1\n"
        assert source.read_file(commit, "model.bin") == b"\x00two\xff"
        assert source.read_file(commit, "./sub/deep.txt") == b"deep"
        assert source.read_file(commit, "none.yml") is None
        old = world.registry.git("rev-parse", "m@v1.0.0^{commit}")
        assert source.read_file(old, "model.bin") == b"\x00one\xff"
        with pytest.raises(MachineryFailed):
            source.read_file("f" * 40, "model.bin")
    assert clone is None or snapshot(clone.path) == before
