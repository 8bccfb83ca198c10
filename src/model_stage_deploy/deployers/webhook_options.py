"""The `with:` settings of `webhook`."""

from __future__ import annotations

import re
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, SecretStr, field_validator

from model_stage_deploy.deployers.contract import Options
from model_stage_deploy.deployers.webhook_payload import encoded

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Ours: a delivery must not pass for another, nor a request be two.
_RESERVED = re.compile(r"x-msd-.*|idempotency-key|content-length|transfer-encoding|connection|host", re.IGNORECASE)


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
    secret: SecretStr | None = Field(None, description="Key of the HMAC-SHA256 signature; absent: not signed.")
    retries: int = Field(4, ge=0, le=20, description="How often to ask again.")
    request_timeout: float = Field(30.0, gt=0, le=3600, allow_inf_nan=False, description="Seconds for one request.")
    success: list[int] | None = Field(None, description="Statuses that mean success; absent: 200 to 299.")

    @field_validator("url")
    @classmethod
    def _web(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            _port = parts.port
        except ValueError:
            raise ValueError("has no valid host or port") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be an http or https URL with a host")
        if "@" in parts.netloc:
            raise ValueError("must not hold a user name or password; send a header instead")
        if re.search(r"[\x00-\x20\x7f\\]", url):
            raise ValueError("holds a space, a control character or a backslash; percent-encode it")
        return url

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

    @field_validator("secret")
    @classmethod
    def _signing(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not secret.get_secret_value():
            raise ValueError("is empty, which would sign with no key at all; is the secret set?")
        return secret

    @field_validator("success")
    @classmethod
    def _statuses(cls, success: list[int] | None) -> list[int] | None:
        if success is not None and (not success or not all(100 <= status <= 599 for status in success)):
            raise ValueError("must list HTTP statuses, 100 to 599")
        return success

    def is_success(self, status: int) -> bool:
        """Whether an answer of this status means that it was deployed."""
        return 200 <= status <= 299 if self.success is None else status in self.success
