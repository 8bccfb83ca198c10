"""Real sockets whose other end behaves badly."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from model_stage_deploy.adapters.web_requests import ANSWER_BYTES, RequestsWeb
from model_stage_deploy.ports import WebProblem, WebRequest
from tests.standins.receiver import Answer, Drip, Endless, Receiver, Reset, Stall, refusing_url


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def _post(url: str, headers: Mapping[str, str] | None = None, *, timeout: float = 5.0) -> WebRequest:
    return WebRequest("POST", url, headers or {}, b'{"x":1}', timeout)


def _problem(request: WebRequest) -> WebProblem:
    with pytest.raises(WebProblem) as caught:
        RequestsWeb().send(request)
    return caught.value


def _settled(threads: int, within: float = 2.0) -> bool:
    until = time.monotonic() + within
    while threading.active_count() > threads and time.monotonic() < until:
        threading.Event().wait(0.01)
    return threading.active_count() <= threads


def test_what_is_asked_arrives_and_the_answer_comes_back() -> None:
    with Receiver(Answer(201, b"made", {"X-Odd": "Value"})) as receiver:
        answer = RequestsWeb().send(
            WebRequest("PUT", receiver.url + "/a%2Fb?x=%23", {"X-Name": "café \u202e ✓", "X-A": " b "}, b"body", 5)
        )
    assert (answer.status, answer.body, answer.truncated) == (201, b"made", False)
    assert answer.headers["x-odd"] == "Value"
    (request,) = receiver.requests
    assert (request.method, request.target, request.body) == ("PUT", "/a%2Fb?x=%23", b"body")
    assert request.headers["x-name"].encode("latin-1").decode() == "café \u202e ✓"
    assert request.headers["x-a"] == "b"
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [204, 400, 401, 404, 429, 500, 503])
def test_any_status_is_an_answer(status: int) -> None:
    with Receiver(Answer(status, headers={"Retry-After": "7"})) as receiver:
        answer = RequestsWeb().send(_post(receiver.url))
    assert (answer.status, answer.headers["retry-after"]) == (status, "7")
    assert len(receiver.requests) == 1


def test_nobody_listens() -> None:
    problem = _problem(_post(refusing_url() + "/hook?token=s3cret"))
    assert (problem.kind, problem.retryable) == ("connect", True)
    assert "refused" in str(problem)
    assert "s3cret" not in str(problem)
    assert "hook" not in str(problem)


def test_a_name_that_does_not_resolve() -> None:
    problem = _problem(_post("http://no-such-host.invalid/"))
    assert (problem.kind, problem.retryable) == ("name", True)
    assert "no-such-host.invalid" in str(problem)


@pytest.mark.parametrize("reset", [Reset(), Reset(promised=0)], ids=["mid-body", "without-a-word"])
def test_resets(reset: Reset) -> None:
    with Receiver(reset) as receiver:
        problem = _problem(_post(receiver.url + "/s3cret"))
    assert (problem.kind, problem.retryable) == ("reset", True)
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize(
    "behaviour",
    [Stall(30), Drip("headers"), Drip("body"), Answer(delay=30)],
    ids=["stall", "drip-headers", "drip-body", "late"],
)
def test_the_deadline_covers_everything(behaviour: Stall | Drip | Answer) -> None:
    threads = threading.active_count()
    with Receiver(behaviour) as receiver:
        begun = time.monotonic()
        problem = _problem(_post(receiver.url + "/s3cret", timeout=0.4))
        assert time.monotonic() - begun < 1.2
    assert (problem.kind, problem.retryable) == ("timeout", True)
    assert "0.4 s" in str(problem)
    assert "s3cret" not in str(problem)
    assert _settled(threads)


def test_a_listener_that_never_accepts_a_handshake() -> None:
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        problem = _problem(_post(f"https://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.4))
        assert time.monotonic() - begun < 1.2
        assert _settled(threads)
    assert problem.kind == "timeout"


def test_an_answer_of_a_gigabyte_is_capped() -> None:
    with Receiver(Endless(1 << 30)) as receiver:
        begun = time.monotonic()
        answer = RequestsWeb().send(_post(receiver.url, timeout=10))
        assert time.monotonic() - begun < 3
    assert (len(answer.body), answer.truncated, answer.status) == (ANSWER_BYTES, True, 200)
    assert receiver.bytes_sent < 50_000_000


def test_an_answer_of_just_the_cap_is_whole() -> None:
    with Receiver(Answer(body=b"x" * ANSWER_BYTES)) as receiver:
        answer = RequestsWeb().send(_post(receiver.url))
    assert (len(answer.body), answer.truncated) == (ANSWER_BYTES, False)


def test_a_small_answer_does_not_swell() -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    with Receiver(Answer(body=bomb, headers={"Content-Encoding": "gzip"})) as receiver:
        assert RequestsWeb().send(_post(receiver.url)).body == bomb


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_on_the_same_host_is_followed_with_method_and_body(status: int) -> None:
    with Receiver(Answer(status, headers={"Location": "/there?x=1"}), Answer(body=b"ok")) as receiver:
        answer = RequestsWeb().send(_post(receiver.url + "/here", {"X-Secret": "s"}))
    assert answer.body == b"ok"
    assert [(one.method, one.target, one.body) for one in receiver.requests] == [
        ("POST", "/here", b'{"x":1}'),
        ("POST", "/there?x=1", b'{"x":1}'),
    ]
    assert receiver.requests[1].headers["x-secret"] == "s"


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_change_the_method_is_a_problem(status: int) -> None:
    with Receiver(Answer(status, headers={"Location": "/there"})) as receiver:
        problem = _problem(_post(receiver.url))
        assert len(receiver.requests) == 1
    assert (problem.kind, problem.retryable) == ("redirect", False)
    assert "GET" in str(problem)


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_get_follows_redirects_on_the_same_host(status: int) -> None:
    with Receiver(Answer(status, headers={"Location": "/there"}), Answer(body=b"ok")) as receiver:
        assert RequestsWeb().send(WebRequest("GET", receiver.url, timeout=5)).body == b"ok"


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with Receiver() as other, Receiver(Answer(307, headers={"Location": f"{other.url}/s3cret"})) as receiver:
        problem = _problem(_post(receiver.url, {"Authorization": "Bearer x"}))
        assert other.requests == []
    assert (problem.kind, problem.retryable) == ("redirect", False)
    assert f"127.0.0.1:{other.port}" in str(problem)
    assert "s3cret" not in str(problem)


@pytest.mark.parametrize(
    "location", ["https://{place}/", "http://user:pw@{place}/", "file:///etc/passwd", "http://[::1", "//evil.invalid/x"]
)
def test_odd_redirects_are_not_followed(location: str) -> None:
    with Receiver() as receiver:
        there = location.format(place=f"127.0.0.1:{receiver.port}")
        receiver.behave(Answer(307, headers={"Location": there}))
        assert _problem(_post(receiver.url)).kind == "redirect"
        assert len(receiver.requests) == 1


def test_the_body_of_a_redirect_is_not_read_to_its_end() -> None:
    with Receiver(Endless(1 << 30, 307, {"Location": "/there"}), Answer(body=b"ok")) as receiver:
        assert RequestsWeb().send(_post(receiver.url)).body == b"ok"
        assert receiver.bytes_sent < 50_000_000


def test_a_ring_of_redirects_ends() -> None:
    with Receiver(Answer(307, headers={"Location": "/again"})) as receiver:
        problem = _problem(_post(receiver.url))
    assert problem.kind == "redirect"
    assert len(receiver.requests) == 4


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/",
        "http://",
        "host/path",
        "http://user:pw@host/",
        "http://host:99999/",
        "http://ho st/",
        "http://host/a\nb",
        "http://[::1/",
        "http://host\\@evil/",
        "http://" + "a" * 70 + ".invalid/",
        "",
    ],
)
def test_urls_that_are_never_asked(url: str) -> None:
    problem = _problem(_post(url))
    assert (problem.kind, problem.retryable) == ("invalid-url", False)
    assert "pw" not in str(problem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "a\r\nX-B: c"),
        ("X-A", "a\0"),
        ("X-A", "a\x1b[0m"),
        ("X-A", "\ud800"),
        ("X A", "b"),
        ("X-A\n", "b"),
        ("", "b"),
        ("Content-Length", "5"),
        ("Transfer-Encoding", "chunked"),
    ],
)
def test_headers_that_are_never_sent(name: str, value: str) -> None:
    with Receiver() as receiver:
        problem = _problem(WebRequest("POST", receiver.url, {name: value}, b"", 5))
        assert receiver.requests == []
    assert (problem.kind, problem.retryable) == ("invalid-header", False)


def test_no_netrc_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password s3cret\ndefault login me password s3cret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with Receiver() as receiver:
        RequestsWeb().send(_post(receiver.url))
    assert "authorization" not in receiver.requests[0].headers


def test_proxies_of_the_environment_are_used_and_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver(Answer(body=b"by proxy")) as proxy, Receiver(Answer(body=b"direct")) as receiver:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        assert RequestsWeb().send(_post("http://models.invalid/x")).body == b"by proxy"
        assert proxy.requests[0].target == "http://models.invalid/x"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert RequestsWeb().send(_post(receiver.url)).body == b"direct"


def test_a_proxy_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", refusing_url())
    problem = _problem(_post("http://models.invalid/x"))
    assert (problem.kind, problem.retryable) == ("proxy", True)
    assert "proxy" in str(problem)


_CANCELLED = """
import signal, sys, threading
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.ports import WebRequest

def stop(number, frame):
    raise Cancelled("told to stop")

signal.signal(signal.SIGTERM, stop)
try:
    RequestsWeb().send(WebRequest("POST", sys.argv[1], {}, b"", 60))
except Cancelled:
    print("cancelled", threading.active_count())
"""


def test_a_cancelled_run_does_not_wait_for_an_answer() -> None:
    arrived = threading.Event()
    with Receiver(Stall(60), seen=lambda _request: arrived.set()) as receiver:
        asker = subprocess.Popen([sys.executable, "-c", _CANCELLED, receiver.url], stdout=subprocess.PIPE, text=True)
        assert arrived.wait(20)
        begun = time.monotonic()
        asker.terminate()
        said, _ = asker.communicate(timeout=20)
        assert time.monotonic() - begun < 2
    assert said == "cancelled 1\n"


def test_requests_loads_only_when_something_is_sent() -> None:
    program = "import sys, model_stage_deploy.adapters.web_requests; print('requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
