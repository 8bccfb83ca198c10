"""Where a web request may go and what it may carry: checked before anything is sent. Pure."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urljoin, urlsplit

from model_stage_deploy.ports import WebProblem, WebRequest

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
_PORTS = {"http": 80, "https": 443}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"})


def check_request(request: WebRequest) -> None:
    """Raise WebProblem (invalid-url, invalid-header) for what must not be sent. No value is quoted."""
    split_url(request.url)
    if not re.fullmatch(r"[A-Z]+", request.method):
        raise WebProblem("invalid-url", "the HTTP method must be capital letters", retryable=False)
    for name, value in request.headers.items():
        if not _TOKEN.fullmatch(name):
            raise WebProblem("invalid-header", f"{name!r} is not a header name", retryable=False)
        if name.lower() in _FRAMING:
            raise WebProblem("invalid-header", f"the header {name} is set by the connection itself", retryable=False)
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise WebProblem("invalid-header", f"the header {name} holds a control character", retryable=False)
        if re.search(r"[\ud800-\udfff]", value):
            raise WebProblem("invalid-header", f"the header {name} holds a broken character", retryable=False)


def split_url(url: str) -> SplitResult:
    """The parts of a URL that may be asked. Raises WebProblem (invalid-url)."""

    def no(why: str) -> WebProblem:
        return WebProblem("invalid-url", f"the URL {why}", retryable=False)

    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise no("holds a space, a control character or a backslash")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise no("has no valid host or port") from None
    if parts.scheme not in _PORTS:
        raise no("must begin with https:// or http://")
    if not host:
        raise no("names no host")
    if "@" in parts.netloc:
        raise no("must not hold a user name or password; send a header instead")
    return parts


def place(url: str) -> str:
    """`host` or `host:port` of a URL, for messages: no path and no query, which may hold a secret."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the host"
    return f"{parts.hostname}:{port}" if port else f"{parts.hostname}"


def next_hop(method: str, status: int, url: str, target: str) -> str:
    """The URL that a redirect leads to. Raises WebProblem (redirect) where it may not be followed.

    Only on the same scheme, host and port, because headers and body are secrets of that host; and only where the
    method stays the same, because a POST that turns into a GET deploys nothing.
    """
    told = f"{place(url)} answered {status}"
    try:
        wanted = split_url(urljoin(url, target))
    except (WebProblem, ValueError):
        raise WebProblem("redirect", f"{told} with a `Location` that is no usable URL", retryable=False) from None
    if _origin(wanted) != _origin(urlsplit(url)):
        there = f"{wanted.scheme}://{place(wanted.geturl())}"
        raise WebProblem(
            "redirect", f"{told}, a redirect to another place ({there}), which is not followed", retryable=False
        )
    if method not in ("GET", "HEAD") and status not in _KEEP_METHOD:
        raise WebProblem(
            "redirect",
            f"{told}, which would turn the {method} into a GET; only 307 and 308 are followed",
            retryable=False,
        )
    return wanted.geturl()


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
