"""A real MLflow server sends its webhook, the relay verifies it, and GitHub is asked for a promotion. Long."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mirrors.places import Place
from tests.standins.github import GitHubStandIn
from tests.standins.mlflow_server import running
from tests.standins.registries import isolated_environment

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("mlflow"), pytest.mark.timeout(1200)]

SECRET = "a-secret-of-the-webhook-0123456789"
TOKEN = "ghp_OnlyForTests0123456789"


def until(there: Callable[[], Any], seconds: float = 60.0) -> Any:
    """What `there` gives, as soon as it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)
    return found


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN, permissions={"contents": "write"}) as standin:
        yield standin
        standin.assert_clean()


@pytest.fixture
def mlflow(mlflow_bin: str, tmp_path: Path) -> Iterator[str]:
    """A server that may send to this machine, and knows of a new webhook at once."""
    with running(
        Path(mlflow_bin),
        tmp_path / "server",
        MLFLOW_WEBHOOK_ALLOWED_SCHEMES="http,https",
        MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS="true",
        MLFLOW_WEBHOOK_CACHE_TTL="0",
    ) as url:
        yield url


@pytest.fixture
def relay(mlflow: str, github: GitHubStandIn, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The relay as a process: its address and its log."""
    log = tmp_path / "relay.log"
    words = ["relay-mlflow", "--repository", "org/models", "--alias-map", "champion=prod", "--port", "0"]
    own = {"MLFLOW_WEBHOOK_SECRET": SECRET, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
    env = isolated_environment(tmp_path) | own | {"MLFLOW_TRACKING_URI": mlflow, "NO_PROXY": "127.0.0.1"}
    command = [sys.executable, "-m", "model_stage_deploy", *words]
    with log.open("wb") as file, subprocess.Popen(command, env=env, stderr=file) as process:
        try:
            found = until(lambda: re.search(r"http://127\.0\.0\.1:[0-9]+/mlflow", log.read_text()))
            yield found[0], log
        finally:
            process.kill()


def hook(mlflow: str, url: str, secret: str) -> None:
    asked = {
        "name": f"hook-{secret[:5]}",
        "url": url,
        "secret": secret,
        "events": [{"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"}],
    }
    address = f"{mlflow}/api/2.0/mlflow/webhooks"
    request = urllib.request.Request(address, json.dumps(asked).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def alias(place: Place, name: str, number: str) -> None:
    asked = {"name": place.model, "alias": name, "version": number}
    assert place.call("POST", "registered-models/alias", asked)[0] == 200


def test_an_alias_in_mlflow_asks_for_a_promotion(mlflow: str, relay: tuple[str, Path], github: GitHubStandIn) -> None:
    address, log = relay
    hook(mlflow, address, SECRET)
    place = Place(mlflow, "churn").make("v0.1.0", "v0.2.0", "")
    alias(place, "other", "1")
    until(lambda: "the alias other means no stage" in log.read_text())

    github.fail_next("POST", "/dispatches$", status=503, body={"message": "down"})
    alias(place, "champion", "2")
    [asked] = until(lambda: github.events)
    assert asked.event_type == "model-promotion"
    assert asked.payload == {"command": "promote", "model": "churn", "stage": "prod", "to": "v0.2.0"}
    told = log.read_text()
    assert " 502 " in told and " 202 asked for churn v0.2.0 in prod" in told, (
        "MLflow sent it again, and once was enough"
    )

    alias(place, "champion", "3")
    until(lambda: "it has no tag gto_version in MLflow" in log.read_text())
    assert len(github.events) == 1


def test_a_webhook_with_another_secret_is_refused(mlflow: str, relay: tuple[str, Path], github: GitHubStandIn) -> None:
    address, log = relay
    hook(mlflow, address, "another-secret-0123456789-abcdefgh")
    place = Place(mlflow, "churn").make("v0.1.0")
    alias(place, "champion", "1")
    until(lambda: "its signature is not made with our secret" in log.read_text())
    assert github.events == []
    assert SECRET not in log.read_text()
