"""Accepted work, followed to its end, by a fake web and clock; test_webhook_async.py has real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Cancelled, DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Receipt
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_answers import DONE, ENDED, FAILED, STARTING, Poll
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_polling import STRIKES
from model_stage_deploy.ports import WebProblem, WebResponse
from model_stage_deploy.receiving import verify
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.web import FakeWeb

URL = "https://deploy.example.com/models/churn"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ACCEPTED = WebResponse(202, {"location": "/operations/7?sig=s3cret"}, b"")


def _options(**settings: Any) -> WebhookOptions:
    options = options_of(Webhook, {"url": URL, **settings})
    assert isinstance(options, WebhookOptions)
    return options


def _said(state: Any, status: int = 200, **more: Any) -> WebResponse:
    return WebResponse(status, {}, json.dumps({"status": state, **more}).encode())


def _status(status: int, body: bytes = b"", **headers: str) -> WebResponse:
    return WebResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


class Followed:
    """One deployment whose receiver answers as given, after 202 unless `first` is another answer."""

    def __init__(self, *answers: WebResponse | BaseException, first: WebResponse = ACCEPTED, timeout: float = 600.0):
        self.web, self.clock, self.said = FakeWeb(first, *answers), FakeClock(), list[str]()
        self.job = Job(a_plan(), "try-1", {}, timeout, self.said.append)

    def deploy(self, **settings: Any) -> Receipt:
        return Webhook(self.web, self.clock).deploy(self.job, _options(**settings))

    def failure(self, **settings: Any) -> DeploymentFailed:
        with pytest.raises(DeploymentFailed) as caught:
            self.deploy(**settings)
        assert "s3cret" not in f"{caught.value.message} {caught.value.hint} {caught.value.tail} {self.said}"
        return caught.value


def test_work_that_goes_well() -> None:
    ended = _said("Succeeded", url="https://models.example.com/churn/v3", version="3.1.0")
    followed = Followed(_said("pending"), _said("in_progress"), _said("in_progress"), ended)
    receipt = followed.deploy(answer={"version": "$.version"})

    assert (receipt.url, receipt.version) == ("https://models.example.com/churn/v3", "3.1.0")
    assert receipt.facts == {
        "status": 202,
        "delivery": "try-1",
        "polls": 4,
        "state": "Succeeded",
        "status_host": "https://deploy.example.com",
    }
    lines = [line.partition(" (")[0] for line in "".join(followed.said).splitlines()]
    assert lines == [
        "POST https://deploy.example.com: status 202",
        'https://deploy.example.com: state "pending"',
        'https://deploy.example.com: state "in_progress"',
        'https://deploy.example.com: state "Succeeded"',
    ]
    assert [(request.method, request.url) for request in followed.web.requests[1:]] == [
        ("GET", "https://deploy.example.com/operations/7?sig=s3cret")
    ] * 4


def test_looks_are_signed_each_by_itself_and_carry_the_headers_of_the_mapping() -> None:
    followed = Followed(_said("x"), _said("ready"))
    followed.deploy(secret=KEY, headers={"Authorization": "Bearer x", "Content-Type": "application/x"})
    _, *looks = followed.web.requests
    for number, look in enumerate(looks, 1):
        now = float(look.headers["webhook-timestamp"])
        assert verify(KEY, look.headers, look.body, now=now) == f"try-1-poll-{number}"
        assert look.headers["Authorization"] == "Bearer x"
        assert not {"Content-Type", "Idempotency-Key"} & set(look.headers)


def test_another_host_is_told_nothing() -> None:
    followed = Followed(_said("ready"), first=_status(202, location="https://status.example.com/7"))
    followed.deploy(secret=KEY, headers={"Authorization": "Bearer x"}, poll={"hosts": ["Status.example.com"]})
    assert set(followed.web.requests[1].headers) == {"Accept", "User-Agent"}


def test_the_looks_get_rarer_and_do_what_they_are_asked() -> None:
    followed = Followed(_said("x"), _said("x"), _status(503, retry_after="17"), _said("x"), _said("ready"))
    followed.deploy(poll={"interval": "4s"})
    first, second, third, asked, *_ = followed.clock.slept
    assert 2 <= first <= 4 <= second <= 8 <= third <= 16
    assert asked == 17.0


def test_the_202_may_say_when_to_look_first() -> None:
    followed = Followed(_said("ready"), first=_status(202, location="/7", retry_after="9"))
    followed.deploy()
    assert followed.clock.slept == [9.0]


@pytest.mark.parametrize("hurried", ["0", "-5", "soon"])
def test_no_answer_makes_us_ask_without_a_pause(hurried: str) -> None:
    followed = Followed(*[_status(200, b'{"status": "x"}', retry_after=hurried)] * 5, _said("ready"))
    followed.deploy()
    assert all(pause >= 0.5 for pause in followed.clock.slept)


def test_a_look_in_202_is_work_that_goes_on() -> None:
    receipt = Followed(_status(202), _status(202, b"busy"), _said("failed by far", 202), _said("live")).deploy()
    assert receipt.facts["polls"] == 4


def test_no_state_yet_is_one_that_goes_on() -> None:
    followed = Followed(*[_said(None)] * 5, _said("success"))
    assert followed.deploy(poll={"state": "$.status"}).facts["polls"] == 6


@pytest.mark.parametrize("state", ["failed", "FAILED", "Canceled", "timed_out", "rolled-back"])
def test_work_that_fails(state: str) -> None:
    followed = Followed(_said("pending"), _said(state, message="no such model; see /operations/7?sig=s3cret"))
    problem = followed.failure(answer={"error": "$.nothing"})
    assert (problem.reason, problem.retryable) == (Reason.DEPLOYER_FAILED, False)
    assert problem.message == f'https://deploy.example.com says that it failed: state "{state}"'
    assert "no such model" in problem.tail
    assert "no such model" in "".join(followed.said)


def test_why_it_failed_is_told_where_it_is_short() -> None:
    assert Followed(_said("failed", message="out of memory")).failure().message.endswith('"failed" (out of memory)')
    assert Followed(_said("failed", message="x" * 301)).failure().message.endswith('"failed"')
    where = {"error": "$.error.text"}
    assert Followed(_said("failed", error={"text": "a\nb"})).failure(answer=where).message.endswith("(a\\nb)")


@pytest.mark.parametrize("state", [*ENDED, "COMPLETED"])
def test_an_end_that_may_be_good_or_bad_is_not_believed(state: str) -> None:
    problem = Followed(_said(state)).failure()
    assert "not whether it went well" in problem.message
    assert f"list {state} under `poll.done`" in problem.hint
    listed = {"poll": {"done": [state]}}
    assert Followed(_said(state)).deploy(**listed).facts["polls"] == 1
    # where the mapping says what the end is called, another word is none
    assert Followed(_said(state), _said("gone")).deploy(poll={"done": ["gone"]}).facts["polls"] == 2


def test_states_that_are_no_text() -> None:
    assert Followed(_said(False), _said(True)).deploy(poll={"done": [True]}).facts["polls"] == 2
    assert Followed(_said(1), _said(2)).deploy(poll={"done": 2}).facts["polls"] == 2
    assert Followed(_said(1)).failure(poll={"done": 2, "failed": [1]}).reason is Reason.DEPLOYER_FAILED


def test_a_list_of_ones_own_counts_more_than_ours() -> None:
    assert Followed(_said("canceled")).deploy(poll={"done": ["canceled"]}).facts["polls"] == 1
    assert Followed(_said("live")).failure(poll={"failed": ["live"]}).reason is Reason.DEPLOYER_FAILED


def test_trouble_with_asking_may_pass() -> None:
    down = WebProblem("connect", "cannot connect", retryable=True)
    followed = Followed(*[down] * 4, *[_status(500)] * 4, _status(429), _status(408), _status(501), _said("live"))
    assert followed.deploy().facts["polls"] == 12


def test_trouble_that_does_not_pass_ends_with_the_time() -> None:
    followed = Followed(_said("in_progress"), _status(503), timeout=100)
    begun = followed.clock.now()
    problem = followed.failure()
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert problem.message == (
        "https://deploy.example.com accepted the work, which had not ended within 100 s; last: status 503"
    )
    assert 98 <= followed.clock.now() - begun <= 100


def test_a_last_look_is_taken_just_before_the_time_is_over() -> None:
    followed = Followed(_status(200, b'{"status": "x"}', retry_after="3600"), _said("ready"), timeout=60)
    followed.deploy()
    assert sum(followed.clock.slept) == pytest.approx(59)


LOST: dict[str, WebResponse | BaseException] = {
    **{str(status): _status(status) for status in (400, 401, 403, 404, 410, 304)},
    "tls": WebProblem("tls", "its certificate is not trusted", retryable=False),
    "redirect": WebProblem("redirect", "a redirect to another place", retryable=False),
    "no-json": _status(200, b"<html>"),
    "nothing": _status(200),
    "no-state": _status(200, b'{"state": "live"}'),
    "deep": _status(200, b"[" * 60_000),
    "nan": _status(200, b"NaN"),
    "list": _said(["live"]),
    "object": _said({"live": True}),
    "cut-off": WebResponse(200, {}, b'{"status": "live"}', truncated=True),
    "no-text": _status(200, b"\xff\xfe"),
}


@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_what_says_nothing_of_the_work_is_asked_three_times(lost: WebResponse | BaseException) -> None:
    followed = Followed(*[lost] * (STRIKES - 1), _said("x"), *[lost] * (STRIKES - 1), _said("live"))
    assert followed.deploy().facts["polls"] == 2 * STRIKES
    ends = Followed(lost)
    problem = ends.failure()
    assert (problem.reason, problem.retryable) == (Reason.DEPLOYER_FAILED, False)
    assert "cannot be learned" in problem.message
    assert "poll.state" in problem.hint
    assert len(ends.web.requests) == 1 + STRIKES


def test_cancelling_ends_it_at_once() -> None:
    class Stopping(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Cancelled("told to stop")

    followed = Followed(_said("x"))
    followed.clock = Stopping()
    with pytest.raises(Cancelled):
        followed.deploy()
    assert len(followed.web.requests) == 1


@given(body=st.binary() | st.builds(lambda text: json.dumps({"status": text}).encode(), st.text()))
def test_no_answer_is_taken_for_a_good_end_by_mistake(body: bytes) -> None:
    followed = Followed(_status(200, body), timeout=30)
    try:
        receipt = followed.deploy()
    except DeploymentFailed as problem:
        assert problem.message.isprintable()
    else:
        assert "".join(filter(str.isalnum, receipt.facts["state"])).lower() in DONE


def test_where_202_is_the_end() -> None:
    followed = Followed(first=_status(202, b'{"url": "https://models.example.com/x"}', location="/7"))
    receipt = followed.deploy(poll="none")
    assert (receipt.url, receipt.facts) == ("https://models.example.com/x", {"status": 202, "delivery": "try-1"})
    assert len(followed.web.requests) == 1


def test_taking_away_is_followed_too() -> None:
    followed = Followed(_said("running"), _said("succeeded"))
    receipt = Webhook(followed.web, followed.clock).undeploy(followed.job, _options(answer={"version": "$.version"}))
    assert receipt.facts["polls"] == 2


def test_other_statuses_are_ends_whatever_they_say() -> None:
    assert Followed(first=_status(201, b'{"status": "pending"}', location="/7")).deploy().facts["status"] == 201
    assert "status 202" in Followed().failure(success=[200]).message


def test_our_own_words_have_one_meaning_each() -> None:
    poll = Poll()
    assert {poll.meaning(word) for word in DONE} == {"done"}
    assert {poll.meaning(word.upper().replace(" ", "_")) for word in FAILED} == {"failed"}
    assert {poll.meaning(word) for word in (*STARTING, "", "odd", "\u202e")} == {"going"}


def test_a_word_that_is_long_is_not_shown() -> None:
    problem = Followed(_said("x" * 101), timeout=3).failure()
    assert problem.message.endswith("last: state something of 101 characters")
