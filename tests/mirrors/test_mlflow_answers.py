"""What the client makes of answers that a real server cannot be made to give at will, or should never give.

Statuses and bodies as measured, or as proxies in front of MLflow answer.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.redaction import Secret
from model_stage_deploy.mirrors.mlflow_access import Access
from model_stage_deploy.mirrors.mlflow_api import ANSWER_BYTES, MOST, Mlflow, MlflowProblem
from model_stage_deploy.ports import WebProblem, WebResponse
from tests.fakes.web import FakeWeb
from tests.standins.mlflow import Fault, MlflowStandIn

SECRET = "correct horse battery"


def client(*answers: WebResponse | BaseException) -> tuple[Mlflow, FakeWeb]:
    """A client whose requests are answered so."""
    web = FakeWeb(*answers)
    return Mlflow(web, Access("https://mlflow.example.com/base", Secret(f"Bearer {SECRET}"))), web


def answer(status: int, body: Any = "", **headers: str) -> WebResponse:
    text = body if isinstance(body, str) else json.dumps(body)
    return WebResponse(status, {name.replace("_", "-"): value for name, value in headers.items()}, text.encode())


def version(number: object = "1", **more: Any) -> dict[str, Any]:
    return {"name": "fraud", "version": number, "current_stage": "None", **more}


def problem_of(*answers: WebResponse | BaseException) -> MlflowProblem:
    with pytest.raises(MlflowProblem) as caught:
        client(*answers)[0].version("fraud", "1")
    assert SECRET not in str(caught.value)
    assert SECRET not in caught.value.hint
    return caught.value


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_worth_another_try(status: int) -> None:
    found = problem_of(answer(status, "<html>busy</html>", content_type="text/html", retry_after="7"))
    assert found.retryable
    assert found.after == 7.0
    assert str(found) == f"MLflow at mlflow.example.com answered {status} to GET model-versions/get"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 500, 501])
def test_trap_a_500_is_not_tried_again(status: int) -> None:
    assert not problem_of(answer(status, {"error_code": "INTERNAL_ERROR", "message": "no"})).retryable


def test_trap_401_is_text_and_says_what_to_do() -> None:
    found = problem_of(answer(401, "You are not authenticated.", content_type="text/html; charset=utf-8"))
    assert "You are not authenticated." in str(found)
    assert "MLFLOW_TRACKING_USERNAME" in found.hint
    assert (found.status, found.code) == (401, "")


def test_trap_403_is_text() -> None:
    found = problem_of(answer(403, "Permission denied", content_type="text/html; charset=utf-8"))
    assert "Permission denied" in str(found)
    assert "EDIT" in found.hint
    dns = problem_of(answer(403, "Invalid Host header - possible DNS rebinding attack detected"))
    assert "--allowed-hosts" in dns.hint


def test_trap_a_200_may_be_a_page_to_log_in() -> None:
    found = problem_of(answer(200, "<!doctype html><title>Sign in</title>", content_type="text/html"))
    assert "is no JSON" in str(found)
    assert not found.retryable


@pytest.mark.parametrize("body", ["[]", '"text"', "null", "7", "{", "[" * 100_000, b"\xff".decode("latin1")])
def test_an_answer_that_is_no_document(body: str) -> None:
    assert "is no JSON" in str(problem_of(answer(200, body)))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model_version": None},
        {"model_version": []},
        {"model_version": {"version": "1"}},
        {"model_version": version("one")},
        {"model_version": version(None)},
        {"model_version": version(True)},
        {"model_version": version("-1")},
        {"model_version": version(tags={"a": "b"})},
        {"model_version": version(tags=["a"])},
        {"model_version": version(tags=[{"value": "b"}])},
        {"model_version": version(aliases=[1])},
        {"model_version": version(current_stage=4)},
    ],
)
def test_an_answer_of_another_shape(body: Any) -> None:
    assert "is not understood" in str(problem_of(answer(200, body)))


def test_trap_a_number_from_the_server_becomes_text() -> None:
    mlflow, _ = client(answer(200, {"model_version": version(3, creation_timestamp="1795292943730")}))
    found = mlflow.version("fraud", "3")
    assert found is not None
    assert (found.version, found.created) == ("3", 1795292943.73)


@pytest.mark.parametrize("given", [{"error_code": 7, "message": ["x"]}, {"error_code": "A\nB", "message": "x\x1b[2J"}])
def test_foreign_text_is_inert(given: Any) -> None:
    assert str(problem_of(answer(400, given))).isprintable()


def test_a_long_complaint_is_not_cut_in_two() -> None:
    assert "(something of more than 10,000 characters)" in str(problem_of(answer(400, "x" * 20_000)))


def test_an_answer_that_is_too_long() -> None:
    assert "longer than we read" in str(problem_of(WebResponse(200, {}, b"{}", truncated=True)))


@pytest.mark.parametrize("retryable", [True, False])
def test_no_answer(retryable: bool) -> None:
    found = problem_of(WebProblem("connect", "cannot connect to mlflow.example.com", retryable=retryable))
    assert found.retryable is retryable
    assert found.status == 0


def test_a_redirect_to_another_host_is_not_followed() -> None:
    with MlflowStandIn() as elsewhere, MlflowStandIn() as server:
        fault = Fault(302, headers={"Location": f"{elsewhere.url}/api/2.0/mlflow/model-versions/get"})
        server.state.faults.append(fault)
        mlflow = Mlflow(RequestsWeb(ANSWER_BYTES), Access(server.url, Secret(f"Bearer {SECRET}")))
        with pytest.raises(MlflowProblem, match="redirect to another place") as caught:
            mlflow.version("fraud", "1")
        assert elsewhere.state.asked == []
    assert "final address" in caught.value.hint


def test_a_list_that_never_ends() -> None:
    page = {"model_versions": [version()], "next_page_token": "again"}
    mlflow, _ = client(answer(200, page))
    with pytest.raises(MlflowProblem, match="goes on after"):
        mlflow.versions("fraud")


def test_a_list_that_is_too_long() -> None:
    numbers = iter(range(10**9))

    class Endless(FakeWeb):
        def send(self, request: Any) -> WebResponse:
            many = [version(str(next(numbers) + 1)) for _ in range(1000)]
            return answer(200, {"model_versions": many, "next_page_token": str(next(numbers))})

    with pytest.raises(MlflowProblem, match=f"goes on after {MOST} items"):
        Mlflow(Endless(), Access("https://mlflow.example.com")).versions("fraud")


def test_an_empty_page_that_promises_more() -> None:
    with pytest.raises(MlflowProblem, match="goes on after 0 items"):
        client(answer(200, {"next_page_token": "more"}))[0].versions("fraud")


def test_a_version_of_another_model_or_tag_is_not_taken() -> None:
    """A database that compares without regard to case, or a filter that is misread, must not decide what is moved."""
    mine = version("1", tags=[{"key": "gto_version", "value": "v1.0.0"}])
    others = [{**mine, "name": "FRAUD"}, version("2", tags=[{"key": "gto_version", "value": "V1.0.0"}]), version("3")]
    mlflow, _ = client(answer(200, {"model_versions": [*others, mine]}))
    assert [one.version for one in mlflow.versions("fraud", {"gto_version": "v1.0.0"})] == ["1"]


@pytest.mark.parametrize("text", ["both ' and \"", "back\\slash"])
def test_what_a_filter_cannot_say_is_not_asked(text: str) -> None:
    mlflow, web = client(answer(200, {}))
    with pytest.raises(MlflowProblem, match="filters cannot"):
        mlflow.versions("fraud", {"gto_version": text})
    with pytest.raises(MlflowProblem, match="filters cannot"):
        mlflow.versions("fraud", {"a`b": "x"})
    assert web.requests == []


def test_what_is_sent() -> None:
    mlflow, web = client(answer(200, {}))
    mlflow.set_alias("fraud & co", "prod", "3")
    mlflow.versions("fraud & co", {"gto_version": "v1+1"})
    change, search = web.requests
    assert change.url == "https://mlflow.example.com/base/api/2.0/mlflow/registered-models/alias"
    assert json.loads(change.body) == {"name": "fraud & co", "alias": "prod", "version": "3"}
    assert change.headers["Content-Type"] == "application/json"
    assert change.headers["Authorization"] == f"Bearer {SECRET}"
    assert change.timeout == 20.0
    assert search.url.startswith(
        "https://mlflow.example.com/base/api/2.0/mlflow/model-versions/search?filter=name+%3D+"
    )
    assert "+%26+co" in search.url
    assert "v1%2B1" in search.url


def test_no_request_outlives_the_deadline() -> None:
    web = FakeWeb(answer(200, {}))
    Mlflow(web, Access("https://mlflow.example.com"), left=lambda: 3.5).set_alias("fraud", "prod", "3")
    assert web.requests[0].timeout == 3.5


@pytest.mark.parametrize("time", [10**400, "9" * 400, "9" * 5000, float("inf"), float("nan"), True, "x", None, {}])
def test_a_time_that_is_none_is_no_time(time: Any) -> None:
    found = client(answer(200, {"model_version": version(creation_timestamp=time)}))[0].version("fraud", "1")
    assert found is not None
    assert found.created == 0.0
