"""What runs, as a webhook's `status` sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy.core.errors import DeploymentFailed, Invalid
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Status, StatusTeller, can_tell_status
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.ports import WebProblem, WebResponse
from model_stage_deploy.receiving import verify
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.web import FakeWeb

URL = "https://deploy.example.com/models"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ASK = "https://deploy.example.com/models/churn?key=s3cret"


def _status(web: FakeWeb, **settings: Any) -> Status:
    given = {"url": URL, "status": {"url": ASK, **settings.pop("status", {})}, **settings}
    options: Any = options_of(Webhook, given)
    return Webhook(web, FakeClock()).status(Job(a_plan(), "try-1", {}, 20.0, lambda _said: None), options)


def _json(**values: Any) -> FakeWeb:
    return FakeWeb(WebResponse(200, {}, json.dumps(values).encode()))


def test_settings_decide_whether_it_can_tell() -> None:
    webhook = Webhook(FakeWeb(), FakeClock())
    assert isinstance(webhook, StatusTeller)
    without: Any = options_of(Webhook, {"url": URL})
    assert "`deploy.with.status`" in can_tell_status(webhook, without)
    assert can_tell_status(webhook, options_of(Webhook, {"url": URL, "status": {"url": ASK}})) == ""
    with pytest.raises(DeploymentFailed, match="must say which `url` to ask"):
        webhook.status(Job(a_plan(), "try-1", {}, 20.0, lambda _said: None), without)


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("InService", "running"),
        ("RUNNING", "running"),
        ("ready", "running"),
        ("in_progress", "starting"),
        ("Creating", "starting"),
        ("failed", "failed"),
        ("stopped", "stopped"),
        ("odd", "unknown"),
        ("", "running"),
        (None, "running"),
        ({"a": 1}, "running"),
    ],
)
def test_what_a_state_means(state: Any, meaning: str) -> None:
    seen = _status(_json(status=state, version="v3.0.0"))
    assert (seen.state, seen.version) == (meaning, "v3.0.0")
    assert 'https://deploy.example.com says version "v3.0.0"' in seen.sentence
    assert "s3cret" not in seen.sentence


def test_words_and_paths_of_ones_own() -> None:
    web = _json(app={"phase": "Odd", "of": 3})
    paths = {"state": "$.app.phase", "version": "$.app.of"}
    assert _status(web, status={**paths, "running": ["odd"]}).state == "running"
    assert _status(web, status={**paths, "failed": ["odd"]}).state == "failed"
    assert _status(web, status=paths).version == "3"


def test_one_get_that_is_signed() -> None:
    web = _json(version="v3.1.0")
    _status(web, secret=KEY, headers={"Authorization": "x"})
    [request] = web.requests
    assert (request.method, request.url, request.body, request.timeout) == ("GET", ASK, b"", 20.0)
    assert request.headers["Authorization"] == "x"
    assert verify(KEY, request.headers, b"", now=FakeClock().now()) == "try-1-status"


def test_another_host_gets_no_headers() -> None:
    web = _json(version="v3.1.0")
    there = {"url": "https://models.example.com/churn"}
    _status(web, secret=KEY, headers={"Authorization": "x"}, status=there)
    assert set(web.requests[0].headers) == {"Accept", "User-Agent"}


@pytest.mark.parametrize("status", [404, 410])
def test_nothing_there(status: int) -> None:
    assert _status(FakeWeb(WebResponse(status, {}, b""))).state == "absent"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"x": 1}', b"NaN", b"[" * 60_000, b"\xff"])
def test_answers_that_say_nothing(body: bytes) -> None:
    seen = _status(FakeWeb(WebResponse(200, {}, body)))
    assert (seen.state, seen.version) == ("unknown", "")


@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        (WebResponse(401, {}, b"no"), False),
        (WebResponse(503, {"retry-after": "3"}, b"busy, see https://deploy.example.com/models/churn?key=s3cret"), True),
        (WebProblem("connect", "cannot connect", retryable=True), True),
        (WebProblem("tls", "not trusted", retryable=False), False),
    ],
)
def test_looking_itself_may_fail(answer: Any, retryable: bool) -> None:
    with pytest.raises(DeploymentFailed) as caught:
        _status(FakeWeb(answer))
    assert caught.value.retryable is retryable
    assert "s3cret" not in f"{caught.value.message} {caught.value.tail}"


def test_hostile_words_are_inert() -> None:
    seen = _status(_json(status="\x1b[2J\u202e", version="::error::\n" + "x" * 500))
    for text in (seen.sentence, seen.version, *map(str, seen.facts.values())):
        assert text.isprintable()
        assert len(text) < 300


@pytest.mark.parametrize("url", ["ftp://h/", "https://u:p@h/", "https://h/a b", "nowhere"])
def test_what_cannot_be_asked_is_a_mistake_in_the_mapping(url: str) -> None:
    with pytest.raises(Invalid, match=r"deploy\.with\.status\.url: "):
        _status(FakeWeb(), status={"url": url})
