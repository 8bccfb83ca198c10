"""What `requests` and urllib3 raise, told in our own words: theirs quote the whole URL, which may hold a secret."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from model_stage_deploy.adapters.web_rules import place
from model_stage_deploy.ports import WebProblem


def told(problem: Exception, url: str, too_late: WebProblem) -> WebProblem:
    """The WebProblem for an exception of an exchange with `url`; `too_late` is the one for a timeout."""
    import requests
    import urllib3.exceptions as failures

    where = place(url)
    inner = _first(problem, failures.NewConnectionError, failures.NameResolutionError)
    # The first line that fits decides: several of these classes are kinds of one another.
    table: list[tuple[object, str, str, bool]] = [
        (_is(problem, requests.exceptions.SSLError, failures.SSLError), "tls", f"{where}: {_tls(problem)}", False),
        (_is(problem, requests.exceptions.ProxyError), "proxy", f"the proxy on the way to {where} failed", True),
        (_is(problem, requests.exceptions.InvalidHeader), "invalid-header", f"a header for {where} is wrong", False),
        (_is(problem, ValueError), "invalid-url", f"the URL at {where} is not valid", False),
        (_is_nameless(inner), "name", f"cannot connect to {where}: {_cause(inner)}", True),
        (inner, "connect", f"cannot connect to {where}: {_cause(inner)}", True),
        (
            _is(problem, requests.ConnectionError, failures.ProtocolError, ConnectionError),
            "reset",
            f"{where} broke the connection off",
            True,
        ),
        (True, "tls", f"{where}: the certificates to trust cannot be read", False),
    ]
    if _is(problem, requests.Timeout, failures.TimeoutError, TimeoutError):
        return too_late
    kind, text, retryable = next(row[1:] for row in table if row[0])
    return WebProblem(kind, text, retryable=retryable)


def _is(problem: Exception, *kinds: type[BaseException]) -> bool:
    return isinstance(problem, kinds)


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """The exception and those that it wraps in `args`, `reason`, `__cause__` or `__context__`, outermost first."""
    seen: list[object] = []
    waiting: list[object] = [problem]
    while waiting and len(seen) < 20:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            yield one
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]


def _first(problem: BaseException, *kinds: type[BaseException]) -> BaseException | None:
    return next((one for one in _chain(problem) if isinstance(one, kinds)), None)


def _tls(problem: BaseException) -> str:
    """`certificate verify failed: self-signed certificate`, as OpenSSL puts it."""
    inner = _first(problem, ssl.SSLCertVerificationError) or _first(problem, ssl.SSLError)
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {inner.verify_message}"
    reason = getattr(inner, "reason", None)
    return f"TLS failed{f': {reason}' if reason else ''}"


def _is_nameless(problem: BaseException | None) -> bool:
    return problem is not None and _first(problem, socket.gaierror) is not None


def _cause(problem: BaseException | None) -> str:
    """`Connection refused`, `the name cannot be resolved`, …"""
    if problem is None:
        return ""
    if _is_nameless(problem):
        return "the name cannot be resolved"
    refused = _first(problem, OSError)
    return (refused.strerror if isinstance(refused, OSError) else None) or "no connection"
