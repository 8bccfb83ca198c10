"""What `webhook` sends, and how an exchange is told: nothing here decides anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from model_stage_deploy import __version__
from model_stage_deploy.core.inert import lines, one_line
from model_stage_deploy.deployers.retry import RETRY_STATUSES
from model_stage_deploy.deployers.signing import signed_headers
from model_stage_deploy.deployers.webhook_options import WebhookOptions
from model_stage_deploy.ports import Web, WebProblem, WebRequest, WebResponse

TAIL_BYTES = 1990  # and so within one line of core.inert
LEAST_SECONDS = 0.01
_AGENT = f"model-stage-deploy/{__version__}"
_PORTS = {"http": 80, "https": 443}
_QUERY = re.compile(r"(https?:(?:\\?/){2}[^\s\"'<>?#]*)[?#][^\s\"'<>]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one request went: an answer, or the problem that there was none."""

    answer: WebResponse | None = None
    problem: WebProblem | None = None

    @property
    def retryable(self) -> bool:
        """Whether the same once more may well go better."""
        if self.answer is not None:
            return self.answer.status in RETRY_STATUSES
        return self.problem is not None and self.problem.retryable

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the answer, names in lower case; none where there is no answer."""
        return self.answer.headers if self.answer is not None else {}

    def __str__(self) -> str:
        return f"status {self.answer.status}" if self.answer is not None else one_line(str(self.problem), 300)


def exchanged(web: Web, request: WebRequest) -> Exchange:
    """Send the request, once."""
    try:
        return Exchange(answer=web.send(request))
    except WebProblem as problem:
        return Exchange(problem=problem)


def delivery(options: WebhookOptions, attempt: str, body: bytes, now: float, seconds: float) -> WebRequest:
    """The request that says what to deploy. `seconds` is what is left of the time for all."""
    ours = {
        "Content-Type": "application/json",
        "User-Agent": _AGENT,
        "Idempotency-Key": attempt,
        **signed_headers(options.signature, options.keys, attempt, int(now), body),
    }
    timeout = max(LEAST_SECONDS, min(options.request_timeout, seconds))
    return WebRequest(options.method, options.url, _with(ours, options.headers), body, timeout)


def question(options: WebhookOptions, url: str, name: str, now: float, seconds: float) -> WebRequest:
    """A GET of a URL that tells how things are. `name` is its own id.

    Where the URL is on the host of `url`, the headers of the mapping go along, and (in the style of Standard Webhooks)
    a signature over an empty body. Other hosts are told nothing.
    """
    timeout = max(LEAST_SECONDS, min(options.request_timeout, seconds))
    ours = {"Accept": "application/json", "User-Agent": _AGENT}
    if origin(url) != origin(options.url):
        return WebRequest("GET", url, ours, timeout=timeout)
    if options.signature == "standard":
        ours |= signed_headers(options.signature, options.keys, name, int(now), b"")
    theirs = {name: value for name, value in options.headers.items() if name.lower() != "content-type"}
    return WebRequest("GET", url, _with(ours, theirs), timeout=timeout)


def _with(ours: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    named = {name.lower() for name in theirs}
    return {**{name: value for name, value in ours.items() if name.lower() not in named}, **theirs}


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that is known to have them."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)


def place(url: str) -> str:
    """Scheme, host and port: paths, queries and user names of webhooks are often secrets. "" for what is no URL."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return one_line(f"{parts.scheme}://{host}{port}", 200) if host else ""


def tail(exchange: Exchange, hidden: str = "") -> str:
    """Status and the beginning of the body, inert: each line of it follows a bar, so none can be a command.

    What URLs in it have after `?` is not shown, and of the URL `hidden` only the host: such URLs are often keys.
    """
    if exchange.answer is None:
        return str(exchange)
    body = exchange.answer.body.decode("utf-8", errors="replace")
    for spelled in _spellings(hidden):
        body = body.replace(spelled, f"{place(spelled)}/…")
    raw = _QUERY.sub(r"\1?…", body).encode()
    told = raw[:TAIL_BYTES].decode("utf-8", errors="replace")
    if len(raw) > TAIL_BYTES or exchange.answer.truncated:
        # Up to the end of a word: half a secret, as an echo may hold it, would not be known for one.
        told = re.sub(r"[^\s\"',;&<>]{0,512}\Z", "", told) + "…"
    return "\n".join([str(exchange), *(f"| {line}" for line in lines(told.rstrip("\n")) if told.strip())])


def _spellings(url: str) -> list[str]:
    """How an answer may spell a URL: whole or from its path on, also as JSON may write it; the longest first."""
    path = url.partition("://")[2].partition("/")[2]
    whole = [url, *([f"/{path}"] if path else [])]
    return sorted({*whole, *(one.replace("/", "\\/") for one in whole)} - {"", "/", "\\/"}, key=len, reverse=True)
