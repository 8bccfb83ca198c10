"""The programs that the docs show do what the pages say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from tests.contract.consoles import FENCE
from tests.contract.generate import ROOT
from tests.fakes.plans import a_plan

SECRET = "whsec_b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHM="


def example(page: str, name: str) -> str:
    """The program that a page shows under `<!-- example: NAME -->`."""
    text = (ROOT / "docs/howto" / page).read_text(encoding="utf-8")
    [found] = [fence["text"] for fence in FENCE.finditer(text) if fence["note"] == f"example: {name}"]
    return found


@pytest.fixture
def receiver(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The page's receiver (or the one that a test asks for) as a process, and its URL."""
    program = tmp_path / getattr(request, "param", "receiver.py")
    program.write_text(example("send-a-webhook.md", program.name), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-u", str(program), "0"],
        env={**os.environ, "HOOK_SECRET": SECRET},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().split()[-1]
    yield f"http://127.0.0.1:{port}/models", process
    process.kill()
    process.communicate()


def _job(**changes: Any) -> Job:
    return replace(Job(plan=a_plan(), attempt="delivery-1", env={}, timeout=20.0, output=lambda _: None), **changes)


def _options(url: str, secret: str = SECRET, **settings: Any) -> WebhookOptions:
    options = catalogue.options_of(Webhook, {"url": url, "secret": secret, **settings})
    assert isinstance(options, WebhookOptions)
    return options


@pytest.mark.parametrize("receiver", ["patient_receiver.py"], indirect=True)
def test_the_patient_receiver_is_followed_to_the_end(receiver: tuple[str, subprocess.Popen[str]]) -> None:
    url, _ = receiver
    webhook, options = Webhook(RequestsWeb(), SystemClock()), _options(url, poll={"interval": "0.1s"})

    first = webhook.deploy(_job(), options)
    again = webhook.deploy(_job(), options)

    assert first.url == again.url == "https://models.example.com/churn"
    assert first.facts["polls"] > again.facts["polls"] == 1
    assert requests.get(f"{url}/deployments/delivery-1", timeout=10).status_code == 401


def test_the_receiver_deploys_nothing_that_is_taken_away(receiver: tuple[str, subprocess.Popen[str]]) -> None:
    url, process = receiver

    receipt = Webhook(RequestsWeb(), SystemClock()).undeploy(_job(), _options(url))

    assert receipt.url is None
    assert process.stdout is not None
    assert process.stdout.readline() == "undeployment: churn v3.1.0 to prod\n"


def test_the_receiver_takes_what_the_webhook_sends_once(receiver: tuple[str, subprocess.Popen[str]]) -> None:
    url, process = receiver
    webhook = Webhook(RequestsWeb(), SystemClock())

    first = webhook.deploy(_job(), _options(url))
    again = webhook.deploy(_job(), _options(url))
    other = webhook.deploy(_job(attempt="delivery-2", plan=a_plan(rollback=True)), _options(url))

    assert first.url == again.url == other.url == "https://models.example.com/churn"
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [
        "deployment: churn v3.1.0 to prod\n",
        "rollback: churn v3.1.0 to prod\n",
    ]


def test_the_receiver_refuses_what_is_not_genuine(receiver: tuple[str, subprocess.Popen[str]]) -> None:
    url, _ = receiver
    with pytest.raises(DeploymentFailed, match="status 401"):
        Webhook(RequestsWeb(), SystemClock()).deploy(_job(), _options(url, "whsec_YW5vdGhlciBzZWNyZXQ="))
    for headers in (
        {},
        {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,AA=="},
        {"webhook-timestamp": "²"},
    ):
        answer = requests.post(url, data=b"{}", headers={k: v.encode() for k, v in headers.items()}, timeout=10)
        assert answer.status_code == 401


def test_the_deployer_of_the_page_copies_the_model(tmp_path: Path) -> None:
    files, model_dir, into = tmp_path / "files", tmp_path / "model", tmp_path / "srv"
    (files / "deployers").mkdir(parents=True)
    (files / "deployers" / "copy_model.py").write_text(
        example("write-a-deployer.md", "copy_model.py"), encoding="utf-8"
    )
    (model_dir / "models").mkdir(parents=True)
    said: list[str] = []
    kind = catalogue.load("./deployers/copy_model.py", files)
    deployer = catalogue.build(kind, {})
    options = catalogue.options_of(kind, {"into": str(into), "keep-old": True})

    for weights in ("old", "new"):
        (model_dir / "models" / "churn.pkl").write_text(weights, encoding="utf-8")
        receipt = deployer.deploy(_job(files=files, model_dir=model_dir, output=said.append), options)

    assert deployer.describe(a_plan(), options) == [f"copy models/churn.pkl to {into}/churn"]
    assert (into / "churn").read_text(encoding="utf-8") == "new"
    assert (into / "churn.old").read_text(encoding="utf-8") == "old"
    assert receipt.facts == {"path": str(into / "churn")}
    assert said[0] == f"copied v3.1.0 to {into}/churn\n"
    with pytest.raises(DeploymentFailed, match="the model has no path"):
        deployer.deploy(_job(plan=a_plan(path=None)), options)
