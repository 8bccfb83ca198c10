"""The record on GitHub, with trouble at every call: nothing is recorded twice, wrongly, or in silence."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_deployments import GitHubDeployments
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.lifecycle import Recorded, now_running
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber, Secret
from model_stage_deploy.ports import Ending
from tests.fakes.plans import HOSTILE, a_plan
from tests.standins.github import GitHubStandIn

RUN_URL = "https://github.example.com/org/models/actions/runs/77"
PLAN = a_plan()
COMMIT = PLAN.decision.commit
SUCCESS = Ending("success", "churn v3.1.0 deployed to prod", "https://models.example.com/churn")
FAILURE = Ending("failure", "run exited with status 1")

CREATE = ("POST", "/deployments$", 0)
IN_PROGRESS = ("POST", r"/deployments/\d+/statuses$", 0)
PENDING = ("POST", "/statuses/[0-9a-f]{40}$", 0)
SUCCEEDED = ("POST", r"/deployments/\d+/statuses$", 1)
GREEN = ("POST", "/statuses/[0-9a-f]{40}$", 1)
LIST = ("GET", "/deployments$", 0)
OLD_STATUSES = ("GET", r"/deployments/\d+/statuses$", 0)
INACTIVE = ("POST", r"/deployments/\d+/statuses$", 2)

Call = tuple[str, str, int]
START: dict[str, Call] = {"create": CREATE, "in-progress": IN_PROGRESS, "pending": PENDING}
END: dict[str, Call] = {"success": SUCCEEDED, "green": GREEN}
RETIRE: dict[str, Call] = {"list": LIST, "old-statuses": OLD_STATUSES, "inactive": INACTIVE}
ALL = START | END | RETIRE


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn() as standin:
        yield standin
        standin.assert_clean()


def _host(github: GitHubStandIn, *secrets: str, token: str = "test-token") -> GitHubDeployments:
    client = GitHubClient(github.url, "org/models", Secret(token), timeout=1, backoff=0.01)
    return GitHubDeployments(client, Scrubber(secrets).text, RUN_URL)


def _plan(version: str = "v3.1.0", model: str = "churn", stage: str = "prod", **changes: Any) -> Plan:
    plan = a_plan(name=model, **changes)
    return replace(plan, decision=replace(plan.decision, version=version, stage=stage))


def _deploy(host: GitHubDeployments, plan: Plan = PLAN, attempt: str = "new", ending: Ending = SUCCESS) -> list[str]:
    return host.finish(plan, attempt, host.start(plan, attempt, Evidence()), ending)


def _live(host: GitHubDeployments, limit: int = 30) -> Recorded | None:
    return now_running(host.records("churn", "prod", "production", limit=limit))


def _states(github: GitHubStandIn) -> list[list[str]]:
    return [[status.state for status in github.deployment_statuses(each.id)] for each in github.deployments]


def _order(github: GitHubStandIn, call: Call, **trouble: Any) -> None:
    method, path, after = call
    github.fail_next(method, path, after=after, **trouble)


def _old(github: GitHubStandIn, **changes: Any) -> int:
    """An older deployment of churn to prod, live; the stand-in itself retires none that is for production."""
    payload = {"model": "churn", "stage": "prod", "version": "v3.0.0", "attempt": "old"}
    fields: dict[str, Any] = {"ref": "b" * 40, "environment": "production/churn", "production_environment": True}
    fields["payload"] = payload
    return github.add_deployment(**fields | changes).id


def test_a_plain_deployment_takes_six_calls_and_says_all(github: GitHubStandIn) -> None:
    assert _deploy(_host(github)) == []

    [deployment] = github.deployments
    assert (deployment.sha, deployment.environment) == (COMMIT, "production/churn")
    assert deployment.description == "deploying churn v3.1.0 to prod, replacing v3.0.0"
    payload = deployment.payload
    assert isinstance(payload, dict)
    assert payload["previous"] == {"version": "v3.0.0", "tag": "churn#prod#3", "commit": "b" * 40}
    first, last = github.deployment_statuses(deployment.id)
    assert (first.state, first.log_url) == ("in_progress", RUN_URL)
    assert (last.state, last.log_url, last.environment_url) == ("success", RUN_URL, "https://models.example.com/churn")
    assert [(status.state, status.target_url) for status in github.commit_statuses(COMMIT)] == [
        ("pending", RUN_URL),
        ("success", RUN_URL),
    ]
    assert len(github.calls) == 6
    created = github.calls[0].body
    assert (created["auto_merge"], created["required_contexts"], created["task"]) == (False, [], "deploy")
    assert all(call.body["auto_inactive"] is False for call in github.calls if call.path.endswith("/statuses"))


@pytest.mark.parametrize("call", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    "trouble",
    [{"status": 500}, {"kind": "html", "status": 502}, {"kind": "reset"}, {"kind": "reset", "applied": True}],
    ids=["500", "html-502", "reset", "answer-lost"],
)
def test_one_piece_of_trouble_is_got_over(github: GitHubStandIn, call: Call, trouble: dict[str, Any]) -> None:
    old = _old(github)
    _order(github, call, **trouble)
    warnings = _deploy(_host(github))

    assert github.pending_faults == 0
    assert warnings == []
    assert [deployment.id for deployment in github.deployments][:1] == [old]
    assert len(github.deployments) == 2, "deployed just once"
    assert [states[-1] for states in _states(github)] == ["inactive", "success"]
    assert [status.state for status in github.commit_statuses(COMMIT)][-1] == "success"


@pytest.mark.parametrize(
    ("call", "trouble"),
    [
        (CREATE, "timeout"),
        (SUCCEEDED, "timeout"),
        (CREATE, "secondary-limit"),
        (LIST, "secondary-limit"),
        (CREATE, "429"),
        (SUCCEEDED, "429"),
    ],
)
def test_slow_answers_and_limits_are_waited_out(github: GitHubStandIn, call: Call, trouble: str) -> None:
    _old(github)
    limit = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
    ordered: dict[str, dict[str, Any]] = {
        "timeout": {"kind": "timeout", "applied": True},
        "secondary-limit": {"status": 403, "headers": {"Retry-After": "1"}, "body": limit},
        "429": {"status": 429, "headers": {"Retry-After": "1"}, "body": limit},
    }
    _order(github, call, **ordered[trouble])
    begun = time.monotonic()

    assert _deploy(_host(github)) == []
    assert time.monotonic() - begun >= 0.9
    assert len(github.deployments) == 2
    assert [states[-1] for states in _states(github)] == ["inactive", "success"]


@pytest.mark.parametrize("call", START.values(), ids=START)
@pytest.mark.parametrize("kind", ["status", "html", "reset"])
def test_a_start_that_cannot_be_recorded_says_that_nothing_was_deployed(
    github: GitHubStandIn, call: Call, kind: str
) -> None:
    _order(github, call, kind=kind, times=99)
    with pytest.raises(MachineryFailed) as caught:
        _host(github).start(PLAN, "new", Evidence())

    assert caught.value.reason is Reason.START_NOT_RECORDED
    assert "nothing was deployed" in caught.value.message
    assert "--no-github" in caught.value.hint
    assert len(github.deployments) == (0 if call is CREATE else 1)
    if call is PENDING:
        assert _states(github) == [["in_progress", "error"]]


@pytest.mark.parametrize("call", END.values(), ids=END)
@pytest.mark.parametrize("ending", [SUCCESS, FAILURE], ids=["success", "failure"])
def test_an_end_that_cannot_be_recorded_is_an_error_of_its_own(
    github: GitHubStandIn, call: Call, ending: Ending
) -> None:
    old = _old(github)
    _order(github, call, status=502, times=99)
    with pytest.raises(MachineryFailed) as caught:
        _deploy(_host(github), ending=ending)

    assert caught.value.reason is Reason.END_NOT_RECORDED
    assert f"the end ({ending.state}) could not be recorded" in caught.value.message
    assert "out of date" in caught.value.hint
    assert github.deployment_statuses(old)[-1].state == "success", "the one before is not retired on a guess"


@pytest.mark.parametrize("call", RETIRE.values(), ids=RETIRE)
def test_an_older_deployment_that_cannot_be_retired_is_a_warning(github: GitHubStandIn, call: Call) -> None:
    _old(github)
    _order(github, call, status=502, times=99)
    [warning] = _deploy(_host(github))

    assert "still looks active" in warning
    assert _states(github)[-1] == ["in_progress", "success"]


@pytest.mark.parametrize(
    ("permissions", "line"),
    [
        ({"contents": "read"}, "deployments: write"),
        ({"deployments": "read", "statuses": "write"}, "deployments: write"),
        ({"deployments": "write"}, "statuses: write"),
        ({"deployments": "write", "statuses": "read"}, "statuses: write"),
    ],
)
def test_a_missing_permission_names_the_line_to_add(permissions: dict[str, str], line: str) -> None:
    with GitHubStandIn(permissions=permissions) as github:
        with pytest.raises(MachineryFailed) as caught:
            _host(github).start(PLAN, "new", Evidence())
        assert caught.value.reason is Reason.PERMISSION_MISSING
        assert f"`{line}`" in caught.value.hint
        assert "\n" not in caught.value.message + caught.value.hint
        assert [states[-1] for states in _states(github)] in ([], ["error"])
        assert len(github.calls) <= 5, "a missing permission is not tried again"


def test_to_ask_what_is_live_takes_a_permission_for_deployments() -> None:
    with GitHubStandIn(permissions={"contents": "read", "statuses": "write"}) as github:
        with pytest.raises(MachineryFailed) as caught:
            _live(_host(github))
        assert caught.value.reason is Reason.PERMISSION_MISSING
        assert "deployments: " in caught.value.hint


@pytest.mark.parametrize("status", [401, 404, 409, 422])
def test_a_refusal_is_final_and_told_in_githubs_words(github: GitHubStandIn, status: int) -> None:
    body = {"message": f"GitHub's own word {status}", "errors": [{"field": "ref", "code": "invalid"}]}
    _order(github, CREATE, status=status, body=body, times=99)
    with pytest.raises(MachineryFailed) as caught:
        _host(github).start(PLAN, "new", Evidence())

    assert f"GitHub answered {status}" in caught.value.message
    assert f"GitHub's own word {status}" in caught.value.message
    assert sum(call.method == "POST" for call in github.calls) <= 2
    wanted = Reason.PERMISSION_MISSING if status in (401, 404) else Reason.START_NOT_RECORDED
    assert caught.value.reason is wanted


def test_a_wrong_token_is_told_so(github: GitHubStandIn) -> None:
    with pytest.raises(MachineryFailed) as caught:
        _host(github, token="wrong").start(PLAN, "new", Evidence())
    assert caught.value.reason is Reason.PERMISSION_MISSING
    assert "token" in caught.value.hint


@pytest.mark.parametrize("body", [None, [], "text", {}, {"id": None}, {"id": "7", "sha": COMMIT}, {"id": 7}, 7])
@pytest.mark.parametrize("call", [CREATE, LIST, OLD_STATUSES], ids=["create", "list", "old-statuses"])
def test_an_answer_of_the_wrong_shape_is_no_crash(github: GitHubStandIn, call: Call, body: Any) -> None:
    _old(github)
    _order(github, call, status=201 if call is CREATE else 200, body=body, times=99)
    if call is CREATE:
        with pytest.raises(MachineryFailed) as caught:
            _host(github).start(PLAN, "new", Evidence())
        assert caught.value.reason is Reason.START_NOT_RECORDED
    else:
        assert len(_deploy(_host(github))) <= 1
        assert _states(github)[-1][-1] == "success"


@pytest.mark.parametrize("trouble", [{"kind": "html"}, {"body": {}}, {"body": None}, {"body": {"state": "pending?"}}])
@pytest.mark.parametrize("call", (START | END).values(), ids=START | END)
def test_only_githubs_own_word_counts_as_recorded(github: GitHubStandIn, call: Call, trouble: dict[str, Any]) -> None:
    _order(github, call, status=200, times=99, **trouble)
    with pytest.raises(MachineryFailed) as caught:
        _deploy(_host(github))
    assert caught.value.reason is (Reason.END_NOT_RECORDED if call in END.values() else Reason.START_NOT_RECORDED)


def test_a_server_that_is_not_there_is_told_without_the_token() -> None:
    client = GitHubClient("http://127.0.0.1:9", "org/models", Secret("s3cret-token"), timeout=1, backoff=0.01)
    with pytest.raises(MachineryFailed) as caught:
        GitHubDeployments(client, str).start(PLAN, "new", Evidence())
    assert caught.value.reason is Reason.START_NOT_RECORDED
    assert "s3cret" not in str(caught.value)
    assert "cannot be reached" in caught.value.message


@pytest.mark.parametrize("trouble", [{"kind": "reset"}, {"kind": "timeout"}, {"status": 502}])
def test_a_create_whose_answer_is_lost_makes_no_second_deployment(
    github: GitHubStandIn, trouble: dict[str, Any]
) -> None:
    _order(github, CREATE, applied=True, **trouble)
    found = _host(github).start(PLAN, "new", Evidence())

    assert [str(deployment.id) for deployment in github.deployments] == [found]
    assert sum(call.method == "POST" and call.path.endswith("/deployments") for call in github.calls) == 1


def test_a_deployment_at_another_commit_is_closed_and_nothing_deployed() -> None:
    def spoil(operation: str, answer: Any) -> Any:
        return answer | {"sha": "d" * 40} if operation == "repos/create-deployment" else answer

    with GitHubStandIn(spoil_answer=spoil) as github:
        with pytest.raises(MachineryFailed) as caught:
            _host(github).start(PLAN, "new", Evidence())
        assert caught.value.reason is Reason.START_NOT_RECORDED
        assert "dddddddddddd" in caught.value.message
        assert _states(github) == [["error"]]


@pytest.mark.thorough
def test_an_old_one_behind_three_pages_of_others_is_retired_and_found(github: GitHubStandIn) -> None:
    old = _old(github)
    for number in range(298):
        payload = {"model": "churn", "stage": "prod", "version": f"v2.0.{number}"}
        github.add_deployment(ref="b" * 40, environment="production/churn", payload=payload, states=["failure"])
    host = _host(github)
    live = _live(host, limit=300)
    assert live is not None
    assert (live.id, live.version) == (str(old), "v3.0.0")

    assert _deploy(host) == []
    assert github.deployment_statuses(old)[-1].state == "inactive"
    assert len([call for call in github.calls if call.method == "GET" and call.path.endswith("/deployments")]) >= 6


def test_foreign_deployments_are_left_alone(github: GitHubStandIn) -> None:
    ours = {"model": "churn", "stage": "prod", "version": "v3.0.0"}
    foreign = [
        _old(github, payload="not JSON"),
        _old(github, payload=json.dumps(["a", "list"])),
        _old(github, payload="null"),
        _old(github, payload={}),
        _old(github, payload=ours | {"model": "fraud"}),
        _old(github, payload=ours | {"stage": "staging"}),
        _old(github, payload=ours, environment="production"),
        _old(github, payload=ours, task="deploy:migrations"),
    ]
    text = _old(github, payload=json.dumps(ours))
    assert _deploy(_host(github)) == []

    assert all(github.deployment_statuses(each)[-1].state == "success" for each in foreign)
    assert github.deployment_statuses(text)[-1].state == "inactive", "a payload may come back as text"


def test_a_newer_deployment_is_not_retired_by_an_older_one(github: GitHubStandIn) -> None:
    host = _host(github)
    first = host.start(_plan("v3.0.0"), "first", Evidence())
    assert _deploy(host, _plan("v3.1.0"), "second") == []
    assert host.finish(_plan("v3.0.0"), "first", first, SUCCESS) == []

    assert [states[-1] for states in _states(github)] == ["success", "success"]


def test_ghes_is_asked_below_its_prefix() -> None:
    with GitHubStandIn(description="ghes") as github:
        _old(github)
        assert _deploy(_host(github)) == []
        assert [states[-1] for states in _states(github)] == ["inactive", "success"]
        assert all(call.target.startswith("/api/v3/repos/org/models/") for call in github.calls)
        github.assert_clean()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_and_long_texts_fit_githubs_limits(github: GitHubStandIn, name: str) -> None:
    text = HOSTILE[name]
    ending = Ending("failure", text * 3, None)
    assert _deploy(_host(github), replace(PLAN, environment=text), ending=ending) == []

    [deployment] = github.deployments
    assert len(deployment.environment) <= 255
    last = github.deployment_statuses(deployment.id)[-1]
    assert last.description.isprintable()
    assert 0 < len(last.description) <= 140


def test_a_long_model_name_fits_too_and_is_not_mistaken_for_another(github: GitHubStandIn) -> None:
    host = _host(github)
    for tail in ("a", "b"):
        assert _deploy(host, _plan(model="m" * 260 + tail), f"attempt-{tail}") == []

    first, second = github.deployments
    assert first.environment != second.environment
    contexts = {status.context for status in github.commit_statuses(COMMIT)}
    assert len(contexts) == 2
    assert all(len(context) <= 255 and context.startswith("model-deploy/") for context in contexts)


def test_secrets_are_starred_in_whatever_github_is_told(github: GitHubStandIn) -> None:
    ending = Ending("success", "done with pa55word", "https://models.example.com/?key=pa55word")
    assert _deploy(_host(github, "pa55word"), ending=ending) == []

    assert "pa55word" not in json.dumps([call.body for call in github.calls])
    assert github.deployment_statuses(github.deployments[0].id)[-1].environment_url.endswith("?key=***")


def test_an_interrupted_start_is_found_by_its_attempt_and_closed(github: GitHubStandIn) -> None:
    host = _host(github)
    host.start(PLAN, "mine", Evidence())
    host.start(PLAN, "theirs", Evidence())
    cancelled = Ending("error", "cancelled", hurry=True)
    assert host.finish(PLAN, "mine", None, cancelled) == []
    assert host.finish(PLAN, "never made", None, cancelled) == []

    assert [states[-1] for states in _states(github)] == ["error", "in_progress"]


@pytest.mark.thorough
@pytest.mark.parametrize("call", [LIST, PENDING], ids=["list", "commit"])
def test_a_hurried_end_does_not_wait_for_a_silent_github(github: GitHubStandIn, call: Call) -> None:
    _order(github, call, kind="timeout", times=99)
    begun = time.monotonic()
    with pytest.raises(MachineryFailed):
        _host(github).finish(PLAN, "new", None if call is LIST else "3000000001", Ending("error", "x", hurry=True))
    assert time.monotonic() - begun < 3


def test_what_is_live_is_the_newest_success(github: GitHubStandIn) -> None:
    host = _host(github)
    assert _live(host) is None
    _deploy(host, _plan("v3.0.0"), "first")
    _deploy(host, _plan("v3.1.0"), "second")
    _deploy(host, _plan("v3.2.0"), "third", FAILURE)

    live = _live(host)
    assert live is not None
    assert (live.version, live.commit, live.tag, live.state) == ("v3.1.0", COMMIT, "churn#prod#4", "success")


def test_a_commit_that_takes_no_more_statuses_is_deployed_all_the_same(github: GitHubStandIn) -> None:
    """T41: GitHub keeps 1,000 statuses of a commit and context. The Deployment counts, and the run says so."""
    for _ in range(1000):
        github.add_commit_status(COMMIT, "success", context="model-deploy/churn/prod")
    [warning] = _deploy(_host(github))
    assert "has 1,000 statuses model-deploy/churn/prod and GitHub takes no more" in warning
    assert _states(github) == [["in_progress", "success"]]
    assert len(github.commit_statuses(COMMIT)) == 1000


def test_another_refusal_of_a_status_is_none_of_that(github: GitHubStandIn) -> None:
    _order(github, PENDING, status=422, body={"message": "Validation Failed"}, times=9)
    with pytest.raises(MachineryFailed) as caught:
        _host(github).start(PLAN, "new", Evidence())
    assert caught.value.reason is Reason.START_NOT_RECORDED
