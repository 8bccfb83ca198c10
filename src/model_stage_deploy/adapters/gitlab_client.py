"""GitLab's REST API (v4) of one project: one place for requests, retries and what its errors mean.

A dozen calls, sent with requests, which is here for the web deployers anyway: python-gitlab is well kept, but would
bring two more packages, and objects of its own, for what are plain documents here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote

import requests

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret

Patience = Literal["patient", "once", "hurry"]
_PAGE = 100
_TRIES = 4
_LONGEST_WAIT = 120.0  # seconds for all rate limits of one request together
_LONGEST = 10_000  # characters of an answer's complaint; short cuts could halve a secret before it is scrubbed
WHAT_IT_TAKES = (
    "give the job a project access token with the scopes api and write_repository and the role {role}, as the masked "
    "variable GITLAB_TOKEN: the job's own CI_JOB_TOKEN may not do this"
)


class GitLabProblem(MachineryFailed):
    """GitLab did not do as it was asked. `status` is that of its answer, None where no readable one came."""

    def __init__(self, reason: Reason, message: str, *, hint: str = "", status: int | None = None) -> None:
        super().__init__(reason, message, hint=hint)
        self.status = status


class GitLabClient:
    """Sends requests to the API of one project, `group/name` or its number.

    `patience` says how a failure is met: "patient" tries again on 5xx and lost connections, "once" does not
    (for a request that must not happen twice), both wait out rate limits; "hurry" tries once, for two seconds.
    `timeout` is in seconds, for one try; `backoff` the seconds before the second try, doubled before each further one.
    """

    def __init__(
        self,
        api_url: str,
        project: str,
        token: Secret,
        *,
        timeout: float = 20.0,
        backoff: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api_url = api_url.rstrip("/")
        self._root = f"/projects/{quoted(project)}"
        self._token = token
        self._timeout = timeout
        self._backoff = backoff
        self._sleep = sleep
        self._session: requests.Session | None = None

    def get(self, path: str, parameters: Mapping[str, Any] | None = None, *, role: str = "Developer") -> Any:
        """GET below the project. Raises GitLabProblem (gitlab-failed, rate-limited, permission-missing)."""
        return self._send("GET", self._root + path, "patient", role, parameters=parameters)

    def send(
        self,
        method: Literal["POST", "PUT"],
        path: str,
        body: Mapping[str, Any],
        *,
        patience: Patience = "patient",
        role: str = "Developer",
    ) -> Any:
        """POST or PUT below the project; `role` is what it takes at least. Raises GitLabProblem."""
        return self._send(method, self._root + path, patience, role, body=body)

    def pages(
        self, path: str, parameters: Mapping[str, Any], *, limit: int, outside: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Items of a list below the project (with `outside` anywhere), page after page as they are needed.

        Raises GitLabProblem, also where there are more than `limit` items: what is left unread could say otherwise.
        """
        place = path if outside else self._root + path
        for page in range(1, -(-limit // _PAGE) + 1):
            asked = {**parameters, "per_page": _PAGE, "page": page}
            answer = self._answered("GET", place, "patient", parameters=asked)
            items = _understood(answer, f"GET {place}", "Developer")
            if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                raise strange(f"GET {path}", "holds no list")
            yield from items
            # A page may be short though more follow, where GitLab leaves out what we may not see.
            following = answer.headers.get("X-Next-Page")
            if not following if following is not None else len(items) < _PAGE:
                return
        raise strange(f"GET {path}", f"goes on for more than {limit} items")

    def _send(
        self,
        method: str,
        path: str,
        patience: Patience,
        role: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        answer = self._answered(method, path, patience, parameters=parameters, body=body)
        return _understood(answer, f"{method} {path}", role)

    def _answered(
        self,
        method: str,
        path: str,
        patience: Patience,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        """GitLab's last answer, whatever it says. Raises GitLabProblem where there is none."""
        request, waited = f"{method} {path}", 0.0
        for turn in range(1, _TRIES + 1):
            last = patience != "patient" or turn == _TRIES
            try:
                answer = self._exchange(method, path, patience, parameters, body)
            except (requests.RequestException, OSError) as problem:
                if not last:
                    self._sleep(self._backoff * 2 ** (turn - 1))
                    continue
                raise _failed(f"GitLab cannot be reached ({request}): {type(problem).__name__}") from problem
            if answer.status_code == 429 and patience != "hurry" and turn < _TRIES:
                wait = _seconds(answer.headers.get("Retry-After", ""), self._backoff * 2**turn)
                waited += wait
                if waited <= _LONGEST_WAIT:
                    self._sleep(wait)
                    continue
            if answer.status_code >= 500 and not last:
                self._sleep(self._backoff * 2 ** (turn - 1))
                continue
            return answer
        raise AssertionError(request)

    def _exchange(
        self,
        method: str,
        path: str,
        patience: Patience,
        parameters: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        if self._session is None:
            self._session = requests.Session()
            self._session.auth = _as_it_is  # else a .netrc would add a password of its own
        return self._session.request(
            method,
            self._api_url + path,
            params=dict(parameters or {}),
            json=dict(body) if body is not None else None,
            headers={
                "PRIVATE-TOKEN": self._token.reveal(),
                "User-Agent": "model-stage-deploy",
                "Accept": "application/json",
            },
            timeout=2.0 if patience == "hurry" else self._timeout,
            allow_redirects=False,  # the token is for this address
        )


def quoted(text: str) -> str:
    """One segment of a path; `.` and `..` would be taken for folders on the way (T14)."""
    return quote(text, safe="").replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def text_of(answer: object, key: str) -> str:
    """A text of an answer, "" where it has none of that name."""
    value = answer.get(key) if isinstance(answer, dict) else None
    return value if isinstance(value, str) else ""


def strange(request: str, what: str) -> GitLabProblem:
    """An answer that is none of GitLab's."""
    return GitLabProblem(
        Reason.GITLAB_FAILED,
        f"GitLab's answer to {request} {what}",
        hint="does a proxy answer for GitLab? then run the job again",
    )


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _understood(answer: requests.Response, request: str, role: str) -> Any:
    if answer.status_code == 204:
        return None
    try:
        data = answer.json()
    except ValueError as problem:
        if 200 <= answer.status_code < 300:
            raise strange(request, "cannot be read: it is no JSON") from problem
        data = None
    if 200 <= answer.status_code < 300:
        return data
    raise _explained(answer.status_code, _said(data), request, role)


def _said(data: object) -> str:
    """GitLab's complaint: `message` may be a text or an object, and `error` stands where a request has no form."""
    if not isinstance(data, dict):
        return ""
    said = data.get("message") or data.get("error_description") or data.get("error") or ""
    return str(said)[:_LONGEST]


def _explained(status: int, said: str, request: str, role: str) -> GitLabProblem:
    text = f"GitLab answered {status} to {request}{f': {said}' if said else ''}"
    if status == 401:
        hint = "the token is not valid, or has expired: " + WHAT_IT_TAKES.format(role=role)
        return GitLabProblem(Reason.PERMISSION_MISSING, text, hint=hint, status=status)
    if status in (403, 404):  # GitLab hides what a token may not see
        return GitLabProblem(Reason.PERMISSION_MISSING, text, hint=WHAT_IT_TAKES.format(role=role), status=status)
    if status == 429:
        hint = "GitLab takes no more requests for now: run the job again in some minutes"
        return GitLabProblem(Reason.RATE_LIMITED, text, hint=hint, status=status)
    if 300 <= status < 400:
        hint = (
            "was the project moved? then name its new path; and CI_API_V4_URL must begin with https where GitLab's does"
        )
        return GitLabProblem(Reason.GITLAB_FAILED, text, hint=hint, status=status)
    return _failed(text, status)


def _failed(message: str, status: int | None = None) -> GitLabProblem:
    hint = "see whether GitLab works (for gitlab.com: https://status.gitlab.com), then run the job again"
    return GitLabProblem(Reason.GITLAB_FAILED, message, hint=hint, status=status)


def _seconds(text: str, otherwise: float) -> float:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else otherwise
