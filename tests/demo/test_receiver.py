"""The demo's servers: what production accepts, and what serves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from model_stage_deploy.demo.receiver import Receiver
from model_stage_deploy.receiving import sign

SECRET = "whsec_b25seS1mb3ItdGVzdHM="


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(SECRET, tmp_path / "staged", {"v1.3.0"}) as server:
        yield server


def _get(receiver: Receiver, path: str) -> tuple[int, object]:
    answer = requests.get(f"http://127.0.0.1:{receiver.port}{path}", timeout=5)
    return answer.status_code, answer.json()


def _send(receiver: Receiver, version: str, secret: str = SECRET) -> int:
    body = json.dumps({"version": version}).encode()
    now = int(time.time())
    headers = {"webhook-id": "1", "webhook-timestamp": str(now), "webhook-signature": sign(secret, "1", now, body)}
    return requests.post(f"http://127.0.0.1:{receiver.port}/prod", data=body, headers=headers, timeout=5).status_code


def test_production_serves_what_a_signed_delivery_named(receiver: Receiver) -> None:
    assert _get(receiver, "/prod/churn")[0] == 404
    assert _send(receiver, "v1.0.0") == 200
    assert _get(receiver, "/prod/churn") == (200, {"model": "churn", "version": "v1.0.0"})

    assert _send(receiver, "v6.6.6", secret="whsec_c29tZWJvZHkgZWxzZSdz") == 401
    assert requests.post(f"http://127.0.0.1:{receiver.port}/prod", data=b"{}", timeout=5).status_code == 401
    assert _get(receiver, "/prod/churn") == (200, {"model": "churn", "version": "v1.0.0"})


def test_a_version_that_does_not_load_is_accepted_and_does_not_serve(receiver: Receiver) -> None:
    assert _send(receiver, "v1.3.0") == 200
    assert _get(receiver, "/prod/churn") == (500, {"error": "v1.3.0 does not load here"})


def test_staging_serves_what_the_script_wrote(receiver: Receiver, tmp_path: Path) -> None:
    assert _get(receiver, "/staging/churn")[0] == 404
    (tmp_path / "staged").write_text("v1.3.0\n")
    assert _get(receiver, "/staging/churn") == (200, {"model": "churn", "version": "v1.3.0"})
    assert _get(receiver, "/elsewhere")[0] == 404
