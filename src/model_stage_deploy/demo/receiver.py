"""The demo's servers: "production" behind a signed webhook, "staging" behind a file, and what each of them serves."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Set
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from model_stage_deploy.receiving import NotGenuine, verify

_SLUG = re.compile(r"[a-z0-9-]+")


class Receiver:
    """A server on this machine, at `port` (0: a free one). `GET /STAGE/MODEL` says which version serves there.

    Production is told by `POST /prod`, signed with `secret`, and begins with the versions of models in `production`;
    staging serves what `staging_file` says, which the demo's deploy script writes (for other models than churn the file
    beside it). A version of churn in `unloadable` is accepted by production all the same and then does not load.

    Raises OSError where the port is taken.
    """

    def __init__(
        self,
        secret: str,
        staging_file: Path,
        unloadable: Set[str] = frozenset(),
        *,
        port: int = 0,
        production: Mapping[str, str] | None = None,
    ) -> None:
        self._secret = secret
        self._staging_file = staging_file
        self._unloadable = unloadable
        self._production = dict(production or {})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])

    def take(self, headers: Mapping[str, str], body: bytes) -> HTTPStatus:
        """Put in production what a genuine delivery names; anybody else is turned away."""
        try:
            verify(self._secret, headers, body)
        except NotGenuine:
            return HTTPStatus.UNAUTHORIZED
        told = json.loads(body)
        self._production[told.get("model", {}).get("slug", "churn")] = str(told["version"])
        return HTTPStatus.OK

    def serve(self, path: str) -> tuple[HTTPStatus, dict[str, Any]]:
        """What a client of the model gets at a path."""
        stage, _, model = path.removeprefix("/").partition("/")
        version = self._production.get(model, "") if stage == "prod" else self._staged(stage, model)
        if not version:
            return HTTPStatus.NOT_FOUND, {"error": "no model serves here"}
        if (stage, model) == ("prod", "churn") and version in self._unloadable:
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": f"{version} does not load here"}
        return HTTPStatus.OK, {"model": model, "version": version}

    def _staged(self, stage: str, model: str) -> str:
        if stage != "staging" or not _SLUG.fullmatch(model):
            return ""
        file = self._staging_file if model == "churn" else self._staging_file.with_suffix(f".{model}")
        try:
            return file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), 1 << 20))
            self._answer(receiver.take(dict(self.headers.items()), body), {})

        def do_GET(self) -> None:
            self._answer(*receiver.serve(self.path))

        def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
            body = json.dumps(document).encode("ascii")
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet: the story tells."""

    return Handler
