"""One exchange with the stand-in: the checks that a request passes before an operation sees it, in GitHub's
order (who, what, where, may they, is it well formed), and the check that its answer passes before it leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.standins.github_answers import Answers
from tests.standins.github_description import Complaint, Description, Match, Operation
from tests.standins.github_operations import HANDLERS, Result, Visit, lacks_permission
from tests.standins.github_server import Request
from tests.standins.github_state import Refusal, RepositoryState
from tests.standins.github_workflows import Workflows

_DOCS = "https://docs.github.com/rest"
_RESOURCES = {
    "repos/create-deployment": "Deployment",
    "repos/create-deployment-status": "DeploymentStatus",
    "repos/create-commit-status": "Status",
    "actions/create-workflow-dispatch": "Workflow",
}


@dataclass(frozen=True)
class Parsed:
    """A request taken apart. `raw_path` has lost the prefix, and is still percent-encoded."""

    method: str
    raw_path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    is_json: bool
    in_prefix: bool

    @classmethod
    def of(cls, request: Request, prefix: str) -> Parsed:
        path, _, query = request.target.partition("?")
        in_prefix = path.startswith(prefix + "/")
        body, is_json = _parse(request.body)
        return cls(
            method=request.method,
            raw_path=path.removeprefix(prefix) if in_prefix else path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=request.headers,
            body=body,
            is_json=is_json,
            in_prefix=in_prefix,
        )

    @property
    def path(self) -> str:
        """For people and tests; routing decodes each parameter by itself."""
        return unquote(self.raw_path)


@dataclass(frozen=True)
class Exchange:
    """The rules of one repository's API; `complain` receives each violation of the description."""

    description: Description
    state: RepositoryState
    workflows: Workflows
    repository: str
    token: str | None
    permissions: Mapping[str, str] | None
    complain: Callable[[str], None]
    spoil_answer: Callable[[str, Any], Any] | None

    def find(self, parsed: Parsed) -> Match | None:
        """The operation that a request means; None (with a complaint) where the description has none."""
        try:
            match = self.description.match(parsed.method, parsed.raw_path) if parsed.in_prefix else None
        except UnicodeDecodeError:
            match = None
        if match is None:
            self.complain(f"unknown operation: {parsed.method} {parsed.raw_path}")
        return match

    def answer(self, parsed: Parsed, match: Match | None, answers: Answers, budget: tuple[int, int, int]) -> Result:
        """Carry out a request. `budget` is the rate limit: limit, used, time of reset."""
        operation = match.operation if match else None
        try:
            self._check_sender(parsed)
            if match is None:
                raise Refusal(404, "Not Found")
            self._check_repository(match)
            self._check_permission(match)
            self._check_form(parsed, match)
            body = parsed.body or {}
            visit = Visit(
                self.state, self.workflows, answers, parsed.raw_path, match.params, parsed.query, body, budget
            )
            result = HANDLERS[match.operation.id](visit)
            if self.spoil_answer:
                spoilt = self.spoil_answer(match.operation.id, result.body)
                result = Result(result.status, spoilt, result.headers)
        except Refusal as refusal:
            result = _error(refusal, operation)
        return self._checked(result, operation)

    def _check_sender(self, parsed: Parsed) -> None:
        if not parsed.headers.get("user-agent"):
            raise Refusal(403, "Request forbidden by administrative rules. A User-Agent header is required.")
        if self.token is None:
            return
        scheme, _, token = parsed.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in {"bearer", "token"} or token != self.token:
            raise Refusal(401, "Bad credentials")

    def _check_repository(self, match: Match) -> None:
        if "repo" in match.params:
            asked = f"{match.params['owner']}/{match.params['repo']}"
            if asked.casefold() != self.repository.casefold():
                raise Refusal(404, "Not Found")

    def _check_permission(self, match: Match) -> None:
        missing = lacks_permission(match.operation.id, self.permissions)
        if missing:
            headers = {"X-Accepted-GitHub-Permissions": "=".join(missing)}
            raise Refusal(403, "Resource not accessible by integration", headers=headers)

    def _check_form(self, parsed: Parsed, match: Match) -> None:
        where = f"{parsed.method} {parsed.raw_path}"
        if not parsed.is_json:
            self.complain(f"{where}: the request's body is not JSON")
            raise Refusal(400, "Problems parsing JSON")
        broken, undeclared = self.description.parameter_complaints(match, parsed.query)
        in_body = self.description.body_complaints(match.operation, parsed.body)
        # GitHub passes over fields that it does not know, so a slip of the pen would stay unseen for ever.
        for each in [*undeclared, *in_body[1], *broken, *in_body[0]]:
            self.complain(f"{where}: request: {each.field}: {each.message}")
        if any(each.field in match.params for each in broken):
            raise Refusal(404, "Not Found")  # such as a deployment id that is no number
        if broken or in_body[0]:
            resource = _RESOURCES.get(match.operation.id, "Request")
            errors = [_validation_item(resource, each) for each in [*broken, *in_body[0]]]
            raise Refusal(422, "Validation Failed", errors)

    def _checked(self, result: Result, operation: Operation | None) -> Result:
        if operation is None:
            return result
        complaints = self.description.answer_complaints(operation, result.status, result.body)
        for each in complaints:
            where = f"{operation.id} {result.status}"
            self.complain(f"{where}: our answer: {each.field or '(body)'}: {each.message}")
        return _error(Refusal(500, "Server Error"), operation) if complaints else result


def _error(refusal: Refusal, operation: Operation | None) -> Result:
    specific = operation is not None and refusal.status != 401
    body: dict[str, Any] = {"message": refusal.message}
    if refusal.errors is not None:
        body["errors"] = refusal.errors
    body["documentation_url"] = operation.docs_url if specific and operation else _DOCS
    body["status"] = str(refusal.status)
    return Result(refusal.status, body, refusal.headers)


def _validation_item(resource: str, complaint: Complaint) -> dict[str, Any]:
    code = "missing_field" if complaint.rule == "required" else "invalid"
    return {"resource": resource, "field": complaint.field, "code": code, "message": complaint.message}


def _parse(body: bytes) -> tuple[Any, bool]:
    if not body:
        return None, True
    try:
        return json.loads(body), True
    except ValueError:  # not JSON, or not UTF-8
        return body.decode("utf-8", errors="replace"), False
