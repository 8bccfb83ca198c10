"""The world that the faces' tests run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faces.jobs import REPOSITORY, TOKEN, Job, history, users_repository
from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn
from tests.standins.receiver import Receiver
from tests.standins.registries import GitRepository


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """What every job's repository begins with; made once, only ever copied."""
    return history(tmp_path_factory.mktemp("beginning") / "repository")


@pytest.fixture
def job(tmp_path: Path, beginning: GitRepository) -> Iterator[Job]:
    """A job with everything up; afterwards GitHub's OpenAPI description must never have been broken."""
    with (
        GitRemote(tmp_path / "remotes", token=TOKEN) as remote,
        GitHubStandIn(repository=REPOSITORY, token=TOKEN) as github,
        Receiver() as receiver,
    ):
        repository = users_repository(tmp_path / "repository", receiver.url, beginning)
        remote.add(REPOSITORY, repository)
        yield Job(tmp_path, repository, remote, github, receiver)
        github.assert_clean()
