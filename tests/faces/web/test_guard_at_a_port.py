"""The guard behind uvicorn, at real sockets: what a hostile page, a strange client or no client at all may send."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from model_stage_deploy.faces.web import server
from tests.faces.web.doors import FORM, Answer, Door, at_a_port, over_http, raw

pytestmark = pytest.mark.thorough  # processes, one after the other

_HALF_A_BODY = (
    b"POST /do/x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nCookie: %s\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na="
)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """A guard at a port, with little patience."""
    monkeypatch.setattr(server, "_PATIENCE", 0.3)
    made = Door(patience=0.3)
    with at_a_port(made):
        yield made


def sent(door: Door, method: str = "GET", target: str = "/models", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return over_http(door.port, method, target, {"Cookie": door.cookie(), **named})


def posted(door: Door, **headers: str) -> Answer:
    cookie = door.cookie()
    body = urlencode({"csrf": door.form_token(cookie), "model": "churn"}).encode()
    usual = {"Cookie": cookie, "Origin": f"http://127.0.0.1:{door.port}", "Content-Type": FORM}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return over_http(door.port, "POST", "/do/assign", usual | named, body)


def assert_shut(answer: bytes, status: int) -> None:
    """One answer of that status, with the headers that keep a browser from doing anything with it."""
    head = answer.partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(f"http/1.1 {status} ".encode()), answer
    assert b"content-security-policy: default-src 'none'" in head
    assert b"x-content-type-options: nosniff" in head
    assert b"no-store" in head


def test_a_page_and_a_form_get_through(door: Door) -> None:
    assert sent(door).status == 200
    assert posted(door).status == 200
    assert [seen[:2] for seen in door.seen] == [("GET", "/models"), ("POST", "/do/assign")]
    assert door.told == []


def test_dns_rebinding_is_refused(door: Door) -> None:
    for host in ("evil.example", f"evil.example:{door.port}", f"127.0.0.1:{door.port + 1}"):
        assert sent(door, Host=host).status == 421
        assert posted(door, Host=host, Origin=f"http://{host}").status == 421
    assert sent(door, Host=f"localhost:{door.port}").status == 200
    assert len(door.seen) == 1


def test_a_form_of_another_site_is_refused(door: Door) -> None:
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{door.port + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Content_Type": "text/plain"},
        {"Cookie": ""},
    ):
        assert posted(door, **headers).status in (401, 403, 415)
    assert door.seen == []


def test_websockets_are_refused(door: Door) -> None:
    asked = (
        f"GET /models HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert_shut(raw(door.port, asked.encode()), 401)
    h2c = asked.replace("websocket\r\n", "h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n")
    assert_shut(raw(door.port, h2c.encode()), 401)
    assert door.seen == []


def test_head_has_no_body_and_other_methods_no_answer(door: Door) -> None:
    head = sent(door, "HEAD")
    assert (head.status, head.body) == (200, b"")
    for method in ("OPTIONS", "TRACE", "PUT", "DELETE", "PATCH"):
        answer = sent(door, method, Origin="http://evil.example", Access_Control_Request_Method="POST")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
        assert not any(name.startswith("access-control") for name in answer.headers)
    assert [seen[0] for seen in door.seen] == ["HEAD"]


@pytest.mark.parametrize(
    ("target", "status"),
    [
        *((target, 400) for target in ("//evil.example/x", "/%00", "/m/%ff", "/m/%zz", "/a\\b", "*", "http://evil/x")),
        *((target, 200) for target in ("/m/..%2f..%2f", "/m/%2e%2e/x", "/m//x")),
    ],
)
def test_tricks_with_paths(door: Door, target: str, status: int) -> None:
    asked = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nCookie: {door.cookie()}\r\n\r\n"
    answer = raw(door.port, asked.encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer


@pytest.mark.parametrize(
    "asked",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 50_000 + b"\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=range(11),
)
def test_what_is_no_proper_http_is_shut_out(door: Door, asked: bytes) -> None:
    with contextlib.suppress(ConnectionResetError):  # it was told so while it still sent
        assert_shut(raw(door.port, asked), 400)
    assert sent(door).status == 200
    assert len(door.seen) == 1
    assert door.told == []


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: ",
        _HALF_A_BODY,
    ],
    ids=["nothing", "half a line", "half a header", "half a body"],
)
def test_who_says_nothing_more_is_not_waited_for(door: Door, begun: bytes) -> None:
    if b"%d" in begun:
        begun %= (door.port, door.port, door.cookie().encode())
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
        connection.sendall(begun)
        received, start = b"", time.monotonic()
        while chunk := connection.recv(65536):
            received += chunk
        assert time.monotonic() - start < 5
    assert received == b"" or received.startswith(b"HTTP/1.1 408 ")
    assert door.seen == []


def test_a_second_request_on_a_connection_is_looked_at_as_well(door: Door) -> None:
    first = f"GET /models HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nCookie: {door.cookie()}\r\n\r\n"
    second = "GET /models HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    answer = raw(door.port, (first + second).encode())
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 421 " in answer
    assert len(door.seen) == 1


def test_an_endless_body_is_cut_off(door: Door) -> None:
    headers = (
        f"POST /do/x HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\nOrigin: http://127.0.0.1:{door.port}\r\n"
        f"Cookie: {door.cookie()}\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as connection:
        connection.sendall(headers.encode())
        sent_bytes = 0
        with pytest.raises(ConnectionError):
            while sent_bytes < 50_000_000:
                connection.sendall(b"10000\r\n" + b"a" * 65536 + b"\r\n")
                sent_bytes += 65536
    assert sent_bytes < 20_000_000
    assert door.seen == []


def test_a_defect_is_told_here_and_not_there(door: Door) -> None:
    answer = sent(door, target="/defect")
    assert answer.status == 500
    assert b"secret" not in answer.body
    [line] = door.told
    assert "RuntimeError" in line
    assert line.isprintable()
