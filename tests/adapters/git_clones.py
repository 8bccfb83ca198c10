"""A small registry, a remote that asks for a token, the clones that workflows make of it, and ears on git's argv."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.registry import fold
from tests.core.tag_records import current
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

TOKEN = "ghs_s3cretTokenOfTheRun"
NAME = "org/models"


def isolate(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Nobody's own configuration: what the code under test runs, runs with an empty home."""
    home.mkdir(parents=True, exist_ok=True)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CONFIG_HOME", str(home))
    patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    patch.setenv("TMPDIR", str(home))
    patch.setattr("tempfile.tempdir", str(home))


def make_registry(path: Path) -> GitRepository:
    """v1 and v2 of `m`, v1 in prod after v2 was; `n` beside it; `main` is ahead of every tag."""
    made = GitRepository(path)
    made.commit({"dvc.yaml": "artifacts: {}\n", "model.bin": b"\x00one\xff"})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    made.commit({"model.bin": b"\x00two\xff", "sub/deep.txt": "deep"})
    made.tag("m@v2.0.0")
    made.tag("m#prod#2")
    made.tag("m#prod#3", at="m@v1.0.0^{commit}")
    made.tag("n@v1.0.0")
    made.tag("n#eu/prod#1")
    made.commit({"model-stages.yml": "version: 1\n"})
    return made


def token_environment(token: str = TOKEN) -> dict[str, str]:
    """Credentials for the clones that a test makes, as actions/checkout has them."""
    pair = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "http.extraheader",
        "GIT_CONFIG_VALUE_0": f"Authorization: basic {pair}",
    }


@dataclass
class World:
    """The registry, its remote, and room for clones."""

    registry: GitRepository
    remote: GitRemote
    room: Path

    @property
    def url(self) -> str:
        return self.remote.repository_url(NAME)

    def clone(self, *options: str) -> GitRepository:
        """`git clone OPTIONS`, with the token, which stays nowhere."""
        path = self.room / "clone"
        self.registry.git("clone", "--quiet", *options, self.url, str(path), env=token_environment())
        self.remote.forget()
        return GitRepository(path)

    def single_tag(self, tag: str, *, annotated: bool) -> GitRepository:
        """What actions/checkout leaves at its defaults: one commit, one tag; before v6.0.2 a copy (T2, T3)."""
        clone = GitRepository(self.room / "clone")
        clone.git("remote", "add", "origin", self.url)
        commit = self.registry.git("rev-parse", f"refs/tags/{tag}^{{commit}}")
        source = f"refs/tags/{tag}" if annotated else commit
        spec = f"+{source}:refs/tags/{tag}"
        clone.git("fetch", "--quiet", "--no-tags", "--depth=1", "origin", spec, env=token_environment())
        clone.git("checkout", "--quiet", "--detach", commit)
        self.remote.forget()
        return clone

    def source(self, local: GitRepository | None, *, token: str | None = TOKEN) -> GitSource:
        """The code under test on a clone (or on none), with the remote and the token."""
        reader = None if local is None else Reader.open(local.path)
        return GitSource(reader, [(self.url, Secret(token) if token else None)], default_branch="main")


CLONES: dict[str, Callable[[World], GitRepository]] = {
    "shallow": lambda world: world.clone("--depth=2"),
    "single-tag-lightweight": lambda world: world.single_tag("m#prod#3", annotated=False),
    "single-tag": lambda world: world.single_tag("m#prod#3", annotated=True),
    "partial": lambda world: world.clone("--filter=blob:none"),
    "partial-treeless": lambda world: world.clone("--filter=tree:0"),
    "no-tags": lambda world: world.clone("--no-tags"),
    "single-branch": lambda world: world.clone("--single-branch"),
}
"""Clones that lack tags, or may: by what was done to make them."""


@contextmanager
def serve(registry: GitRepository, patch: pytest.MonkeyPatch, room: Path) -> Iterator[World]:
    """The registry behind a remote that asks for the token, in an environment without anybody's configuration."""
    isolate(patch, room / "home")
    with GitRemote(room / "remotes", token=TOKEN) as remote:
        remote.add(NAME, registry)
        yield World(registry, remote, room)


def in_prod(records: list[TagRecord] | tuple[TagRecord, ...] | object, model: str = "m") -> str | None:
    """What the tags give to prod."""
    assert isinstance(records, list | tuple)
    return current(fold(records).model(model))


def snapshot(path: Path) -> dict[str, bytes]:
    """Every file of a repository, working tree and .git alike."""
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


class Ears:
    """Hears the command line of every git process from now on: ours by a wrapper on PATH, git's own by its trace."""

    def __init__(self, patch: pytest.MonkeyPatch, room: Path) -> None:
        self._log, self._trace = room / "argv.log", room / "trace.json"
        real = shutil.which("git")
        wrapper = room / "bin/git"
        wrapper.parent.mkdir()
        wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>"{self._log}"\nexec "{real}" "$@"\n')
        wrapper.chmod(0o755)
        patch.setenv("PATH", f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("GIT_TRACE2_EVENT", str(self._trace))
        patch.setenv("GIT_TRACE2_REDACT", "0")
        self._log.touch()
        self._trace.touch()

    @property
    def ours(self) -> list[str]:
        """Command lines of the processes that we started."""
        return self._log.read_text().splitlines()

    @property
    def traced(self) -> list[str]:
        """Command lines as git's own trace tells them: of these processes and of those that git started in turn."""
        entries = [json.loads(line) for line in self._trace.read_text().splitlines()]
        return [" ".join(entry["argv"]) for entry in entries if "argv" in entry]

    @property
    def all(self) -> list[str]:
        """Both together."""
        return self.ours + self.traced
