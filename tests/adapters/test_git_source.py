"""The registry's repository behind every kind of clone that a workflow may have: complete, or refused."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.adapters.git_clones import CLONES, NAME, TOKEN, World, in_prod, make_registry, serve, snapshot
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """Read only: tests that change it take `own`."""
    return make_registry(tmp_path_factory.mktemp("registry") / "registry")


@pytest.fixture
def world(registry: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    with serve(registry, monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def own(world: World, tmp_path: Path) -> World:
    """A world whose registry may be changed."""
    return World(make_registry(tmp_path / "own"), world.remote, world.room)


INCOMPLETE = pytest.mark.parametrize("kind", list(CLONES))


def names(records: Sequence[TagRecord]) -> set[str]:
    return {record.name for record in records}


def all_tags(world: World, prefix: str = "m") -> set[str]:
    return {name for name in world.registry.tags() if name.startswith((f"{prefix}@", f"{prefix}#"))}


def test_whole_clone_is_read_without_the_network(world: World) -> None:
    clone = world.clone()
    world.remote.down = True
    with world.source(clone) as source:
        records = source.tags("m", wanted="m#prod#3")
        assert names(records) == all_tags(world)
        assert in_prod(records) == "v1.0.0"
        assert names(source.tags(None)) == set(world.registry.tags())
        assert source.commit_of(None) == world.registry.git("rev-parse", "main")
        assert source.read_file(source.commit_of("main"), "model-stages.yml") == b"version: 1\n"
    assert world.remote.requests == []


@INCOMPLETE
def test_incomplete_clones_ask_the_remote(world: World, kind: str) -> None:
    """T1–T3, T7, B9, B10: whatever is here, the answer is that of the whole registry."""
    clone = CLONES[kind](world)
    before = snapshot(clone.path)
    with world.source(clone) as source:
        records = source.tags("m", wanted="m#prod#3")
        assert in_prod(records) == "v1.0.0"
        assert names(records) == all_tags(world)
        whole = {record.name: record for record in Reader.open(world.registry.path).tags("m")}
        assert {record.name: record for record in records} == whole
    assert world.remote.requests != []
    assert all(request.had_authorization for request in world.remote.requests)
    assert snapshot(clone.path) == before, "config, refs, objects, index and shallow are as they were"


@INCOMPLETE
def test_b10_incomplete_clones_are_refused_when_the_remote_is_down(world: World, kind: str) -> None:
    clone = CLONES[kind](world)
    world.remote.down = True
    with world.source(clone) as source, pytest.raises(Refused, match="503") as refusal:
        source.tags("m", wanted="m#prod#3")
    assert refusal.value.reason is Reason.INCOMPLETE_TAGS
    assert refusal.value.hint


@INCOMPLETE
def test_b10_incomplete_clones_are_refused_without_a_remote(world: World, kind: str) -> None:
    clone = CLONES[kind](world)
    with GitSource(Reader.open(clone.path)) as source, pytest.raises(Refused, match="no remote to ask") as refusal:
        source.tags("m", wanted="m#prod#3")
    assert refusal.value.reason is Reason.INCOMPLETE_TAGS
    assert "fetch-depth: 0" in refusal.value.hint


def test_b09_partial_clone_with_annotations_answers_at_once(own: World) -> None:
    """GTO would fetch blob after blob for ever; ours reads no file to resolve a version."""
    own.registry.commit({"artifacts.yaml": "m:\n  type: model\n"})
    own.registry.tag("m@v3.0.0")
    own.registry.tag("m#prod#9")
    own.remote.update(NAME, own.registry)
    clone = own.clone("--filter=blob:none", "--no-checkout")
    with own.source(clone) as source:
        assert in_prod(source.tags("m", wanted="m#prod#9")) == "v3.0.0"
    assert len(own.remote.requests) <= 4


def test_t02_lightweight_copy_of_the_triggering_tag_in_a_whole_clone(world: World) -> None:
    clone = world.clone()
    clone.git("update-ref", "refs/tags/m#prod#3", clone.git("rev-parse", "m#prod#3^{commit}"))
    with world.source(clone) as source:
        assert in_prod(source.tags("m")) == "v2.0.0", "nobody said that this tag matters"
        assert in_prod(source.tags("m", wanted="m#prod#3")) == "v1.0.0"
    world.remote.down = True
    with world.source(clone) as source, pytest.raises(Refused, match="lightweight in this clone"):
        source.tags("m", wanted="m#prod#3")


def test_tag_that_is_not_in_a_whole_clone_is_looked_for(own: World) -> None:
    clone = own.clone()
    own.registry.tag("m#prod#9", at="m@v2.0.0^{commit}")
    own.remote.update(NAME, own.registry)
    with own.source(clone) as source:
        assert in_prod(source.tags("m", wanted="m#prod#9")) == "v2.0.0"
        assert in_prod(source.tags("m", wanted="m#prod#3")) == "v1.0.0", "the clone is whole as far as anybody knows"
        assert in_prod(source.tags("m", fresh=True)) == "v2.0.0"
        assert "m#none" not in names(source.tags("m", wanted="m#none"))


def test_whole_repository_without_a_remote_is_all_there_is(world: World) -> None:
    with GitSource(Reader.open(world.registry.path)) as source:
        assert in_prod(source.tags("m", wanted="m#none", fresh=True)) == "v1.0.0"
        assert source.commit_of("main") == world.registry.git("rev-parse", "main")
        with pytest.raises(MachineryFailed, match="no remote to ask"):
            source.commit_of("none")


@pytest.mark.parametrize("form", ["ssh://git@models.invalid{}", "git@models.invalid:{}"])
def test_ssh_with_the_clones_own_command(world: World, tmp_path: Path, form: str) -> None:
    """As actions/checkout leaves it for an `ssh-key`. It stands for ssh here: it runs what ssh would run there."""
    command = tmp_path / "as-ssh"
    command.write_text('#!/bin/sh\nshift $(($# - 1))\neval "$1"\n')
    command.chmod(0o755)
    local = GitRepository(tmp_path / "clone")
    local.commit({"a": "a"})
    local.git("config", "core.sshCommand", str(command))
    with GitSource(
        Reader.open(local.path), [(form.format(world.registry.path), None)], refs_from_remote=True
    ) as source:
        assert names(source.tags("m")) == all_tags(world)


def test_no_clone_at_all(world: World) -> None:
    with world.source(None) as source:
        assert in_prod(source.tags("m", wanted="m#prod#3")) == "v1.0.0"
        assert names(source.tags(None)) == set(world.registry.tags())
        assert source.commit_of(None) == world.registry.git("rev-parse", "main")
    with GitSource(None) as source, pytest.raises(Refused, match="no clone of the repository here"):
        source.tags("m")


@pytest.mark.parametrize("model", ["none", "a/b:none", None])
def test_remote_without_such_tags(world: World, model: str | None) -> None:
    """No tags is an answer, not a failure."""
    if model is None:
        world.remote.add("org/empty")
    url = world.url if model else f"{world.remote.url}/org/empty"
    with GitSource(None, [(url, Secret(TOKEN))]) as source:
        assert list(source.tags(model)) == []
    world.remote.down = True
    with GitSource(None, [(url, Secret(TOKEN))]) as source, pytest.raises(Refused):
        source.tags(model)


def test_odd_tags_come_over_the_wire_as_they_are(own: World) -> None:
    registry = own.registry
    registry.tag("m#prod#4", at="m@v2.0.0")
    registry.tag("m#prod#5", at="HEAD:model.bin")
    registry.git("update-ref", "refs/tags/m#prod#6", registry.git("rev-parse", "refs/tags/n@v1.0.0"))
    registry.tag("m#prod#7", annotated=False)
    registry.tag("m#x/y#8", message="words " * 10_000)
    own.remote.update(NAME, registry)
    with own.source(None) as source:
        found = {record.name: record for record in source.tags("m")}
    assert found == {record.name: record for record in Reader.open(registry.path).tags("m")}
    assert in_prod(list(found.values())) == "v2.0.0"


@pytest.mark.parametrize("token", ["another", None])
def test_wrong_or_no_token(world: World, token: str | None) -> None:
    clone = CLONES["single-tag"](world)
    with world.source(clone, token=token) as source, pytest.raises(MachineryFailed) as refusal:
        source.tags("m", wanted="m#prod#3")
    assert refusal.value.reason is Reason.PERMISSION_MISSING
    assert "the tags that decide the version are not all here" in refusal.value.message
    assert "contents: read" in refusal.value.hint
    assert token is None or token not in refusal.value.message


def test_first_remote_that_answers_is_asked(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/{NAME}"
    remotes = [(nobody, None), (f"{world.remote.url}/org/none", Secret(TOKEN)), (world.url, Secret(TOKEN))]
    with GitSource(None, remotes) as source:
        assert in_prod(source.tags("m")) == "v1.0.0"
    with GitSource(None, [(nobody, None)]) as source, pytest.raises(Refused) as refusal:
        source.tags("m")
    assert "try again" in refusal.value.hint


def test_token_is_not_sent_to_another_host(world: World, tmp_path: Path) -> None:
    """A redirect, or a second remote, does not get what was meant for the first."""
    with GitRemote(tmp_path / "others") as other:
        other.add(NAME, world.registry)
        with GitSource(
            None, [(other.repository_url("org/none"), Secret(TOKEN)), (other.repository_url(NAME), None)]
        ) as source:
            source.tags("m")
        assert {request.had_authorization for request in other.requests if "/none" in request.path} == {True}
        assert {request.had_authorization for request in other.requests if "/none" not in request.path} == {False}


def test_temporary_places_are_gone_afterwards(world: World, tmp_path: Path) -> None:
    with world.source(None) as source:
        source.tags("m")
        source.checkout(source.commit_of(None))
        assert list((tmp_path / "home").iterdir()) != []
    assert list((tmp_path / "home").iterdir()) == []
