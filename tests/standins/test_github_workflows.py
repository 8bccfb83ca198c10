"""Starting a workflow by hand in the stand-in, in GitHub's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.standins.github import GitHubStandIn, Workflow
from tests.standins.github_client import Api

FILES = {"deploy.yml": Workflow({"tag": True, "note": False}), "ci.yml": Workflow(by_hand=False)}
GOOD = {"ref": "main", "inputs": {"tag": "churn#prod#4"}}


@pytest.fixture
def api() -> Iterator[Api]:
    with GitHubStandIn(workflows=FILES) as standin:
        client = Api(standin)
        with client.session:
            yield client


def _start(api: Api, name: str, body: Any) -> tuple[int, str]:
    answer = api("POST", f"/actions/workflows/{name}/dispatches", body)
    return answer.status_code, answer.json()["message"] if answer.status_code >= 400 else answer.text


def test_a_start_is_remembered_and_answers_nothing(api: Api) -> None:
    assert _start(api, "deploy.yml", GOOD) == (204, "")
    assert _start(api, "deploy.yml", {"ref": "refs/heads/main", "inputs": {"tag": "x", "note": "y"}}) == (204, "")
    first, second = api.standin.dispatches
    assert (first.workflow, first.ref, first.inputs) == ("deploy.yml", "main", {"tag": "churn#prod#4"})
    assert second.run_id == first.run_id + 1
    assert [each["workflow"] for each in api.standin.dump()["dispatches"]] == ["deploy.yml"] * 2
    api.standin.assert_clean()


def test_details_are_answered_where_they_are_asked_for(api: Api) -> None:
    answer = api("POST", "/actions/workflows/deploy.yml/dispatches", GOOD | {"return_run_details": True})
    assert answer.status_code == 200
    assert answer.json()["workflow_run_id"] == api.standin.dispatches[0].run_id
    api.standin.assert_clean()


@pytest.mark.parametrize(
    ("name", "body", "status", "message"),
    [
        ("nope.yml", GOOD, 404, "Not Found"),
        ("ci.yml", {"ref": "main"}, 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("deploy.yml", {"ref": "main", "inputs": {"foo": "1"}}, 422, 'Unexpected inputs provided: ["foo"]'),
        ("deploy.yml", {"ref": "main"}, 422, "Required input 'tag' not provided"),
        ("deploy.yml", GOOD | {"ref": "elsewhere"}, 422, "No ref found for: elsewhere"),
        ("deploy.yml", {"inputs": {}}, 422, "Validation Failed"),
    ],
)
def test_refusals(api: Api, name: str, body: Any, status: int, message: str) -> None:
    assert _start(api, name, body) == (status, message)
    assert api.standin.dispatches == []
