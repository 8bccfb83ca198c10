"""The door: what every request must be before any handler sees it, and what every answer says. Plain ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_plus, unquote_to_bytes

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.faces.web.headers import Headers, added
from model_stage_deploy.faces.web.origins import bracketed, is_ours, may_get, may_post
from model_stage_deploy.faces.web.sessions import Sessions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LONGEST_BODY = 64 * 1024
_FIELDS = 100  # of one form
_PATIENCE = 10.0  # seconds for a whole body
_STATIC = "/static/"
_FORM = "application/x-www-form-urlencoded"
SESSION = "session"
"""Under this key `scope["state"]` has the session, "" for none."""


class Rules(NamedTuple):
    """How this server is reached. `any_address` says that it listens on all of the machine's: then the one by which a
    connection came is its name, too. Without `sessions` everybody may read, and nobody may change anything.
    """

    hosts: frozenset[str]
    any_address: bool = False
    sessions: Sessions | None = None
    patience: float = _PATIENCE


class Refusal(NamedTuple):
    """Why a request goes no further."""

    status: int
    message: str
    hint: str = ""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Guard:
    """Lets through what is asked properly by somebody who may. `shown` makes the page of a refusal.

    A refusal says nothing of the repository: whoever gets one need not be anybody who may read it.
    """

    def __init__(self, app: App, rules: Rules, shown: Callable[[Refusal], str], tell: Callable[[str], None]) -> None:
        self._app = app
        self._rules = rules
        self._shown = shown
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI. Of websockets there are none."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return
        answer = _Answer(scope, send)
        try:
            refusal = await self._checked(scope, receive, answer)
        except Exception as defect:  # noqa: BLE001 - the last door: the client gets no traceback, the terminal one line
            self._tell(f"a defect: {type(defect).__name__}: {one_line(str(defect), 500)}")
            refusal = Refusal(500, "This page could not be made. The terminal says why.")
        if refusal is not None and not answer.started:
            await self._refuse(refusal, scope, answer)

    async def _checked(self, scope: Scope, receive: Receive, answer: _Answer) -> Refusal | None:
        asked = _Asked(scope)
        if refusal := self._misaddressed(asked) or self._unwelcome(asked):
            return refusal
        state = scope.setdefault("state", {})
        if self._rules.sessions is not None and not asked.path.startswith(_STATIC):
            if refusal := self._unknown(asked, self._rules.sessions, state):
                return refusal
            if asked.method == "POST":
                received = await self._posted(asked, receive, self._rules.sessions, state)
                if isinstance(received, Refusal):
                    return received
                receive = _replayed(received, receive)
        await self._app(scope, receive, answer.send)
        return None

    def _misaddressed(self, asked: _Asked) -> Refusal | None:
        """A name that is not ours (DNS rebinding), or a path that means different things to different readers."""
        hosts = asked.all("host")
        if len(hosts) != 1 or not is_ours(hosts[0], self._hosts(asked)):
            hint = "--allow-host NAME lets a proxy's name in, too"
            return Refusal(421, "This server is not known by that name.", hint)
        if not asked.plain:
            return Refusal(400, "That is no address of a page.")
        return None

    def _unwelcome(self, asked: _Asked) -> Refusal | None:
        """A method that nothing here has, or another site's page that asks in its visitor's name."""
        methods = ["GET", "HEAD"] if self._rules.sessions is None else ["GET", "HEAD", "POST"]
        if asked.method not in methods:
            why = "Nothing can be changed here: the server was started to be read." if asked.method == "POST" else ""
            allow = (b"allow", ", ".join(methods).encode())
            return Refusal(405, why or "There is nothing here that is asked for in that way.", headers=(allow,))
        sites = asked.all("sec-fetch-site")
        if asked.method == "POST":
            if not may_post(asked.all("origin"), sites, self._hosts(asked)):
                return Refusal(403, "A form that no page of this server sent was refused; nothing was changed.")
        elif not may_get(sites, asked.all("sec-fetch-mode"), asked.all("sec-fetch-dest")):
            return Refusal(403, "Other sites may link here, and nothing else.")
        return None

    def _unknown(self, asked: _Asked, sessions: Sessions, state: dict[str, Any]) -> Refusal | None:
        """Who has neither a session nor the token that begins one."""
        session = sessions.session_in(asked.all("cookie"))
        state[SESSION] = session
        given, rest = _without_token(asked.query)
        if given is not None and asked.method != "POST" and (session or sessions.opens(given)):
            location = (b"location", asked.raw_path + (b"?" + rest if rest else b""))
            cookie = "" if session else _cookie(sessions, secure="https" in asked.all("x-forwarded-proto"))
            headers = (location, (b"set-cookie", cookie.encode())) if cookie else (location,)
            return Refusal(303, "The address goes on without the token.", headers=headers)
        if session:
            return None
        return Refusal(
            401,
            "This page is for whoever started the server, or was given its link.",
            "open the link that the terminal printed; every start of the server has a new one",
            _once_more(asked),
        )

    async def _posted(
        self, asked: _Asked, receive: Receive, sessions: Sessions, state: dict[str, Any]
    ) -> bytes | Refusal:
        """The body of a form that one of our pages made for this session."""
        if [kind.partition(";")[0].strip().lower() for kind in asked.all("content-type")] != [_FORM]:
            return Refusal(415, "Only forms are taken here.")
        try:
            async with asyncio.timeout(self._rules.patience):
                body = await _body(receive, asked.all("content-length"))
        except TimeoutError:
            return Refusal(408, "The form did not arrive in time; nothing was changed.")
        if body is None:
            return Refusal(413, f"A form has at most {LONGEST_BODY} bytes; nothing was changed.")
        fields = _fields(body)
        if fields is None:
            return Refusal(400, "The form cannot be read; nothing was changed.")
        given = [*asked.all("x-csrf-token"), *(value for name, value in fields if name == "csrf"), ""]
        if not sessions.allows(state[SESSION], given[0]):
            hint = "go back, load the page again and send the form from there"
            return Refusal(403, "The form is not of this session; nothing was changed.", hint)
        return body

    def _hosts(self, asked: _Asked) -> frozenset[str]:
        if self._rules.any_address and asked.server:
            return self._rules.hosts | {asked.server}
        return self._rules.hosts

    async def _refuse(self, refusal: Refusal, scope: Scope, answer: _Answer) -> None:
        if refusal.status in (401, 403, 500):
            text, kind = self._shown(refusal), b"text/html; charset=utf-8"
        else:
            text, kind = f"{refusal.message}\n", b"text/plain; charset=utf-8"
        content = text.encode()
        headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode()), *refusal.headers]
        if refusal.status >= 400:
            headers.append((b"connection", b"close"))  # the rest of a body that nobody reads is not waited for
        await answer.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await answer.send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


class _Answer:
    """Sends an answer with our headers, and knows whether one was begun."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._file = scope["path"].startswith(_STATIC)
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        """ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.started = True
            headers: Headers = list(message.get("headers", ()))
            message["headers"] = added(headers, file=self._file)
        await self._send(message)


class _Asked:
    """What was asked for. `plain` says that the address means one thing: nothing in it is undecodable or a control."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.raw_path: bytes = scope.get("raw_path") or b""
        self.query: bytes = scope["query_string"]
        self._headers: Headers = scope["headers"]
        server = scope.get("server")
        self.server = f"{bracketed(server[0])}:{server[1]}" if server else ""
        whole = self.raw_path + b"?" + self.query
        self.plain = self.raw_path[:1] == b"/" and self.raw_path[:2] != b"//" and _is_plain(whole)

    def all(self, name: str) -> list[str]:
        """Every header of that name, in order."""
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self._headers if key == wanted]


def _is_plain(text: bytes) -> bool:
    """Whether percent signs and UTF-8 are right, and nothing (controls, `\\`, `#`) can be read in two ways."""
    parts = text.split(b"%")[1:]
    if any(len(part) < 2 or not _is_hex(part[:2]) for part in parts) or b"\\" in text or b"#" in text:
        return False
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return not any(character < " " or character == "\x7f" for character in decoded)


def _is_hex(pair: bytes) -> bool:
    return all(byte in b"0123456789abcdefABCDEF" for byte in pair)


def _without_token(query: bytes) -> tuple[str | None, bytes]:
    """The token in a query, None for none, and the query without it."""
    given, rest = None, []
    for part in query.split(b"&"):
        name, _, value = part.decode("latin-1").partition("=")
        if unquote_plus(name) == "token":
            given = unquote_plus(value)
        elif part:
            rest.append(part)
    return given, b"&".join(rest)


def _once_more(asked: _Asked) -> tuple[tuple[bytes, bytes], ...]:
    """A strict cookie does not come along from another site's link; when this page asks again by itself, it does."""
    if asked.method != "GET" or asked.all("sec-fetch-site") not in (["cross-site"], ["same-site"]):
        return ()
    return ((b"refresh", b"0;url=" + asked.raw_path + (b"?" + asked.query if asked.query else b"")),)


def _cookie(sessions: Sessions, *, secure: bool) -> str:
    """Set by the answer to the printed link. A proxy's word that it speaks TLS makes the cookie stricter, no more."""
    return f"{sessions.cookie}={sessions.begin()}; Path=/; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")


async def _body(receive: Receive, lengths: list[str]) -> bytes | None:
    """The whole body; None where it is too long, or says so."""
    if any(not length.isascii() or not length.isdigit() or int(length[:12]) > LONGEST_BODY for length in lengths):
        return None
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client is gone: nobody waits for an answer
            return None
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _fields(body: bytes) -> list[tuple[str, str]] | None:
    """What a form says; None where it cannot be read, or holds what no process may be given (NUL)."""
    try:
        fields = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
    except (UnicodeDecodeError, ValueError):
        return None
    return None if any("\0" in name + value for name, value in fields) else fields


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again
