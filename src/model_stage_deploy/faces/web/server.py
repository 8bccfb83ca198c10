"""Listening: an own socket, so that the port is known before anything is said, and uvicorn behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.writing import usage

_PATIENCE = 15.0  # seconds for a request's first line and headers, on a new connection or an idle one
_KEPT_OPEN = 10  # seconds that an idle connection stays
_CONNECTIONS = 200  # more at once are turned away
_ENDING = 1  # seconds for what is under way when the server is told to stop
_LOOKS_UP = 0.5  # seconds between two looks whether a signal came
_LAST = 0.8  # seconds more, after which it is not waited for


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises Invalid (usage)."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listening = socket.create_server(address[:2], family=family, backlog=128)
        # Connections inherit it. asyncio does so by itself only where it made the socket; else the end of an answer
        # waits 40 ms for the client's word that it got the beginning.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, UnicodeError) as problem:
        said = getattr(problem, "strerror", None) or str(problem)
        raise usage(
            f"cannot listen on {one_line(host, 200)} port {port}: {one_line(said, 200)}",
            "--port names another (0: any that is free), --host an address of this machine",
        ) from None


class Served(threading.Thread):
    """Serves an application on a thread of its own, so that signals reach the main one wherever that waits."""

    def __init__(self, app: Any, listening: socket.socket, tell: Callable[[str], None]) -> None:
        super().__init__(name="serve", daemon=True)  # what hangs in git or in a client does not keep the process
        _tell_of_errors(tell)
        self._tell = tell
        self._ended = threading.Event()
        self._socket = listening
        self._server = Server(
            Config(
                app,
                http=_Patient,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # addresses have names in them, and the first one the token
                proxy_headers=False,  # who is at the other end decides nothing
                server_header=False,
                timeout_keep_alive=_KEPT_OPEN,
                timeout_graceful_shutdown=_ENDING,
                limit_concurrency=_CONNECTIONS,
                h11_max_incomplete_event_size=32 * 1024,
            )
        )

    def run(self) -> None:
        """The thread. Whoever waits for its end sees to what that means."""
        try:
            self._server.run(sockets=[self._socket])
        except Exception as defect:  # noqa: BLE001 - the last door of a thread
            self._tell(f"the server broke: {type(defect).__name__}: {one_line(str(defect), 500)}")
        finally:
            self._ended.set()

    def wait(self) -> None:
        """Until it ends by itself. (Not by `join`: CPython takes a thread for ended when a signal interrupts that.)

        A signal that another thread gets does not wake the main one, which alone may answer it: so it looks up.
        """
        while not self._ended.wait(_LOOKS_UP):
            pass

    def end(self) -> None:
        """Take no more requests, and wait a little for those that are under way."""
        _tell_of_errors(lambda _: None)
        self._server.should_exit = True
        if not self._ended.wait(_ENDING):
            self._tell(f"requests that were under way and are cut off: {len(self._server.server_state.tasks)}")
            self._ended.wait(_LAST)
        self._socket.close()


class _Patient(H11Protocol):
    """HTTP whose answers to what is no HTTP have our headers, too, and that waits so long for a request and no longer.

    uvicorn itself gives an idle connection a time, but none to one that says nothing yet, or a byte now and then.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is to come."""
        super().connection_made(transport)
        self._wait(_PATIENCE)

    def on_response_complete(self) -> None:
        """The next one may come."""
        super().on_response_complete()
        self._wait(_PATIENCE + _KEPT_OPEN)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - what it says is uvicorn's
        """What is no HTTP gets the shortest answer there is."""
        with contextlib.suppress(Exception):  # h11 may be in no state to send
            self.transport.write(_NO_HTTP)
        self.transport.close()

    def _wait(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self._give_up, self.cycle)

    def _give_up(self, seen: object) -> None:
        if self.cycle is seen and not self.transport.is_closing():
            self.transport.close()


_NO_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ncache-control: no-store\r\n"
    b"content-security-policy: default-src 'none'\r\nx-content-type-options: nosniff\r\n\r\n"
)


class _Teller(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        """One line, without a traceback."""
        self._tell(one_line(record.getMessage(), 500))


def _tell_of_errors(tell: Callable[[str], None]) -> None:
    """What uvicorn and the loop complain of goes where we tell; what strangers send to a port is no news."""
    for name in ("uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers = [_Teller(tell)]
        logger.propagate = False
        logger.setLevel(logging.ERROR)
