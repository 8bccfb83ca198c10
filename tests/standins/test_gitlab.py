"""The GitLab stand-in keeps GitLab's rules, and says so when a request or an answer breaks its documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from tests.data.gitlab.compare import differences
from tests.standins.gitlab import DESCRIPTION, GitLabStandIn
from tests.standins.gitlab_state import User

COMMIT = "c" * 40
DEPLOYMENT = {"environment": "production/churn", "sha": COMMIT, "ref": "churn#prod#1", "tag": True, "status": "running"}


@pytest.fixture
def gitlab() -> Iterator[GitLabStandIn]:
    with GitLabStandIn() as standin:
        yield standin


def _ask(gitlab: GitLabStandIn, method: str, path: str, body: Any = None, token: str = "test-token") -> tuple[int, Any]:
    url = f"{gitlab.url}/projects/{gitlab.project.replace('/', '%2F')}{path}"
    answer = requests.request(method, url, json=body, headers={"PRIVATE-TOKEN": token}, timeout=5)
    return answer.status_code, answer.json()


def test_a_deployment_and_its_states(gitlab: GitLabStandIn) -> None:
    status, made = _ask(gitlab, "POST", "/deployments", DEPLOYMENT)
    assert (status, made["status"], made["environment"]["name"]) == (201, "running", "production/churn")
    path = f"/deployments/{made['id']}"
    assert _ask(gitlab, "PUT", path, {"status": "running"})[0] == 400
    assert _ask(gitlab, "PUT", path, {"status": "success"})[1]["status"] == "success"
    assert _ask(gitlab, "PUT", path, {"status": "success"})[0] == 400
    assert _ask(gitlab, "PUT", path, {"status": "failed"})[1]["status"] == "failed"
    assert len(_ask(gitlab, "GET", "/deployments?environment=production/churn&status=failed")[1]) == 1
    assert _ask(gitlab, "GET", "/deployments?environment=other")[1] == []
    gitlab.assert_clean()


@pytest.mark.parametrize("name", ["a:b", "/a", "a/", "a\n", "ä", "x" * 256])
def test_names_of_environments(gitlab: GitLabStandIn, name: str) -> None:
    assert _ask(gitlab, "POST", "/deployments", DEPLOYMENT | {"environment": name})[0] == 400


def test_a_status_under_way_is_changed_by_its_author_alone(gitlab: GitLabStandIn) -> None:
    gitlab.tokens["other"] = User(8, "other", 40)
    path, running = f"/statuses/{COMMIT}", {"state": "running", "name": "model-deploy/churn/prod"}
    first = _ask(gitlab, "POST", path, running)[1]
    status, again = _ask(gitlab, "POST", path, running)
    assert (status, again["message"].startswith("Cannot transition status via :run from :running")) == (400, True)
    other = _ask(gitlab, "POST", path, running, token="other")[1]
    ended = _ask(gitlab, "POST", path, running | {"state": "success"})[1]
    assert (ended["id"], other["id"] == first["id"]) == (first["id"], False)
    assert _ask(gitlab, "POST", path, running | {"state": "success"})[1]["id"] not in (first["id"], other["id"])
    listed = f"/repository/commits/{COMMIT}/statuses"
    assert (len(_ask(gitlab, "GET", listed)[1]), len(_ask(gitlab, "GET", f"{listed}?all=true")[1])) == (1, 3)
    gitlab.assert_clean()


@pytest.mark.parametrize(
    ("token", "level", "method", "status"),
    [("wrong", 40, "GET", 401), ("low", 20, "GET", 200), ("low", 20, "POST", 403), ("low", 30, "POST", 201)],
)
def test_who_may(gitlab: GitLabStandIn, token: str, level: int, method: str, status: int) -> None:
    gitlab.tokens["low"] = User(9, "low", level)
    body = DEPLOYMENT if method == "POST" else None
    assert _ask(gitlab, method, "/deployments", body, token=token)[0] == status


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("POST", "/deployments", {**DEPLOYMENT, "color": "red"}, "color"),
        ("POST", "/deployments", {"sha": COMMIT}, "required"),
        ("POST", "/deployments", {**DEPLOYMENT, "status": "placed"}, "placed"),
        ("GET", "/deployments?limit=3", None, "limit"),
        ("POST", f"/statuses/{COMMIT}", {"state": "success", "description": "x" * 256}, "too long"),
        ("GET", "/jobs", None, "unknown operation"),
    ],
)
def test_what_is_not_documented_is_complained_of(
    gitlab: GitLabStandIn, method: str, path: str, body: Any, complaint: str
) -> None:
    assert _ask(gitlab, method, path, body)[0] in (400, 404)
    assert complaint in gitlab.complaints[0]


def test_an_answer_that_lacks_something_is_complained_of(gitlab: GitLabStandIn) -> None:
    _ask(gitlab, "POST", "/deployments", DEPLOYMENT)
    del gitlab.state.deployments[0]["sha"]
    _ask(gitlab, "GET", "/deployments")
    assert "our answer" in gitlab.complaints[0]


def test_the_description_is_one() -> None:
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    for operation in description["operations"]:
        assert operation["source"].startswith("doc/api/")
        for schema in [operation.get("body", {}), *operation.get("query", {}).values(), *operation["answers"].values()]:
            Draft202012Validator.check_schema(schema)


def test_differences_from_gitlabs_own_description_are_told() -> None:
    ours = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    ours["operations"] = [each for each in ours["operations"] if each["id"] in ("create-deployment", "get-branch")]
    body: dict[str, Any] = {
        "properties": {name: {} for name in ("environment", "sha", "ref", "tag")} | {"status": {"enum": ["running"]}}
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}
    post = {"parameters": [{"name": "id"}], "requestBody": {"content": content}}
    theirs = {
        "paths": {"/api/v4/projects/{id}/deployments": {"post": post}},
        "components": {"schemas": {"Body": body}},
    }
    assert list(differences(ours, theirs)) == [
        "create-deployment: status cannot be canceled, failed, success",
        "get-branch: there is no GET /projects/{id}/repository/branches/{branch}",
    ]
