"""MLflow's registry for a test: a stand-in, and in the long suite a real server that all tests share."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pytest

from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.mirrors.mlflow_access import Access
from model_stage_deploy.mirrors.mlflow_api import ANSWER_BYTES, Mlflow
from tests.mirrors.places import Place
from tests.standins.mlflow import MlflowStandIn
from tests.standins.mlflow_server import installed, running

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def mlflow_bin(tmp_path_factory: pytest.TempPathFactory) -> str:
    """MLflow from PyPI, once for all tests of this process."""
    return str(installed(tmp_path_factory.mktemp("mlflow") / "venv"))


@pytest.fixture(scope="session")
def real_server(mlflow_bin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real server that all tests share: each has models of its own."""
    from pathlib import Path

    with running(Path(mlflow_bin), tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def standin() -> Iterator[MlflowStandIn]:
    """A stand-in of its own."""
    with MlflowStandIn() as server:
        yield server


@pytest.fixture(
    params=[
        "standin",
        pytest.param("real", marks=[pytest.mark.long, pytest.mark.xdist_group("mlflow"), pytest.mark.timeout(1200)]),
    ]
)
def place(request: pytest.FixtureRequest) -> Place:
    """Either of them, with a model that no other test has."""
    if request.param == "standin":
        return Place(request.getfixturevalue("standin").url, "fraud")
    return Place(request.getfixturevalue("real_server"), f"fraud-{os.getpid()}-{next(_NUMBERS)}")


@pytest.fixture
def mlflow() -> Callable[[str], Mlflow]:
    """Makes a client of the server at an address, without credentials."""
    return lambda url: Mlflow(RequestsWeb(ANSWER_BYTES), Access(url))
