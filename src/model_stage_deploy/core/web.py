"""An HTTP exchange as plain values; who sends it is the port Web."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WebRequest:
    """An HTTP request. `timeout` in seconds covers the whole exchange."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class WebResponse:
    """An HTTP answer; `body` is capped. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool = False


class WebProblem(Exception):
    """No usable answer came. `kind` says what went wrong; `retryable` whether asking again may help."""

    def __init__(self, kind: str, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable
