"""JSON, YAML and TOML from strangers: what is read, what is refused, and how long it may take."""

from __future__ import annotations

import json
import math
import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.adapters.documents import DEEPEST, MOST_JSON, MOST_TOML, MOST_YAML, read_document
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.ports import DocumentProblem


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("m.json", '{"a": {"b": [1, 0.5, true, null, "x"]}}', {"a": {"b": [1, 0.5, True, None, "x"]}}),
        ("M.JSON", '\ufeff{"a": 1}', {"a": 1}),
        ("m.json", "0.93", 0.93),
        ("m.yaml", "a: {b: [1, 0.5, true, null, x]}", {"a": {"b": [1, 0.5, True, None, "x"]}}),
        (
            "m.yml",
            "a: 1e-3\nb: 0x10\nc: '0.5'\nd: yes\ne: 2024-01-01",
            {"a": 0.001, "b": 16, "c": "0.5", "d": "yes", "e": "2024-01-01"},
        ),
        ("m.yaml", "a: &x [1, {b: 2}]\nc: *x", {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}),
        ("m.yaml", "\n# nothing yet\n", None),
        ("m.yaml", "", None),
        ("m.toml", "", {}),
        ("m.toml", "a = 1\n[b]\nc = 0.5\nd = 2024-01-01", {"a": 1, "b": {"c": 0.5, "d": date(2024, 1, 1)}}),
    ],
)
def test_values(path: str, text: str, value: object) -> None:
    assert read_document(text.encode(), path) == value


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("m.json", '{"a": [NaN, Infinity, -Infinity, 1e999]}'),
        ("m.yaml", "a: [.nan, .inf, -.inf, +.INF]"),
        ("m.yaml", "a: [.NaN, .Inf, -.Inf, .inf]"),
        ("m.toml", "a = [nan, inf, -inf, +inf]"),
    ],
)
def test_nan_and_infinities_are_what_they_are(path: str, text: str) -> None:
    read = read_document(text.encode(), path)
    assert isinstance(read, dict)
    nan, *rest = read["a"]
    assert math.isnan(nan)
    assert rest == [math.inf, -math.inf, math.inf]


def test_nan_alone() -> None:
    assert read_document(b".inf", "m.yaml") == math.inf


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("m.txt", b"1", "by its name it is not JSON, YAML or TOML"),
        ("json", b"1", "by its name it is not JSON, YAML or TOML"),
        ("m.json", b"", "not JSON: line 1, column 1"),
        ("m.json", b'{"a": 1,}', "not JSON: line 1, column"),
        ("m.json", b"{'a': 1}", "not JSON: line 1, column 2"),
        ("m.json", b"\xff\xfe", "not UTF-8"),
        ("m.json", b'{"a": 1, "b": {"a": 1, "a": 1}}', "'a' is written twice"),
        ("m.json", b"9" * 5000, "too many digits"),
        ("m.json", b"[" * 1_000_000, "nested too deep"),
        ("m.json", b'{"a":' * 101 + b"{}" + b"}" * 101, "nested too deep"),
        ("m.json", b" " * (MOST_JSON + 1), "16,777,217 bytes; 16,777,216 are read"),
        ("m.yaml", b"a: 1\na: 2", "2:1: a: is written twice; first in line 1"),
        ("m.yaml", b"a: [1", "not YAML"),
        ("m.yaml", b"[" * 100, "nested"),
        ("m.yaml", b" " * (MOST_YAML + 1), "bytes"),
        ("m.yaml", b"a: &a [*a]", "alias"),
        ("m.toml", b"a = =", "not TOML: line 1, column 5"),
        ("m.toml", b"a = 1\na = 2", "not TOML"),
        ("m.toml", b'a = "', "not TOML: end of document"),
        ("m.toml", b"a = " + b"9" * 5000, "too many digits"),
        ("m.toml", b"a = " + b"[" * 100_000, "nested too deep"),
        ("m.toml", b"a = " + b"[" * 150 + b"]" * 150, "nested too deep"),
        ("m.toml", b"a" + b".a" * 20_000 + b" = 1", "200 dots"),
        ("m.toml", b"a" + b'."["' * 20_000 + b" = 1", "200 dots"),
        ("m.toml", b"#" * (MOST_TOML + 1), "bytes"),
        ("m.toml", b"\xff", "not UTF-8"),
    ],
)
def test_problems(path: str, text: bytes, message: str) -> None:
    with pytest.raises(DocumentProblem) as caught:
        read_document(text, path)
    assert message in str(caught.value)
    assert one_line(str(caught.value), 1000) == str(caught.value)


def test_a_key_that_is_no_text_is_left_out() -> None:
    assert read_document(b"0: 1\nb: 2\n<<: {c: 3}", "m.yaml") == {"b": 2}


def test_the_deepest_that_is_read() -> None:
    assert read_document(b"[" * DEEPEST + b"]" * DEEPEST, "m.json")


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)


@pytest.mark.thorough
@given(VALUES)
def test_what_json_writes_is_read(value: object) -> None:
    assert read_document(json.dumps(value).encode(), "m.json") == value


@given(st.binary(max_size=200), st.sampled_from(["m.json", "m.yaml", "m.toml", "m.py"]))
def test_any_bytes_are_a_value_or_a_problem(text: bytes, path: str) -> None:
    try:
        read_document(text, path)
    except DocumentProblem as problem:
        assert one_line(str(problem), 1000) == str(problem)


@given(
    st.text(alphabet="ab=.[]{}\"'\\u0041#\n -_:,1eE+&*!<", max_size=80), st.sampled_from(["m.json", "m.yaml", "m.toml"])
)
def test_any_text_is_a_value_or_a_problem(text: str, path: str) -> None:
    try:
        value = read_document(text.encode(), path)
    except DocumentProblem as problem:
        assert one_line(str(problem), 1000) == str(problem)
    else:
        assert path != "m.toml" or value == tomllib.loads(text)
