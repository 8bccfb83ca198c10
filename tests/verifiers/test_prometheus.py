"""What answers of Prometheus' HTTP API are read as."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.ports import WebResponse
from model_stage_deploy.verifiers.prometheus import Reading, Unreadable, read
from tests.standins.prometheus import error, scalar, success, vector


def _answer(body: Any, status: int = 200, *, truncated: bool = False) -> WebResponse:
    return WebResponse(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode(), truncated)


@pytest.mark.parametrize(
    "text", ["0", "0.004", "-1.5", "1e-05", "1.7976931348623157e+308", "NaN", "+Inf", "-Inf", "5e3"]
)
def test_numbers(text: str) -> None:
    for body in (vector(text), scalar(text)):
        reading = read(_answer(body))
        assert reading == Reading(text)
        assert reading.value == float(text) or math.isnan(reading.value)


def test_no_data() -> None:
    assert read(_answer(vector())) == Reading("")
    assert math.isnan(Reading("").value)


def test_warnings_are_told_and_infos_are_not() -> None:
    told = success("vector", vector("1")["data"]["result"], warnings=["slow\nstore"], infos=["may not be a counter"])
    assert read(_answer(told)) == Reading("1", ("slow\\nstore",))


HISTOGRAM = [{"metric": {}, "histogram": [1435781451.7, {"count": "3", "sum": "4"}]}]


@pytest.mark.parametrize(
    ("body", "status", "words", "final"),
    [
        (vector("1", "2", "3"), 200, "3 series, not one; put sum(…)", False),
        (success("matrix", []), 200, "gives a matrix", True),
        (success("string", [1, "x"]), 200, "gives a string", True),
        (success("vector", HISTOGRAM), 200, "a histogram", True),
        (success("vector", None), 200, "no list of series", False),
        (success("vector", ["x"]), 200, "no number", False),
        (success("vector", [{"metric": {}, "value": [1, 2]}]), 200, "no number", False),
        (success("scalar", [1, "1_000"]), 200, "no number", False),
        (success("scalar", [1, "nan"]), 200, "no number", False),
        (success("scalar", "1"), 200, "no number", False),
        ({"status": "success"}, 200, "gives a None", False),
        (error("bad_data", "1:5: parse error"), 400, "Prometheus says bad_data: 1:5: parse error", True),
        (error("execution", "many-to-many\n"), 422, "Prometheus says execution: many-to-many\\n", False),
        (error("timeout", "x" * 1000), 503, "Prometheus says timeout: (something of 1,000 characters)", False),
        (b"Unauthorized\n", 401, "status 401, and no answer", False),
        (b"<html>", 502, "status 502, and no answer", False),
        ([], 200, "status 200, and no answer", False),
        ({"status": "ok"}, 200, "status 200, and no answer", False),
        (b"[" * 50_000, 200, "status 200, and no answer", False),
    ],
)
def test_what_gives_no_number(body: Any, status: int, words: str, final: bool) -> None:
    with pytest.raises(Unreadable) as caught:
        read(_answer(body, status))
    assert words in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.final is final


def test_a_long_answer() -> None:
    with pytest.raises(Unreadable, match="far more than a number"):
        read(_answer(vector("1"), truncated=True))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["success", "error", "vector"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "data", "resultType", "result", "value", "warnings"]), inner)
    ),
    max_leaves=10,
)


@given(JSON | st.fixed_dictionaries({"status": st.just("success"), "data": JSON}))
def test_any_answer_is_read_or_unreadable(body: Any) -> None:
    try:
        reading = read(_answer(body))
    except Unreadable as problem:
        assert one_line(str(problem)) == str(problem)
    else:
        assert math.isnan(reading.value) or isinstance(reading.value, float)
