"""Places that keep what became of targets, for tests: a remote (a folder, or over HTTP), a repository without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Clone
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.git_targets import REFS, GitTargets, open_target_log
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.core.targets import Good, TargetRecord, TargetState
from tests.adapters.lock_places import bare_remote, isolated
from tests.standins.registries import GitRepository

WHERE = ("churn", "prod", "production")
NOW = 1_800_000_000.25


def a_record(target: str = "eu-1", time: float = NOW, **fields: Any) -> TargetRecord:
    """What a target's successful deployment leaves."""
    values = {"version": "v3.1.0", "commit": "c" * 40, "tag": "churn#prod#4", "digest": "d" * 64, "attempt": "77-1"}
    return TargetRecord(target, **{**values, "state": TargetState.SUCCESS, "time": time, "placed": True, **fields})


def a_good(version: str = "v3.0.0") -> Good:
    """What a target had before."""
    return Good(version, "b" * 40, "churn#prod#3", NOW - 1000)


@contextmanager
def targets_on(
    room: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    alone: bool = False,
    url: str = "",
    token: str = "",
    scrub: Callable[[str], str] = str,
) -> Iterator[GitTargets]:
    """The log of another user of the same place: the bare remote in `room`, or `url`; `alone` of a repository."""
    isolated(monkeypatch, room / "home")
    if alone:
        GitRepository(room / "alone")
        source = GitSource(Clone.open(room / "alone"), [])
    else:
        if not url and not (room / "remote.git").exists():
            bare_remote(room)
        source = GitSource(None, [(url or str(room / "remote.git"), Secret(token) if token else None)])
    with source:
        log = open_target_log(source, scrub)
        assert isinstance(log, GitTargets)
        yield log


def refs(place: GitRepository) -> dict[str, str]:
    """Refs with what became of targets, without what all begin with, and their objects."""
    rows = place.git("for-each-ref", "--format=%(objectname) %(refname)", REFS).splitlines()
    return {name.rpartition("/")[2]: object_id for object_id, _, name in (row.partition(" ") for row in rows)}
