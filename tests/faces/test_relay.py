"""The relay at the network: a delivery reaches GitHub, and nothing hostile gets further than the door."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.core.mlflow_webhook import ID, LONGEST_BODY, SIGNATURE, TIMESTAMP, sign
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.faces import relay_app
from model_stage_deploy.faces.cli import main
from model_stage_deploy.faces.relay import WAITING, RelayServer, wsgi
from model_stage_deploy.flows.relaying import Answer
from tests.standins.github import GitHubStandIn
from tests.standins.registries import isolated_environment

SECRET = "a-secret-of-the-webhook-0123456789"
TOKEN = "ghp_OnlyForTests0123456789"
ASKED = {"command": "promote", "model": "churn", "stage": "prod", "to": "v3.0.0"}


def body(**changed: str) -> bytes:
    data = {"name": "churn", "alias": "champion", "version": "3"} | changed
    return json.dumps({"entity": "model_version_alias", "action": "created", "data": data}).encode()


def signed(content: bytes, delivery: str = "d-1", secret: str = SECRET) -> dict[str, str]:
    moment = str(int(time.time()))
    made = sign(Secret(secret), delivery, moment, content)
    return {ID.title(): delivery, TIMESTAMP.title(): moment, SIGNATURE.title(): made}


def post(port: int, content: bytes, headers: dict[str, str], path: str = "/mlflow") -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, content, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(token=TOKEN, permissions={"contents": "write"}) as standin:
        yield standin
        standin.assert_clean()


def environment(place: Path, github: GitHubStandIn) -> dict[str, str]:
    own = {"MLFLOW_WEBHOOK_SECRET": SECRET, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
    return isolated_environment(place) | own | {"NO_PROXY": "127.0.0.1"}


@pytest.fixture
def process(tmp_path: Path, github: GitHubStandIn) -> Iterator[tuple[int, Path, subprocess.Popen[bytes]]]:
    """`relay-mlflow` as a process: its port, its log, and itself."""
    log = tmp_path / "log"
    words = ["relay-mlflow", "--repository", "org/models", "--alias-map", "champion=prod", "--port", "0"]
    command = [sys.executable, "-m", "model_stage_deploy", *words, "--version-template", "v{version}.0.0"]
    with log.open("wb") as file, subprocess.Popen(command, env=environment(tmp_path, github), stderr=file) as started:
        try:
            deadline = time.monotonic() + 20
            while not (found := re.search(r"http://127\.0\.0\.1:([0-9]+)/mlflow", log.read_text())):
                assert started.poll() is None and time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            yield int(found[1]), log, started
        finally:
            started.kill()


def test_a_delivery_becomes_a_request_for_a_promotion(
    process: tuple[int, Path, subprocess.Popen[bytes]], github: GitHubStandIn
) -> None:
    port, log, started = process
    content = body()
    assert post(port, content, signed(content)) == (202, "asked for churn v3.0.0 in prod\n")
    assert post(port, content, signed(content)) == (202, "asked for churn v3.0.0 in prod\n")
    assert [(each.event_type, each.payload) for each in github.events] == [("model-promotion", ASKED)]

    assert post(port, content, signed(content, "d-2", "another secret"))[0] == 401
    assert post(port, content, {})[0] == 401
    other = body(alias="challenger")
    assert post(port, other, signed(other, "d-3")) == (204, "")
    assert len(github.events) == 1

    github.fail_next("POST", "/dispatches$", status=503, body={"message": "down"})
    assert post(port, content, signed(content, "d-4"))[0] == 502
    assert post(port, content, signed(content, "d-4"))[0] == 202
    assert len(github.events) == 2

    github.permit({"contents": "read"})
    assert post(port, content, signed(content, "d-5"))[0] == 502
    started.send_signal(signal.SIGTERM)
    assert started.wait(10) == 0
    told = log.read_text()
    assert "contents: write" in told
    assert "Traceback" not in told
    assert not [secret for secret in (SECRET, TOKEN) if secret in told]


@pytest.mark.parametrize(
    ("words", "env", "says"),
    [
        ([], {}, "'' is not OWNER/NAME"),
        (["--repository", "org/models/x"], {}, "is not OWNER/NAME"),
        (["--repository", "o/m"], {}, "no alias means a stage"),
        (["--repository", "o/m", "--alias-map", "champion"], {}, "has not the form THEIRS=OURS"),
        (["--repository", "o/m", "--alias-map", "champion=a b"], {}, "is not a stage name"),
        (["--repository", "o/m", "--alias-map", "a=prod"], {}, "nothing says which version that is here"),
        (["--repository", "o/m", "--alias-map", "a=p", "--version-template", "v1"], {}, "makes no version"),
        (["--repository", "o/m", "--alias-map", "a=p", "--tracking-uri", "ftp://x"], {}, "must begin with https://"),
        (
            ["--repository", "o/m", "--alias-map", "a=p", "--version-template", "v{version}.0.0"],
            {"MLFLOW_WEBHOOK_SECRET": ""},
            "MLFLOW_WEBHOOK_SECRET is not set",
        ),
        (
            ["--repository", "o/m", "--alias-map", "a=p", "--version-template", "v{version}.0.0"],
            {"MLFLOW_WEBHOOK_SECRET": "short"},
            "shorter than 16 characters",
        ),
        (
            ["--repository", "o/m", "--alias-map", "a=p", "--version-template", "v{version}.0.0"],
            {"GITHUB_TOKEN": ""},
            "GITHUB_TOKEN is not set",
        ),
        (["--port", "99999"], {}, "is no port"),
    ],
)
def test_what_is_missing_is_said_before_it_listens(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    env: dict[str, str],
    says: str,
) -> None:
    for name in ("GITHUB_REPOSITORY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"MLFLOW_WEBHOOK_SECRET": SECRET, "GITHUB_TOKEN": TOKEN} | env).items():
        monkeypatch.setenv(name, value)
    assert main(["relay-mlflow", *words]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert SECRET not in told


class Recorder:
    """In a relay's place: remembers what was let in."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.hold: threading.Event | None = None

    def answer(self, headers: dict[str, str], content: bytes) -> Answer:
        if self.hold is not None:
            assert self.hold.wait(10)
        self.bodies.append(content)
        if content == b"defect":
            raise RuntimeError("boom\x1b[2J")
        return Answer(202, "taken")


class Door:
    """A server in a thread, and raw connections to it."""

    def __init__(self, patience: float) -> None:
        self.relay = Recorder()
        self.told: list[str] = []
        self.server = RelayServer(("127.0.0.1", 0), self.relay, self.told.append, patience=patience)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=10)

    def send(self, raw: bytes) -> bytes:
        """What the server answers to these very bytes, until it closes."""
        with self.connect() as connection:
            connection.sendall(raw)
            return read_all(connection)


def read_all(connection: socket.socket) -> bytes:
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


@pytest.fixture
def door() -> Iterator[Door]:
    made = Door(patience=0.5)
    yield made
    made.close()


def status(answer: bytes) -> int:
    found = re.match(rb"HTTP/1\.0 ([0-9]{3})", answer)
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"GET /health HTTP/1.1\r\n\r\n", 200),
        (b"HEAD /health HTTP/1.0\r\n\r\n", 200),
        (b"GET /mlflow HTTP/1.1\r\n\r\n", 405),
        (b"DELETE /mlflow HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
        (b"POST /mlflow/../etc HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
        (b"POST http://169.254.169.254/ HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 404),
        (b"POST /mlflow HTTP/1.1\r\n\r\n", 411),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: 1e3\r\n\r\n", 411),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n", 411),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (LONGEST_BODY + 1), 413),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0),
        (b"\r\n\r\n", 0),
        (b"POST /mlflow HTTP/9.9\r\n\r\n", 505),
        (b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"POST /mlflow HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 202),
        (b"POST /mlflow?x=1 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody", 202),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 202),
        (b"POST /mlflow HTTP/1.1\r\nContent-Length: 6\r\n\r\ndefect", 0),
    ],
)
def test_every_request_has_an_end(door: Door, raw: bytes, wanted: int) -> None:
    answer = door.send(raw)
    found = re.search(rb"Error code: ([0-9]{3})", answer)  # what is no HTTP/1 is answered in HTTP/0.9
    assert (status(answer) or (int(found[1]) if found and wanted else 0)) == wanted, answer[:300]
    assert len(door.relay.bodies) == (wanted == 202 or b"defect" in raw)
    assert status(door.send(b"GET /health HTTP/1.0\r\n\r\n")) == 200, "and the next one is served"
    assert all(line.isprintable() for line in door.told)
    assert b"Python" not in answer


@pytest.mark.thorough
@pytest.mark.parametrize(
    "start",
    [b"", b"POST /ml", b"POST /mlflow HTTP/1.1\r\nX: ", b"POST /mlflow HTTP/1.1\r\nContent-Length: 900\r\n\r\nhalf"],
)
def test_who_sends_by_drops_is_cut_off(door: Door, start: bytes) -> None:
    """A byte now and then keeps every read of a socket within its timeout, but not the whole within its own."""
    begun = time.monotonic()
    with door.connect() as connection:
        connection.sendall(start)
        connection.settimeout(0.2)
        ended = False
        while not ended and time.monotonic() - begun < 8:
            try:
                ended = connection.recv(1000) == b""
                connection.sendall(b"a")
            except TimeoutError:
                try:
                    connection.sendall(b"a")
                except OSError:
                    ended = True
            except OSError:
                ended = True
    assert ended
    assert time.monotonic() - begun < 4
    assert door.relay.bodies == []


def test_more_than_can_be_served_are_closed_at_once() -> None:
    door = Door(patience=5)
    door.relay.hold = threading.Event()
    held = []
    try:
        for _ in range(WAITING):
            connection = door.connect()
            connection.sendall(b"POST /mlflow HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            held.append(connection)
        deadline = time.monotonic() + 10
        while door.server._places._value:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert door.send(b"GET /health HTTP/1.0\r\n\r\n") == b""
        assert "too many are waiting" in door.told[-1]
        door.relay.hold.set()
        assert {status(read_all(connection)) for connection in held} == {202}
    finally:
        door.relay.hold.set()
        for connection in held:
            connection.close()
        door.close()


def wsgi_call(
    app: Any, method: str = "POST", path: str = "/mlflow", content: bytes = b"", **more: str
) -> tuple[str, bytes]:
    told: list[str] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
        **more,
    }
    found = b"".join(app(environ, lambda line, headers: told.append(line)))
    return told[0], found


def test_the_same_as_a_wsgi_application() -> None:
    app = wsgi(Recorder())  # type: ignore[arg-type]
    assert wsgi_call(app, content=b"body") == ("202 Accepted", b"taken\n")
    assert wsgi_call(app, path="/")[0] == "404 Not Found"
    assert wsgi_call(app, method="GET", path="/health") == ("200 OK", b"ok\n")
    assert wsgi_call(app, CONTENT_LENGTH="")[0].startswith("411")
    assert wsgi_call(app, content=b"x", CONTENT_LENGTH="2")[0] == "400 Bad Request"
    assert wsgi_call(app, HTTP_TRANSFER_ENCODING="chunked")[0].startswith("411")


def test_the_application_is_set_up_by_variables(
    monkeypatch: pytest.MonkeyPatch, github: GitHubStandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    relay_app._application.cache_clear()
    for name in ("MLFLOW_WEBHOOK_SECRET", "GITHUB_TOKEN", "GITHUB_REPOSITORY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    content = body()
    assert wsgi_call(relay_app.application, content=content)[0].startswith("500")
    assert "is not OWNER/NAME" in capsys.readouterr().err
    given = {"MLFLOW_WEBHOOK_SECRET": SECRET, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
    given |= {"GITHUB_REPOSITORY": "org/models", "MSD_RELAY_ALIASES": "champion=prod, challenger=staging"}
    given |= {"MSD_RELAY_VERSION_TEMPLATE": "v{version}.0.0", "NO_PROXY": "127.0.0.1"}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(content).items()}
    assert wsgi_call(relay_app.application, content=content, **headers)[0] == "202 Accepted"
    assert [each.payload for each in github.events] == [ASKED]
    told = capsys.readouterr().err
    assert "202 asked for churn v3.0.0 in prod" in told
    assert TOKEN not in told and os.environ["MLFLOW_WEBHOOK_SECRET"] not in told
    relay_app._application.cache_clear()
