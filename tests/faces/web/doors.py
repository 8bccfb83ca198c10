"""A guard with something behind it that remembers what got through: in this process, or at a real port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import unquote

from model_stage_deploy.faces.web.guard import Guard, Receive, Refusal, Rules, Scope, Send
from model_stage_deploy.faces.web.origins import hosts_of
from model_stage_deploy.faces.web.server import Served, listen
from model_stage_deploy.faces.web.sessions import Sessions

PORT = 8642
TOKEN = "the-token-that-the-terminal-printed"
HOST = f"127.0.0.1:{PORT}"
ORIGIN = f"http://{HOST}"
FORM = "application/x-www-form-urlencoded"


class Answer(NamedTuple):
    """What came back. `headers` by name in lower case; of several of one name the last."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Door:
    """The guard's rules, what got through it (`seen`: method, path, body), and what it told the terminal."""

    sessions: Sessions = field(default_factory=lambda: Sessions(PORT, token=TOKEN, key=b"k" * 32))
    read_only: bool = False
    any_address: bool = False
    patience: float = 10.0
    port: int = PORT
    names: tuple[str, ...] = ()
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    @property
    def guard(self) -> Guard:
        """In front of what remembers."""
        rules = Rules(
            hosts_of("0.0.0.0" if self.any_address else "127.0.0.1", self.port, self.names),
            self.any_address,
            None if self.read_only else self.sessions,
            self.patience,
        )
        return Guard(self._inside, rules, _shown, self.told.append)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        if scope["method"] == "POST":
            while True:
                message = await receive()
                body += message.get("body", b"")
                if not message.get("more_body"):
                    break
        self.seen.append((scope["method"], scope["path"], body))
        if scope["path"] == "/defect":
            raise RuntimeError("secret\x1b[31m of the\nprogram")
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"public")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"inside"})

    def cookie(self) -> str:
        """A session's, as a browser sends it."""
        return f"{self.sessions.cookie}={self.sessions.begin()}"

    def form_token(self, cookie: str) -> str:
        """What a form of that session has."""
        return self.sessions.form_token(self.sessions.session_in([cookie]))

    def ask(
        self,
        method: str = "GET",
        target: str = "/models",
        headers: Sequence[tuple[str, str]] = (),
        chunks: Sequence[bytes] = (b"",),
        *,
        host: str | None = HOST,
        guard: Guard | None = None,
        waits: bool = False,
    ) -> Answer:
        """One request, without a network; `chunks` is the body as it arrives, `waits` whether what is behind does."""
        raw_path, _, query = target.encode("latin-1").partition(b"?")
        given = [(b"host", host.encode("latin-1"))] if host is not None else []
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(raw_path.decode("latin-1")),
            "raw_path": raw_path,
            "query_string": query,
            "headers": [*given, *((name.encode(), value.encode("latin-1")) for name, value in headers)],
            "server": ("127.0.0.1", self.port),
            "client": ("127.0.0.1", 50000),
        }
        asked = _asked(guard or self.guard, scope, list(chunks))
        return asyncio.run(asked) if waits or method == "POST" else _at_once(asked)


def _at_once(asked: Coroutine[None, None, Answer]) -> Answer:
    """What waits for nothing needs no event loop, which takes ten times as long to make."""
    try:
        asked.send(None)
    except StopIteration as done:
        found: Answer = done.value
        return found
    raise AssertionError("it waits for something")


async def _asked(guard: Guard, scope: dict[str, Any], chunks: list[bytes]) -> Answer:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not chunks:
            await asyncio.sleep(3600)
        chunk = chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(chunks) or chunk.endswith(b"&more")}

    async def send(message: Any) -> None:
        sent.append(message)

    await guard(scope, receive, send)
    start, *rest = sent
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, b"".join(message["body"] for message in rest))


def _shown(refusal: Refusal) -> str:
    return f"<p>{refusal.message} {refusal.hint}"


@contextmanager
def at_a_port(door: Door) -> Iterator[int]:
    """The same guard behind uvicorn."""
    listening = listen("127.0.0.1", 0)
    door.port = listening.getsockname()[1]
    door.sessions.cookie = f"model-stage-deploy-{door.port}"
    served = Served(door.guard, listening, door.told.append)
    served.start()
    try:
        yield door.port
    finally:
        served.end()
        served.join(5)
        assert not served.is_alive()


def raw(port: int, request: bytes, *, seconds: float = 5.0) -> bytes:
    """What comes back for these very bytes, until the server closes or nothing more comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(request)
        with suppress(OSError):  # it may be shut already
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def over_http(
    port: int, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    """One request with a client that follows nothing and keeps no cookies."""
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, target, body, dict(headers or {}))
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()
