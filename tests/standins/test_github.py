"""The stand-in for GitHub follows GitHub's rules; faults and sockets: `test_github_wire`, schemas:
`test_github_description`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from github import Auth, Github, GithubException

from tests.standins.github import GitHubStandIn
from tests.standins.github_client import Api
from tests.standins.github_state import MAX_STATUSES

SHA, OTHER_SHA = "a" * 40, "b" * 40


@pytest.fixture
def standin() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(refs={"refs/tags/churn#prod#4": SHA, "main": SHA, "50%2F": OTHER_SHA}) as running:
        yield running


@pytest.fixture
def api(standin: GitHubStandIn) -> Iterator[Api]:
    client = Api(standin)
    with client.session:
        yield client


@pytest.mark.parametrize("description", ["github", "ghes"])
def test_pygithub_deploys_reports_and_lists(description: Any) -> None:
    with GitHubStandIn(token="x", description=description) as standin:
        for number in range(250):
            standin.add_deployment(ref=OTHER_SHA, environment=f"env-{number}")
        client = Github(
            auth=Auth.Token("x"),
            base_url=standin.url,
            seconds_between_requests=None,
            seconds_between_writes=None,
            retry=None,
        )
        with client:
            repository = client.get_repo("ORG/Models")
            made = repository.create_deployment(
                SHA, auto_merge=False, required_contexts=[], payload={"model": "churn"}, environment="prod"
            )
            made.create_status("in_progress", target_url="https://ci.example.com/1")
            made.create_status("success", environment_url="https://models.example.com/churn")
            listed = [each.id for each in repository.get_deployments()]
            states = [each.state for each in repository.get_deployment(made.id).get_statuses()]
            remaining = client.get_rate_limit().rate.remaining
    assert listed == sorted({each.id for each in standin.deployments}, reverse=True)
    assert len(listed) == 251 and listed[0] == made.id
    assert states == ["success", "in_progress"]
    assert standin.deployment_statuses(made.id)[0].log_url == "https://ci.example.com/1"
    assert remaining == 5000 - (len(standin.calls) - 1)  # asking for the limit costs nothing
    assert {call.status for call in standin.calls} == {200, 201}
    standin.assert_clean()


def test_pages_follow_the_link_header(standin: GitHubStandIn, api: Api) -> None:
    for _ in range(250):
        standin.add_deployment(ref=SHA, environment="a/b #1", states=())
    standin.add_deployment(ref=SHA, environment="elsewhere", states=())
    sizes, answer = [], api("GET", "/deployments", per_page="1000", environment="a/b #1")
    assert set(answer.links) == {"next", "last"}
    while True:
        sizes.append(len(answer.json()))
        if "next" not in answer.links:
            break
        answer = api.session.get(answer.links["next"]["url"], timeout=20)
    assert sizes == [100, 100, 50]
    assert set(answer.links) == {"prev", "first"}
    assert len(api("GET", "/deployments").json()) == 30
    beyond = api("GET", "/deployments", page="99")
    assert beyond.json() == [] and "next" not in beyond.links
    assert "Link" not in api("GET", "/deployments", environment="elsewhere").headers
    standin.assert_clean()


def test_deployments_are_filtered_exactly(standin: GitHubStandIn, api: Api) -> None:
    first = api.created("/deployments", {"ref": "churn#prod#4", "task": "rollback", "environment": "Prod"})
    second = api.created("/deployments", {"ref": OTHER_SHA, "payload": "text", "environment": "prod"})
    found = {
        name: [each["id"] for each in api("GET", "/deployments", **{name: value}).json()]
        for name, value in {"sha": SHA, "ref": OTHER_SHA, "task": "rollback", "environment": "prod"}.items()
    }
    assert found == {
        "sha": [first["id"]],
        "ref": [second["id"]],
        "task": [first["id"]],
        "environment": [second["id"]],
    }
    assert (first["sha"], first["payload"], second["payload"]) == (SHA, {}, "text")
    standin.assert_clean()


def test_success_retires_earlier_deployments_of_the_environment_only(standin: GitHubStandIn, api: Api) -> None:
    def deploy(*states: str, **fields: Any) -> dict[str, Any]:
        made = api.created("/deployments", {"ref": SHA, "environment": "staging", **fields})
        for state in states:
            api.created(f"/deployments/{made['id']}/statuses", {"state": state, "auto_inactive": False})
        return made

    lives = deploy("in_progress", "success")
    spared = [
        deploy("failure"),
        deploy("success", environment="qa"),
        deploy("success", production_environment=True),
        deploy("success", transient_environment=True),
    ]
    retired_before = deploy("success", "inactive")
    newest = deploy()
    api.created(f"/deployments/{newest['id']}/statuses", {"state": "failure"})
    assert api.states(lives) == ["in_progress", "success"]
    api.created(f"/deployments/{newest['id']}/statuses", {"state": "success"})
    assert api.states(lives) == ["in_progress", "success", "inactive"]
    assert [api.states(each)[-1] for each in spared] == ["failure", "success", "success", "success"]
    assert api.states(retired_before) == ["success", "inactive"]
    assert api.states(newest) == ["failure", "success"]
    production = [standin.add_deployment(ref=SHA) for _ in range(2)]
    assert [len(standin.deployment_statuses(each.id)) for each in production] == [1, 1]
    standin.assert_clean()


def test_a_status_can_move_its_deployment_to_another_environment(standin: GitHubStandIn, api: Api) -> None:
    made = api.created("/deployments", {"ref": SHA, "environment": "prod"})
    path = f"/deployments/{made['id']}"
    assert api.created(f"{path}/statuses", {"state": "queued"})["environment"] == "prod"
    api.created(f"{path}/statuses", {"state": "in_progress", "environment": "prod-eu"})
    assert api.created(f"{path}/statuses", {"state": "success"})["environment"] == "prod-eu"
    now = api("GET", path).json()
    assert (now["environment"], now["original_environment"]) == ("prod-eu", "prod")
    standin.assert_clean()


def test_required_contexts_judge_the_newest_status_of_each_context(standin: GitHubStandIn, api: Api) -> None:
    api.created(f"/statuses/{SHA}", {"state": "failure", "context": "CI"})
    api.created(f"/statuses/{SHA}", {"state": "success", "context": "ci"})
    api.created("/deployments", {"ref": SHA})
    api.created(f"/statuses/{SHA}", {"state": "pending", "context": "model-deploy/churn/prod"})
    answer = api("POST", "/deployments", {"ref": SHA})
    assert answer.status_code == 409
    assert answer.json()["message"] == f"Conflict: Commit status checks failed for {SHA}."
    assert answer.json()["errors"][0]["contexts"] == [
        {"context": "model-deploy/churn/prod", "state": "pending"},
        {"context": "ci", "state": "success"},
    ]
    assert api("POST", "/deployments", {"ref": SHA, "required_contexts": ["lint"]}).status_code == 409
    api.created("/deployments", {"ref": SHA, "required_contexts": ["ci"]})
    api.created("/deployments", {"ref": SHA, "required_contexts": []})
    assert len(standin.deployments) == 3
    standin.assert_clean()


def test_auto_merge_concerns_refs_that_are_behind() -> None:
    with GitHubStandIn(refs={"topic": SHA}, behind={"topic": "merges", OTHER_SHA: "conflicts"}) as standin:
        api = Api(standin)
        with api.session:
            conflict = api("POST", "/deployments", {"ref": OTHER_SHA})
            assert (conflict.status_code, standin.deployments) == (409, [])
            api.created("/deployments", {"ref": OTHER_SHA, "auto_merge": False})
            merged = api("POST", "/deployments", {"ref": "topic"})
            assert (merged.status_code, len(standin.deployments)) == (202, 1)
            api.created("/deployments", {"ref": "topic"})
    standin.assert_clean()


@pytest.mark.parametrize(
    ("states", "combined"),
    [
        ([], "pending"),
        (["success"], "success"),
        (["success", "pending"], "pending"),
        (["error", "pending"], "failure"),
        (["failure", "success"], "failure"),
    ],
)
def test_combined_status(standin: GitHubStandIn, api: Api, states: list[str], combined: str) -> None:
    for number, state in enumerate(states):
        api.created(f"/statuses/{SHA}", {"state": "pending", "context": str(number)})
        api.created(f"/statuses/{SHA}", {"state": state, "context": str(number)})
    for ref in (SHA, "tags/churn%23prod%234"):
        answer = api("GET", f"/commits/{ref}/status").json()
        assert (answer["state"], answer["total_count"], answer["sha"]) == (combined, len(states), SHA)
        listed = [each["state"] for each in api("GET", f"/commits/{ref}/statuses").json()]
        assert len(listed) == 2 * len(states) and listed[0:1] == states[-1:]
    standin.assert_clean()


@pytest.mark.parametrize("token", ["wrong", "", "test-token "])
def test_a_bad_token_is_refused_before_anything_else(standin: GitHubStandIn, token: str) -> None:
    api = Api(standin, token)
    if not token.strip():
        del api.session.headers["Authorization"]
    if token.endswith(" "):
        api.session.headers["Authorization"] = "Basic test-token"
    with api.session:
        answer = api("POST", "/deployments", {"ref": SHA})
    assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
    assert standin.deployments == []


def test_permissions_are_those_of_a_workflow() -> None:
    with GitHubStandIn(permissions={"deployments": "write", "statuses": "read"}) as standin:
        api = Api(standin)
        with api.session:
            api.created("/deployments", {"ref": SHA})
            assert api("GET", f"/commits/{SHA}/statuses").status_code == 200
            answer = api("POST", f"/statuses/{SHA}", {"state": "success"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Resource not accessible by integration")
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "statuses=write"
    assert standin.commit_statuses(SHA) == []
    standin.assert_clean()


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/deployments", {"ref": "c" * 40}, f"No ref found for: {'c' * 40}"),
        ("/deployments", {"ref": "gone"}, "No ref found for: gone"),
        (f"/statuses/{'c' * 40}", {"state": "success"}, f"No commit found for SHA: {'c' * 40}"),
    ],
)
def test_unknown_commits_are_refused(path: str, body: Any, message: str) -> None:
    with GitHubStandIn(known_commits={SHA}) as standin:
        api = Api(standin)
        with api.session:
            answer = api("POST", path, body)
            assert (answer.status_code, answer.json()["message"]) == (422, message)
            api.created("/deployments", {"ref": SHA})
            assert api("GET", f"/commits/{OTHER_SHA}/status").status_code == 404
    standin.assert_clean()


@pytest.mark.parametrize(
    ("where", "field", "good", "bad"),
    [
        ("deployment", "description", "é" * 140, "é" * 141),
        ("deployment", "log_url", "https://ci.example.com/", "ftp://ci.example.com/"),
        ("deployment", "environment_url", "", "javascript:alert(1)"),
        ("commit", "description", "x" * 140, "x" * 141),
        ("commit", "context", "x" * 255, "x" * 256),
        ("commit", "target_url", None, "ci.example.com"),
    ],
)
def test_limits_of_statuses(standin: GitHubStandIn, api: Api, where: str, field: str, good: Any, bad: Any) -> None:
    made = standin.add_deployment(ref=SHA, states=())
    path = f"/deployments/{made.id}/statuses" if where == "deployment" else f"/statuses/{SHA}"
    api.created(path, {"state": "success", field: good})
    answer = api("POST", path, {"state": "success", field: bad})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert len(standin.deployment_statuses(made.id)) + len(standin.commit_statuses(SHA)) == 1
    standin.assert_clean()


def test_a_context_of_a_commit_holds_a_thousand_statuses(standin: GitHubStandIn, api: Api) -> None:
    for _ in range(MAX_STATUSES - 1):
        standin.add_commit_status(SHA, "pending", context="full")
    api.created(f"/statuses/{SHA}", {"state": "success", "context": "Full"})
    answer = api("POST", f"/statuses/{SHA}", {"state": "success", "context": "full"})
    assert answer.status_code == 422 and "maximum number of statuses" in answer.text
    api.created(f"/statuses/{SHA}", {"state": "success", "context": "other"})
    api.created(f"/statuses/{OTHER_SHA}", {"state": "success", "context": "full"})
    standin.assert_clean()


def test_pygithub_sees_refusals_as_githubs(standin: GitHubStandIn) -> None:
    client = Github(auth=Auth.Token("test-token"), base_url=standin.url, retry=None)
    with client, pytest.raises(GithubException) as refused:
        client.get_repo("org/other")
    assert (refused.value.status, refused.value.data["message"]) == (404, "Not Found")
    standin.assert_clean()
