"""The HTTP side of the stand-in: threads, keep-alive, resets and stalls; it knows nothing about GitHub."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

POLL_SECONDS = 0.02  # how long a stop may have to wait for the accept loop


@dataclass(frozen=True)
class Request:
    """A request as it came: `target` is the raw path and query, header names are lower-case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to do with a request: wait `stall` seconds, then drop the connection or send an answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    drop: bool = False
    stall: float = 0.0


class Server(ThreadingHTTPServer):
    """Serves `respond` on a background thread until `stop`, which also ends idle and stalled connections."""

    daemon_threads = False  # so that closing waits for the handlers, and no socket outlives a test
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], respond: Callable[[Request], Reply], complain: Callable[[str], None]
    ) -> None:
        self.respond = respond
        self.complain = complain
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(POLL_SECONDS,), name="github-standin")

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def server_bind(self) -> None:
        # The inherited method asks the resolver for our full name, which can be slow or leave the machine.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self._thread.join()
        with self._connections_lock:
            for connection in self._connections:
                _hang_up(connection)
        self.server_close()

    def opened(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.add(connection)
            if self.stopping.is_set():
                _hang_up(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._connections_lock:
            self._connections.discard(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may hang up whenever it likes; anything else is a mistake of the stand-in.
        if not isinstance(sys.exception(), ConnectionError):
            self.complain("the stand-in failed: " + traceback.format_exc())


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "github.com"
    sys_version = ""
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.opened(self.connection)

    def finish(self) -> None:
        self.server.closed(self.connection)
        super().finish()

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.respond(Request(self.command, self.path, headers, self.rfile.read(length)))
        if reply.stall:
            self.server.stopping.wait(reply.stall)
        if reply.drop:
            self._reset()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - the inherited names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the inherited name
        """Say nothing: calls are recorded, not printed."""

    def log_error(self, format: str, *args: Any) -> None:  # noqa: A002 - the inherited name
        self.server.complain("not HTTP as GitHub takes it: " + format % args)

    def _reset(self) -> None:
        # Lingering for zero seconds turns the close into a TCP reset instead of an orderly end.
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.server.closed(self.connection)
        self.rfile.close()
        self.connection.close()


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster
