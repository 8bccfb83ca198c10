"""Locks as refs of a real remote: compare and swap, trouble told apart, nothing passed over."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from model_stage_deploy.adapters import git_asking, git_locks
from model_stage_deploy.adapters.git_locks import open_lock_store
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository as Clone
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.locks import ALL, is_unreadable, key_of, place_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.ports import LockClash
from tests.adapters.lock_places import KINDS, bare_remote, isolated, lock, refs, store_on
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough

RUN = "refs/model-stages/locks/run/" + place_of("churn#prod")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolated(monkeypatch, tmp_path / "home")
    bare_remote(tmp_path)
    GitRepository(tmp_path / "alone").commit({"model.bin": "1"})
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_the_life_of_a_lock(room: Path, kind: str) -> None:
    with store_on(room, kind) as store, store_on(room, kind) as other:
        assert list(store.entries()) == []
        version = store.put(lock(), replacing="")
        assert refs(room, kind) == {RUN: version}
        assert list(other.entries()) == [replace(lock(), version=version)]
        renewed = replace(lock(), renewed=lock().renewed + 20)
        with pytest.raises(LockClash):
            other.put(lock(claim="two"), replacing="")
        newer = store.put(renewed, replacing=version)
        assert list(other.entries()) == [replace(renewed, version=newer)]
        with pytest.raises(LockClash):
            other.put(lock(claim="two"), replacing=version)
        with pytest.raises(LockClash):
            other.remove(replace(renewed, version=version))
        other.remove(replace(renewed, version=newer))
        other.remove(replace(renewed, version=newer))  # gone is gone
        assert list(store.entries()) == []
        with pytest.raises(LockClash):
            store.put(renewed, replacing=newer)
        assert refs(room, kind) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_many_locks(room: Path, kind: str) -> None:
    wanted = [lock(key_of("churn", "prod")), lock(key_of("churn", "dev")), lock(key_of("a/b:churn", "eu/prod"))]
    wanted += [lock(ALL, kind="freeze", lease=0.0), lock(key_of("churn"), kind="freeze", lease=0.0, reason="é\n\x1b")]
    with store_on(room, kind) as store:
        made = [replace(one, version=store.put(one, replacing="")) for one in wanted]
        assert sorted(store.entries(), key=str) == sorted(made, key=str)
        for one in made:
            store.remove(one)
        assert refs(room, kind) == {}


def test_a_retried_put_is_a_success(room: Path) -> None:
    with store_on(room, "clone") as store:
        assert store.put(lock(), replacing="") == store.put(lock(), replacing="")


def test_a_clone_does_not_get_them(room: Path) -> None:
    with store_on(room, "url") as store:
        store.put(lock(), replacing="")
    subprocess.run(["git", "clone", "--quiet", str(room / "remote.git"), str(room / "new")], check=True)
    new = GitRepository(room / "new")
    assert "model-stages" not in new.git("for-each-ref")
    assert GitRepository(room / "remote.git", bare=True).git("fsck", "--strict", "--no-dangling") == ""
    assert list((room / "home").iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", ["commit", "blob", "annotated", "another's"])
def test_what_is_not_ours_is_told(room: Path, kind: str, what: str) -> None:
    place = GitRepository(room / "alone") if kind == "alone" else GitRepository(room / "remote.git", bare=True)
    target = place.git("rev-parse", "HEAD" if kind == "alone" else "main")
    if what == "blob":
        target = place.git("hash-object", "-w", "--stdin", stdin=b"text\0more")
    elif what == "annotated":
        place.git("tag", "-a", "-m", "x", "marker", target)
        target = place.git("rev-parse", "marker")
    elif what == "another's":
        with store_on(room, kind) as store:
            target = store.put(lock("churn#dev"), replacing="")
    place.git("update-ref", RUN, target)
    with store_on(room, kind) as store:
        [found] = [one for one in store.entries() if place_of(one.key) == place_of("churn#prod")]
        assert is_unreadable(found.key)
        assert (found.kind, found.version) == ("run", target)
        with pytest.raises(LockClash):
            store.put(lock(), replacing="")
        store.remove(found)
        assert RUN not in refs(room, kind)


def failure(store_kind: str, room: Path, entry: LockEntry, url: str = "", token: str = "") -> MachineryFailed:
    with store_on(room, store_kind, url, token=token) as store, pytest.raises(MachineryFailed) as problem:
        store.put(entry, replacing="")
    return problem.value


def test_a_remote_that_refuses(room: Path) -> None:
    hook = room / "remote.git" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'you may not' >&2\nexit 1\n")
    hook.chmod(0o755)
    problem = failure("clone", room, lock())
    assert problem.reason is Reason.PERMISSION_MISSING
    assert "contents: write" in problem.hint
    assert "lock: {use: none}" in problem.hint


def test_a_name_that_sounds_forbidden_is_no_permission(room: Path) -> None:
    GitRepository(room / "remote.git", bare=True).git("update-ref", f"{RUN}/below", "main")
    problem = failure("clone", room, lock())
    assert problem.reason is Reason.LOCK_FAILED
    assert "exists; cannot create" in problem.message


@pytest.mark.parametrize("kind", ["clone", "url"])
def test_an_unreachable_remote(room: Path, kind: str) -> None:
    gone = str(room / "denied.git")
    problem = failure(kind, room, lock(), gone)
    assert problem.reason is Reason.LOCK_FAILED
    with store_on(room, kind, gone) as store, pytest.raises(MachineryFailed) as reading:
        store.entries()
    assert reading.value.reason is Reason.LOCK_FAILED
    assert "--no-lock" in reading.value.hint


def test_a_push_whose_answer_is_lost_came_through(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends after the server did what was asked."""
    real = git_asking.asked

    def cut(git: Git, arguments: Sequence[str], patience: float) -> str:
        said = real(git, arguments, patience)
        return "the remote end hung up unexpectedly" if arguments[0] == "push" else said

    monkeypatch.setattr(git_locks, "asked", cut)
    with store_on(room, "clone") as store:
        version = store.put(lock(), replacing="")
        store.remove(replace(lock(), version=version))
    assert refs(room, "clone") == {}


def test_a_push_that_broke_off_before_it_was_done(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = git_asking.asked

    def cut(git: Git, arguments: Sequence[str], patience: float) -> str:
        return "git push did not end within 30 s" if arguments[0] == "push" else real(git, arguments, patience)

    monkeypatch.setattr(git_locks, "asked", cut)
    assert failure("clone", room, lock()).reason is Reason.LOCK_FAILED
    with store_on(room, "url") as other:
        monkeypatch.setattr(git_locks, "asked", real)
        other.put(lock(claim="two"), replacing="")
        monkeypatch.setattr(git_locks, "asked", cut)
        with pytest.raises(LockClash):
            other.put(lock(), replacing="")


def test_a_busy_ref_is_a_clash(room: Path) -> None:
    """Another push holds the ref's own lock file at the moment."""
    held = room / "remote.git" / f"{RUN}.lock"
    held.parent.mkdir(parents=True)
    held.touch()
    with store_on(room, "clone") as store, pytest.raises(LockClash):
        store.put(lock(), replacing="")


@pytest.fixture
def served(room: Path) -> Iterator[GitRemote]:
    (room / "served").mkdir()
    with GitRemote(room / "served", token="right") as remote:
        remote.add("org/models", GitRepository(room / "first"))
        yield remote


@pytest.mark.parametrize("kind", ["clone", "url"])
def test_over_http_with_a_token(room: Path, served: GitRemote, kind: str) -> None:
    url = served.repository_url("org/models")
    with store_on(room, kind, url, token="right") as store:
        version = store.put(lock(), replacing="")
        assert [one.version for one in store.entries()] == [version]
        served.forget()
        store.entries()
        assert len([one for one in served.requests if one.answered == 200]) == 2, "nothing new: no object is asked for"
        with pytest.raises(LockClash):
            store.put(lock(claim="two"), replacing="")
        store.remove(replace(lock(), version=version))
        assert list(store.entries()) == []


def test_over_http_without_leave(room: Path, served: GitRemote) -> None:
    url = served.repository_url("org/models")
    assert failure("url", room, lock(), url, "wrong").reason is Reason.PERMISSION_MISSING
    served.allow_push = False
    problem = failure("url", room, lock(), url, "right")
    assert problem.reason is Reason.PERMISSION_MISSING
    assert "right" not in problem.message + problem.hint
    served.down = True
    assert failure("url", room, lock(), url, "right").reason is Reason.LOCK_FAILED


def test_a_clone_without_objects_of_the_remote_in_it(room: Path, served: GitRemote) -> None:
    """A server that serves no partial fetches tells locks all the same."""
    served.allow_filter = False
    with store_on(room, "url", served.repository_url("org/models"), token="right") as store:
        store.put(lock(), replacing="")
    with store_on(room, "url", served.repository_url("org/models"), token="right") as other:
        assert [one.claim for one in other.entries()] == ["one"]


def test_the_way_that_the_clone_pushes(room: Path) -> None:
    clone = GitRepository(room / "clone")
    clone.git("remote", "add", "origin", "https://nobody.invalid/org/models")
    clone.git("remote", "set-url", "--push", "origin", str(room / "remote.git"))
    with store_on(room, "clone", "https://nobody.invalid/org/models") as store:
        store.put(lock(), replacing="")
    assert list(refs(room, "clone")) == [RUN]


def test_in_a_workflow_the_remote_that_is_asked_for_tags_has_the_locks(room: Path) -> None:
    """Not whatever the job's checkout has for a remote."""
    job = GitRepository(room / "job")
    job.git("remote", "add", "origin", "https://nobody.invalid/org/models")
    remotes = [(str(room / "gone.git"), None), (str(room / "remote.git"), None)]
    with GitSource(Clone.open(job.path), remotes, refs_from_remote=True) as source:
        open_lock_store(source).put(lock(), replacing="")
    assert list(refs(room, "clone")) == [RUN]
    assert list((room / "home").iterdir()) == []


def test_a_clone_with_one_remote_of_another_name(room: Path) -> None:
    clone = GitRepository(room / "odd")
    clone.git("remote", "add", "upstream", str(room / "remote.git"))
    with GitSource(Clone.open(clone.path)) as source:
        open_lock_store(source).put(lock(), replacing="")
    assert list(refs(room, "clone")) == [RUN]


def test_several_remotes_and_none_is_the_one(room: Path) -> None:
    clone = GitRepository(room / "odd")
    for name in ("one", "two"):
        clone.git("remote", "add", name, str(room / "remote.git"))
    with GitSource(Clone.open(clone.path)) as source, pytest.raises(Invalid) as problem:
        open_lock_store(source).entries()
    assert problem.value.reason is Reason.USAGE


def test_no_place_at_all() -> None:
    with GitSource(None) as source, pytest.raises(MachineryFailed) as problem:
        open_lock_store(source).entries()
    assert problem.value.reason is Reason.LOCK_FAILED


def test_a_token_goes_to_its_own_server_only(room: Path, served: GitRemote) -> None:
    """The clone pushes to a server that is not the token's."""
    clone = GitRepository(room / "clone")
    clone.git("remote", "add", "origin", "https://other.invalid/org/models")
    clone.git("remote", "set-url", "--push", "origin", served.repository_url("org/models"))
    there = store_on(room, "clone", "https://other.invalid/org/models", token="right")
    with there as store, pytest.raises(MachineryFailed) as problem:
        store.entries()
    assert problem.value.reason is Reason.PERMISSION_MISSING
    assert not [one for one in served.requests if one.had_authorization]


def test_a_mirror_push_removes_locks(room: Path) -> None:
    """Which the docs warn of."""
    with store_on(room, "clone") as store:
        store.put(lock(), replacing="")
    GitRepository(room / "first").git("push", "--quiet", "--mirror", str(room / "remote.git"))
    assert refs(room, "clone") == {}
