"""A real webhook receiver on loopback that behaves as badly as it is told.

As a process: `python -m tests.standins.receiver --port 0 --log FILE [--answers 500,500,200]` prints its URL and
writes one JSON line per request.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import json
import signal
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_LINGER = struct.pack("ii", 1, 0)  # SO_LINGER with no time: closing sends RST


@dataclass(frozen=True)
class Answer:
    """A plain answer, after `delay` seconds."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(frozen=True)
class Reset:
    """Promise `promised` bytes, send `sent` of them, and reset the connection; `promised` 0: reset without a word."""

    promised: int = 1000
    sent: int = 100


@dataclass(frozen=True)
class Endless:
    """A body of `size` bytes, sent as fast as it goes."""

    size: int = 1 << 30
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stall:
    """Say nothing for `seconds`, then answer 200."""

    seconds: float = 60.0


@dataclass(frozen=True)
class Drip:
    """One byte every `interval` seconds, of the headers or of the body: no single read ever times out."""

    where: str = "body"
    interval: float = 0.05


Behaviour = Answer | Reset | Endless | Stall | Drip


@dataclass(frozen=True)
class Received:
    """A request as it came; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers one behaviour after the other, the last one for ever. Use as a context manager."""

    def __init__(
        self,
        *behaviours: Behaviour,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        seen: Callable[[Received], None] | None = None,
    ) -> None:
        self._behaviours = list(behaviours) or [Answer()]
        self._lock = threading.Lock()
        self._seen = seen
        self.requests: list[Received] = []
        self.bytes_sent = 0
        self.stopping = threading.Event()
        self._server = _Server((host, port), _Handler, self)
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="receiver")

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}"

    def behave(self, *behaviours: Behaviour) -> None:
        """Behave so from now on."""
        with self._lock:
            self._behaviours = list(behaviours)

    def take(self, request: Received) -> Behaviour:
        """Remember the request; what to do with it."""
        with self._lock:
            self.requests.append(request)
            if self._seen is not None:
                self._seen(request)
            return self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the handlers
    request_queue_size = 128  # for many who come at once

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up, or dislike our certificate, are what these tests are about."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        self.request.settimeout(20)
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = self.server.receiver.take(Received(self.command, self.path, headers, body))
        self.close_connection = True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            getattr(self, f"_{type(behaviour).__name__.lower()}")(behaviour)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - the names that http.server looks for

    def _answer(self, answer: Answer) -> None:
        self.server.receiver.stopping.wait(answer.delay)
        self._head(answer.status, {"Content-Length": str(len(answer.body)), **answer.headers})
        self._send(answer.body)

    def _reset(self, reset: Reset) -> None:
        if reset.promised:
            self._head(200, {"Content-Length": str(reset.promised)})
            self._send(b"x" * reset.sent)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self.connection.close()

    def _endless(self, endless: Endless) -> None:
        self._head(endless.status, {"Content-Length": str(endless.size), **endless.headers})
        left = endless.size
        while left and not self.server.receiver.stopping.is_set():
            left -= self._send(b"x" * min(left, 65536))

    def _stall(self, stall: Stall) -> None:
        self.server.receiver.stopping.wait(stall.seconds)
        self._answer(Answer())

    def _drip(self, drip: Drip) -> None:
        if drip.where == "headers":
            self._send(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        else:
            self._head(200, {"Content-Length": "1000000"})
        while not self.server.receiver.stopping.wait(drip.interval):
            self._send(b"x")

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Odd"
        lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        self._send("\r\n".join([*lines, "Connection: close", "", ""]).encode())

    def _send(self, data: bytes) -> int:
        self.wfile.write(data)
        self.server.receiver.bytes_sent += len(data)
        return len(data)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing: tests read `requests`."""


@cache
def refusing_url() -> str:
    """A URL on a port where nobody listens. It stays taken: else the server of another test might get it."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    atexit.register(taken.close)
    return f"http://127.0.0.1:{taken.getsockname()[1]}"


def main(arguments: list[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--answers", default="200", help="statuses, the last one for ever")
    parser.add_argument("--body", default="{}")
    asked = parser.parse_args(arguments)

    def write(request: Received) -> None:
        line = {"method": request.method, "target": request.target, "headers": dict(request.headers)}
        with asked.log.open("a") as log:
            log.write(json.dumps({**line, "body": request.body.decode("utf-8", "replace")}) + "\n")

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    answers = [Answer(int(status), asked.body.encode()) for status in asked.answers.split(",")]
    with Receiver(*answers, host=asked.host, port=asked.port, seen=write) as receiver:
        print(receiver.url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
