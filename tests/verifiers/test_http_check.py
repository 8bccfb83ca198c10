"""The verifier `http`, against real servers, and against a web and a clock of the tests' own for deadlines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy import __version__
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.ports import WebProblem, WebResponse
from model_stage_deploy.verifiers.http_check import Http
from tests.fakes.clock import FakeClock
from tests.fakes.web import FakeWeb
from tests.standins.receiver import Answer, Behaviour, Receiver, Reset, Stall, refusing_url
from tests.verifiers.checks import a_job, http

OLD, NEW = (json.dumps({"version": version}).encode() for version in ("v3.0.0", "v3.1.0"))
SERVED = {"$.version": "v3.1.0"}


def _verified(*behaviours: Behaviour, said: list[str] | None = None, **settings: Any) -> tuple[Verified, Receiver]:
    """What the verifier says of a real server that behaves so; waiting takes no time."""
    with Receiver(*behaviours) as receiver:
        check = http(receiver.url + "/health?token=s3cret", **settings)
        return Http(RequestsWeb(), FakeClock()).verify(a_job(said=said), check), receiver


def _by_clock(*answers: WebResponse | BaseException, **settings: Any) -> tuple[Verified, FakeWeb, FakeClock]:
    clock = FakeClock()
    web = FakeWeb(*answers, clock=clock)
    return Http(web, clock).verify(a_job(), http(**settings)), web, clock


def test_the_version_that_was_sent_is_the_one_that_serves() -> None:
    said: list[str] = []
    verified, receiver = _verified(Answer(200, OLD), Answer(503), Answer(200, NEW), json=SERVED, said=said)
    assert (verified.check, verified.finding) == ("http", Finding.PASSED)
    assert f'{receiver.url}: status 200, $.version is "v3.1.0" (1 of 3 good in 4s)' in verified.sentence
    assert verified.facts == {"requests": 3, "good": 1, "seconds": 4.0}
    assert [line.partition(", ")[2] for line in said] == [
        'look 1: status 200; $.version is "v3.0.0", wanted "v3.1.0"\n',
        "look 2: status 503, wanted 200\n",
        'look 3: status 200, $.version is "v3.1.0"\n',
    ]


def test_the_old_version_goes_on_serving() -> None:
    verified, receiver = _verified(Answer(200, OLD), json=SERVED, deadline=8)
    assert verified.finding is Finding.FAILED
    assert f"{receiver.url} did not answer as it should within 8s: " in verified.sentence
    assert '$.version is "v3.0.0", wanted "v3.1.0"' in verified.sentence
    assert len(receiver.requests) == 5


@pytest.mark.parametrize(
    ("needed", "finding"), [(7, Finding.PASSED), (8, Finding.FAILED)], ids=["seven-of-ten", "eight-of-ten"]
)
def test_a_flaky_server(needed: int, finding: Finding) -> None:
    flaky = [Answer(500 if number % 10 in (2, 5, 9) else 200) for number in range(10)] * 40
    verified, _receiver = _verified(*flaky, samples=10, needed=needed)
    assert verified.finding is finding


def test_nobody_listens() -> None:
    check = http(refusing_url(), interval=0.01, deadline=0.1)
    verified = Http(RequestsWeb(), SystemClock()).verify(a_job(), check)
    assert verified.finding is Finding.FAILED
    assert "Connection refused" in verified.sentence


@pytest.mark.parametrize("behaviour", [Reset(), Reset(promised=0), Stall(60)], ids=["reset", "silent-reset", "stall"])
def test_a_server_that_never_answers_does_not_serve(behaviour: Behaviour) -> None:
    verified, _receiver = _verified(behaviour, deadline=2, request_timeout=0.2)
    assert verified.finding is Finding.FAILED


def test_a_name_that_does_not_resolve_tells_nothing() -> None:
    check = http("http://no-such-host.invalid/", deadline=2)
    verified = Http(RequestsWeb(), FakeClock()).verify(a_job(), check)
    assert verified.finding is Finding.INCONCLUSIVE
    assert "http://no-such-host.invalid cannot be asked: " in verified.sentence
    assert "cannot be resolved" in verified.sentence


def test_redirects_are_followed_on_the_same_host_alone() -> None:
    with Receiver(Answer(200, NEW)) as other:
        away, _receiver = _verified(Answer(302, headers={"Location": other.url + "/"}), deadline=2, json=SERVED)
        assert away.finding is Finding.INCONCLUSIVE
        assert "redirect to another place" in away.sentence
        assert other.requests == []
    here, receiver = _verified(Answer(302, headers={"Location": "/live"}), Answer(200, NEW), json=SERVED)
    assert here.finding is Finding.PASSED
    assert [request.target for request in receiver.requests] == ["/health?token=s3cret", "/live"]


def test_what_is_sent() -> None:
    verified, receiver = _verified(
        Answer(200), method="POST", headers={"Authorization": "Bearer s3cret", "user-agent": "mine"}, body='{"x": [1]}'
    )
    [request] = receiver.requests
    assert verified.finding is Finding.PASSED
    assert (request.method, request.body) == ("POST", b'{"x": [1]}')
    sent = {name: request.headers[name] for name in ("authorization", "user-agent", "content-type", "cache-control")}
    assert sent == {
        "authorization": "Bearer s3cret",
        "user-agent": "mine",
        "content-type": "application/json",
        "cache-control": "no-cache",
    }


def test_a_body_that_is_no_json_is_plain_text() -> None:
    _, web, _ = _by_clock(WebResponse(200, {}, b""), method="POST", body="a=1 ✓")
    assert web.requests[0].headers["Content-Type"] == "text/plain; charset=utf-8"
    assert web.requests[0].headers["User-Agent"] == f"model-stage-deploy/{__version__}"
    assert web.requests[0].body == "a=1 ✓".encode()


def test_by_default_it_asks_every_two_seconds_for_a_minute() -> None:
    verified, web, clock = _by_clock(WebResponse(500, {}, b""))
    assert verified.finding is Finding.FAILED
    assert (len(web.requests), clock.slept) == (31, [2.0] * 30)
    assert {request.timeout for request in web.requests} == {10.0}
    assert verified.sentence.endswith("status 500, wanted 200 (0 of 31 good in 1m)")


def test_too_few_requests_to_tell() -> None:
    verified, _web, _clock = _by_clock(WebResponse(200, {}, b""), samples=10, deadline=4)
    assert verified.finding is Finding.INCONCLUSIVE
    assert "3 requests within 4s are too few to tell; the last one: status 200" in verified.sentence


@pytest.mark.parametrize("kind", ["invalid-url", "invalid-header"])
def test_what_can_never_be_asked_is_not_asked_again(kind: str) -> None:
    verified, web, clock = _by_clock(WebProblem(kind, "wrong", retryable=False))
    assert (verified.finding, len(web.requests), clock.slept) == (Finding.INCONCLUSIVE, 1, [])


def test_a_check_with_a_mistake_is_not_made() -> None:
    verified, web, _clock = _by_clock(WebResponse(200, {}, b""), method="HEAD", contains="x")
    assert (verified.finding, web.requests) == (Finding.INCONCLUSIVE, [])
    assert "HEAD has no body" in verified.sentence


def test_a_name_of_its_own() -> None:
    check = http().model_copy(update={"name": "health"})
    assert Http(FakeWeb(), FakeClock()).verify(a_job(), check).check == "health"


@pytest.mark.parametrize(
    "answer",
    [WebResponse(200, {}, b"{}"), WebResponse(401, {}, b""), WebProblem("timeout", "late", retryable=True)],
    ids=["wrong", "not-let-in", "late"],
)
def test_neither_path_nor_query_nor_header_is_told(answer: WebResponse | BaseException) -> None:
    said: list[str] = []
    check = http(headers={"Authorization": "Bearer s3cret"}, json=SERVED)
    clock = FakeClock()
    verified = Http(FakeWeb(answer, clock=clock), clock).verify(a_job(said=said), check)
    shown = verified.sentence + "".join(said) + json.dumps(verified.facts)
    assert "https://models.example.com" in shown
    assert "s3cret" not in shown
    assert "/churn" not in shown


def test_cancelled_between_two_requests() -> None:
    clock = FakeClock()

    def stop(_seconds: float) -> None:
        raise Cancelled

    clock.sleep = stop  # type: ignore[assignment, method-assign]
    with pytest.raises(Cancelled):
        Http(FakeWeb(WebResponse(500, {}, b"")), clock).verify(a_job(), http())


def test_describe() -> None:
    check = http(
        headers={"Authorization": "Bearer s3cret", "X-A": "b\n"},
        header={"X-Version": "v3.1.0"},
        json=SERVED,
        contains="ok",
        samples=10,
        needed=8,
    )
    assert Http(FakeWeb(), FakeClock()).describe(check) == [
        "GET https://models.example.com/churn/health?token=s3cret",
        "  Authorization: ***",
        "  X-A: b\\n",
        "wants status 200",
        "wants header X-Version: v3.1.0",
        'wants JSON $.version: "v3.1.0"',
        'wants an answer that contains "ok"',
        "8 of 10 requests in a row must be good",
        "asks every 2s until it is good, for 1m at most",
    ]
    assert Http(FakeWeb(), FakeClock()).describe(http(method="HEAD", json=SERVED))[-1].startswith("can never be good: ")
