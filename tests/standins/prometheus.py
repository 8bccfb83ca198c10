"""A real Prometheus API on loopback, as far as `/api/v1/query` goes: its shapes, its statuses, no PromQL.

The shapes are those of https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

Body = Mapping[str, Any]


def vector(*values: str) -> Body:
    """An instant vector: one series for each value."""
    series = [
        {"metric": {"__name__": "errors", "pod": f"pod-{number}"}, "value": [1435781451.781, value]}
        for number, value in enumerate(values)
    ]
    return success("vector", series)


def scalar(value: str) -> Body:
    """A scalar."""
    return success("scalar", [1435781451.781, value])


def success(kind: str, result: Any, **more: Any) -> Body:
    """Any result; `more` are `warnings` and `infos`."""
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def error(kind: str, text: str) -> Body:
    """A query that could not be answered."""
    return {"status": "error", "errorType": kind, "error": text}


_STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 503, "internal": 500, "unavailable": 503}


class Prometheus:
    """Answers queries one after the other, the last answer for ever. Use as a context manager.

    `token`: what `Authorization: Bearer` must say. `takes` are the methods that get through to it.
    """

    def __init__(self, *answers: Body, token: str = "", takes: tuple[str, ...] = ("GET", "POST")) -> None:
        self._answers = list(answers)
        self.token = token
        self.takes = takes
        self.queries: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.prometheus = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="prometheus")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, method: str, query: str) -> Body:
        """Remember the query; its answer."""
        with self._lock:
            self.queries.append((method, query))
            return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def __enter__(self) -> Prometheus:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    prometheus: Prometheus


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        prometheus = self.server.prometheus
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        prometheus.headers.append({name.lower(): value for name, value in self.headers.items()})
        target = urlsplit(self.path)
        asked = target.query if self.command == "GET" else body.decode()
        form = parse_qs(asked, strict_parsing=True) if asked else {}
        if self.command not in prometheus.takes:
            self._say(405, b"method not allowed\n")
        elif prometheus.token and self.headers.get("authorization") != f"Bearer {prometheus.token}":
            self._say(401, b"Unauthorized\n")
        elif target.path != "/api/v1/query":
            self._say(404, b"404 page not found\n")
        elif self.command == "POST" and self.headers["content-type"] != "application/x-www-form-urlencoded":
            self._tell(error("bad_data", 'invalid parameter "query": unknown position: parse error: no expression'))
        else:
            self._tell(prometheus.answer(self.command, form["query"][0]))

    do_GET = do_POST  # noqa: N815 - the name that http.server looks for

    def _tell(self, body: Body) -> None:
        self._say(200 if body["status"] == "success" else _STATUS[body["errorType"]], json.dumps(body).encode())

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing: tests read `queries`."""
