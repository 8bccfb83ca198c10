"""Places that keep locks, for tests: a bare remote, one over HTTP, a repository without any, a URL without a clone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_locks import open_lock_store
from model_stage_deploy.adapters.git_repository import GitRepository as Clone
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.ports import LockStore
from tests.standins.registries import GitRepository, isolated_environment

KINDS = ("clone", "alone", "url")
NOW = 1_800_000_000.25


def isolated(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Nothing of this machine has a say in the git that we run here."""
    home.mkdir(exist_ok=True)
    for name, value in (isolated_environment(home) | {"TMPDIR": str(home)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", str(home))


def lock(key: str = "churn#prod", claim: str = "one", **fields: object) -> LockEntry:
    """A lock of a run."""
    values = {"kind": "run", "owner": "Ada", "reason": "deploy", "url": "", "since": NOW, "renewed": NOW, "lease": 60.0}
    return LockEntry(version="", key=key, claim=claim, **values | fields)  # type: ignore[arg-type]


def bare_remote(room: Path) -> GitRepository:
    """A remote with one commit."""
    first = GitRepository(room / "first")
    first.commit({"model.bin": "1"})
    bare = GitRepository(room / "remote.git", bare=True)
    first.git("push", "--quiet", "--mirror", str(bare.path))
    return bare


@contextmanager
def store_on(room: Path, kind: str, url: str = "", *, token: str = "") -> Iterator[LockStore]:
    """A store of that kind: `clone` of the remote, `alone` in a repository without one, `url` without a clone.

    Each one is another user of the same place.
    """
    address = url or str(room / "remote.git")
    secret = Secret(token) if token else None
    if kind == "url":
        source = GitSource(None, [(address, secret)])
    else:
        path = room / ("alone" if kind == "alone" else "clone")
        repository = GitRepository(path)
        if kind == "clone" and not repository.git("remote"):
            repository.git("remote", "add", "origin", address)
        source = GitSource(Clone.open(path), [(address, secret)] if kind == "clone" else [])
    with source:
        yield open_lock_store(source)


def refs(room: Path, kind: str) -> dict[str, str]:
    """Refs of locks where they are kept, with their objects."""
    place = GitRepository(room / "alone") if kind == "alone" else GitRepository(room / "remote.git", bare=True)
    rows = place.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/model-stages").splitlines()
    return {name: object_id for name, _, object_id in (row.partition(" ") for row in rows)}
