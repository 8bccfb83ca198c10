"""A registry behind a remote, and the stores that add tags to it: from a clone with and without push, and by URL."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_tag_store import open_tag_store
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.writing import NewTag
from model_stage_deploy.ports import TagStore
from tests.adapters.git_clones import isolate, make_registry
from tests.standins.registries import GitRepository

WHEN = 1_800_000_000
ADA = ("Ada Lovelace", "ada@example.com")
KINDS = ("pushing", "local", "url")


@dataclass
class Bench:
    """The remote, a clone of it, and what the stores told."""

    room: Path
    registry: GitRepository
    url: str
    clone: GitRepository
    remote: GitRepository
    told: list[str] = field(default_factory=list)
    token: str | None = None

    @contextmanager
    def store(self, kind: str, repo: Path | None = None) -> Iterator[TagStore]:
        """A store of one of KINDS."""
        place = self.url if kind == "url" else str(repo or self.clone.path)
        token = Secret(self.token) if self.token else None
        with open_tag_store(
            place, is_url=kind == "url", push=kind != "local", token_for=lambda _: token, tell=self.told.append
        ) as store:
            yield store

    def made_in(self, kind: str) -> GitRepository:
        """Where the tags that count are."""
        return self.clone if kind == "local" else self.remote

    def refs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Every ref and its object, of the remote and of the clone."""
        return refs(self.remote), refs(self.clone)


def refs(repository: GitRepository | Path) -> dict[str, str]:
    """Every ref and the object that it holds; of the repository at or above a path."""
    place = repository if isinstance(repository, Path) else repository.path
    words = ["git", "for-each-ref", "--format=%(refname) %(objectname)"]
    rows = subprocess.run(words, cwd=place, check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(row.split(" ") for row in rows)


def new(name: str, commit: str, message: str = "a reason", when: int = WHEN) -> NewTag:
    """A tag to make."""
    return NewTag(name, commit, message, when)


def identify(patch: pytest.MonkeyPatch) -> None:
    """Git knows who makes tags."""
    patch.setenv("GIT_COMMITTER_NAME", ADA[0])
    patch.setenv("GIT_COMMITTER_EMAIL", ADA[1])


def make_bench(room: Path, patch: pytest.MonkeyPatch) -> Bench:
    """The remote is a bare repository in a directory, reached by the file protocol."""
    isolate(patch, room / "home")
    identify(patch)
    registry = make_registry(room / "registry")
    remote = room / "remote.git"
    registry.git("clone", "--quiet", "--bare", str(registry.path), str(remote))
    bare = GitRepository(remote, bare=True)
    bare.git("config", "uploadpack.allowFilter", "true")
    url = remote.as_uri()
    return Bench(room, registry, url, clone_of(url, room / "clone"), bare)


def clone_of(url: str, path: Path, *options: str) -> GitRepository:
    """`git clone OPTIONS`."""
    subprocess.run(["git", "clone", "--quiet", *options, url, str(path)], check=True, capture_output=True)
    return GitRepository(path, bare="--bare" in options)


def meddle(patch: pytest.MonkeyPatch, room: Path, script: str) -> None:
    """Puts a `git` on PATH that runs `script` (sh; `$git` is the real one) before it becomes the real one."""
    real = shutil.which("git")
    wrapper = room / "meddling/git"
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(f'#!/bin/sh\ngit="{real}"\n{script}\nexec "$git" "$@"\n')
    wrapper.chmod(0o755)
    patch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")


def full_disk(command: str) -> str:
    """For `meddle`: a git COMMAND cannot write a byte more into a file, as on a full disk."""
    return f"""case " $* " in *" {command} "*) trap '' XFSZ; ulimit -f 0;; esac"""
