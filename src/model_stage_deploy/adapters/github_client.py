"""GitHub's REST API through PyGithub: one place for clients, retries and what its errors mean."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Literal

from github import Auth, Github
from github.GithubException import GithubException
from github.GithubRetry import GithubRetry
from requests.exceptions import RequestException

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

Patience = Literal["patient", "once", "hurry"]
_PAGE = 100
_LONGEST = 10_000  # characters of an answer's complaint; short cuts could halve a secret before it is scrubbed


class GitHubProblem(MachineryFailed):
    """GitHub did not do as it was asked. `status` is that of its answer, None where no readable one came."""

    def __init__(self, reason: Reason, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(reason, message, hint=hint)
        self.status = status


class GitHubClient:
    """Sends requests to one repository's API.

    `patience` says how a failure is met: "patient" tries again on 5xx and lost connections, "once" does not
    (for a request that must not happen twice), both wait out rate limits; "hurry" tries once, for two seconds.
    `timeout` is in seconds, for one try; `backoff` the seconds before the third try, doubled before each further one.
    """

    def __init__(
        self, api_url: str, repository: str, token: Secret, *, timeout: float = 20.0, backoff: float = 1.0
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._root = f"/repos/{repository}"
        self._token = token
        self._timeout = timeout
        self._backoff = backoff
        self._clients: dict[Patience, Github] = {}
        # Retries are ours to report; the library's own warnings would print request lines to the log.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

    def get(
        self,
        path: str,
        parameters: dict[str, Any] | None = None,
        *,
        patience: Patience = "patient",
        permission: str = "deployments: write",
    ) -> Any:
        """GET below the repository. Raises MachineryFailed (github-failed, permission-missing)."""
        return self._send("GET", path, patience, parameters=parameters, permission=permission)

    def get_outside(self, path: str, *, permission: str) -> Any:
        """GET anywhere in the API, `/orgs/…`; `permission` says what it takes. Raises as `get` does."""
        return self._send("GET", path, "patient", permission=permission, root="")

    def post(self, path: str, body: dict[str, Any], *, permission: str, patience: Patience = "patient") -> Any:
        """POST below the repository; `permission` is the workflow line that it takes. Raises MachineryFailed."""
        return self._send("POST", path, patience, body=body, permission=permission)

    def pages(
        self,
        path: str,
        parameters: dict[str, Any],
        *,
        limit: int,
        patience: Patience = "patient",
        permission: str = "deployments: write",
    ) -> Iterator[dict[str, Any]]:
        """Items of a list, page after page as they are needed, `limit` at the most. Raises MachineryFailed."""
        for page in range(1, -(-limit // _PAGE) + 1):
            asked = parameters | {"per_page": _PAGE, "page": page}
            items = self.get(path, asked, patience=patience, permission=permission)
            if not isinstance(items, list):
                raise _failed(f"GitHub answered GET {path} with something that is no list")
            yield from (item for item in items if isinstance(item, dict))
            if len(items) < _PAGE:
                return

    def _send(
        self,
        method: str,
        path: str,
        patience: Patience,
        *,
        parameters: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        permission: str = "deployments: write",
        root: str | None = None,
    ) -> Any:
        try:
            _, data = self._client(patience).requester.requestJsonAndCheck(
                method, (self._root if root is None else root) + path, parameters=parameters, input=body
            )
        except GithubException as problem:
            raise _explained(problem, f"{method} {path}", permission) from problem
        except (RequestException, OSError) as problem:
            raise _failed(f"GitHub cannot be reached ({method} {path}): {type(problem).__name__}") from problem
        except Exception as problem:  # PyGithub reads answers trustingly: HTML where JSON belongs ends here
            raise _failed(f"GitHub's answer to {method} {path} cannot be read: {type(problem).__name__}") from problem
        return data

    def _client(self, patience: Patience) -> Github:
        if patience not in self._clients:
            hurry = patience == "hurry"
            self._clients[patience] = Github(
                auth=Auth.Token(self._token.reveal()),
                base_url=self._api_url,
                timeout=2 if hurry else int(self._timeout),
                retry=None if hurry else _retry(patience, self._backoff),
                user_agent="model-stage-deploy",
                # PyGithub would otherwise wait a second between writes.
                seconds_between_requests=None,
                seconds_between_writes=None,
            )
        return self._clients[patience]


def _retry(patience: Patience, backoff: float) -> GithubRetry:
    if patience == "once":
        return GithubRetry(total=4, read=0, status_forcelist=[], max_rate_limit_wait=120, backoff_factor=backoff / 2)
    return GithubRetry(total=4, max_rate_limit_wait=120, backoff_factor=backoff / 2)


def _failed(message: str, status: int | None = None) -> MachineryFailed:
    hint = "see https://www.githubstatus.com, then run the job again"
    return GitHubProblem(Reason.GITHUB_FAILED, message, hint=hint, status=status)


def _explained(problem: GithubException, request: str, permission: str) -> MachineryFailed:
    """GitHub's error in words that say what to do (T39)."""
    said = ""
    if isinstance(problem.data, dict):
        errors = problem.data.get("errors")
        details = f" {errors!r}" if errors else ""
        said = f"{problem.data.get('message', '')}{details}"[:_LONGEST]
    text = f"GitHub answered {problem.status} to {request}{f': {said}' if said else ''}"
    if problem.status == 401:
        return GitHubProblem(
            Reason.PERMISSION_MISSING,
            text,
            hint="the token is not valid: pass `token: ${{ github.token }}` or leave the input out",
            status=401,
        )
    limited = "rate limit" in said.lower()
    if problem.status in (403, 404) and not limited:
        return GitHubProblem(
            Reason.PERMISSION_MISSING,
            text,
            hint=f"add this line under `permissions:` in the workflow: `{permission}`",
            status=problem.status,
        )
    return _failed(text, problem.status)
