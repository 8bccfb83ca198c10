"""The relay of MLflow's webhooks at the network: a small HTTP server, and the same as a WSGI application.

It takes `POST /mlflow` and says how it is at `GET /health`. It speaks plain HTTP and listens on the loopback: what
gives it a public address (a reverse proxy, a function's gateway) does TLS. What is sent to it is held within bounds,
whoever sends it: the body's length, the time that a request may take, how many are worked on at once.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mlflow_webhook import LONGEST_BODY

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from model_stage_deploy.flows.relaying import Answer, Relay

PATH, HEALTH = "/mlflow", "/health"
AT_ONCE = 8
"""Deliveries that are worked on at the same time."""
WAITING = 32
"""Connections that are kept, those included; the next one is closed."""
PATIENCE = 10.0
"""Seconds that a request may take to arrive, and its answer to be taken."""
_WHOLE = 28.0  # seconds of a connection in all: MLflow gives up after 30


def answered(relay: Relay, method: str, path: str, headers: Mapping[str, str], body: Callable[[int], bytes]) -> Answer:
    """The answer to any request; `body` reads so many bytes. Names of headers are in lower case."""
    from model_stage_deploy.flows.relaying import Answer

    plain = path.partition("?")[0]
    if plain == HEALTH and method in ("GET", "HEAD"):
        return Answer(200, "ok")
    if plain != PATH or method != "POST":
        return Answer(404 if plain != PATH else 405, f"deliveries are taken by POST {PATH}")
    length = _length(headers)
    if length is None:
        return Answer(411, "a delivery says how long it is, by Content-Length")
    if length > LONGEST_BODY:
        return Answer(413, f"a delivery has at most {LONGEST_BODY} bytes")
    content = body(length)
    if len(content) != length:
        return Answer(400, "the body ended early")
    return relay.answer(headers, content)


def _length(headers: Mapping[str, str]) -> int | None:
    """How long a body is said to be; None where that is not said, or two ways are."""
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (text.isascii() and text.isdigit() and len(text) < 10):
        return None
    return int(text)


class RelayServer(HTTPServer):
    """Serves a relay until `shutdown`. `tell` gets a line for each request that was none."""

    request_queue_size = WAITING

    def __init__(
        self, address: tuple[str, int], relay: Relay, tell: Callable[[str], None], *, patience: float = PATIENCE
    ) -> None:
        self.relay = relay
        self.tell = tell
        self.patience = patience
        self._places = threading.BoundedSemaphore(WAITING)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="relay")
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    @property
    def port(self) -> int:
        """The port that it listens on, also where any free one was asked for."""
        return int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand the connection to the pool, or close it where too many are waiting."""
        if not self._places.acquire(blocking=False):
            self.tell("closed a connection: too many are waiting")
            self.shutdown_request(request)
            return
        self._pool.submit(self._serve, request, client_address)

    def _serve(self, request: Any, client_address: Any) -> None:
        # Timeouts of sockets are per read: who sends a byte a second would have the thread for ever.
        watchdog = threading.Timer(min(_WHOLE, 2.8 * self.patience), _cut, (request,))
        watchdog.daemon = True
        watchdog.start()
        try:
            self.finish_request(request, client_address)
        except OSError as problem:
            self.tell(f"a connection broke off: {type(problem).__name__}")
        except Exception as defect:  # noqa: BLE001 - one delivery must not end the others
            self.tell(f"a defect: {type(defect).__name__}: {one_line(str(defect), 500)}")
        finally:
            watchdog.cancel()
            self.shutdown_request(request)
            self._places.release()

    def server_close(self) -> None:
        """Stop listening, and let what is under way end."""
        super().server_close()
        self._pool.shutdown(wait=True, cancel_futures=True)


def _cut(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One request a connection: HTTP/1.0, so that nobody keeps a thread by keeping a connection."""

    server: RelayServer
    server_version, sys_version = "model-stage-deploy", ""

    def setup(self) -> None:
        self.request.settimeout(self.server.patience)
        super().setup()

    def __getattr__(self, name: str) -> Any:
        """Every method of HTTP goes one way; what is not understood is said there."""
        if name.startswith("do_"):
            return self._do
        raise AttributeError(name)

    def _do(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = answered(self.server.relay, self.command, self.path, headers, self.rfile.read)
        text = f"{answer.text}\n".encode() if answer.status != HTTPStatus.NO_CONTENT else b""
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
        """Requests that were understood are told of by the relay; the server's own complaints here, inert."""
        if format.startswith("code "):
            self.server.tell(one_line(format % arguments, 200))


def wsgi(relay: Relay) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
    """The relay as a WSGI application, for whoever has a server or a function of their own.

    The memory of deliveries is this process's; where several run, a delivery may be relayed twice, which does no harm.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        named = {key[5:].lower().replace("_", "-"): str(value) for key, value in environ.items() if key[:5] == "HTTP_"}
        named["content-length"] = str(environ.get("CONTENT_LENGTH") or "")
        method, path = str(environ.get("REQUEST_METHOD", "")), str(environ.get("PATH_INFO", ""))
        answer = answered(relay, method, path, named, environ["wsgi.input"].read)
        text = f"{answer.text}\n".encode() if answer.status != HTTPStatus.NO_CONTENT else b""
        about = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))]
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", about)
        return [b"" if method == "HEAD" else text]

    return application
