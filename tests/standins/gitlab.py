"""GitLab on loopback, as far as the program uses it: one project's deployments, statuses, environments, members.

Requests and answers are held to GitLab's documentation (tests/data/gitlab/operations.json): `assert_clean` says what
broke it. The rules that no schema states are next door, in gitlab_state.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from jsonschema import Draft202012Validator

from tests.standins.github_server import Reply, Request, Server
from tests.standins.gitlab_state import ProjectState, Refusal, User

DESCRIPTION = Path(__file__).parents[1] / "data" / "gitlab" / "operations.json"
_PREFIX = "/api/v4"


@dataclass(frozen=True)
class Call:
    """A request as it came, and how it was answered."""

    operation: str
    path: str
    query: Mapping[str, str]
    body: Any
    user: str
    status: int


@dataclass
class GitLabStandIn:
    """One project. `tokens` are the users that they belong to; `meddle` may answer in GitLab's place.

    A token whose user has too low a level is answered 403; an unknown one 401; another project 404, as by GitLab.
    """

    project: str = "ml/models"
    tokens: dict[str, User] = field(default_factory=lambda: {"test-token": User(7, "deployer", 40)})
    meddle: Callable[[str, Request], Reply | None] = lambda _operation, _request: None
    state: ProjectState = field(default_factory=ProjectState)
    calls: list[Call] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
        self._patterns = [(op, _pattern(op["path"])) for op in self._description["operations"]]
        self._server = Server(("127.0.0.1", 0), self._respond, self.complaints.append)

    @property
    def server_url(self) -> str:
        """What CI_SERVER_URL holds."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def url(self) -> str:
        """What CI_API_V4_URL holds."""
        return self.server_url + _PREFIX

    def assert_clean(self) -> None:
        """Nothing broke GitLab's documentation."""
        assert self.complaints == []

    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [call.operation for call in self.calls]

    def __enter__(self) -> GitLabStandIn:
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.stop()

    def _respond(self, request: Request) -> Reply:
        path, _, raw = request.target.partition("?")
        query = dict(parse_qsl(raw, keep_blank_values=True))
        operation, params = self._find(request.method, path.removeprefix(_PREFIX))
        name = operation["id"] if operation else "unknown"
        meddled = self.meddle(name, request)
        user = self.tokens.get(request.headers.get("private-token", ""))
        body = json.loads(request.body) if request.body else None
        if meddled is not None:
            self.calls.append(Call(name, unquote(path), query, body, user.username if user else "", meddled.status))
            return meddled
        try:
            status, answer = self._answer(operation, params, query, body, user)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        self._check_answer(operation, status, answer)
        self.calls.append(Call(name, unquote(path), query, body, user.username if user else "", status))
        return Reply(status, {"Content-Type": "application/json"}, json.dumps(answer).encode())

    def _find(self, method: str, path: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
        for operation, pattern in self._patterns:
            match = pattern.fullmatch(path)
            if match and operation["method"] == method:
                return operation, {key: unquote(value) for key, value in match.groupdict().items()}
        self.complaints.append(f"unknown operation: {method} {path}")
        return None, {}

    def _answer(
        self,
        operation: dict[str, Any] | None,
        params: dict[str, str],
        query: dict[str, str],
        body: Any,
        user: User | None,
    ) -> tuple[int, Any]:
        if user is None:
            raise Refusal(401, {"message": "401 Unauthorized"})
        if operation is None or not self._is_here(operation, params):
            raise Refusal(404, {"message": "404 Project Not Found"})
        if operation["method"] != "GET" and user.level < 30:
            raise Refusal(403, {"message": "403 Forbidden"})
        self._check_form(operation, query, body)
        handler = getattr(self.state, operation["id"].replace("-", "_"))
        answer = handler(user, params, query, body or {})
        if isinstance(answer, list):
            size, page = int(query.get("per_page", "20")), int(query.get("page", "1"))
            answer = answer[size * (page - 1) : size * page]
        return int(next(iter(operation["answers"]))), answer

    def _is_here(self, operation: dict[str, Any], params: dict[str, str]) -> bool:
        return operation["path"].startswith("/groups/") or params["id"] in (self.project, str(self.state.id))

    def _check_form(self, operation: dict[str, Any], query: dict[str, str], body: Any) -> None:
        wrong = self._complaints(
            {"type": "object", "properties": operation.get("query", {}), "additionalProperties": False}, query
        )
        if "body" in operation:
            wrong += self._complaints(operation["body"], body)
        elif body is not None:
            wrong.append("a body where none belongs")
        if wrong:
            self.complaints += [f"{operation['id']}: {each}" for each in wrong]
            raise Refusal(400, {"error": "; ".join(wrong)})

    def _check_answer(self, operation: dict[str, Any] | None, status: int, answer: Any) -> None:
        if operation is None:
            return
        schema = operation["answers"].get(str(status)) if status < 400 else {"$ref": "#/schemas/Error"}
        if schema is None:
            self.complaints.append(f"{operation['id']}: an answer {status} that is not documented")
            return
        self.complaints += [f"{operation['id']}: our answer: {each}" for each in self._complaints(schema, answer)]

    def _complaints(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        whole = {**schema, "schemas": self._description["schemas"]}
        return [error.message[:300] for error in Draft202012Validator(whole).iter_errors(value)]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("".join(f"(?P<{part[1:-1]}>[^/]+)" if part[:1] == "{" else quote(part) for part in _parts(path)))


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"(\{[a-z_]+\})", path) if part]
