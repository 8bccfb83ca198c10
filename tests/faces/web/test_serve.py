"""`serve` as a person and a program start it: a real process, a real repository, real HTTP."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from model_stage_deploy.faces.web.server import listen
from tests.faces.command_lines import COMMAND, environment, run
from tests.faces.web.doors import FORM, Answer, over_http
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


@dataclass
class Running:
    """A server that runs, and who asks it."""

    process: subprocess.Popen[bytes]
    first: bytes
    cookie: str = ""
    expected: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)

    @property
    def document(self) -> dict[str, Any]:
        """What it printed with --json."""
        found: dict[str, Any] = json.loads(self.first)
        return found

    @property
    def port(self) -> int:
        """Where it listens."""
        found = re.search(rb"http://[^ /\"]+:(\d+)/", self.first)
        assert found is not None, self.first
        return int(found[1])

    def enter(self) -> None:
        """Open the printed link."""
        found = re.search(rb"http://[^ \"]+token=[^ \"\n]+", self.first)
        assert found is not None, self.first
        parts = urlsplit(found[0].decode())
        answer = over_http(self.port, "GET", f"{parts.path}?{parts.query}")
        assert (answer.status, answer.headers["location"]) == (303, "/")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def get(self, target: str, **headers: str) -> Answer:
        """A page, as a browser asks for it."""
        return over_http(self.port, "GET", target, {"Cookie": self.cookie} | _named(headers))

    def post(self, target: str, fields: Mapping[str, str], **headers: str) -> Answer:
        """A form of one of its pages."""
        usual = {"Cookie": self.cookie, "Origin": f"http://127.0.0.1:{self.port}", "Content-Type": FORM}
        return over_http(self.port, "POST", target, usual | _named(headers), urlencode(fields).encode())

    def form_token(self) -> str:
        """What the forms have; read from one."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get("/do/register?model=churn").body.decode())
        assert found is not None
        return found[1]


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@contextmanager
def serving(
    place: Path, *arguments: str, stop: int = signal.SIGINT, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """It runs, then a signal ends it: within two seconds, with 0, and without a word too many."""
    log = place.parent / f"{place.name}.log"
    command = [*COMMAND, "serve", "--repo", str(place), *(arguments or ("--json", "--port", "0"))]
    with log.open("wb") as told:
        process = subprocess.Popen(
            command,
            cwd=place.parent,
            env=environment(place.parent, **(env or {})),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=told,
        )
    with process:
        assert process.stdout is not None
        try:
            running = Running(process, _first(process))
            yield running
        finally:
            begun = time.monotonic()
            process.send_signal(stop)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            took = time.monotonic() - begun
            rest = process.stdout.read()
    assert (process.returncode, rest) == (0, b"")
    assert log.read_text("utf-8").splitlines() == [*running.expected, "told to stop", *running.cut]
    assert took < 5, took  # two, and what a busy machine takes to end a process


def _first(process: subprocess.Popen[bytes]) -> bytes:
    """All that it prints at once at its start."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 30)
    assert ready, "it says nothing"
    first = os.read(process.stdout.fileno(), 65536)
    assert first, "it ended"
    return first


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of a bare remote, with a model of a hostile message."""
    directory = tmp_path_factory.mktemp("serve")
    remote = GitRepository(directory / "remote.git", bare=True)
    clone = GitRepository(directory / "clone")
    clone.git("remote", "add", "origin", str(remote.path))
    clone.commit({"a.txt": "1"})
    clone.tag("churn@v1.0.0")
    clone.tag("churn#prod#1", message=HOSTILE)
    clone.tag("dir/sub=fraud/eu@v0.1.0")
    clone.git("push", "--quiet", "origin", "main", "--tags")
    return clone.path


@pytest.fixture(scope="module")
def running(place: Path) -> Iterator[Running]:
    """One server for the questions that change nothing."""
    with serving(place) as served:
        served.enter()
        yield served


def test_it_says_where_it_is_to_programs(running: Running) -> None:
    told = running.document
    assert told == {
        "url": f"http://127.0.0.1:{running.port}/",
        "open": f"http://127.0.0.1:{running.port}/?token={told['token']}",
        "port": running.port,
        "token": told["token"],
        "read_only": False,
        "repository": "clone",
    }
    assert len(told["token"]) >= 40
    assert running.first.count(b"\n") == 1


def test_the_pages_are_there(running: Running) -> None:
    assert running.get("/").headers["location"] == "/models"
    table = running.get("/models")
    assert (table.status, table.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert table.headers["cache-control"] == "no-store"
    assert "HX-Request" in table.headers["vary"]
    assert b"/m/churn" in table.body
    assert b"/m/dir/sub%3Afraud/eu" in table.body
    page = running.get("/m/dir/sub%3Afraud/eu")
    assert page.status == 200
    assert "dir/sub:fraud/eu" in page.body.decode()
    assert running.get("/m?name=churn").status == 200
    assert running.get("/states?name=churn&name=nobody").status == 200


def test_a_piece_is_given_to_who_asks_for_one(running: Running) -> None:
    piece = running.get("/models?text=chu", HX_Request="true")
    assert b"<html" not in piece.body
    assert b"churn" in piece.body
    assert b"fraud" not in piece.body
    assert b"<html" in running.get("/models", HX_Request="true", HX_Boosted="true").body
    assert b"<html" in running.get("/models", HX_Request="true", HX_History_Restore_Request="true").body


def test_pages_are_compressed_and_files_kept(running: Running) -> None:
    packed = running.get("/m/churn", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert b"churn" in gzip.decompress(packed.body)
    [style] = re.findall(r'href="(/static/app\.css\?v=[^"]+)"', running.get("/models").body.decode())
    kept = over_http(running.port, "GET", style)
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    again = over_http(running.port, "GET", style, {"If-None-Match": kept.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert over_http(running.port, "GET", "/static/app.css?v=old").headers["cache-control"] == "no-cache"
    for name in ("nothing.css", "..%2fchrome.py", "%2e%2e%2fchrome.py", "htmx.min.js%00"):
        assert over_http(running.port, "GET", f"/static/{name}").status in (400, 404)


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/nowhere", 404, "There is no page at this address."),
        ("/models/", 404, "There is no page at this address."),
        ("/m/nobody", 404, "nobody"),
        ("/m/%3Cscript%3Ealert(1)%3C%2Fscript%3E", 404, "&lt;script&gt;"),
        ("/m/" + "a" * 5000, 404, "aaaa"),
        ("/m/a%0ab", 400, ""),
        ("/do/nothing", 400, ""),
        ("/fetch", 405, ""),
    ],
)
def test_what_is_not_there_is_said(running: Running, target: str, status: int, words: str) -> None:
    answer = running.get(target)
    assert answer.status == status, answer.body[-900:]
    assert words in answer.body.decode()
    assert b"<script>alert" not in answer.body
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Traceback" not in answer.body.decode()


def test_messages_of_tags_are_inert(running: Running) -> None:
    for target in ("/models", "/m/churn"):
        body = running.get(target).body.decode()
        assert "<script>alert" not in body
        assert "\x1b" not in body
        assert "\u202e" not in body


def test_nobody_gets_in_without_the_link(running: Running) -> None:
    for target in ("/", "/models", "/m/churn", "/states?name=churn", "/do/assign", "/started?tag=x", "/?token=wrong"):
        answer = over_http(running.port, "GET", target)
        assert answer.status == 401
        assert "open the link that the terminal printed" in answer.body.decode()
        assert b"churn" not in answer.body
        assert b"clone" not in answer.body
    assert over_http(running.port, "GET", "/models", {"Host": "evil.example"}).status == 421


def test_a_form_of_another_page_changes_nothing(running: Running, place: Path) -> None:
    tags = GitRepository(place).tags()
    fields = {"model": "churn", "stage": "prod", "version": "v1.0.0", "csrf": running.form_token()}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Cookie": ""},
        {"Sec_Fetch_Site": "same-site"},
    ):
        for target in ("/do/unassign", "/do/unassign/look", "/fetch"):
            assert running.post(target, fields, **headers).status in (401, 403)
    assert running.post("/do/unassign", fields | {"csrf": "x"}).status == 403
    assert GitRepository(place).tags() == tags


def test_tags_of_the_remote_are_fetched_when_asked_for(tmp_path: Path) -> None:
    remote = GitRepository(tmp_path / "remote.git", bare=True)
    clone = GitRepository(tmp_path / "clone")
    clone.git("remote", "add", "origin", str(remote.path))
    clone.commit({"a.txt": "1"})
    clone.tag("churn@v1.0.0")
    clone.git("push", "--quiet", "origin", "main", "--tags")
    other = GitRepository(tmp_path / "other")
    other.git("pull", "--quiet", str(remote.path), "main")
    other.tag("churn#prod#1")
    other.git("push", "--quiet", str(remote.path), "--tags")
    with serving(clone.path) as served:
        served.enter()
        until = time.monotonic() + 10
        while b'action="/fetch"' not in served.get("/m/churn").body:  # the remote is asked beside the page
            assert time.monotonic() < until
            time.sleep(0.05)
        fields = {"csrf": served.form_token()}
        where = {"Referer": f"http://127.0.0.1:{served.port}/m/churn"}
        assert served.post("/fetch", fields, **where).headers["location"] == "/m/churn"
        assert "churn#prod#1" in clone.tags()
        assert served.post("/fetch", fields, Referer="http://evil.example/m/x").headers["location"] == "/models"
        by_script = served.post("/fetch", fields, HX_Request="true")
        assert (by_script.status, by_script.headers["hx-trigger"]) == (204, "registry-changed")
        body = served.get("/m/churn").body
        assert b"churn#prod#1" in body
        assert b'action="/fetch"' not in body
        served.expected = ["1 new tag came from the remote", *["the remote has no new tags"] * 2]


def test_people_are_told_what_it_means(place: Path) -> None:
    with serving(place, "--port", "0", stop=signal.SIGTERM) as served:
        lines = served.first.decode().splitlines()
        assert lines[0] == f"serving clone ({place})"
        assert re.fullmatch(rf"  open    http://127\.0\.0\.1:{served.port}/\?token=\S{{40,}}", lines[1])
        assert (
            lines[2]
            == f"  change  tags are made as Ada Model <ada@example.com> and pushed to {place.parent / 'remote.git'}"
        )
        assert lines[3:] == ["  stop    Ctrl-C"]
        served.enter()
        assert served.get("/models").status == 200


def test_to_be_read_only(place: Path) -> None:
    with serving(place, "--read-only", "--json", "--port", "0", stop=signal.SIGHUP) as served:
        assert served.document["token"] is None
        assert served.document["open"] == served.document["url"]
        for target in ("/models", "/m/churn"):
            answer = served.get(target)
            assert answer.status == 200
            assert "set-cookie" not in answer.headers
            body = answer.body.decode()
            assert 'method="post"' not in body
            assert "/do/" not in body
            assert "csrf" not in body
            assert "--read-only" in body
        assert served.get("/do/assign").status == 404
        assert served.post("/do/assign", {}).status == 405
        assert served.post("/fetch", {}).status == 405


def test_on_every_address_it_is_said_what_that_means(place: Path) -> None:
    with serving(place, "--host", "0.0.0.0", "--port", "0", "--allow-host", "models.example.com") as served:
        told = served.first.decode()
        assert f"http://127.0.0.1:{served.port}/?token=" in told
        assert "0.0.0.0 can be reached from other machines" in told
        assert "as Ada Model <ada@example.com>, with your credentials" in told
        assert "nothing is encrypted" in told
        served.enter()
        assert served.get("/models", Host="models.example.com").status == 200
        assert served.get("/models", Host="other.example.com").status == 421
        by_address = HTTPConnection("127.0.0.2", served.port, timeout=20)
        for host, status in ((f"127.0.0.2:{served.port}", 200), (f"127.0.0.3:{served.port}", 421)):
            by_address.request("GET", "/models", headers={"Host": host, "Cookie": served.cookie})
            answer = by_address.getresponse()
            assert (answer.status, bool(answer.read())) == (status, True)
        by_address.close()
    with serving(place, "--host", "0.0.0.0", "--port", "0", "--read-only") as served:
        assert "everybody who can reach it can read all of this" in served.first.decode()


def test_at_an_address_of_version_6(place: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:  # a machine without: that is said
        assert "cannot listen on ::1" in run(place.parent, "serve", "--repo", str(place), "--host", "::1").err
        return
    with serving(place, "--host", "::1", "--port", "0", "--json") as served:
        assert served.document["url"] == f"http://[::1]:{served.port}/"


def test_a_request_under_way_does_not_keep_it(place: Path) -> None:
    with serving(place) as served:
        served.enter()
        held = socket.create_connection(("127.0.0.1", served.port))
        held.sendall(b"GET /models HTTP/1.1\r\nHost: 127.0.0.1")
        idle = socket.create_connection(("127.0.0.1", served.port))
    for connection in (held, idle):
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(10) == b""
        connection.close()


def test_a_port_that_is_taken(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(place.parent, "serve", "--repo", str(place), "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert "cannot listen on 127.0.0.1 port" in done.err
    assert "--port names another" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], "is no port"),
        (["--host", ""], "--host is empty"),
        (["--host", "no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
        (["--allow-host", "http://x"], "is no name of a machine"),
        (["--read-only", "--sign"], "--read-only makes no tags"),
        (["--read-only", "--dispatch", "deploy.yml"], "--read-only makes no tags"),
        (["--dispatch", "../x"], "is not the name of a workflow file"),
        (["--dispatch", "deploy.yml"], "GITHUB_TOKEN"),
        (["--repo", "/nowhere"], "/nowhere"),
    ],
)
def test_what_cannot_be_served_is_said(place: Path, arguments: list[str], words: str) -> None:
    done = run(place.parent, "serve", "--repo", str(place), "--port", "0", *arguments)
    assert done.exit_code == 2, done
    assert words in done.err
    assert "what to do" in done.err
    assert done.out == ""


def test_without_the_libraries(tmp_path: Path, place: Path) -> None:
    program = (
        "import sys, importlib.util as found\n"
        "real = found.find_spec\n"
        "found.find_spec = lambda name, *rest: None if name in ('starlette', 'uvicorn') else real(name, *rest)\n"
        "from model_stage_deploy.faces.cli import main\n"
        "code = main(['serve', '--repo', sys.argv[1]])\n"
        "assert not {'starlette', 'uvicorn'} & set(sys.modules)\n"
        "sys.exit(code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(place)],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the pages need libraries that are not installed\n  what to do: pip install 'model-stage-deploy[web]'\n"
    )


def test_the_browser_is_opened_with_a_token_for_once(tmp_path: Path, place: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n', "utf-8")
    browser.chmod(0o755)
    with serving(place, "--open", "--json", "--port", "0", env={"BROWSER": f"{browser} %s"}) as served:
        opened, until = tmp_path / "opened", time.monotonic() + 10
        while not (opened.exists() and opened.read_text("utf-8")) and time.monotonic() < until:
            time.sleep(0.02)
        parts = urlsplit(opened.read_text("utf-8"))
        assert served.document["token"] not in parts.query
        assert over_http(served.port, "GET", f"/?{parts.query}").status == 303
        assert over_http(served.port, "GET", f"/?{parts.query}").status == 401


def test_a_remote_that_hangs_keeps_neither_a_page_nor_the_end(tmp_path: Path) -> None:
    clone = GitRepository(tmp_path / "clone")
    clone.commit({"a.txt": "1"})
    clone.tag("churn@v1.0.0")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        clone.git("remote", "add", "origin", f"http://127.0.0.1:{silent.getsockname()[1]}/x.git")
        with serving(clone.path) as served:
            served.enter()
            assert served.get("/models").status == 200
            beside, _ = silent.accept()
            fields = {"csrf": served.form_token()}
            asking = threading.Thread(target=_ask_in_vain, args=(served, fields))
            asking.start()
            asked, _ = silent.accept()
            asked.recv(1)  # a request is under way, and gets no answer
            served.cut = ["requests that were under way and are cut off: 1"]
        asked.close()
        beside.close()
        asking.join(10)
        assert not asking.is_alive()


def _ask_in_vain(served: Running, fields: dict[str, str]) -> None:
    with contextlib.suppress(OSError, HTTPException):
        served.post("/fetch", fields)


def test_answers_do_not_wait_for_the_clients_word() -> None:
    """Else each takes 40 ms on loopback: Nagle's algorithm, and the other side's delayed acknowledgement."""
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
