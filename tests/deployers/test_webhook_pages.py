"""Where a webhook may ask how the work goes that a receiver accepted, and where not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_answers import Poll
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.deployers.webhook_polling import status_url
from model_stage_deploy.ports import WebResponse
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.web import FakeWeb


def _options(**settings: Any) -> WebhookOptions:
    options = options_of(Webhook, {"url": "https://deploy.example.com/models/churn", **settings})
    assert isinstance(options, WebhookOptions)
    return options


def _status(status: int, body: bytes = b"", **headers: str) -> WebResponse:
    return WebResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("answer", "settings", "words"),
    [
        (_status(202), {}, "nothing is in its headers Operation-Location and Location"),
        (_status(202, location=""), {}, "says nowhere"),
        (_status(202, b'{"href": 5}'), {"status-url": "$.url"}, "nothing is at $.url of its answer"),
        (_status(202, b'{"href": [1]}'), {"status-url": "$.href"}, "nothing is at $.href"),
        (_status(202, b"{", location="/x"), {"status-url": "$.href"}, "nothing is at $.href"),
        (_status(202, b"[" * 60_000), {"status-url": "$.href"}, "nothing is at $.href"),
        (_status(202, location="javascript:alert(1)"), {}, "no plain http or https URL"),
        (_status(202, location="ftp://deploy.example.com/x"), {}, "no plain http or https URL"),
        (_status(202, location="https://user:s3cret@deploy.example.com/x"), {}, "no plain http or https URL"),
        (_status(202, location="https://deploy.example.com@s3cret.example/"), {}, "no plain http or https URL"),
        (_status(202, location="https://deploy.example.com\\@s3cret.example/"), {}, "no plain http or https URL"),
        (_status(202, location="https://[::1"), {}, "no plain http or https URL"),
        (_status(202, location="https://h.example:99999/x"), {}, "no plain http or https URL"),
        (_status(202, location="/a\tb"), {}, "no plain http or https URL"),
        (_status(202, location="/é"), {}, "no plain http or https URL"),
        (_status(202, location="/" + "x" * 3000), {}, "no plain http or https URL"),
        (_status(202, location="http://deploy.example.com/x?s3cret"), {}, "http://deploy.example.com is not https"),
        (
            _status(202, location="http://status.example.com/x"),
            {"hosts": ["status.example.com"]},
            "http://status.example.com is not https",
        ),
        (_status(202, location="https://evil.example/x?s3cret"), {}, "https://evil.example is another place"),
        (_status(202, location="//evil.example/x"), {}, "https://evil.example is another place"),
        (_status(202, location="https://deploy.example.com.evil.example/"), {}, "is another place"),
        (_status(202, location="https://deploy.example.com:8443/x"), {}, ":8443 is another place"),
        (_status(202, location="https://a.example/"), {"hosts": ["example", "b.example"]}, "is another place"),
        (_status(202, location="https://a.example:444/"), {"hosts": ["a.example"]}, "is another place"),
    ],
)
def test_urls_that_are_not_asked(answer: WebResponse, settings: dict[str, Any], words: str) -> None:
    web, said = FakeWeb(answer), list[str]()
    with pytest.raises(DeploymentFailed) as caught:
        Webhook(web, FakeClock()).deploy(Job(a_plan(), "try-1", {}, 20.0, said.append), _options(poll=settings))
    problem = caught.value
    assert words in problem.message
    assert "accepted the work" in problem.message
    assert "s3cret" not in f"{problem.message} {problem.hint} {problem.tail} {said}"
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("answer", "settings", "url"),
    [
        (_status(202, location="7"), {}, "https://deploy.example.com/models/7"),
        (_status(202, location="?id=7"), {}, "https://deploy.example.com/models/churn?id=7"),
        (_status(202, location="https://DEPLOY.example.com:443/7#part"), {}, "https://DEPLOY.example.com:443/7"),
        (_status(202, location="/1", operation_location="/2"), {}, "https://deploy.example.com/2"),
        (_status(202, b'{"a": {"b": "/3"}}', location="/1"), {"status-url": "$.a.b"}, "https://deploy.example.com/3"),
        (_status(202, location="https://a.example/"), {"hosts": ["a.example:443"]}, "https://a.example/"),
        (_status(202, location="https://a.example:444/"), {"hosts": ["a.example:444"]}, "https://a.example:444/"),
        (_status(202, location="https://[::1]/"), {"hosts": ["[::1]"]}, "https://[::1]/"),
    ],
)
def test_urls_that_are_asked(answer: WebResponse, settings: dict[str, Any], url: str) -> None:
    options = _options(poll=settings)
    assert options.poll is not None
    assert status_url(answer, options, options.poll) == url


@given(st.text() | st.text("htps:/\\@.evil?#[]%&\t\n0"))
def test_no_text_leads_anywhere_else(said: str) -> None:
    options = _options()
    try:
        url = status_url(_status(202, location=said), options, Poll())
    except DeploymentFailed as problem:
        assert problem.message.isprintable()
    else:
        assert url.startswith("https://deploy.example.com/")
