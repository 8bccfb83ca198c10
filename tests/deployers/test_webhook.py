"""What the webhook deployer decides, by a fake web and clock; test_webhook_receivers.py has the real sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy import __version__
from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_payload import SCHEMA
from model_stage_deploy.ports import WebProblem, WebResponse
from model_stage_deploy.receiving import sign_github, verify
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.web import FakeWeb

URL = "https://deploy.example.com/models/churn"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
DONE = "succeeded, success, successful, deployed, ready, live"
OLD_KEY = "whsec_b2xkIGtleSwgb2YgMjQgYnl0ZXMgb3Igc28u"
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
        "Idempotency-Key": "try-1",
        "webhook-id": "try-1",
        "webhook-timestamp": "1800000000",
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
        "target": None,
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
    Webhook(web, FakeClock()).deploy(_job(rollback=True, previous=None, path=None, target="eu-1"), _options())
    body = json.loads(web.requests[0].body)
    assert (body["event"], body["target"]) == ("rollback", "eu-1")
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
    web, clock = FakeWeb(_status(500), DOWN, _status(200)), FakeClock()
    webhook, options = Webhook(web, clock), _options(secret=KEY)
    for _ in range(2):
        assert _failure(webhook, _job(), options).retryable
        clock.sleep(7)
    assert webhook.deploy(_job(), options).facts == {"status": 200, "delivery": "try-1"}
    assert len({request.headers["webhook-timestamp"] for request in web.requests}) == 3
    assert {request.headers["Idempotency-Key"] for request in web.requests} == {"try-1"}
    assert len({request.body for request in web.requests}) == 1
    for request in web.requests:
        now = float(request.headers["webhook-timestamp"])
        assert verify(KEY, request.headers, request.body, now=now) == "try-1"


def test_while_a_secret_changes_either_verifies() -> None:
    web, clock = FakeWeb(), FakeClock()
    Webhook(web, clock).deploy(_job(), _options(secret=[KEY, OLD_KEY]))
    [request] = web.requests
    assert request.headers["webhook-signature"].count("v1,") == 2
    for key in (KEY, OLD_KEY):
        assert verify(key, request.headers, request.body, now=clock.now()) == "try-1"


def test_the_style_of_github() -> None:
    web = FakeWeb()
    Webhook(web, FakeClock()).deploy(_job(), _options(signature="github", secret="any text"))
    [request] = web.requests
    assert {name for name in request.headers if name.lower().startswith(("x-", "webhook"))} == {
        "X-GitHub-Delivery",
        "X-Hub-Signature-256",
    }
    assert request.headers["X-GitHub-Delivery"] == request.headers["Idempotency-Key"] == "try-1"
    assert request.headers["X-Hub-Signature-256"] == sign_github("any text", request.body)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_statuses_that_may_pass_are_worth_another_try(status: int) -> None:
    web, clock = FakeWeb(_status(status, b"busy")), FakeClock()
    problem = _failure(Webhook(web, clock), _job(), _options())
    assert (problem.reason, problem.retryable, problem.after) == (Reason.DEPLOYER_FAILED, True, None)
    assert problem.tail == f"status {status}\n| busy"
    assert (len(web.requests), clock.slept) == (1, [])


@pytest.mark.parametrize("status", [300, 304, 400, 401, 403, 404, 408, 409, 410, 422, 501, 505])
def test_other_statuses_are_final(status: int) -> None:
    web, clock = FakeWeb(_status(status)), FakeClock()
    problem = _failure(Webhook(web, clock), _job(), _options())
    assert (problem.reason, problem.retryable) == (Reason.DEPLOYER_FAILED, False)
    assert str(status) in problem.message
    assert (len(web.requests), clock.slept) == (1, [])


def test_problems_that_cannot_pass_are_final() -> None:
    web = FakeWeb(WebProblem("tls", "its certificate is not trusted", retryable=False))
    problem = _failure(Webhook(web, FakeClock()), _job(), _options())
    assert (len(web.requests), problem.retryable) == (1, False)
    assert "not trusted" in problem.message
    assert "REQUESTS_CA_BUNDLE" in problem.hint


def test_a_lost_connection_is_worth_another_try() -> None:
    assert _failure(Webhook(FakeWeb(DOWN), FakeClock()), _job(), _options()).retryable


def test_how_long_to_wait_is_handed_on() -> None:
    web = FakeWeb(_status(429, retry_after="17"))
    assert _failure(Webhook(web, FakeClock()), _job(), _options()).after == 17.0


def test_the_timeout_holds_for_the_request() -> None:
    clock = FakeClock()
    web = FakeWeb(WebProblem("timeout", "no complete answer", retryable=True), clock=clock, seconds=30)
    problem = _failure(Webhook(web, clock), _job(timeout=20), _options())
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert not problem.retryable
    assert [request.timeout for request in web.requests] == [20]


def test_success_can_be_other_statuses() -> None:
    assert (
        Webhook(FakeWeb(_status(409)), FakeClock()).deploy(_job(), _options(success=[200, 409])).facts["status"] == 409
    )
    _failure(Webhook(FakeWeb(_status(201)), FakeClock()), _job(), _options(success=[200, 409]))


@pytest.mark.parametrize(
    ("body", "url"),
    [
        (b'{"url": "https://models.example.com/churn/v3"}', "https://models.example.com/churn/v3"),
        (b'{"url": "javascript:alert(1)"}', None),
        (b'{"url": 5}', None),
        (b"[]", None),
        (b"", None),
        (b"NaN", None),
        (b'{"url": NaN}', None),
        (b'{"url": "https://u:p@h.example/"}', None),
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


def test_output_tells_of_the_try_and_no_path() -> None:
    said: list[str] = []
    web = FakeWeb(DOWN, _status(200))
    options = _options(url=URL + "?token=s3cret")
    _failure(Webhook(web, FakeClock()), _job(said), options)
    Webhook(web, FakeClock()).deploy(_job(said), options)
    assert "".join(said).splitlines() == [
        "POST https://deploy.example.com: cannot connect",
        "cannot connect",
        "POST https://deploy.example.com: status 200",
    ]


def test_what_urls_of_an_answer_ask_for_is_not_shown() -> None:
    body = b'{"see": "https://h.example/docs?sig=s3cret&a=b", "and": "https:\\/\\/h.example\\/x#s3cret"}'
    problem = _failure(Webhook(FakeWeb(_status(400, body)), FakeClock()), _job(), _options())
    assert "https://h.example/docs?…" in problem.tail
    assert "s3cret" not in problem.tail


def test_the_version_that_an_answer_names() -> None:
    body = b'{"live": {"version": "3.1.0"}}'
    options = _options(answer={"version": "$.live.version"})
    assert Webhook(FakeWeb(_status(200, body)), FakeClock()).deploy(_job(), options).version == "3.1.0"
    assert Webhook(FakeWeb(_status(200, body)), FakeClock()).deploy(_job(), _options()).version == ""
    problem = _failure(Webhook(FakeWeb(_status(200)), FakeClock()), _job(), options)
    assert "names no version at $.live.version" in problem.message
    assert not problem.retryable


def test_signing_over_plain_http_is_warned_of() -> None:
    for url, warned in (("http://h.example/", True), ("http://127.0.0.1:5/", False), ("https://h.example/", False)):
        said: list[str] = []
        Webhook(FakeWeb(), FakeClock()).deploy(_job(said), _options(url=url, secret=KEY))
        assert ("warning" in "".join(said)) == warned


def test_a_key_that_is_too_short_is_warned_of() -> None:
    said: list[str] = []
    Webhook(FakeWeb(), FakeClock()).deploy(_job(said), _options(secret="whsec_c2hvcnQ="))
    assert "warning: a key is shorter than the 24 bytes" in "".join(said)


def test_describe() -> None:
    options = _options(secret=KEY, headers={"Authorization": "Bearer s3cret", "X-A": "b\u202e"})
    lines = Webhook(FakeWeb(), FakeClock()).describe(a_plan(), options)
    assert lines[0] == f"POST {URL}"
    assert lines[1:3] == ["  Authorization: ***", "  X-A: b\\u202e"]
    assert json.loads(lines[3])["version"] == "v3.1.0"
    assert lines[4:] == [
        "signed with HMAC-SHA256 (webhook-signature, Standard Webhooks)",
        f"after status 202: GET what Operation-Location or Location names, first after 2s, until $.status is {DONE}",
        "30 s for one request, 20 s for all",
    ]
    assert "s3cret" not in "\n".join(lines)
    assert KEY not in "\n".join(lines)


def test_describe_without_any_of_it() -> None:
    options = _options(poll="none")
    lines = Webhook(FakeWeb(), FakeClock()).describe(a_plan(), options)
    assert lines[2:4] == ["not signed (no `secret`)", "status 202 is taken for the end (`poll: none`)"]
    polled = _options(poll={"status-url": "$.href", "done": ["Gone live"], "interval": "90s"}, signature="github")
    told = Webhook(FakeWeb(), FakeClock()).describe(a_plan(), polled)[3]
    assert told == "after status 202: GET what $.href names, first after 1m30s, until $.status is Gone live"


@pytest.mark.parametrize(
    ("poll", "body", "says"),
    [
        ({}, b'{"status": "failed", "message": "no GPU left"}', 'state "failed" (no GPU left)'),
        ({}, b'{"status": "ERROR"}', 'state "ERROR"'),
        ({"state": "$.ok", "failed": [False]}, b'{"ok": false}', 'state "false"'),
    ],
)
def test_a_good_status_with_an_answer_that_says_it_failed(poll: dict[str, Any], body: bytes, says: str) -> None:
    problem = _failure(Webhook(FakeWeb(_status(200, body)), FakeClock()), _job(), _options(poll=poll))
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert problem.message.startswith("https://deploy.example.com answered with status 200, and says that it failed: ")
    assert problem.message.endswith(says)
    assert not problem.retryable


@pytest.mark.parametrize("body", [b'{"status": "done"}', b'{"status": 500}', b'{"status": {}}', b"failed", b"", b"{"])
def test_a_good_status_alone_is_a_success(body: bytes) -> None:
    assert Webhook(FakeWeb(_status(200, body)), FakeClock()).deploy(_job(), _options()).facts["status"] == 200
    failed = b'{"status": "failed"}'
    assert Webhook(FakeWeb(_status(202, failed)), FakeClock()).deploy(_job(), _options(poll="none"))
