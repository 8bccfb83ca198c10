"""What the webhook deployer decides, by a fake web and clock; test_webhook_receivers.py has the real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy import __version__
from model_stage_deploy.core.errors import DeploymentFailed, Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.signing import verify
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_payload import SCHEMA
from model_stage_deploy.ports import WebProblem, WebResponse
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.web import FakeWeb

URL = "https://deploy.example.com/models/churn"
DOWN = WebProblem("connect", "cannot connect", retryable=True)


def _options(**given: Any) -> WebhookOptions:
    named = {"url": URL, **{name.replace("_", "-"): value for name, value in given.items()}}
    options = options_of(Webhook, named)
    assert isinstance(options, WebhookOptions)
    return options


def _job(said: list[str] | None = None, timeout: float = 600.0, **changes: Any) -> Job:
    return Job(a_plan(**changes), "try-1", {}, timeout, (said if said is not None else []).append)


def _status(status: int, body: bytes = b"", **headers: str) -> WebResponse:
    return WebResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def _failure(deployer: Webhook, job: Job, options: WebhookOptions) -> DeploymentFailed:
    with pytest.raises(DeploymentFailed) as caught:
        deployer.deploy(job, options)
    return caught.value


def test_the_request_by_default() -> None:
    web = FakeWeb()
    clock = FakeClock(1_800_000_000.7)
    Webhook(web, clock).deploy(_job(type="model", description="Churn."), _options())
    (request,) = web.requests
    assert (request.method, request.url, request.timeout) == ("POST", URL, 30.0)
    assert request.headers == {
        "Content-Type": "application/json",
        "User-Agent": f"model-stage-deploy/{__version__}",
        "X-MSD-Delivery": "try-1",
        "Idempotency-Key": "try-1",
        "X-MSD-Timestamp": "1800000000",
    }
    assert json.loads(request.body) == {
        "schema": SCHEMA,
        "id": "try-1",
        "event": "deployment",
        "action": "deploy",
        "model": {
            "name": "churn",
            "slug": "churn",
            "dir": "",
            "path": "models/churn.pkl",
            "type": "model",
            "description": "Churn.",
        },
        "version": "v3.1.0",
        "stage": "prod",
        "environment": "production",
        "environment_url": "https://models.example.com/churn",
        "tag": "churn#prod#4",
        "commit": "c" * 40,
        "previous": {"version": "v3.0.0", "tag": "churn#prod#3", "commit": "b" * 40},
        "repository": "org/models",
        "run": {
            "id": "77",
            "attempt": "1",
            "url": "https://github.example.com/org/models/actions/runs/77",
            "actor": "alice",
        },
    }


def test_a_rollback_says_so_and_absent_values_are_null() -> None:
    web = FakeWeb()
    Webhook(web, FakeClock()).deploy(_job(rollback=True, previous=None, path=None), _options())
    body = json.loads(web.requests[0].body)
    assert body["event"] == "rollback"
    assert body["previous"] is None
    assert body["model"]["path"] is None


@pytest.mark.parametrize("body", [{"b": [1, None, "é"], "a": {}}, [], "text", 0, False, None, ""])
def test_a_body_of_ones_own_is_compact_json(body: Any) -> None:
    web = FakeWeb()
    Webhook(web, FakeClock()).deploy(_job(), _options(body=body))
    sent = web.requests[0].body
    assert json.loads(sent) == body
    assert sent == json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def test_headers_of_ones_own_replace_ours_whatever_their_case() -> None:
    web = FakeWeb()
    options = _options(headers={"content-type": "application/cloudevents+json", "Authorization": "Bearer x", "N": 5})
    Webhook(web, FakeClock()).deploy(_job(), options)
    headers = web.requests[0].headers
    assert headers["content-type"] == "application/cloudevents+json"
    assert "Content-Type" not in headers
    assert (headers["Authorization"], headers["N"]) == ("Bearer x", "5")


def test_every_try_is_signed_anew_and_keeps_its_delivery_id() -> None:
    web = FakeWeb(_status(500), DOWN, _status(200))
    clock = FakeClock()
    receipt = Webhook(web, clock).deploy(_job(), _options(secret="key"))
    assert receipt.facts == {"status": 200, "tries": 3, "delivery": "try-1"}
    assert len({request.headers["X-MSD-Timestamp"] for request in web.requests}) > 1
    assert {request.headers["X-MSD-Delivery"] for request in web.requests} == {"try-1"}
    assert {request.headers["Idempotency-Key"] for request in web.requests} == {"try-1"}
    assert len({request.body for request in web.requests}) == 1
    for request in web.requests:
        stamp = request.headers["X-MSD-Timestamp"]
        assert verify("key", stamp, request.body, request.headers["X-MSD-Signature"], float(stamp))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_statuses_that_may_pass_are_tried_again(status: int) -> None:
    web = FakeWeb(_status(status), _status(200))
    assert Webhook(web, FakeClock()).deploy(_job(), _options()).facts["tries"] == 2


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 408, 409, 410, 422, 501, 505])
def test_other_statuses_are_final(status: int) -> None:
    web, clock = FakeWeb(_status(status)), FakeClock()
    problem = _failure(Webhook(web, clock), _job(), _options())
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert str(status) in problem.message
    assert (len(web.requests), clock.slept) == (1, [])


def test_problems_that_cannot_pass_are_final() -> None:
    web = FakeWeb(WebProblem("tls", "its certificate is not trusted", retryable=False))
    problem = _failure(Webhook(web, FakeClock()), _job(), _options())
    assert len(web.requests) == 1
    assert "not trusted" in problem.message
    assert "REQUESTS_CA_BUNDLE" in problem.hint


def test_retries_come_to_an_end() -> None:
    web, clock = FakeWeb(_status(503, b"busy")), FakeClock()
    problem = _failure(Webhook(web, clock), _job(), _options(retries=2))
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert "after 3 tries" in problem.message
    assert problem.tail == "status 503\n| busy"
    assert len(clock.slept) == 2
    assert clock.slept[0] < clock.slept[1]


def test_retry_after_is_honoured() -> None:
    web, clock = FakeWeb(_status(429, retry_after="17"), _status(200)), FakeClock()
    Webhook(web, clock).deploy(_job(), _options())
    assert clock.slept == [17.0]


def test_a_pause_beyond_the_timeout_is_not_waited_for() -> None:
    web, clock = FakeWeb(_status(429, retry_after="3600")), FakeClock()
    problem = _failure(Webhook(web, clock), _job(timeout=60), _options())
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert clock.slept == []
    assert "429" in problem.message


def test_the_timeout_holds_for_all_tries_together() -> None:
    clock = FakeClock()
    web = FakeWeb(WebProblem("timeout", "no complete answer", retryable=True), clock=clock, seconds=30)
    begun = clock.now()
    problem = _failure(Webhook(web, clock), _job(timeout=70), _options(retries=20))
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert clock.now() - begun <= 70
    assert [round(request.timeout) for request in web.requests[:2]] == [30, 30]
    assert web.requests[-1].timeout < 30


def test_success_can_be_other_statuses() -> None:
    assert Webhook(FakeWeb(_status(409)), FakeClock()).deploy(_job(), _options(success=[200, 409])).facts["tries"] == 1
    _failure(Webhook(FakeWeb(_status(201)), FakeClock()), _job(), _options(success=[200, 409]))


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b'{"url": "https://models.example.com/churn/v3"}', "https://models.example.com/churn/v3"),
        (b'{"url": "javascript:alert(1)"}', None),
        (b'{"url": 5}', None),
        (b"[]", None),
        (b"", None),
        (b"\xff\xfe", None),
        (b"[" * 60_000, None),
    ],
)
def test_the_url_of_an_answer(body: bytes, url: str | None) -> None:
    assert Webhook(FakeWeb(_status(200, body)), FakeClock()).deploy(_job(), _options()).url == url


def test_hostile_answers_are_inert_in_output_and_tail() -> None:
    body = b"::set-env name=PATH::/evil\n  ##[error]x\r\n\x1b[2J\x00\xff" + "\u202e".encode() + b"\n\n::error::y"
    said: list[str] = []
    problem = _failure(Webhook(FakeWeb(_status(400, body)), FakeClock()), _job(said), _options())
    for text in (problem.tail, "".join(said)):
        assert not any(line.lstrip().startswith(("::", "##")) for line in text.splitlines())
        assert all(character.isprintable() or character == "\n" for character in text)
    assert "| ::set-env name=PATH::/evil" in problem.tail


def test_the_tail_is_short_and_holds_no_half_word() -> None:
    words = ("hunter2-correct-horse " * 200).encode()
    problem = _failure(Webhook(FakeWeb(_status(400, words)), FakeClock()), _job(), _options())
    assert set(problem.tail.split()) == {"status", "400", "|", "hunter2-correct-horse", "…"}
    assert 1900 < len(problem.tail) < 2048


def test_output_tells_every_try_and_no_path() -> None:
    said: list[str] = []
    web = FakeWeb(_status(500), DOWN, _status(200))
    Webhook(web, FakeClock()).deploy(_job(said), _options(url=URL + "?token=s3cret"))
    lines = "".join(said).splitlines()
    assert [line.partition("; again in ")[0] for line in lines] == [
        "POST https://deploy.example.com: status 500 (try 1 of 5)",
        "POST https://deploy.example.com: cannot connect (try 2 of 5)",
        "POST https://deploy.example.com: status 200 (try 3 of 5)",
    ]


def test_signing_over_plain_http_is_warned_of() -> None:
    for url, warned in (("http://h.example/", True), ("http://127.0.0.1:5/", False), ("https://h.example/", False)):
        said: list[str] = []
        Webhook(FakeWeb(), FakeClock()).deploy(_job(said), _options(url=url, secret="key"))
        assert ("warning" in "".join(said)) == warned


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "ftp://h/"}, "deploy.with.url: must be an http or https URL"),
        ({"url": "https://u:s3cret@h/"}, "user name"),
        ({"url": "https://h/a b"}, "percent-encode"),
        ({"url": "https://[::1"}, "no valid host"),
        ({"method": "DELETE"}, "deploy.with.method: must be 'POST', 'PUT' or 'PATCH'"),
        ({"headers": {"X A": "s3cret"}}, "header name"),
        ({"headers": {"X-A": "s3cret\r\nX-B: c"}}, "control character"),
        ({"headers": {"x-msd-delivery": "s3cret"}}, "set by the deployer itself"),
        ({"headers": {"Content-Length": "5"}}, "set by the deployer itself"),
        ({"body": float("nan")}, "JSON"),
        ({"body": {"a": object()}}, "JSON"),
        ({"body": {1: "a", "b": 2}}, "JSON"),
        ({"secret": ""}, "is empty"),
        ({"secret": ["s3cret"]}, "must be a text"),
        ({"retries": -1}, "greater than or equal to 0"),
        ({"retries": "s3cret"}, "whole number"),
        ({"request_timeout": 0}, "greater than 0"),
        ({"success": []}, "HTTP statuses"),
        ({"success": [99]}, "HTTP statuses"),
        ({"sucess": [200]}, "did you mean `success`?"),
    ],
)
def test_settings_that_are_wrong(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        _options(**given)
    assert caught.value.reason is Reason.MAPPING_INVALID
    assert words in caught.value.message
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"


def test_settings_show_no_secret() -> None:
    shown = repr(_options(secret="s3cret", headers={"Authorization": "s3cret"}, body={"a": "s3cret"}))
    assert "s3cret" not in shown


def test_describe() -> None:
    options = _options(secret="s3cret", headers={"Authorization": "Bearer s3cret", "X-A": "b\u202e"}, retries=2)
    lines = Webhook(FakeWeb(), FakeClock()).describe(a_plan(), options)
    assert lines[0] == f"POST {URL}"
    assert lines[1:3] == ["  Authorization: ***", "  X-A: b\\u202e"]
    assert json.loads(lines[3])["version"] == "v3.1.0"
    assert lines[4] == "signed with HMAC-SHA256 (X-MSD-Signature); up to 2 retries on connection errors, 429 and 5xx"
    assert "s3cret" not in "\n".join(lines)
