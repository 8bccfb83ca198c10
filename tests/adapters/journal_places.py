"""Places that keep journals, for tests: a clone's remote, or a repository without any."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_journal import GitJournals, open_journals
from model_stage_deploy.adapters.git_repository import GitRepository as Clone
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.core.redaction import Secret
from tests.adapters.lock_places import bare_remote, isolated
from tests.standins.registries import GitRepository


@contextmanager
def journals_on(
    room: Path, monkeypatch: pytest.MonkeyPatch, *, alone: bool = False, url: str = "", token: str = ""
) -> Iterator[GitJournals]:
    """Journals of another user of the same place: the bare remote in `room`, or `url`; `alone` of a repository."""
    isolated(monkeypatch, room / "home")
    if alone:
        GitRepository(room / "alone")
        with GitSource(Clone.open(room / "alone"), []) as source:
            yield open_journals(source)
        return
    if not url and not (room / "remote.git").exists():
        bare_remote(room)
    secret = Secret(token) if token else None
    with GitSource(None, [(url or str(room / "remote.git"), secret)]) as source:
        yield open_journals(source)
