"""The stand-in for GitHub is held to GitHub's description, and so is whoever talks to it."""

from __future__ import annotations

import copy
import json
import socket
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.standins.github import GitHubStandIn
from tests.standins.github_description import GHES_SUBSET, SUBSET, Description
from tests.standins.github_forge import FIRST_CHECK_RUN_ID
from tests.standins.github_operations import HANDLERS, PERMISSIONS

SHA = "a" * 40
DESCRIPTION = Description.load()
METADATA = {"repos/get", "repos/get-branch-rules", "repos/get-collaborator-permission-level"}
"""What every token may ask."""
ONE_OF_MANY = {"repos/get-branch-rules"}
"""Answers whose shape is one of several."""


def send(standin: GitHubStandIn, method: str, path: str, body: Any = None) -> requests.Response:
    """Send one request; a body of text or bytes goes out as it is."""
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, standin.url + path, data=raw, timeout=20)


Answers = dict[str, tuple[int, Any]]
EMPTY = {"repos/create-dispatch-event"}
"""Operations that answer with no body at all."""


@pytest.fixture(scope="module")
def good_answers() -> Answers:
    """A success answer of each operation, as the stand-in gives it."""
    repo = "/repos/org/models"
    found: Answers = {}
    with GitHubStandIn(token=None) as standin:
        number = standin.add_deployment(ref=SHA).id
        standin.add_commit_status(SHA, "success")
        standin.add_person("ada", "maintain")
        standin.add_team("org/leads", ada="active")
        standin.add_check_run(SHA, "test", "success")
        standin.add_branch("main", SHA, rules=["pull_request", "deletion"])
        for method, path, body in [
            ("GET", "/rate_limit", None),
            ("GET", repo, None),
            ("POST", f"{repo}/deployments", {"ref": SHA}),
            ("GET", f"{repo}/deployments", None),
            ("GET", f"{repo}/deployments/{number}", None),
            ("POST", f"{repo}/deployments/{number}/statuses", {"state": "success"}),
            ("GET", f"{repo}/deployments/{number}/statuses", None),
            ("POST", f"{repo}/statuses/{SHA}", {"state": "success"}),
            ("GET", f"{repo}/commits/{SHA}/statuses", None),
            ("GET", f"{repo}/commits/{SHA}/status", None),
            ("GET", f"{repo}/commits/{SHA}/check-runs", None),
            ("POST", f"{repo}/check-runs", {"name": "ours", "head_sha": SHA, "conclusion": "success"}),
            ("PATCH", f"{repo}/check-runs/{FIRST_CHECK_RUN_ID + 1}", {"output": {"title": "t", "summary": "s"}}),
            ("GET", f"{repo}/branches/main", None),
            ("GET", f"{repo}/rules/branches/main", None),
            ("GET", f"{repo}/collaborators/ada/permission", None),
            ("GET", "/orgs/org/teams/leads", None),
            ("GET", "/orgs/org/teams/leads/memberships/ada", None),
            (
                "POST",
                f"{repo}/actions/workflows/deploy-by-hand.yml/dispatches",
                {"ref": "main", "inputs": {"tag": "churn#prod#4"}, "return_run_details": True},
            ),
            ("POST", f"{repo}/dispatches", {"event_type": "model-promotion", "client_payload": {"command": "promote"}}),
        ]:
            answer = send(standin, method, path, body)
            found[str(standin.calls[-1].operation)] = (answer.status_code, answer.json() if answer.content else None)
    standin.assert_clean()
    return found


def complaints(operation_id: str, status: int, body: Any) -> list[str]:
    operation = next(each for each in DESCRIPTION.operations if each.id == operation_id)
    return [each.message for each in DESCRIPTION.answer_complaints(operation, status, body)]


@pytest.mark.parametrize("path", [SUBSET, GHES_SUBSET], ids=["github", "ghes"])
def test_the_subset_is_closed_and_covers_what_the_stand_in_answers(path: Path, good_answers: Answers) -> None:
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    pointers = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    missing = [
        pointer
        for pointer in pointers
        if pointer.split("/")[3] not in document["components"].get(pointer.split("/")[2], {})
    ]
    assert len(pointers) > 20 and missing == []
    assert {each.id for each in Description.load(path).operations} == set(HANDLERS) == set(good_answers)
    assert set(PERMISSIONS) == set(HANDLERS) - {"rate-limit/get"} - METADATA
    assert document["info"]["version"] in document["info"]["x-source"]
    assert path.stat().st_size < 400_000


def object_schema(operation_id: str, status: int) -> dict[str, Any]:
    """The schema of the object (or of the listed objects) that an operation answers with."""
    document = json.loads(SUBSET.read_text(encoding="utf-8"))
    operation = next(each for each in DESCRIPTION.operations if each.id == operation_id)
    answer = operation.spec["responses"][str(status)]
    schema = answer["content"]["application/json"]["schema"]
    if "properties" in schema:
        inline: dict[str, Any] = schema
        return inline
    name = schema.get("items", schema)["$ref"].rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def first(answer: Any) -> dict[str, Any]:
    shown: dict[str, Any] = answer[0] if isinstance(answer, list) else answer
    return shown


@pytest.mark.parametrize("operation_id", sorted(set(HANDLERS) - ONE_OF_MANY - EMPTY))
def test_no_required_field_can_go_missing_from_an_answer(operation_id: str, good_answers: Answers) -> None:
    status, good = good_answers[operation_id]
    assert complaints(operation_id, status, good) == []
    for name in object_schema(operation_id, status)["required"]:
        spoilt = copy.deepcopy(good)
        del first(spoilt)[name]
        assert complaints(operation_id, status, spoilt) == [f"{name!r} is a required property"]


@pytest.mark.parametrize("operation_id", sorted(set(HANDLERS) - ONE_OF_MANY - EMPTY))
def test_no_field_of_an_answer_can_change_its_type(operation_id: str, good_answers: Answers) -> None:
    status, good = good_answers[operation_id]
    properties = object_schema(operation_id, status)["properties"]
    changed = [name for name in first(good) if "type" in properties.get(name, ())]
    assert changed
    for name in changed:
        spoilt = copy.deepcopy(good)
        first(spoilt)[name] = [0] if properties[name]["type"] != "array" else "text"
        assert complaints(operation_id, status, spoilt), name
        first(spoilt)[name] = None
        permitted = properties[name].get("nullable", False)
        assert bool(complaints(operation_id, status, spoilt)) is not permitted, name


def test_a_rule_of_a_branch_has_a_kind_that_github_knows(good_answers: Answers) -> None:
    status, good = good_answers["repos/get-branch-rules"]
    assert [rule["type"] for rule in good] == ["pull_request", "deletion"]
    assert complaints("repos/get-branch-rules", status, good) == []
    assert complaints("repos/get-branch-rules", status, [{**good[0], "type": "no-such-rule"}])
    assert complaints("repos/get-branch-rules", status, [{"ruleset_id": 1}])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created_at", "yesterday"),
        ("created_at", "2026-01-01T00:00:00"),
        ("statuses_url", "deployments/1/statuses"),
        ("payload", ["a", "list"]),
        ("creator", {"login": "somebody"}),
        ("id", True),
    ],
)
def test_formats_and_nested_values_are_judged(field: str, value: Any, good_answers: Answers) -> None:
    status, good = good_answers["repos/get-deployment"]
    assert complaints("repos/get-deployment", status, {**good, "creator": None}) == []
    assert complaints("repos/get-deployment", status, {**good, field: value})


def test_a_wrong_answer_of_the_stand_in_becomes_a_500_that_tests_notice() -> None:
    def without_id(operation: str, body: Any) -> Any:
        return {key: value for key, value in body.items() if key != "id"} if "id" in body else body

    with GitHubStandIn(token=None, spoil_answer=without_id) as standin:
        answer = send(standin, "POST", "/repos/org/models/deployments", {"ref": SHA})
    assert answer.status_code == 500
    assert standin.violations == [
        "repos/create-deployment 201: our answer: id: 'id' is a required property",
    ]
    with pytest.raises(AssertionError, match="'id' is a required property"):
        standin.assert_clean()


def test_a_success_that_is_not_declared_is_a_complaint() -> None:
    assert complaints("repos/create-deployment", 204, None)
    assert complaints("repos/create-deployment", 202, {"message": 1})
    assert complaints("repos/create-deployment", 422, {"message": "no documentation_url"})
    assert not complaints("repos/create-deployment", 503, None)


@pytest.mark.parametrize(
    ("path", "body", "field", "code"),
    [
        ("/deployments", {}, "ref", "missing_field"),
        ("/deployments", {"ref": 1}, "ref", "invalid"),
        ("/deployments", {"ref": SHA, "auto_merge": "false"}, "auto_merge", "invalid"),
        ("/deployments", {"ref": SHA, "required_contexts": [1]}, "required_contexts/0", "invalid"),
        ("/deployments", {"ref": SHA, "payload": [1]}, "payload", "invalid"),
        ("/deployments", {"ref": SHA, "environment": None}, "environment", "invalid"),
        ("/deployments/{number}/statuses", {"state": "done"}, "state", "invalid"),
        ("/deployments/{number}/statuses", {"state": "success", "log_url": None}, "log_url", "invalid"),
        (f"/statuses/{SHA}", {"context": "x"}, "state", "missing_field"),
        (f"/statuses/{SHA}", {"state": "in_progress"}, "state", "invalid"),
        (f"/statuses/{SHA}", [], "", "invalid"),
        (f"/statuses/{SHA}", None, "", "invalid"),
    ],
)
def test_a_request_that_breaks_the_schema_is_refused_and_noted(path: str, body: Any, field: str, code: str) -> None:
    with GitHubStandIn(token=None) as standin:
        number = standin.add_deployment(ref=SHA, states=()).id
        answer = send(standin, "POST", "/repos/org/models" + path.format(number=number), body)
        assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
        assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]
        assert not standin.deployment_statuses(number) and not standin.commit_statuses(SHA)
        assert len(standin.deployments) == 1
    with pytest.raises(AssertionError, match="request: "):
        standin.assert_clean()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "violation"),
    [
        ("POST", "/deployments", {"ref": SHA, "auto_marge": False}, 201, "'auto_marge' is not declared"),
        ("GET", "/deployments?enviroment=prod", None, 200, "'enviroment' is not declared"),
        ("GET", "/deployments", {"ref": SHA}, 200, "'(body)' is not declared"),
        ("GET", "/deployments?per_page=many", None, 422, "per_page: 'many' is not of type 'integer'"),
        ("GET", "/deployments/one", None, 404, "deployment_id: 'one' is not of type 'integer'"),
        ("POST", "/deployments", b"{'ref': 1}", 400, "not JSON"),
        ("POST", "/deployments", b'{"ref": "\xff"}', 400, "not JSON"),
        ("DELETE", "/deployments/3000000001", None, 404, "unknown operation: DELETE"),
        ("GET", "/deployments/", None, 404, "unknown operation"),
        ("GET", "//deployments", None, 404, "unknown operation"),
        ("GET", "/commits/%FF/status", None, 404, "unknown operation"),
    ],
)
def test_what_github_would_swallow_or_not_know_is_noted(
    method: str, path: str, body: Any, status: int, violation: str
) -> None:
    with GitHubStandIn(token=None) as standin:
        answer = send(standin, method, "/repos/org/models" + path, body)
    assert answer.status_code == status
    assert len(standin.violations) == 1 and violation in standin.violations[0]


def test_what_is_outside_the_prefix_or_not_http_is_noted() -> None:
    with GitHubStandIn(token=None, description="ghes") as standin:
        host = standin.url.removesuffix("/api/v3")
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"{standin.url}/rate_limit", timeout=20).status_code == 200
            assert session.get(f"{host}/rate_limit", timeout=20).status_code == 404
            assert session.get(f"{host}/api/v3x/rate_limit", timeout=20).status_code == 404
        address = ("127.0.0.1", int(host.rpartition(":")[2]))
        with socket.create_connection(address, timeout=20) as raw, raw.makefile("rb") as answer:
            raw.sendall(b"GET /api/v3/repos/org/models/commits/a b/status HTTP/1.1\r\n\r\n")
            assert b"400" in answer.read()
    assert [each.partition(":")[0] for each in standin.violations] == [
        "unknown operation",
        "unknown operation",
        "not HTTP as GitHub takes it",
    ]
