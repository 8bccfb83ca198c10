"""HTTP by `requests`, held to its promises: one deadline for the whole exchange, capped answers, no wandering off.

What an answer is worth (a retry, a failure) is decided by those who ask. The rules of where a request may go
live in web_rules.py, how it is sent in web_connections.py, the translation of its failures in web_problems.py.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from model_stage_deploy.adapters.web_connections import answered
from model_stage_deploy.adapters.web_problems import told
from model_stage_deploy.adapters.web_rules import REDIRECTS, check_request, next_hop, place
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.ports import WebProblem, WebRequest, WebResponse

ANSWER_BYTES = 64 * 1024
MOST_REDIRECTS = 3
_SLICE_SECONDS = 0.25  # a signal that another thread took in is noticed between two slices
_LEAVE_SECONDS = 0.2  # how long to wait for the worker of an exchange that was given up


class RequestsWeb:
    """Fulfils ports.Web. `answer_bytes` caps the body of an answer.

    TLS is verified (against REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE where set); proxies come from the environment;
    a `.netrc` is never read; answers are asked for, and taken, uncompressed. Once `stop` is set, exchanges end with
    Cancelled: a signal reaches the main thread only.
    """

    def __init__(self, answer_bytes: int = ANSWER_BYTES, stop: threading.Event | None = None) -> None:
        self._answer_bytes = answer_bytes
        self._stop = stop or threading.Event()

    def send(self, request: WebRequest) -> WebResponse:
        """See ports.Web. Kinds of WebProblem: invalid-url, invalid-header, name, proxy, connect, timeout, reset, tls,
        redirect."""
        check_request(request)
        exchange = _Exchange(request, self._answer_bytes, self._stop)
        try:
            return exchange.result()
        finally:
            exchange.leave()


class _Exchange:
    """One request and its redirects, in a thread of its own.

    Timeouts of sockets are per read and name resolution has none, so a drip of one byte a second would last for
    ever. The asker therefore waits for no longer than the deadline and then pulls the socket away.
    """

    def __init__(self, request: WebRequest, answer_bytes: int, stop: threading.Event) -> None:
        self._request = request
        self._stop = stop
        self._answer_bytes = answer_bytes
        self._deadline = time.monotonic() + request.timeout
        self._sockets: list[socket.socket] = []
        self._left = False
        self._response: WebResponse | None = None
        self._problem: BaseException | None = None
        self._done = threading.Event()
        self._worker = threading.Thread(target=self._work, name="web-exchange", daemon=True)

    def result(self) -> WebResponse:
        """The answer. Raises WebProblem."""
        self._worker.start()
        while not self._done.wait(min(_SLICE_SECONDS, max(0.0, self._deadline - time.monotonic()))):
            if self._stop.is_set():
                raise Cancelled("stopped")
            if time.monotonic() >= self._deadline:
                raise self._too_late()
        if self._problem is not None:
            raise self._problem
        if self._response is None:
            raise self._too_late()
        return self._response

    def leave(self) -> None:
        """Give up: close what is open, so that the worker ends."""
        self._left = True
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        if self._worker.is_alive():
            self._worker.join(_LEAVE_SECONDS)

    def _watch(self, opened: socket.socket) -> None:
        self._sockets.append(opened)
        if self._left:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)

    def _too_late(self) -> WebProblem:
        seconds = f"{self._request.timeout:g} s"
        return WebProblem("timeout", f"no complete answer from {place(self._request.url)} in {seconds}", retryable=True)

    def _work(self) -> None:
        try:
            self._response = self._follow()
        except BaseException as problem:  # noqa: BLE001 - carried to the thread that asked
            self._problem = problem
        finally:
            self._done.set()

    def _follow(self) -> WebResponse:
        url = self._request.url
        for _ in range(MOST_REDIRECTS + 1):
            response = self._once(url)
            target = response.headers.get("location")
            if response.status not in REDIRECTS or target is None:
                return response
            url = next_hop(self._request.method, response.status, url, target)
        raise WebProblem("redirect", f"{place(url)} redirects more than {MOST_REDIRECTS} times", retryable=False)

    def _once(self, url: str) -> WebResponse:
        import requests
        import urllib3.exceptions as failures

        try:
            return self._exchange(url)
        except WebProblem:
            raise
        except (requests.RequestException, failures.HTTPError, OSError, ValueError) as problem:
            raise told(problem, url, self._too_late()) from None  # their texts hold the whole URL

    def _exchange(self, url: str) -> WebResponse:
        left = max(0.05, self._deadline - time.monotonic())
        with answered(self._request, url, left, self._watch) as answer:
            # Whatever encoding a server insists on stays as it is: a small answer must not swell when unpacked.
            body = answer.raw.read(self._answer_bytes + 1, decode_content=False)
            return WebResponse(
                status=answer.status_code,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=body[: self._answer_bytes],
                truncated=len(body) > self._answer_bytes,
            )
