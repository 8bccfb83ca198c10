"""MLflow's model registry on loopback: routes, statuses and bodies as a real `mlflow server` 3.17 was seen to give.

tests/mirrors/test_mlflow_registry.py asks the same of both. What a real one cannot be made to do at will (500, 503, a
proxy's page) is put in front by `faults`. What it holds is next door, in mlflow_state.py.
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.standins.mlflow_state import ROUTES, Fault, Plain, Problem, State, create_model, create_version

__all__ = ["ROOT", "Fault", "MlflowStandIn", "State", "create_model", "create_version"]

ROOT = "/api/2.0/mlflow/"
_PAGE = "<!doctype html>\n<html lang=en>\n<title>{0}</title>\n<h1>{0}</h1>\n"


class MlflowStandIn:
    """The server. Use as a context manager; `state` is what it holds."""

    def __init__(self) -> None:
        self.state = State()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.mlflow = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mlflow")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, str]:
        """Status, kind and text of the answer to a request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix(ROOT)
        with self._lock:
            try:
                return 200, "application/json", json.dumps(self._result(method, parts.path, parts.query, body, headers))
            except Problem as problem:
                return problem.status, "application/json", json.dumps(problem.body)
            except Plain as problem:
                return problem.status, "text/html; charset=utf-8", problem.text
            except KeyError as missing:
                message = f"Missing value for required parameter {missing}. (asked: {path})"
                return (
                    400,
                    "application/json",
                    json.dumps({"error_code": "INVALID_PARAMETER_VALUE", "message": message}),
                )

    def _result(self, method: str, whole: str, query: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        if not whole.startswith(ROOT):
            raise Plain(404, _PAGE.format("404 Not Found"))
        path = whole.removeprefix(ROOT)
        self._authenticate(method, headers)
        route = ROUTES.get((method, path))
        if route is None:
            status = "405 Method Not Allowed" if any(known == path for _, known in ROUTES) else "404 Not Found"
            raise Plain(int(status[:3]), _PAGE.format(status))
        if method == "GET":
            asked: dict[str, Any] = {key: values[0] for key, values in parse_qs(query, keep_blank_values=True).items()}
        else:
            if "json" not in headers.get("content-type", ""):
                raise Problem(400, "INVALID_PARAMETER_VALUE", "Bad Request. Content-Type header is missing.")
            asked = json.loads(body)
        self.state.asked.append((method, path, asked))
        return route(self.state, asked)

    def _authenticate(self, method: str, headers: dict[str, str]) -> None:
        if not self.state.users:
            return
        kind, _, code = headers.get("authorization", "").partition(" ")
        name, _, password = base64.b64decode(code).decode().partition(":") if kind == "Basic" else ("", "", "")
        if not name or self.state.users.get(name) != password:
            raise Plain(
                401, "You are not authenticated. Please see https://www.mlflow.org/docs on how to authenticate."
            )
        if method != "GET" and name != "admin":
            raise Plain(403, "Permission denied")

    def fault(self, target: str) -> Fault | None:
        """What is to be answered in place of the right answer."""
        path = urlsplit(target).path.removeprefix(ROOT)
        with self._lock:
            for fault in self.state.faults:
                if fault.path in ("", path):
                    self.state.faults.remove(fault)
                    return fault
        return None

    def __enter__(self) -> MlflowStandIn:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    mlflow: MlflowStandIn


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.mlflow.fault(self.path)
        headers: dict[str, str] = {}
        if fault is not None:
            status, text = fault.status, fault.body
            headers = {"Content-Type": "text/html", **fault.headers}
        else:
            given = {name.lower(): value for name, value in self.headers.items()}
            status, kind, text = self.server.mlflow.answer(self.command, self.path, body, given)
            headers = {"Content-Type": kind}
        sent = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = do_PATCH = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""
