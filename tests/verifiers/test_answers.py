"""What an HTTP answer, or none, means to a check."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.policy import HttpCheck
from model_stage_deploy.core.verdict import Finding
from model_stage_deploy.ports import WebProblem, WebResponse
from model_stage_deploy.verifiers.answers import mistake, of_answer, of_problem
from model_stage_deploy.verifiers.sampling import Look
from tests.fakes.plans import HOSTILE
from tests.verifiers.checks import http

VERSION = b'{"version": "v3.1.0", "build": 7, "ready": true, "models": [{"x y": null}]}'


def _check(**settings: Any) -> HttpCheck:
    check = http(**settings).http
    assert check is not None
    return check


def _look(body: bytes = VERSION, answered: int = 200, *, truncated: bool = False, **settings: Any) -> Look:
    headers = {"x-model-version": "v3.1.0"}
    return of_answer(_check(**settings), WebResponse(answered, headers, body, truncated))


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({}, "status 200"),
        ({"status": [204, 200]}, "status 200"),
        ({"json": {"$.version": "v3.1.0"}}, 'status 200, $.version is "v3.1.0"'),
        ({"json": {"$.build": "7", "$.ready": True}}, "status 200, $.build is 7, $.ready is true"),
        ({"json": {'$.models[0]["x y"]': None}}, 'status 200, $.models[0]["x y"] is null'),
        ({"json": {}}, "status 200"),
        ({"header": {"X-Model-Version": "v3.1.0"}}, 'status 200, X-Model-Version is "v3.1.0"'),
        ({"contains": '"ready": true'}, 'status 200, it contains "\\"ready\\": true"'),
    ],
)
def test_good(settings: dict[str, Any], seen: str) -> None:
    assert _look(**settings) == Look(Finding.PASSED, seen)


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"status": [204]}, "status 200, wanted 204"),
        ({"status": [201, 204]}, "status 200, wanted 201 or 204"),
        ({"json": {"$.version": "v3.0.0"}}, 'status 200; $.version is "v3.1.0", wanted "v3.0.0"'),
        ({"json": {"$.nope": "x"}}, 'status 200; $.nope is not there, wanted "x"'),
        (
            {"json": {"$.build": 8, "$.version": "v1"}},
            'status 200; $.build is 7, wanted 8; $.version is "v3.1.0", wanted "v1"',
        ),
        ({"header": {"X-Model-Version": "v4"}}, 'status 200; X-Model-Version is "v3.1.0", wanted "v4"'),
        ({"header": {"X-Nope": "v4"}}, 'status 200; X-Nope is not there, wanted "v4"'),
        ({"contains": "v9"}, 'status 200; it does not contain "v9"'),
        (
            {"json": {"$": "x" * 300}},
            f"status 200; $ is {json.dumps(json.loads(VERSION))}, wanted something of 302 characters",
        ),
    ],
)
def test_bad(settings: dict[str, Any], seen: str) -> None:
    assert _look(**settings) == Look(Finding.FAILED, seen)


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"version": "v3.1.0"', b"[" * 50_000])
def test_an_answer_that_is_no_json(body: bytes) -> None:
    assert _look(body, json={"$.version": "v3.1.0"}) == Look(Finding.FAILED, "status 200; the answer is no JSON")


@pytest.mark.parametrize("status", [500, 502, 503, 504, 404, 301, 204])
def test_any_other_status_is_an_answer_that_is_wrong(status: int) -> None:
    assert _look(answered=status) == Look(Finding.FAILED, f"status {status}, wanted 200")


@pytest.mark.parametrize("status", [401, 403, 407, 429])
def test_who_is_not_let_in_has_seen_nothing(status: int) -> None:
    assert _look(answered=status).finding is Finding.INCONCLUSIVE
    assert of_answer(_check(status=[status]), WebResponse(status, {}, b"")).finding is Finding.PASSED


def test_a_long_answer_is_only_partly_known() -> None:
    assert _look(truncated=True).finding is Finding.PASSED
    assert _look(truncated=True, json={"$.version": "v3.1.0"}).finding is Finding.INCONCLUSIVE
    assert _look(truncated=True, contains="v3.1.0").finding is Finding.PASSED
    assert _look(truncated=True, contains="v9").finding is Finding.INCONCLUSIVE
    look = _look(truncated=True, json={"$.version": "v3.1.0"}, header={"X-Model-Version": "v9"})
    assert look.finding is Finding.FAILED


@pytest.mark.parametrize(
    ("kind", "finding", "final"),
    [
        ("connect", "failed", False),
        ("reset", "failed", False),
        ("timeout", "failed", False),
        ("name", "inconclusive", False),
        ("proxy", "inconclusive", False),
        ("tls", "inconclusive", False),
        ("redirect", "inconclusive", False),
        ("invalid-url", "inconclusive", True),
        ("invalid-header", "inconclusive", True),
        ("something-new", "inconclusive", False),
    ],
)
def test_no_answer(kind: str, finding: str, final: bool) -> None:
    assert of_problem(WebProblem(kind, "why\nnot", retryable=True)) == Look(Finding(finding), "why\\nnot", final)


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers_are_told_on_one_line(hostile: str) -> None:
    body = json.dumps({"version": hostile, hostile: 1}).encode()
    for settings in (
        {"json": {"$.version": "v1"}},
        {"contains": hostile * 2},
        {"json": {f"$[{json.dumps(hostile[:100])}]": 2}},
    ):
        assert _look(body, **settings).seen.isprintable()
    answer = WebResponse(200, {"x-odd": hostile}, b"")
    assert of_answer(_check(header={"X-Odd": "v1"}), answer).seen.isprintable()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ""),
        ({"json": {"$.a[0]": 1}}, ""),
        ({"method": "HEAD"}, ""),
        ({"method": "HEAD", "header": {"X-A": "1"}}, ""),
        ({"method": "HEAD", "contains": "x"}, "HEAD has no body"),
        ({"method": "HEAD", "json": {"$.a": 1}}, "HEAD has no body"),
    ],
)
def test_mistakes(settings: dict[str, Any], words: str) -> None:
    assert words in mistake(_check(**settings))
    assert bool(mistake(_check(**settings))) is bool(words)


def test_a_wrong_path_is_a_mistake() -> None:
    check = _check().model_copy(update={"json_": {"version": 1}})
    assert "the JSON path version is wrong" in mistake(check)


@given(
    st.integers(100, 599), st.binary(max_size=60), st.dictionaries(st.just("x-a"), st.text(max_size=20)), st.booleans()
)
def test_any_answer_has_a_meaning(status: int, body: bytes, headers: dict[str, str], truncated: bool) -> None:
    check = _check(json={"$.a": "1"}, contains="x", header={"X-A": "1"})
    look = of_answer(check, WebResponse(status, headers, body, truncated))
    assert look.seen.isprintable()
    assert look.finding is not Finding.PASSED or (status == 200 and headers == {"x-a": "1"})
