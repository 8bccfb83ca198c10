"""What connections share and what they must not: certificates are read once, all else is each one's own."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model_stage_deploy.adapters import web_connections
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.ports import WebProblem, WebRequest
from tests.adapters.test_web_tls import certificate, server_side
from tests.standins.receiver import Answer, Receiver, Stall

__all__ = ["certificate"]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    web_connections._read_once.cache_clear()


def _post(url: str, timeout: float = 5) -> WebRequest:
    return WebRequest("POST", url, {}, b"{}", timeout)


def _read() -> int:
    return web_connections._read_once.cache_info().misses


def test_the_authorities_are_read_once_for_all_threads(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Receiver(Answer(body=b"ok"), tls=server_side(certificate)) as receiver, ThreadPoolExecutor(8) as pool:
        web = RequestsWeb()
        answers = list(pool.map(lambda n: web.send(_post(f"{receiver.url}/{n}")).body, range(24)))
        RequestsWeb().send(_post(receiver.url))
    assert answers == [b"ok"] * 24
    assert _read() == 1


def test_authorities_that_changed_are_read_anew(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(certificate.read_bytes())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with Receiver(tls=server_side(certificate)) as receiver:
        RequestsWeb().send(_post(receiver.url))
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(WebProblem, match="not trusted"):
            RequestsWeb().send(_post(receiver.url))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        bundle.write_text("no certificate\n")
        with pytest.raises(WebProblem) as caught:
            RequestsWeb().send(_post(receiver.url))
    assert (caught.value.kind, caught.value.retryable) == ("tls", False)
    assert len(receiver.requests) == 1


def test_whom_one_certificate_is_for_is_asked_each_time(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is for 127.0.0.1: it vouches for no other name of the same place, also once it was used."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Receiver(tls=server_side(certificate)) as receiver:
        web = RequestsWeb()
        web.send(_post(receiver.url))
        with pytest.raises(WebProblem) as caught:
            web.send(_post(f"https://localhost:{receiver.port}/"))
        web.send(_post(receiver.url))
    assert caught.value.kind == "tls"
    assert len(receiver.requests) == 2


def test_a_directory_of_authorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with Receiver(tls=server_side(certificate)) as receiver, pytest.raises(WebProblem, match="not trusted"):
        RequestsWeb().send(_post(receiver.url))


def test_each_request_has_a_connection_of_its_own() -> None:
    """A kept connection may be one that the other end just closed; a POST into it is lost, and not plainly."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        came: list[bytes] = []

        def serve() -> None:
            for _ in range(2):
                one, _address = server.accept()
                with one:
                    came.append(one.recv(65536))
                    one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    came.append(one.recv(65536))  # nothing more, then the end

        thread = threading.Thread(target=serve)
        thread.start()
        web, url = RequestsWeb(), f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert [web.send(WebRequest("GET", url, timeout=5)).body for _ in range(2)] == [b"ok", b"ok"]
        thread.join(5)
    assert [part.split(b" ")[0] for part in came] == [b"GET", b"", b"GET", b""]


def test_one_that_hangs_holds_up_no_other() -> None:
    with Receiver(Stall(30)) as stalling, Receiver(Answer(body=b"ok")) as receiver, ThreadPoolExecutor(8) as pool:
        web, begun = RequestsWeb(), time.monotonic()
        hanging = [pool.submit(web.send, _post(stalling.url, 1.0)) for _ in range(4)]
        assert [one.body for one in pool.map(web.send, [_post(receiver.url)] * 8)] == [b"ok"] * 8
        assert time.monotonic() - begun < 1
        problems = [one.exception(5) for one in hanging]
    assert [problem.kind for problem in problems if isinstance(problem, WebProblem)] == ["timeout"] * 4


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "Https_Proxy", "all_proxy"])
def test_tls_goes_through_a_proxy_to_the_host_itself(
    name: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with Receiver(Answer(body=b"ok"), tls=server_side(certificate)) as receiver, _Tunnel() as tunnel:
        monkeypatch.setenv(name, tunnel.url)
        assert RequestsWeb().send(_post(receiver.url)).body == b"ok"
    assert tunnel.asked.startswith(f"CONNECT 127.0.0.1:{receiver.port} ")


def test_only_no_proxy_is_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert web_connections._proxies("http://127.0.0.1/") == {}
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert web_connections._proxies("http://127.0.0.1/")["http"] == "http://127.0.0.1:9"


class _Tunnel:
    """A proxy for one CONNECT, on loopback."""

    asked = ""

    def __enter__(self) -> _Tunnel:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(5)
        self._server.close()

    def _serve(self) -> None:
        here, _address = self._server.accept()
        with here:
            head = here.recv(65536).decode()
            self.asked = head.splitlines()[0]
            host, _, port = head.split()[1].rpartition(":")
            with socket.create_connection((host, int(port))) as there:
                here.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=self._pass, args=(there, here))
                back.start()
                self._pass(here, there)
                back.join(5)

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return
