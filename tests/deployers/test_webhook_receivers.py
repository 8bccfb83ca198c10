"""The webhook deployer against real receivers that behave badly."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.receiving import verify, verify_github
from tests.fakes.plans import HOSTILE, a_plan
from tests.standins.receiver import Answer, Behaviour, Drip, Endless, Receiver, Reset, Stall, refusing_url

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def _options(**given: Any) -> WebhookOptions:
    named = {**{name.replace("_", "-"): value for name, value in given.items()}}
    options = options_of(Webhook, named)
    assert isinstance(options, WebhookOptions)
    return options


def _job(said: list[str] | None = None, timeout: float = 600.0, **changes: Any) -> Job:
    return Job(a_plan(**changes), "try-1", {}, timeout, (said if said is not None else []).append)


def _webhook() -> Webhook:
    return Webhook(RequestsWeb(), SystemClock())


def _real(receiver: Receiver, *, timeout: float = 20.0, said: list[str] | None = None, **given: Any) -> Receipt:
    return _webhook().deploy(_job(said, timeout), _options(url=receiver.url + "/hook", **given))


def _failure(deployer: Webhook, job: Job, options: WebhookOptions) -> DeploymentFailed:
    with pytest.raises(DeploymentFailed) as caught:
        deployer.deploy(job, options)
    return caught.value


def test_a_receiver_that_answers_500_and_is_asked_once_more() -> None:
    with Receiver(Answer(500), Answer(200, b'{"url":"https://m.example"}')) as receiver:
        options = _options(url=receiver.url, secret=KEY)
        assert _failure(_webhook(), _job(), options).retryable
        assert len(receiver.requests) == 1
        receipt = _webhook().deploy(_job(), options)
    assert receipt.url == "https://m.example"
    assert [verify(KEY, request.headers, request.body) for request in receiver.requests] == ["try-1", "try-1"]


def test_a_receiver_that_says_how_long_to_wait() -> None:
    with Receiver(Answer(429, headers={"Retry-After": "2"})) as receiver:
        problem = _failure(_webhook(), _job(), _options(url=receiver.url))
    assert (problem.retryable, problem.after) == (True, 2.0)


@pytest.mark.parametrize(
    "bad", [Reset(), Reset(promised=0), Stall(30), Drip("headers"), Drip("body")], ids=lambda one: type(one).__name__
)
def test_a_receiver_that_fails_may_recover(bad: Behaviour) -> None:
    with Receiver(bad) as receiver:
        problem = _failure(_webhook(), _job(), _options(url=receiver.url, request_timeout=0.3))
    assert (problem.reason, problem.retryable) == (Reason.DEPLOYER_FAILED, True)


def test_a_receiver_that_refuses() -> None:
    problem = _failure(_webhook(), _job(), _options(url=refusing_url()))
    assert (problem.reason, problem.retryable) == (Reason.DEPLOYER_FAILED, True)
    assert "refused" in problem.message


@pytest.mark.parametrize("bad", [Stall(30), Drip("body")], ids=lambda one: type(one).__name__)
def test_a_receiver_that_never_ends_runs_into_the_timeout(bad: Behaviour) -> None:
    with Receiver(bad) as receiver:
        begun = SystemClock().monotonic()
        problem = _failure(_webhook(), _job(timeout=0.5), _options(url=receiver.url))
        assert SystemClock().monotonic() - begun < 1.5
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert "0.5 s" in problem.message


def test_a_receiver_that_sends_elsewhere() -> None:
    with Receiver() as other, Receiver(Answer(308, headers={"Location": other.url})) as receiver:
        problem = _failure(_webhook(), _job(), _options(url=receiver.url, headers={"Authorization": "x"}))
        assert (len(receiver.requests), other.requests) == (1, [])
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert str(other.port) in problem.message


def test_a_receiver_that_sends_to_another_path() -> None:
    with Receiver(Answer(307, headers={"Location": "/new"}), Answer(200)) as receiver:
        _real(receiver, secret=KEY)
    first, second = receiver.requests
    assert (second.target, second.body) == ("/new", first.body)
    assert second.headers["webhook-signature"] == first.headers["webhook-signature"]


@pytest.mark.parametrize("status", [200, 400])
def test_a_receiver_that_answers_a_gigabyte(status: int) -> None:
    said: list[str] = []
    with Receiver(Endless(1 << 30, status)) as receiver:
        if status == 200:
            assert _real(receiver, said=said).url is None
        else:
            options = _options(url=receiver.url)
            assert len(_failure(_webhook(), _job(said), options).tail) < 3000
        assert receiver.bytes_sent < 50_000_000
    assert len("".join(said)) < 3000


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_arrive_whole(hostile: str) -> None:
    with Receiver() as receiver:
        options = _options(url=receiver.url, body={"d": hostile}, secret=hostile, signature="github")
        _webhook().deploy(_job(description=hostile), options)
        _webhook().deploy(_job(description=hostile), _options(url=receiver.url))
    assert receiver.requests[0].json == {"d": hostile}
    assert verify_github(hostile, receiver.requests[0].headers, receiver.requests[0].body) == "try-1"
    assert receiver.requests[1].json["model"]["description"] == hostile
