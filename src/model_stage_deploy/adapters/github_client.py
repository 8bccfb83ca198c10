"""GitHub's REST API through PyGithub: one place for clients, retries and what its errors mean.

What the rate limits are and how long they are waited for is next door, in github_limits.py.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from github import Auth, Github
from github.GithubException import GithubException
from requests.exceptions import ConnectTimeout, RequestException
from urllib3.exceptions import MaxRetryError, NewConnectionError

from model_stage_deploy.adapters.github_limits import Waits, limit_of, pause_of
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.ports import Clock

Patience = Literal["patient", "once", "hurry"]
_PAGE = 100
_RETRIES = 4
_LONGEST_PAUSE = 30.0  # seconds; a server that asks for more at a 5xx is down for this run
_MORE = re.compile(r';\s*rel="next"')
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
    `waits` is what the clients of one run share: how long they wait for rate limits in all.
    """

    def __init__(
        self,
        api_url: str,
        repository: str,
        token: Secret,
        *,
        timeout: float = 20.0,
        backoff: float = 1.0,
        waits: Waits | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._root = f"/repos/{repository}"
        self._token = token
        self._timeout = timeout
        self._backoff = backoff
        self._clock: Clock = clock or SystemClock()
        self._waits = waits or Waits(self._clock)
        self._clients: dict[bool, Github] = {}
        # Retries are ours to report; the library's own warnings would print request lines to the log.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

    @property
    def is_enterprise_server(self) -> bool:
        """Whether it is an Enterprise Server, by its address; github.com's own parts have hosts of their own."""
        return self._api_url.endswith("/api/v3")

    def get(
        self,
        path: str,
        parameters: dict[str, Any] | None = None,
        *,
        patience: Patience = "patient",
        permission: str,
    ) -> Any:
        """GET below the repository. Raises MachineryFailed (github-failed, permission-missing, rate-limited)."""
        return self._send("GET", path, patience, parameters=parameters, permission=permission)[1]

    def get_outside(self, path: str, *, permission: str) -> Any:
        """GET anywhere in the API, `/orgs/…`; `permission` says what it takes. Raises as `get` does."""
        return self._send("GET", path, "patient", permission=permission, root="")[1]

    def post(self, path: str, body: dict[str, Any], *, permission: str, patience: Patience = "patient") -> Any:
        """POST below the repository; `permission` is the workflow line that it takes. Raises MachineryFailed."""
        return self._send("POST", path, patience, body=body, permission=permission)[1]

    def patch(self, path: str, body: dict[str, Any], *, permission: str, patience: Patience = "patient") -> Any:
        """PATCH below the repository. Raises as `post` does."""
        return self._send("PATCH", path, patience, body=body, permission=permission)[1]

    def pages(
        self,
        path: str,
        parameters: dict[str, Any],
        *,
        limit: int,
        patience: Patience = "patient",
        permission: str,
    ) -> Iterator[dict[str, Any]]:
        """Items of a list, page after page as they are needed, `limit` at the most. Raises MachineryFailed."""
        for items, _ in self._pages(path, parameters, limit, patience, permission):
            if not isinstance(items, list):
                raise _failed(f"GitHub answered GET {path} with something that is no list")
            yield from (item for item in items if isinstance(item, dict))

    def pages_of(
        self, path: str, key: str, parameters: dict[str, Any], *, limit: int, permission: str
    ) -> Iterator[dict[str, Any]]:
        """The same of a list that stands under `key` of an object.

        Also raises MachineryFailed (github-failed) where the list goes on for more than `limit` items.
        """
        more = False
        for answer, more in self._pages(path, parameters, limit, "patient", permission, key):  # noqa: B007
            items = answer.get(key) if isinstance(answer, dict) else None
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise _failed(f"GitHub's answer to GET {path} holds no list of {key}")
            yield from items
        if more:
            raise _failed(f"GitHub's answer to GET {path} goes on for more than {limit} {key}")

    def _pages(
        self,
        path: str,
        parameters: dict[str, Any],
        limit: int,
        patience: Patience,
        permission: str,
        key: str = "",
    ) -> Iterator[tuple[Any, bool]]:
        """Answers, each with whether there are more: GitHub's `Link` header says so, and else a full page does."""
        for page in range(1, -(-limit // _PAGE) + 1):
            asked = parameters | {"per_page": _PAGE, "page": page}
            headers, answer = self._send("GET", path, patience, parameters=asked, permission=permission)
            items = answer.get(key) if key and isinstance(answer, dict) else answer
            link = headers.get("link")
            full = isinstance(items, list) and len(items) >= _PAGE
            more = full if link is None else bool(_MORE.search(link))
            yield answer, more
            if not more:
                return

    def _send(
        self,
        method: str,
        path: str,
        patience: Patience,
        *,
        parameters: dict[str, Any] | None = None,
        body: dict[str, Any] | None = None,
        permission: str,
        root: str | None = None,
    ) -> tuple[Mapping[str, str], Any]:
        """Headers (names in lower case) and value of the answer. A rate limit does not count as a try."""
        tries = 0
        while True:
            why_not = self._waits.why_not()
            if why_not:
                raise _limited(f"{method} {path} was not sent: {why_not}")
            try:
                return self._client(hurry=patience == "hurry").requester.requestJsonAndCheck(
                    method, (self._root if root is None else root) + path, parameters=parameters, input=body
                )
            except GithubException as problem:
                if not self._waited(problem, patience):
                    tries += 1
                    asked = pause_of(problem.headers or {}, self._clock.now())
                    again = problem.status >= 500 and patience == "patient" and asked <= _LONGEST_PAUSE
                    if not again or tries > _RETRIES:
                        raise _explained(problem, f"{method} {path}", permission) from problem
                    self._clock.sleep(max(self._backoff_before(tries), asked))
            except (RequestException, OSError) as problem:
                tries += 1
                again = patience == "patient" or (patience == "once" and _never_sent(problem))
                if not again or tries > _RETRIES:
                    raise _unreachable(problem, f"{method} {path}") from problem
                self._clock.sleep(self._backoff_before(tries))
            except Exception as problem:  # PyGithub reads answers trustingly: HTML where JSON belongs ends here
                kind = type(problem).__name__
                raise _failed(f"GitHub's answer to {method} {path} cannot be read: {kind}") from problem

    def _waited(self, problem: GithubException, patience: Patience) -> bool:
        """Whether the answer tells of a rate limit that is over now. Raises MachineryFailed (rate-limited)."""
        limit = limit_of(problem.status, problem.headers or {}, _said(problem), self._clock.now())
        if limit is None:
            return False
        if patience == "hurry":
            self._waits.note(limit)
        elif self._waits.wait(limit):
            return True
        raise _limited(self._waits.why_not()) from problem

    def _backoff_before(self, tries: int) -> float:
        return self._backoff * 2.0 ** (tries - 2) if tries > 1 else 0.0

    def _client(self, *, hurry: bool) -> Github:
        if hurry not in self._clients:
            self._clients[hurry] = Github(
                auth=Auth.Token(self._token.reveal()),
                base_url=self._api_url,
                timeout=2 if hurry else int(self._timeout),
                # Its own retries would wait for hours if told so, and say nothing about it.
                retry=None,
                user_agent="model-stage-deploy",
                # PyGithub would otherwise wait a second between writes.
                seconds_between_requests=None,
                seconds_between_writes=None,
            )
        return self._clients[hurry]


def _never_sent(problem: Exception) -> bool:
    """Whether a request surely did not reach the server, so that it cannot happen twice."""
    inner = problem.args[0] if problem.args else None
    return isinstance(problem, ConnectTimeout) or (
        isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)
    )


def _failed(message: str, status: int | None = None) -> GitHubProblem:
    hint = "see https://www.githubstatus.com, then run the job again"
    return GitHubProblem(Reason.GITHUB_FAILED, message, hint=hint, status=status)


def _unreachable(problem: Exception, request: str) -> GitHubProblem:
    return _failed(f"GitHub cannot be reached ({request}): {type(problem).__name__}")


def _limited(message: str) -> GitHubProblem:
    return GitHubProblem(
        Reason.RATE_LIMITED,
        message,
        hint="run it again after that; how many requests a token has and a run takes: docs/reference/permissions.md",
        status=429,  # also where it came as a 403, which would be taken for a permission
    )


def _said(problem: GithubException) -> str:
    """GitHub's own words."""
    if not isinstance(problem.data, dict):
        return ""
    errors = problem.data.get("errors")
    return f"{problem.data.get('message', '')}{f' {errors!r}' if errors else ''}"[:_LONGEST]


def _explained(problem: GithubException, request: str, permission: str) -> GitHubProblem:
    """GitHub's error in words that say what to do (T39)."""
    said = _said(problem)
    text = f"GitHub answered {problem.status} to {request}{f': {said}' if said else ''}"
    if problem.status == 401:
        return GitHubProblem(
            Reason.PERMISSION_MISSING,
            text,
            hint="the token is not valid: pass `token: ${{ github.token }}` or leave the input out",
            status=401,
        )
    if problem.status in (403, 404):
        return GitHubProblem(
            Reason.PERMISSION_MISSING,
            text,
            hint=f"add this line under `permissions:` in the workflow: `{permission}`",
            status=problem.status,
        )
    return _failed(text, problem.status)
