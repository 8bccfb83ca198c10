"""A git server over HTTP on loopback: `git http-backend` behind the standard library's HTTP server."""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from tests.standins.registries import GitRepository, isolated_environment

# Only the smart protocol, as on GitHub: anything else under a repository is 404.
_PATH = re.compile(
    r"/(?P<owner>[A-Za-z0-9][A-Za-z0-9-]*)/(?P<name>[A-Za-z0-9_.-]+?)(?:\.git)?"
    r"/(?P<service>info/refs|git-upload-pack|git-receive-pack)"
)
_BLOCK = 64 * 1024  # bytes read from the backend at a time


@dataclass(frozen=True)
class GitRequest:
    """One request as it came in: what was asked, and whether it carried credentials (never which)."""

    method: str
    path: str
    query: str
    had_authorization: bool
    protocol: str
    body: str  # how the body came: "gzip", "chunked", both or neither
    answered: int


class GitRemote:
    """Serves the bare repositories `ROOT/OWNER/NAME.git` as `URL/OWNER/NAME` and `URL/OWNER/NAME.git`.

    With a `token`, every request must carry `basic x-access-token:TOKEN`; else it is answered 401. Two such headers
    are answered 400, as by GitHub.
    `down` makes every request a 503; `allow_filter` says whether partial fetches are served, as GitHub does;
    without `allow_push` a push is answered 403, as for a token that may only read, and without `allow_read` so is
    everything, as for one without `contents`.
    A context manager; `requests` and `bytes_sent` (answer bodies) are what happened so far.
    """

    def __init__(self, root: Path, *, token: str | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.root = root
        self.token = token
        self.down = False
        self.allow_filter = True
        self.allow_push = True
        self.allow_read = True
        self.requests: list[GitRequest] = []
        self.bytes_sent = 0
        self.lock = threading.Lock()
        self._server = _Server((host, port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def repository_url(self, name: str) -> str:
        """The web address of `OWNER/NAME`."""
        return f"{self.url}/{name}"

    def add(self, name: str, source: GitRepository | None = None) -> GitRepository:
        """Makes the bare repository `OWNER/NAME`, with everything that `source` holds, and gives it."""
        bare = GitRepository(self.root / f"{name}.git", bare=True)
        if source is not None:
            self.update(name, source)
        return bare

    def update(self, name: str, source: GitRepository) -> None:
        """Makes the branches and tags of `OWNER/NAME` those of `source`, past the HTTP server."""
        source.git("push", "--quiet", "--mirror", str(self.root / f"{name}.git"))

    def start(self) -> GitRemote:
        """Begins to answer."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends all connections and waits until no request is being answered."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()

    def forget(self) -> None:
        """Starts the record of requests and bytes anew."""
        with self.lock:
            self.requests.clear()
            self.bytes_sent = 0

    def directory(self, owner: str, name: str) -> Path:
        """Where the bare repository of `OWNER/NAME` is, or would be."""
        return self.root / owner / f"{name}.git"

    def authorized(self, header: str | None) -> bool:
        """Whether an Authorization header lets its sender in."""
        if self.token is None:
            return True
        scheme, _, value = (header or "").partition(" ")
        expected = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return scheme.lower() == "basic" and value.strip() == expected

    def __enter__(self) -> GitRemote:
        return self.start()

    def __exit__(self, *_error: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    """Keeps its connections at hand, so that idle ones of a client that lives on do not hold up the end."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, address: tuple[str, int], remote: GitRemote) -> None:
        self.remote = remote
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is its own affair: no traceback into the tests' output."""

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One connection: checks the way in, then hands the request to `git http-backend` as a CGI program."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each small answer waits for a delayed acknowledgement
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_GET  # noqa: N815 - the name that the base class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Silent: `requests` is the record."""

    def _answer(self) -> None:
        remote = self.server.remote
        split = urlsplit(self.path)
        with tempfile.TemporaryFile() as body:
            # The body is read whatever the answer: the connection goes on to the next request.
            for block in self._body():
                body.write(block)
            body.seek(0)
            place = _PATH.fullmatch(unquote(split.path))
            if remote.down:
                self._refuse(503, "the remote is down")
            elif len(self.headers.get_all("Authorization", [])) > 1:
                self._refuse(400, 'Duplicate header: "Authorization"')
            elif not remote.authorized(self.headers.get("Authorization")):
                self._refuse(401, "authentication required")
            elif not remote.allow_read:
                self._refuse(403, "Write access to repository not granted.")  # so GitHub says, also to who reads
            elif place is None or not remote.directory(place["owner"], place["name"]).is_dir():
                self._refuse(404, "Repository not found.")
            else:
                self._serve(place, split.query, body)

    def _body(self) -> Iterator[bytes]:
        """The request's body, by Content-Length or in chunks (git sends chunks above 1 MiB)."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            yield self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers

    def _serve(self, place: re.Match[str], query: str, body: IO[bytes]) -> None:
        length = str(os.fstat(body.fileno()).st_size)
        inner = f"/{place['owner']}/{place['name']}.git/{place['service']}"
        backend = subprocess.Popen(
            ["git", "http-backend"],
            stdin=body,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # what matters goes to the client
            env=self._environment(inner, query, length),
        )
        with backend:
            assert backend.stdout is not None
            headers = _cgi_headers(backend.stdout)
            status = int((headers.get("Status") or "200").split()[0])
            self._note(status)
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in {"status", "content-length"}:
                    self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while block := backend.stdout.read1(_BLOCK):  # type: ignore[attr-defined]
                self._send(b"%x\r\n%b\r\n" % (len(block), block))
            self._send(b"0\r\n\r\n")

    def _environment(self, path: str, query: str, length: str) -> dict[str, str]:
        """What the CGI contract and git ask for; the repository's settings are GitHub's."""
        remote = self.server.remote
        settings = {
            "uploadpack.allowFilter": str(remote.allow_filter).lower(),
            "uploadpack.allowAnySHA1InWant": "true",
            "http.receivepack": str(remote.allow_push).lower(),
        }
        config = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            config |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return {
            **isolated_environment(remote.root),
            **config,
            "GIT_PROJECT_ROOT": str(remote.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": length,
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": self.client_address[0],
        }

    def _refuse(self, status: int, words: str) -> None:
        self._note(status)
        body = f"{words}\n".encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(body)

    def _note(self, status: int) -> None:
        """Before the answer goes out, so that who has the answer also finds the request in the record."""
        split = urlsplit(self.path)
        had = "Authorization" in self.headers
        protocol = self.headers.get("Git-Protocol", "")
        body = " ".join(filter(None, (self.headers[h] for h in ("Transfer-Encoding", "Content-Encoding"))))
        request = GitRequest(self.command, split.path, split.query, had, protocol, body, status)
        with self.server.remote.lock:
            self.server.remote.requests.append(request)

    def _send(self, data: bytes) -> None:
        self.wfile.write(data)
        with self.server.remote.lock:
            self.server.remote.bytes_sent += len(data)


def _cgi_headers(stream: IO[bytes]) -> HTTPMessage:
    headers = HTTPMessage()
    while line := stream.readline().strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name] = value.strip()
    return headers


def main(argv: list[str] | None = None) -> int:
    """`python -m tests.standins.git_remote --root DIR`: prints the address and serves until SIGTERM."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--root", type=Path, required=True, help="directory with OWNER/NAME.git in it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--token", help="ask for basic x-access-token:TOKEN")
    options = parser.parse_args(argv)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with GitRemote(options.root, token=options.token, host=options.host, port=options.port) as remote:
        print(remote.url, flush=True)
        ended.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
