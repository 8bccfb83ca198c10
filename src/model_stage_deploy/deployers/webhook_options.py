"""The `with:` settings of `webhook`. What they say about answers is in webhook_answers.py."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from model_stage_deploy.core.redaction import STARS
from model_stage_deploy.deployers.contract import Options
from model_stage_deploy.deployers.signing import Style
from model_stage_deploy.deployers.webhook_answers import Answer, Poll, StatusSource, web_url
from model_stage_deploy.deployers.webhook_payload import encoded
from model_stage_deploy.receiving import key_of

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Ours: a delivery must not pass for another, nor a request be two.
_RESERVED = re.compile(
    r"webhook-(id|timestamp|signature)|x-hub-signature(-256)?|x-github-delivery|idempotency-key|"
    r"content-length|transfer-encoding|connection|host",
    re.IGNORECASE,
)
_MAKE_ONE = "`openssl rand -base64 32`, with whsec_ before it"


class WebhookOptions(Options):
    """Settings of `webhook`. Only `url` is needed."""

    model_config = ConfigDict(coerce_numbers_to_str=True, hide_input_in_errors=True)

    url: str = Field(description="Where to send it. Rendered values are percent-encoded.", repr=False)
    method: Literal["POST", "PUT", "PATCH"] = Field("POST", description="HTTP method.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to add.", repr=False)
    body: Any = Field(None, description="Any JSON; absent: the documented payload.", repr=False)
    undeploy_body: Any = Field(
        None, description="As `body`, for taking away what was deployed; needed for that beside a `body`.", repr=False
    )
    signature: Style = Field(
        "standard", description="How to sign: as Standard Webhooks say, or as GitHub does (X-Hub-Signature-256)."
    )
    secret: tuple[SecretStr, ...] = Field(
        (),
        description="What to sign with: a text, or a list of texts while one is being changed; absent: not signed. "
        "`whsec_` and base64 for `standard`, any text for `github`.",
    )
    request_timeout: float = Field(30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds for one request.")
    success: list[int] | None = Field(None, description="Statuses that mean success; absent: 200 to 299.")
    answer: Answer = Field(default_factory=Answer, description="Where the last answer says what.")
    poll: Poll | None = Field(
        default_factory=Poll, description="How to learn the end after 202; `none`: 202 is the end."
    )
    status: StatusSource | None = Field(None, description="Whom to ask what runs, for `status --ask`.")

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        return web_url(url)

    @field_validator("headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is not a header name")
            if _RESERVED.fullmatch(name):
                raise ValueError(f"the header {name} is set by the deployer itself")
            if re.search(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]", value):
                raise ValueError(f"the header {name} holds a control character")
        return headers

    @field_validator("body", "undeploy_body")
    @classmethod
    def _json(cls, body: Any) -> Any:
        try:
            encoded(body)
        except (TypeError, ValueError, RecursionError):
            raise ValueError("holds something that JSON cannot say; quote dates, and use no .nan or .inf") from None
        return body

    @field_validator("secret", mode="before")
    @classmethod
    def _listed(cls, secret: Any) -> Any:
        if secret is None:
            return ()
        if secret in ([], ()):
            raise ValueError("is an empty list; leave it out where nothing is to be signed")
        return tuple(secret) if isinstance(secret, (list, tuple)) else (secret,)

    @field_validator("secret")
    @classmethod
    def _signing(cls, secrets: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
        for secret in secrets:
            if not secret.get_secret_value().strip():
                raise ValueError("is empty, which would sign with no key at all; is the secret set?")
        if info.data.get("signature") == "github":
            if len(secrets) > 1:
                raise ValueError("has several, and `signature: github` has room for one")
            return secrets
        for secret in secrets:
            if secret.get_secret_value() == STARS:  # a plan, shown where the secret is not
                continue
            try:
                key_of(secret.get_secret_value())
            except ValueError:
                raise ValueError(f"is not `whsec_` and base64, as Standard Webhooks want it: {_MAKE_ONE}") from None
        return secrets

    @field_validator("success")
    @classmethod
    def _statuses(cls, success: list[int] | None) -> list[int] | None:
        if success is not None and (not success or not all(100 <= status <= 599 for status in success)):
            raise ValueError("must list HTTP statuses, 100 to 599")
        return success

    @field_validator("poll", mode="before")
    @classmethod
    def _not_polled(cls, poll: Any) -> Any:
        if poll is not None and poll != "none" and not isinstance(poll, (Mapping, Poll)):
            raise ValueError("must be a mapping, or `none`")
        return None if poll == "none" else poll

    @property
    def keys(self) -> list[str]:
        """The secrets to sign with, the newest first."""
        return [secret.get_secret_value() for secret in self.secret]

    def is_success(self, status: int) -> bool:
        """Whether an answer of this status means that it was taken."""
        return 200 <= status <= 299 if self.success is None else status in self.success
