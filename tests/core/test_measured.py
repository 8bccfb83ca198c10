"""Metrics of versions put together: which versions, in which order, and which rules are lines in a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.expressions import BadRule, parse_rule
from model_stage_deploy.core.lifecycle import Lifecycle, State, unknown
from model_stage_deploy.core.measured import MOST_METRICS, VersionMetrics, live_in, measured, to_look_at
from model_stage_deploy.core.metric_values import Metrics, numbers, read
from model_stage_deploy.core.model import Model
from tests.core.tag_records import model
from tests.core.test_lifecycle import TAGS, V1, V2, recorded, standing, undeployed


def version(name: str, values: Mapping[str, float]) -> VersionMetrics:
    return VersionMetrics(name, "c" * 40, values)


def names(found: Model, rows: list[Lifecycle], newest: int = 50) -> tuple[list[str], int]:
    looked = to_look_at(found, live_in(found, rows), rows, newest)
    return [one.name for one in looked.versions], looked.left_out


# --- rules


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("accuracy >= 0.9", ("accuracy", ">=", 0.9)),
        (" accuracy>90% ", ("accuracy", ">", 0.9)),
        ("0.9 < accuracy", ("accuracy", ">", 0.9)),
        ("100 >= latency_ms.p95", ("latency_ms.p95", "<=", 100)),
        ("drift <= -0.5", ("drift", "<=", -0.5)),
        ("size <= 2 * 1024", ("size", "<=", 2048)),
        ("'macro avg'.\"f1-score\" == 1", ('"macro avg"."f1-score"', "==", 1)),
        ("scores[0] < 1", ("scores[0]", "<", 1)),
        ("accuracy >= live.accuracy", None),
        ("live.accuracy >= 0.9", None),
        ("accuracy >= f1 - 0.1", None),
        ("2 * accuracy >= 1", None),
        ("accuracy != 0", None),
        ("accuracy >= 1 / 0", None),
        ("1 < 2", None),
        ("nonsense", None),
    ],
)
def test_a_plain_rule_is_a_line(rule: str, line: tuple[str, str, float] | None) -> None:
    found = measured([], {"prod": [rule]}, {})
    assert found is not None
    assert [(one.metric, one.operator, one.value) for one in found.thresholds] == ([line] if line else [])
    assert all((one.stage, one.rule) == ("prod", rule.strip()) for one in found.thresholds)
    assert list(found.rules) == ["prod"]


def test_metrics_of_rules_come_first_then_those_of_the_newest_version() -> None:
    versions = [version("v1.0.0", {"old": 1, "f1": 1, "auc": 1}), version("v2.0.0", {"auc": 2, "f1": 2, "new": 2})]
    found = measured(versions, {"prod": ["missing > 1", "live.new <= new", "f1 > 0"]}, {"prod": "v1.0.0"})
    assert found is not None
    assert found.metrics == ("new", "f1", "auc", "old")
    assert (found.versions, found.live) == (tuple(versions), {"prod": "v1.0.0"})


def test_without_numbers_and_rules_there_is_nothing_to_show() -> None:
    assert measured([version("v1.0.0", {})], {"prod": []}, {}) is None
    assert measured([version("v1.0.0", {})], {"prod": ["a > 1"]}, {}) is not None
    assert measured([version("v1.0.0", {"a": 1})], {}, {}) is not None


def test_there_is_an_end_to_metrics() -> None:
    found = measured([version("v1.0.0", {f"m{at}": at for at in range(500)})], {"prod": ["m499 > 1"]}, {})
    assert found is not None
    assert len(found.metrics) == MOST_METRICS
    assert found.metrics[:2] == ("m499", "m0")


# --- versions


def test_the_newest_registered_ones_and_those_that_a_stage_has_or_runs() -> None:
    lines = [f"m@v{at}.0.0 {'ABCDEF'[at - 1]} @{at}" for at in range(1, 6)]
    found = model(*lines, "m#prod#1 A @20", "m#dev#2 F @21")
    rows = [unknown(found, stage) for stage in found.stages]
    assert names(found, rows, 2) == (["v1.0.0", "v4.0.0", "v5.0.0", "f" * 40], 2)
    assert names(found, rows) == (["v1.0.0", "v2.0.0", "v3.0.0", "v4.0.0", "v5.0.0", "f" * 40], 0)
    assert names(found, [], 0) == ([], 5)
    running = Lifecycle("m", "eu", State.DEPLOYED, running=recorded(V2, "success", 30))
    assert names(found, [running], 1) == (["v2.0.0", "v5.0.0"], 3)


def test_live_is_what_runs_or_where_nobody_knows_what_is_decided() -> None:
    found = model(*TAGS)
    live = {"runs": live_in(found, [standing(recorded(V1, "success", 120))])}
    live["removed"] = live_in(found, [standing(undeployed(V2, 120))])
    live["unknown"] = live_in(found, [unknown(found, "prod")])
    live["never"] = live_in(found, [standing()])
    gone = recorded(("v9.0.0", "F", "m#prod#9"), "success", 120)
    live["of a tag that is gone"] = live_in(found, [standing(gone)])
    assert {case: [one.name for one in those.values()] for case, those in live.items()} == {
        "runs": ["v1.0.0"],
        "removed": [],
        "unknown": ["v2.0.0"],
        "never": [],
        "of a tag that is gone": [],
    }


# --- numbers


def test_numbers_have_the_names_that_rules_use() -> None:
    content = {"a": 1, "b": {"c d": 0.5, "x": "no", "y": True, "z": None}, "scores": [1, {"p": 2}]}
    values, torn = numbers(Metrics("c" * 40, {"metrics.json": content}))
    assert values == {"a": 1.0, 'b."c d"': 0.5, "scores[0]": 1.0, "scores[1].p": 2.0}
    assert torn == ()


def test_a_name_that_two_files_disagree_about_means_no_number() -> None:
    values, torn = numbers(Metrics("c", {"a.json": {"x": 1, "y": 1, "z": 1}, "b.json": {"x": 1, "y": 2, "z": "1"}}))
    assert (values, torn) == ({"x": 1.0}, ("y", "z"))


def test_odd_numbers_are_shown_as_they_are() -> None:
    values, _ = numbers(Metrics("c", {"a.json": {"nan": math.nan, "inf": math.inf, "big": -(10**400), "int": 2**60}}))
    assert math.isnan(values.pop("nan"))
    assert values == {"inf": math.inf, "big": -math.inf, "int": 2.0**60}


_VALUES = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.none(), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(max_size=3), _VALUES, max_size=3), max_size=2))
def test_what_is_shown_is_what_the_gate_reads(contents: list[dict[str, object]]) -> None:
    """Each shown name is in a rule what it is here."""
    metrics = Metrics("c", {f"{at}.json": content for at, content in enumerate(contents)})
    for name, value in numbers(metrics)[0].items():
        try:
            parsed = parse_rule(f"{name} > 0").names()
        except BadRule:
            continue  # a name that no rule can spell
        # A backslash stands where a name was made inert, to be shown.
        if len(parsed) == 1 and str(parsed[0]) == name and "\\" not in name and not parsed[0].live:
            reading = read(parsed[0], metrics)
            assert (reading.number is not None) == math.isfinite(value)
            assert reading.number is None or float(reading.number) == value
