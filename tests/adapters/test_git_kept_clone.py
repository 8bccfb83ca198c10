"""A clone of a URL that is kept: after each refresh it has what the remote has, for whoever reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_kept_clone import KeptClone
from model_stage_deploy.adapters.git_source import KeptSource
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.redaction import Secret
from tests.adapters.git_clones import NAME, TOKEN, isolate, make_registry
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository


@pytest.fixture
def remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitRemote]:
    isolate(monkeypatch, tmp_path / "home")
    with GitRemote(tmp_path / "remote", token=TOKEN) as made:
        made.add(NAME, make_registry(tmp_path / "registry"))
        yield made


@pytest.fixture
def clone(remote: GitRemote) -> Iterator[KeptClone]:
    made = KeptClone(remote.repository_url(NAME), Secret(TOKEN))
    made.refresh(made.listing())
    yield made
    made.close()


def bare(remote: GitRemote) -> GitRepository:
    return GitRepository(remote.directory(*NAME.split("/")), bare=True)


def refs(clone: KeptClone) -> str:
    return clone.git.run(["for-each-ref", "--format=%(objectname) %(refname)"]).decode()


def test_it_has_the_tags_with_all_their_words(remote: GitRemote, clone: KeptClone) -> None:
    assert refs(clone).strip() == bare(remote).git("for-each-ref", "--format=%(objectname) %(refname)")
    first = next(iter(clone.read_tags("m", details=True)))
    assert (first.name, first.tagger, first.message) == ("m#prod#1", "Ada Model", "m#prod#1")


def test_files_of_any_tagged_commit_are_there(remote: GitRemote, clone: KeptClone) -> None:
    first = bare(remote).git("rev-parse", "m@v1.0.0^{commit}")
    remote.forget()
    assert clone.read_file(first, "dvc.yaml") == b"artifacts: {}\n"
    assert clone.read_file(first, "none") is None
    assert remote.requests == []


def test_what_changes_there_changes_here(remote: GitRemote, clone: KeptClone) -> None:
    before = clone.listing()
    there = bare(remote)
    there.tag("m#prod#4", at="m@v2.0.0")
    there.git("tag", "--delete", "n@v1.0.0")
    there.git("update-ref", "refs/tags/m#prod#3", there.git("rev-parse", "refs/tags/m#prod#4"))
    after = clone.listing()
    assert before.tags != after.tags
    clone.refresh(after)
    assert refs(clone).strip() == there.git("for-each-ref", "--format=%(objectname) %(refname)")


def test_a_branch_that_moves_is_no_change_of_tags(remote: GitRemote, clone: KeptClone) -> None:
    before = clone.listing()
    there = bare(remote)
    there.git("update-ref", "refs/heads/main", there.git("rev-parse", "m@v1.0.0^{commit}"))
    after = clone.listing()
    assert (before.tags, before.all != after.all) == (after.tags, True)


def test_another_default_branch_is_followed(remote: GitRemote, clone: KeptClone) -> None:
    there = bare(remote)
    there.git("branch", "trunk", "m@v1.0.0^{commit}")
    there.git("symbolic-ref", "HEAD", "refs/heads/trunk")
    there.git("branch", "--delete", "--force", "main")
    clone.refresh(clone.listing())
    assert clone.commit_of("HEAD") == there.git("rev-parse", "trunk")
    source = KeptSource(clone, [(clone.url, Secret(TOKEN))])
    assert source.commit_of(None) == there.git("rev-parse", "trunk")
    assert source.commit_of("trunk") == there.git("rev-parse", "trunk")


def test_large_files_come_when_they_are_read(remote: GitRemote, tmp_path: Path) -> None:
    origin = GitRepository(tmp_path / "registry")
    head = origin.commit({"large.json": "[" + "1," * 50_000 + "1]"})
    remote.update(NAME, origin)
    bare(remote).git("config", "uploadpack.allowFilter", "true")
    bare(remote).git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = KeptClone(remote.repository_url(NAME), Secret(TOKEN))
    clone.refresh(clone.listing())
    remote.forget()
    assert len(clone.read_file(head, "large.json") or b"") == 100_003
    clone.close()


def test_a_tag_on_a_folder_does_not_stop_it(remote: GitRemote, tmp_path: Path) -> None:
    origin = GitRepository(tmp_path / "registry")
    origin.git("tag", "folder", "HEAD^{tree}")
    remote.update(NAME, origin)
    clone = KeptClone(remote.repository_url(NAME), Secret(TOKEN))
    clone.refresh(clone.listing())
    clone.refresh(clone.listing())
    assert "refs/tags/folder" in refs(clone)
    clone.close()


def test_an_empty_registry(remote: GitRemote) -> None:
    remote.add("org/empty")
    clone = KeptClone(remote.repository_url("org/empty"), Secret(TOKEN))
    clone.refresh(clone.listing())
    assert (list(clone.read_tags(None, details=False)), clone.commit_of("HEAD")) == ([], None)
    clone.refresh(clone.listing())
    clone.close()


def test_all_tags_are_gone(remote: GitRemote, clone: KeptClone) -> None:
    there = bare(remote)
    for ref in there.git("for-each-ref", "--format=%(refname)").splitlines():
        there.git("update-ref", "-d", ref)
    clone.refresh(clone.listing())
    assert refs(clone) == ""


def test_nothing_is_left_behind_and_nothing_is_said_of_the_token(remote: GitRemote, clone: KeptClone) -> None:
    texts = [path.read_bytes() for path in clone.place.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in text for text in texts)
    clone.close()
    assert not clone.place.exists()


def test_a_remote_that_refuses_is_told_of(remote: GitRemote) -> None:
    clone = KeptClone(remote.repository_url(NAME), Secret("wrong"))
    with pytest.raises(MachineryFailed, match="git ls-remote failed"):
        clone.listing()
    clone.close()
