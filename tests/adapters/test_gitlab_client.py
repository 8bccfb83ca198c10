"""GitLab's API: what is tried again, what its answers mean, and where the token goes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from model_stage_deploy.adapters.gitlab_client import GitLabClient, GitLabProblem
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Secret
from tests.standins.github_server import Reply, Request
from tests.standins.gitlab import GitLabStandIn
from tests.standins.gitlab_state import User

COMMIT = "c" * 40
BODY = {"environment": "production/churn", "sha": COMMIT, "ref": "churn#prod#1", "tag": True, "status": "running"}


@pytest.fixture
def gitlab() -> Iterator[GitLabStandIn]:
    with GitLabStandIn() as standin:
        yield standin


def _client(gitlab: GitLabStandIn, token: str = "test-token", **more: Any) -> GitLabClient:
    return GitLabClient(gitlab.url, gitlab.project, Secret(token), timeout=2, backoff=0.01, **more)


def _first(count: int, reply: Reply) -> Callable[[str, Request], Reply | None]:
    left = [reply] * count
    return lambda _operation, _request: left.pop() if left else None


@pytest.mark.parametrize("reply", [Reply(502, {}, b"<html>"), Reply(drop=True)])
def test_a_passing_fault_is_waited_out(gitlab: GitLabStandIn, reply: Reply) -> None:
    gitlab.meddle = _first(3, reply)
    assert _client(gitlab).get("/deployments") == []


@pytest.mark.parametrize("reply", [Reply(502, {}, b"<html>"), Reply(drop=True)])
def test_what_must_not_happen_twice_is_sent_once(gitlab: GitLabStandIn, reply: Reply) -> None:
    gitlab.meddle = _first(1, reply)
    with pytest.raises(GitLabProblem) as failed:
        _client(gitlab).send("POST", "/deployments", BODY, patience="once")
    assert failed.value.reason is Reason.GITLAB_FAILED
    assert len(gitlab.calls) == 1


def test_a_lasting_fault_ends_the_run(gitlab: GitLabStandIn) -> None:
    gitlab.meddle = _first(99, Reply(500, {}, b'{"message": "500 Internal Server Error"}'))
    with pytest.raises(GitLabProblem) as failed:
        _client(gitlab).get("/deployments")
    assert (failed.value.reason, failed.value.status, len(gitlab.calls)) == (Reason.GITLAB_FAILED, 500, 4)


def test_a_rate_limit_is_waited_out_within_a_budget(gitlab: GitLabStandIn) -> None:
    slept: list[float] = []
    gitlab.meddle = _first(2, Reply(429, {"Retry-After": "30"}, b"Retry later"))
    assert _client(gitlab, sleep=slept.append).get("/deployments") == []
    assert slept == [30.0, 30.0]

    gitlab.meddle = _first(9, Reply(429, {"Retry-After": "300"}, b"Retry later"))
    with pytest.raises(GitLabProblem) as failed:
        _client(gitlab, sleep=slept.append).get("/deployments")
    assert (failed.value.reason, slept) == (Reason.RATE_LIMITED, [30.0, 30.0])


@pytest.mark.parametrize(
    ("token", "project", "words"),
    [("wrong", "ml/models", "not valid, or has expired"), ("test-token", "ml/others", "scopes api")],
)
def test_who_is_not_let_in_is_told_what_it_takes(gitlab: GitLabStandIn, token: str, project: str, words: str) -> None:
    with pytest.raises(GitLabProblem) as failed:
        GitLabClient(gitlab.url, project, Secret(token)).get("/deployments")
    assert failed.value.reason is Reason.PERMISSION_MISSING
    assert words in failed.value.hint
    assert "CI_JOB_TOKEN" in failed.value.hint


def test_the_role_that_it_takes_is_named(gitlab: GitLabStandIn) -> None:
    gitlab.tokens["test-token"] = User(7, "reporter", 20)
    with pytest.raises(GitLabProblem) as failed:
        _client(gitlab).send("POST", "/deployments", BODY)
    assert (failed.value.status, "role Developer" in failed.value.hint) == (403, True)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"),
        Reply(200, {}, b'{"message": "hello"}'),
        Reply(200, {}, b"[1, 2]"),
        Reply(302, {"Location": "https://gitlab.example.com/users/sign_in"}, b""),
    ],
)
def test_what_a_proxy_answers_is_no_list(gitlab: GitLabStandIn, reply: Reply) -> None:
    gitlab.meddle = lambda _operation, _request: reply
    with pytest.raises(GitLabProblem) as failed:
        list(_client(gitlab).pages("/deployments", {}, limit=100))
    assert failed.value.reason is Reason.GITLAB_FAILED


def test_a_list_is_read_to_its_end_or_not_at_all(gitlab: GitLabStandIn) -> None:
    client = _client(gitlab)
    for _ in range(101):
        client.send("POST", "/deployments", BODY)
    assert len(list(client.pages("/deployments", {}, limit=200))) == 101
    with pytest.raises(GitLabProblem, match="goes on for more than 100"):
        list(client.pages("/deployments", {}, limit=100))


def test_a_short_page_is_not_the_last_where_gitlab_says_so(gitlab: GitLabStandIn) -> None:
    pages = {"1": (b'[{"id": 1}]', "2"), "2": (b"[]", "3"), "3": (b'[{"id": 3}]', "")}

    def page(_operation: str, request: Request) -> Reply:
        body, following = pages[dict(parse_qsl(request.target.partition("?")[2]))["page"]]
        return Reply(200, {"X-Next-Page": following}, body)

    gitlab.meddle = page
    assert [item["id"] for item in _client(gitlab).pages("/deployments", {}, limit=300)] == [1, 3]


def test_the_token_goes_to_gitlab_alone(gitlab: GitLabStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not along a redirect; and a password of a .netrc does not take its place."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login ann password s3cret\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    seen: list[Request] = []

    def answer(_operation: str, request: Request) -> Reply:
        seen.append(request)
        return Reply(301, {"Location": f"{gitlab.url}/projects/1/deployments"}, b"")

    gitlab.meddle = answer
    with pytest.raises(MachineryFailed, match="301"):
        _client(gitlab).get("/deployments")
    assert len(seen) == 1
    assert "authorization" not in seen[0].headers
    assert seen[0].headers["private-token"] == "test-token"


def test_what_gitlab_says_is_quoted(gitlab: GitLabStandIn) -> None:
    words = {"message": {"environment": ["is invalid"]}}
    gitlab.meddle = lambda _operation, _request: Reply(400, {}, json.dumps(words).encode())
    with pytest.raises(GitLabProblem, match="is invalid"):
        _client(gitlab).send("POST", "/deployments", BODY)
