"""Asynchronous receivers on real sockets: 202, then a page for the work. Many at a time, bad ones, and status."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import Cancelled, DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.ports import WebRequest, WebResponse
from tests.fakes.plans import a_plan
from tests.standins.operations import Operations, Page
from tests.standins.receiver import Answer, Drip, Endless, Receiver, Reset, Stall

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
GOING = {"status": "in_progress"}
QUICK = {"interval": 0.02}


class _Impatient(RequestsWeb):
    """Waits for no page longer than a moment."""

    def send(self, request: WebRequest) -> WebResponse:
        return super().send(replace(request, timeout=0.3) if request.method == "GET" else request)


def _job(said: list[str] | None = None, timeout: float = 20.0, **changes: Any) -> Job:
    return Job(a_plan(**changes), "try-1", {}, timeout, (said if said is not None else []).append)


def _deploy(receiver: Receiver, job: Job | None = None, poll: dict[str, Any] | None = None, **given: Any) -> Receipt:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    options: Any = options_of(Webhook, {"url": receiver.url + "/hook", "poll": {**QUICK, **(poll or {})}, **named})
    return Webhook(RequestsWeb(), SystemClock()).deploy(job or _job(), options)


def _failure(receiver: Receiver, job: Job | None = None, **given: Any) -> DeploymentFailed:
    with pytest.raises(DeploymentFailed) as caught:
        _deploy(receiver, job, **given)
    return caught.value


def test_a_receiver_that_is_done_after_a_while() -> None:
    said: list[str] = []
    live = {"status": "succeeded", "url": "https://models.example.com/churn"}
    with Operations([GOING, GOING, live], secret=KEY) as receiver:
        receipt = _deploy(receiver, _job(said), secret=KEY)
    assert (receipt.url, receipt.facts["polls"]) == ("https://models.example.com/churn", 3)
    assert [request.method for request in receiver.requests] == ["POST", "GET", "GET", "GET"]
    assert [line.rstrip().partition(" (")[0].partition(": ")[2] for line in said] == [
        "status 202",
        'state "in_progress"',
        'state "succeeded"',
    ]


def test_a_receiver_that_fails_after_a_while() -> None:
    with Operations([GOING, GOING, {"status": "failed", "message": "no such model"}]) as receiver:
        problem = _failure(receiver)
    assert (problem.reason, problem.retryable) == (Reason.DEPLOYER_FAILED, False)
    assert "(no such model)" in problem.message


@pytest.mark.thorough
def test_a_receiver_that_is_never_done() -> None:
    with Operations([GOING]) as receiver:
        begun = time.monotonic()
        problem = _failure(receiver, _job(timeout=2.0))
        assert time.monotonic() - begun < 3
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert 'state "in_progress"' in problem.message


def test_a_cancelled_run_asks_no_more() -> None:
    def stop(_number: int, _frame: object) -> None:
        raise Cancelled("told to stop")

    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(1.0, os.kill, [os.getpid(), signal.SIGUSR1])
    begun = time.monotonic()
    try:
        with Operations([GOING]) as receiver, pytest.raises(Cancelled):
            timer.start()
            _deploy(receiver, poll={"interval": "60s"})
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - begun < 4
    assert receiver.looks == {}


def test_a_delivery_that_comes_twice_is_one_piece_of_work() -> None:
    with Operations([{"status": "succeeded"}], secret=KEY) as receiver:
        assert _deploy(receiver, secret=KEY).facts["polls"] == _deploy(receiver, secret=KEY).facts["polls"]
    assert list(receiver.started) == ["try-1"]


def test_a_receiver_that_names_its_page_in_the_body() -> None:
    def accepted(page: str) -> Answer:
        return Answer(202, json.dumps({"links": [{"href": page}]}).encode())

    with Operations([{"phase": "Gone Live"}], accepted=accepted) as receiver:
        poll = {"status-url": "$.links[0].href", "state": "$.phase", "done": ["gone-live"]}
        assert _deploy(receiver, poll=poll).facts["state"] == "Gone Live"


@pytest.mark.parametrize(
    "bad",
    [Answer(503), Reset(), Reset(promised=0), Stall(30), Drip("headers"), Drip("body"), Answer(500, b"{")],
    ids=lambda one: type(one).__name__,
)
def test_a_page_that_fails_once_may_recover(bad: Page) -> None:
    with Operations([bad, {"status": "succeeded"}]) as receiver:
        options: Any = options_of(Webhook, {"url": receiver.url, "poll": QUICK})
        receipt = Webhook(_Impatient(), SystemClock()).deploy(_job(), options)
    assert receipt.facts["polls"] >= 2


@pytest.mark.parametrize(
    "bad",
    [
        Answer(302, headers={"Location": "/operations/try-1"}),
        Answer(302, headers={"Location": "https://evil.example/"}),
        Answer(200, b'{"status": ' + b"[" * 50_000),
        Endless(1 << 30),
        Answer(403),
    ],
    ids=["loop", "elsewhere", "deep", "endless", "forbidden"],
)
def test_a_page_that_tells_nothing(bad: Page) -> None:
    with Operations([bad]) as receiver:
        problem = _failure(receiver)
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert "cannot be learned" in problem.message
    assert len(problem.tail) < 3000


def test_a_page_elsewhere_is_not_asked_unless_it_is_listed() -> None:
    with Operations([{"status": "succeeded"}]) as other:
        other.started["9"] = {}

        def accepted(_page: str) -> Answer:
            return Answer(202, headers={"Location": f"{other.url}/operations/9"})

        with Operations([], accepted=accepted) as receiver:
            assert "poll.hosts" in _failure(receiver, headers={"Authorization": "x"}).message
            assert other.requests == []
            listed = {"hosts": [f"127.0.0.1:{other.port}"]}
            receipt = _deploy(receiver, poll=listed, headers={"Authorization": "x"}, secret=KEY)
    assert receipt.facts["status_host"] == other.url
    assert not {"authorization", "webhook-id", "webhook-signature"} & set(other.requests[0].headers)


def test_sixty_four_at_once_do_not_mix() -> None:
    options: Any = None
    states = [GOING, GOING, {"status": "succeeded"}]
    started = threading.Barrier(64)

    with Operations(states, secret=KEY) as receiver:
        options = options_of(
            Webhook,
            {"url": receiver.url, "secret": KEY, "poll": QUICK, "answer": {"url": "$.model.environment_url"}},
        )
        webhook = Webhook(RequestsWeb(), SystemClock())

        def one(number: int) -> tuple[Receipt, list[str]]:
            said: list[str] = []
            job = _job(said, target=f"t{number}", environment_url=f"https://t{number}.example/")
            started.wait(10)
            return webhook.deploy(replace(job, attempt=f"a{number}"), options), said

        with ThreadPoolExecutor(64) as pool:
            done = list(pool.map(one, range(64)))
    assert {name: body["target"] for name, body in receiver.started.items()} == {f"a{n}": f"t{n}" for n in range(64)}
    for number, (receipt, said) in enumerate(done):
        assert (receipt.facts["delivery"], receipt.url) == (f"a{number}", f"https://t{number}.example/")
        assert receipt.facts["polls"] == 3
        assert len(said) == 3
