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
from model_stage_deploy.deployers.signing import verify
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from tests.fakes.plans import HOSTILE, a_plan
from tests.standins.receiver import Answer, Behaviour, Drip, Endless, Receiver, Reset, Stall, refusing_url


class _Clock(SystemClock):
    """Real time, but pauses are short, so that retries against real sockets are quick."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def _options(**given: Any) -> WebhookOptions:
    named = {**{name.replace("_", "-"): value for name, value in given.items()}}
    options = options_of(Webhook, named)
    assert isinstance(options, WebhookOptions)
    return options


def _job(said: list[str] | None = None, timeout: float = 600.0, **changes: Any) -> Job:
    return Job(a_plan(**changes), "try-1", {}, timeout, (said if said is not None else []).append)


def _real(
    receiver: Receiver, *, timeout: float = 20.0, said: list[str] | None = None, **given: Any
) -> tuple[Receipt, _Clock]:
    clock = _Clock()
    deployer = Webhook(RequestsWeb(), clock)
    return deployer.deploy(_job(said, timeout), _options(url=receiver.url + "/hook", **given)), clock


def _failure(deployer: Webhook, job: Job, options: WebhookOptions) -> DeploymentFailed:
    with pytest.raises(DeploymentFailed) as caught:
        deployer.deploy(job, options)
    return caught.value


def test_a_receiver_that_answers_500_twice_then_200() -> None:
    with Receiver(Answer(500), Answer(500), Answer(200, b'{"url":"https://m.example"}')) as receiver:
        receipt, clock = _real(receiver, secret="key")
    assert (receipt.url, receipt.facts["tries"], len(clock.slept)) == ("https://m.example", 3, 2)
    assert len({request.headers["x-msd-delivery"] for request in receiver.requests}) == 1
    for request in receiver.requests:
        stamp, signature = request.headers["x-msd-timestamp"], request.headers["x-msd-signature"]
        assert verify("key", stamp, request.body, signature, SystemClock().now())


def test_a_receiver_that_says_how_long_to_wait() -> None:
    with Receiver(Answer(429, headers={"Retry-After": "2"}), Answer(200)) as receiver:
        _, clock = _real(receiver)
    assert clock.slept == [2.0]


@pytest.mark.parametrize(
    "bad", [Reset(), Reset(promised=0), Stall(30), Drip("headers"), Drip("body")], ids=lambda one: type(one).__name__
)
def test_a_receiver_that_fails_once_and_then_recovers(bad: Behaviour) -> None:
    with Receiver(bad, Answer(200)) as receiver:
        receipt, _ = _real(receiver, request_timeout=0.3)
    assert receipt.facts["tries"] == 2


def test_a_receiver_that_refuses() -> None:
    clock = _Clock()
    problem = _failure(Webhook(RequestsWeb(), clock), _job(), _options(url=refusing_url(), retries=3))
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert "after 4 tries" in problem.message
    assert "refused" in problem.message
    assert len(clock.slept) == 3


@pytest.mark.parametrize("bad", [Stall(30), Drip("body")], ids=lambda one: type(one).__name__)
def test_a_receiver_that_never_ends_runs_into_the_timeout(bad: Behaviour) -> None:
    with Receiver(bad) as receiver:
        begun = SystemClock().monotonic()
        problem = _failure(Webhook(RequestsWeb(), SystemClock()), _job(timeout=0.5), _options(url=receiver.url))
        assert SystemClock().monotonic() - begun < 1.5
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert "0.5 s" in problem.message


def test_a_receiver_that_sends_elsewhere() -> None:
    with Receiver() as other, Receiver(Answer(308, headers={"Location": other.url})) as receiver:
        problem = _failure(
            Webhook(RequestsWeb(), _Clock()), _job(), _options(url=receiver.url, headers={"Authorization": "x"})
        )
        assert (len(receiver.requests), other.requests) == (1, [])
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert str(other.port) in problem.message


def test_a_receiver_that_sends_to_another_path() -> None:
    with Receiver(Answer(307, headers={"Location": "/new"}), Answer(200)) as receiver:
        receipt, _ = _real(receiver, secret="key")
    assert receipt.facts["tries"] == 1
    first, second = receiver.requests
    assert (second.target, second.body) == ("/new", first.body)
    assert second.headers["x-msd-signature"] == first.headers["x-msd-signature"]


@pytest.mark.parametrize("status", [200, 400])
def test_a_receiver_that_answers_a_gigabyte(status: int) -> None:
    said: list[str] = []
    with Receiver(Endless(1 << 30, status)) as receiver:
        if status == 200:
            assert _real(receiver, said=said)[0].url is None
        else:
            options = _options(url=receiver.url)
            assert len(_failure(Webhook(RequestsWeb(), _Clock()), _job(said), options).tail) < 3000
        assert receiver.bytes_sent < 50_000_000
    assert len("".join(said)) < 3000


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_arrive_whole(hostile: str) -> None:
    with Receiver() as receiver:
        options = _options(url=receiver.url, body={"d": hostile}, secret=hostile)
        Webhook(RequestsWeb(), _Clock()).deploy(_job(description=hostile), options)
        Webhook(RequestsWeb(), _Clock()).deploy(_job(description=hostile), _options(url=receiver.url))
    assert receiver.requests[0].json == {"d": hostile}
    assert receiver.requests[1].json["model"]["description"] == hostile
