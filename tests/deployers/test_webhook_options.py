"""The settings of the webhook deployer that are wrong, and what is said of them. Those of `poll`, too."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.webhook import Webhook
from model_stage_deploy.deployers.webhook_options import WebhookOptions

URL = "https://deploy.example.com/models/churn"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def _options(**given: Any) -> WebhookOptions:
    named = {"url": URL, **{name.replace("_", "-"): value for name, value in given.items()}}
    options = options_of(Webhook, named)
    assert isinstance(options, WebhookOptions)
    return options


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
        ({"headers": {"Webhook-Id": "s3cret"}}, "set by the deployer itself"),
        ({"headers": {"x-hub-signature-256": "s3cret"}}, "set by the deployer itself"),
        ({"headers": {"Content-Length": "5"}}, "set by the deployer itself"),
        ({"body": float("nan")}, "JSON"),
        ({"body": {"a": object()}}, "JSON"),
        ({"body": {1: "a", "b": 2}}, "JSON"),
        ({"secret": ""}, "is empty"),
        ({"secret": " "}, "is empty"),
        ({"secret": []}, "is an empty list"),
        ({"secret": [KEY, ""]}, "is empty"),
        ({"secret": {"a": "s3cret"}}, "must be a text"),
        ({"secret": "s3cret!"}, "is not `whsec_` and base64"),
        ({"secret": [KEY, "s3cret!"]}, "openssl rand -base64 32"),
        ({"secret": ["s3cret", "s3cret-2"], "signature": "github"}, "has room for one"),
        ({"signature": "s3cret"}, "deploy.with.signature: must be 'standard' or 'github'"),
        ({"retries": "s3cret"}, "deploy.with.retries: unknown setting; it stands beside `with`: `deploy.retries`"),
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
    given = {"headers": {"Authorization": "s3cret"}, "body": {"a": "s3cret"}, "status": {"url": "https://h/?s3cret"}}
    shown = repr(_options(secret="s3cret", signature="github", **given))
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("poll", "words"),
    [
        ("never", "deploy.with.poll: must be a mapping, or `none`"),
        ({"intervall": 5}, "deploy.with.poll.intervall: unknown setting"),
        ({"interval": "soon"}, "deploy.with.poll.interval: "),
        ({"interval": 0}, "deploy.with.poll.interval: "),
        ({"state": "status"}, "deploy.with.poll.state: a path begins with `$`"),
        ({"status-url": "$.a["}, "deploy.with.poll.status-url: "),
        ({"done": []}, "must list words"),
        ({"done": ["--"]}, "must list words"),
        ({"done": ["a"], "failed": ["A"]}, "a word is in `done` and in `failed`"),
        ({"hosts": ["https://a.example"]}, "must list hosts"),
        ({"hosts": ["a.example/x"]}, "must list hosts"),
        ({"hosts": ["u@a.example"]}, "must list hosts"),
    ],
)
def test_settings_of_poll_that_are_wrong(poll: Any, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        _options(poll=poll)
    assert words in caught.value.message
