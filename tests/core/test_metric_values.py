"""What a name means in the files of a commit, and each stated answer where it means no number."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.expression_tree import Name, is_usable
from model_stage_deploy.core.expressions import parse_rule
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.metric_values import Metrics, Reading, read


def look(spelled: str, *contents: Any, **more: Any) -> Reading:
    """What a name means in files m0.json, m1.json, …"""
    [name] = parse_rule(f"{spelled} > 0").names()
    return read(name, Metrics("c0ffee", {f"m{at}.json": content for at, content in enumerate(contents)}, **more))


@pytest.mark.parametrize(
    ("spelled", "content", "number"),
    [
        ("a", {"a": 0.1}, Fraction(1, 10)),
        ("a", {"a": 3}, Fraction(3)),
        ("a", {"a": 2**60 + 1}, Fraction(2**60 + 1)),
        ("a.b", {"a": {"b": -1e-3}}, Fraction(-1, 1000)),
        ('"a.b"', {"a.b": 1, "a": {"b": 2}}, Fraction(1)),
        ("a.b", {"a.b": 1, "a": {"b": 2}}, Fraction(2)),
        ('"macro avg"."f1-score"', {"macro avg": {"f1-score": 0.5}}, Fraction(1, 2)),
        ("a[1].b", {"a": [0, {"b": 7}]}, Fraction(7)),
        ("a.0", {"a": {"0": 7}}, Fraction(7)),
        ("live.a", {"a": 7}, Fraction(7)),
        ('"live".a', {"live": {"a": 7}}, Fraction(7)),
    ],
)
def test_numbers(spelled: str, content: Any, number: Fraction) -> None:
    assert look(spelled, content) == Reading(number)


def test_files_that_agree_are_one() -> None:
    assert look("a", {"a": 1}, {"b": 2}, {"a": 1.0}) == Reading(Fraction(1))


@pytest.mark.parametrize(
    "contents",
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": "1"}),
        ({"a": 1}, {"a": {"b": 1}}),
        ({"a": float("nan")}, {"a": float("nan")}),
        ({"a": 1}, {"a": 1}, {"a": 3}),
    ],
)
def test_files_that_differ(contents: tuple[Any, ...]) -> None:
    reading = look("a", *contents)
    assert reading.code == "ambiguous"
    assert reading.sentence.startswith("a is in m0.json and in m")
    assert "files:" in reading.hint


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (float("nan"), "a is NaN, which is no number in m0.json"),
        (float("inf"), "a is an infinite number in m0.json"),
        (float("-inf"), "a is an infinite number in m0.json"),
        (10**400, "a is a number too large to compute with in m0.json"),
        (True, "a is true or false, no number in m0.json"),
        ("0.93", "a is text, no number in m0.json"),
        ("NaN", "a is text, no number in m0.json"),
        ({"b": 1}, "a is a group of names, no number in m0.json"),
        ([1], "a is a list, no number in m0.json"),
        (None, "a is nothing in m0.json"),
        (b"", "a is no number in m0.json"),
    ],
)
def test_no_number(value: Any, what: str) -> None:
    reading = look("a", {"a": value})
    assert (reading.number, reading.code, reading.sentence) == (None, "not-a-number", what)
    assert reading.hint.startswith("a: ")


@pytest.mark.parametrize(
    ("spelled", "content", "hint"),
    [
        ("accuracy", {"acuracy": 1}, "did you mean acuracy?"),
        ("accuracy", {"Accuracy": 1}, "did you mean Accuracy?"),
        ("accuracy", {"eval": {"accuracy": 1}}, "did you mean eval.accuracy?"),
        ("accuracy", {"eval/accuracy": 1}, 'did you mean "eval/accuracy"?'),
        ("eval.accuracy", {"accuracy": 1}, "did you mean accuracy?"),
        ("latency.p95", {"latency.p95": 1}, 'did you mean "latency.p95"?'),
        ("f1", {"f1-score": 1}, 'did you mean "f1-score"?'),
        ("scores.0", {"scores": [1]}, "did you mean scores[0]?"),
        ("scores[3]", {"scores": [1]}, "did you mean scores[0]?"),
        ("live.acc", {"val": {"acc": 1}}, "did you mean live.val.acc?"),
        ("zzz", {"a": 1, "b": {"c": 2}, "text": "x", "flag": True}, "there are: a, b.c"),
        ("zzz", {"a": "x"}, "the files hold no numbers"),
        ("zzz", 0.93, "the files hold no numbers"),
        ("a.b", {"a": 1}, "there are: a"),
    ],
)
def test_a_missing_name_and_what_was_meant(spelled: str, content: Any, hint: str) -> None:
    reading = look(spelled, content)
    assert reading.code == "missing"
    assert reading.sentence == f"{spelled} is not in m0.json"
    assert reading.hint == f"{spelled}: {hint}"


def test_a_hint_is_a_name_that_a_rule_can_use() -> None:
    hint = look("accuracy", {"macro avg": {"accuracy": 0.5}}).hint
    spelled = hint.removeprefix("accuracy: did you mean ").removesuffix("?")
    assert look(spelled, {"macro avg": {"accuracy": 0.5}}).number == Fraction(1, 2)


def test_missing_files_are_named_where_a_name_is_missing() -> None:
    absent = ("metrics.json is not in Git at c0ffee",)
    reading = look("a", absent=absent)
    assert reading.sentence == "a is in no file (metrics.json is not in Git at c0ffee)"
    assert "commit the metrics" in reading.hint
    assert look("a", {"a": 1}, absent=absent).number == 1


def test_a_file_that_cannot_be_read_might_say_otherwise() -> None:
    reading = look("a", {"a": 1}, broken=("b.json cannot be read",))
    assert reading.code == "unreadable"
    assert reading.sentence == "a cannot be known: b.json cannot be read"
    assert reading.hint


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=20,
)
PATHS = st.lists(st.one_of(st.text(), st.integers(0, 5)), min_size=1, max_size=4).map(tuple)


@given(JSON, JSON, PATHS, st.booleans())
def test_every_reading_is_a_number_or_says_why_on_an_inert_line(
    first: Any, second: Any, path: tuple[str | int, ...], live: bool
) -> None:
    reading = read(Name(path, live), Metrics("c", {"a.json": first, "b.json": second}))
    assert (reading.number is None) == bool(reading.code) == bool(reading.sentence)
    for text in (reading.sentence, reading.hint):
        assert one_line(text, 100_000) == text
    if reading.number is None and reading.code == "missing":
        assert reading.hint


@given(st.one_of(st.integers(), st.floats()))
def test_a_number_is_read_as_it_is(number: float) -> None:
    reading = look("a", {"a": number})
    assert (reading.number is not None) == is_usable(number)
    if reading.number is not None:
        assert reading.number == Fraction(repr(number))


def test_many_and_long_names_take_no_time() -> None:
    content = {f"accurate-{number}": {"x" * 150: [number] * 10} for number in range(20_000)}
    reading = look("accuracy", content)
    assert reading.code == "missing"
    assert len(reading.hint) < 2000
