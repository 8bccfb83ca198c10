"""The remote of a clone: what it has, and fetching it without moving what is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_clone_remote import CloneRemote
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.redaction import Secret
from tests.adapters.git_clones import NAME, TOKEN, isolate, make_registry
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    isolate(monkeypatch, tmp_path / "home")
    origin = GitRepository(tmp_path / "origin.git", bare=True)
    make_registry(tmp_path / "registry").git("push", "--quiet", "--mirror", str(origin.path))
    made = GitRepository(tmp_path / "clone")
    made.git("remote", "add", "origin", str(origin.path))
    made.git("fetch", "--quiet", "--tags", "origin")
    return made


def origin(clone: GitRepository) -> GitRepository:
    return GitRepository(clone.path.parent / "origin.git", bare=True)


def remote(clone: GitRepository) -> CloneRemote:
    return CloneRemote(Reader(Git(clone.path)), lambda _: None)


def test_the_same_on_both_sides(clone: GitRepository) -> None:
    assert remote(clone).tags() == remote(clone).tags_here()
    assert remote(clone).fetch() == ()


def test_new_tags_come_and_no_tag_moves(clone: GitRepository) -> None:
    there = origin(clone)
    there.tag("m#prod#9", at="m@v2.0.0")
    theirs = there.tag("m#prod#1", at="m@v2.0.0", force=True)
    ours = clone.git("rev-parse", "refs/tags/m#prod#1")
    told = remote(clone).tags()
    assert told is not None
    assert told["m#prod#1"] == theirs

    assert remote(clone).fetch() == ("m#prod#1",)

    here = remote(clone).tags_here()
    assert (here["m#prod#1"], here["m#prod#9"]) == (ours, told["m#prod#9"])


def test_tags_that_went_there_stay_here(clone: GitRepository) -> None:
    origin(clone).git("tag", "--delete", "m#prod#2")
    clone.git("config", "fetch.prune", "true")
    remote(clone).fetch()
    assert "m#prod#2" in remote(clone).tags_here()


def test_no_remote_and_no_plain_one(clone: GitRepository) -> None:
    clone.git("remote", "rename", "origin", "upstream")
    assert remote(clone).name() == "upstream"
    clone.git("remote", "add", "other", "/nowhere")
    assert (remote(clone).name(), remote(clone).tags()) == ("", None)
    with pytest.raises(MachineryFailed, match="no remote to fetch from"):
        remote(clone).fetch()


def test_a_remote_that_is_gone_is_told_of(clone: GitRepository) -> None:
    clone.git("remote", "set-url", "origin", "/nowhere")
    with pytest.raises(MachineryFailed):
        remote(clone).tags()
    with pytest.raises(MachineryFailed, match="could not be fetched"):
        remote(clone).fetch()


def test_the_token_goes_to_its_server(clone: GitRepository, tmp_path: Path) -> None:
    with GitRemote(tmp_path / "served", token=TOKEN) as served:
        served.add(NAME, clone)
        clone.git("remote", "set-url", "origin", served.repository_url(NAME))
        asked: list[str] = []

        def token_for(url: str) -> Secret:
            asked.append(url)
            return Secret(TOKEN)

        found = CloneRemote(Reader(Git(clone.path)), token_for).tags()
        assert found == remote(clone).tags_here()
        assert asked == [served.repository_url(NAME)]
        with pytest.raises(MachineryFailed):
            remote(clone).tags()
