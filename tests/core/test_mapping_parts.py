"""Durations, globs and the merging of layers: laws first, then examples."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core import globs
from model_stage_deploy.core.durations import (
    LONGEST,
    LONGEST_PERIOD,
    BadDuration,
    format_duration,
    parse_duration,
    spoken,
)
from model_stage_deploy.core.mapping_document import Path
from model_stage_deploy.core.merge import Layer, merge


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(90, 90), (1.5, 1.5), ("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h 30m", 5400), ("24h", 86400)],
)
def test_durations_are_read(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        0,
        -1,
        "0s",
        "25h",
        86401,
        10**400,
        "",
        " ",
        "5x",
        "m",
        "h1",
        "30m1h",
        "1h1h",
        True,
        None,
        [],
        "１0m",
        "1e3",
        "nan",
        float("nan"),
        float("inf"),
        "-5m",
        "10 minutes",
    ],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(BadDuration):
        parse_duration(written)


@given(st.integers(1, int(LONGEST * 1000)))
def test_durations_come_back_from_their_text(thousandths: int) -> None:
    assert parse_duration(format_duration(thousandths / 1000)) == pytest.approx(thousandths / 1000, abs=1e-9)


@pytest.mark.parametrize(
    ("written", "seconds"), [("7d", 604800), ("1d12h", 129600), ("366d", 366 * 86400), ("1d", 86400)]
)
def test_periods_are_read(written: object, seconds: float) -> None:
    assert parse_duration(written, longest=LONGEST_PERIOD) == seconds


@pytest.mark.parametrize("written", ["367d", "2d", "1d1s", "1w", "12h1d"])
def test_a_day_is_the_longest_timeout_and_a_year_the_longest_period(written: str) -> None:
    with pytest.raises(BadDuration):
        parse_duration(written, longest=LONGEST if written in ("2d", "1d1s") else LONGEST_PERIOD)


@pytest.mark.parametrize(
    ("seconds", "down", "up"),
    [
        (0, "0s", "0s"),
        (59.2, "59s", "1m"),
        (125, "2m 5s", "2m 5s"),
        (3 * 3600 + 59, "3h", "3h 1m"),
        (86399, "23h 59m", "1d"),
        (86401, "1d", "1d 1h"),
        (42 * 3600, "1d 18h", "1d 18h"),
    ],
)
def test_durations_are_told_to_people(seconds: float, down: str, up: str) -> None:
    assert spoken(seconds) == down
    assert spoken(seconds, up=True) == up


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("fraud/*", ["fraud/eu", "fraud/"], ["fraud", "fraud/eu/v2", "xfraud/eu"]),
        ("fraud/**", ["fraud/eu", "fraud/eu/v2"], ["fraud"]),
        ("churn-?", ["churn-a"], ["churn-", "churn-ab", "churn-/"]),
        ("churn", ["churn"], ["churn2", "a:churn"]),
        ("**:churn", ["a/b:churn"], ["churn"]),
        ("a.c", ["a.c"], ["abc"]),
        ("*", ["churn"], ["fraud/eu"]),
        ("**", ["churn", "fraud/eu", "a/b:c"], []),
        ("*-*-*", ["a-b-c", "--", "a-b-c-d"], ["a-b"]),
    ],
)
def test_globs(pattern: str, fitting: list[str], other: list[str]) -> None:
    assert [name for name in fitting if not globs.matches(pattern, name)] == []
    assert [name for name in other if globs.matches(pattern, name)] == []


def test_a_glob_made_to_backtrack_takes_no_longer() -> None:
    assert not globs.matches("*a" * 200 + "b", "a" * 1000)


_PATTERNS = st.text("ab/*?-", max_size=8)


@given(_PATTERNS, _PATTERNS, _PATTERNS)
def test_specificity_orders_every_two_patterns(one: str, two: str, three: str) -> None:
    first, second, third = map(globs.specificity, (one, two, three))
    assert (first <= second) or (second <= first)
    assert not (first <= second <= third) or first <= third


@given(_PATTERNS, _PATTERNS)
def test_a_name_beats_every_glob(name: str, glob: str) -> None:
    if globs.is_exact(name) and not globs.is_exact(glob):
        assert globs.specificity(name) > globs.specificity(glob)


@given(st.text("ab/-", max_size=8))
def test_a_pattern_without_wildcards_fits_itself_alone(name: str) -> None:
    assert globs.matches(name, name)
    assert not globs.matches(name, name + "a")


# Keys say what kind of value they hold, as in a real file: `m…` mappings, `x…` scalars and lists.
_LEAVES = st.one_of(st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2))
_TREES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.dictionaries(st.sampled_from(["x1", "x2"]), _LEAVES, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["m1", "m2"]), inner, max_size=2),
    max_leaves=6,
).filter(lambda tree: isinstance(tree, dict))


def _merged(*trees: dict[str, Any]) -> dict[str, Any]:
    return merge([Layer((index,), tree) for index, tree in enumerate(trees)]).values


@given(_TREES, _TREES, _TREES)
def test_merging_is_associative(one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]) -> None:
    assert _merged(_merged(one, two), three) == _merged(one, _merged(two, three))


def _leaves(tree: Any, path: Path = ()) -> dict[Path, Any]:
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {at: leaf for key, value in tree.items() for at, leaf in _leaves(value, (*path, key)).items()}


@given(_TREES, _TREES)
def test_the_higher_layer_wins_and_origins_say_so(low: dict[str, Any], high: dict[str, Any]) -> None:
    merged = merge([Layer(("low",), low), Layer(("high",), high)])
    above = {path: leaf for path, leaf in _leaves(high).items() if leaf != {} and path}
    values = _leaves(merged.values)
    for path, leaf in above.items():
        assert values[path] == leaf
        assert merged.origins[path] == ("high", *path)
    for path, origin in merged.origins.items():
        assert _leaves({"low": low, "high": high}).get(origin, {}) == values[path]
    assert {path for path, leaf in values.items() if leaf != {}} <= set(merged.origins)


@given(_TREES, _TREES)
def test_the_origin_of_a_leaf_is_its_own_and_of_anything_else_the_nearest(low: Any, high: Any) -> None:
    merged = merge([Layer(("low",), low), Layer(("high",), high)])
    for path, origin in merged.origins.items():
        assert merged.origin(path) == origin
        assert merged.origin((*path, 3)) == (*origin, 3)
        for length in range(1, len(path)):
            assert merged.origin(path[:length])[1:] == path[:length]
            assert merged.origin((*path[:length], "missing"))[-1] == "missing"
    assert merged.origin(("nowhere",)) == ()


def test_null_removes_a_key_and_all_below_it() -> None:
    assert _merged({"vars": {"a": "1", "b": "2"}, "url": "u"}, {"vars": None, "url": None}) == {}
    assert _merged({"vars": {"a": "1"}}, {"vars": {"a": None, "c": "3"}}) == {"vars": {"c": "3"}}
    assert _merged({"vars": {"a": "1"}}, {"vars": None}, {"vars": {"c": "3"}}) == {"vars": {"c": "3"}}


WEBHOOK = {"deploy": {"uses": "webhook", "with": {"url": "u"}, "env": {"A": "1"}, "timeout": 5}}


@pytest.mark.parametrize(
    "choice", [{"uses": "mlem"}, {"run": "./x"}, {"argv": ["./x"]}, {"uses": "mlem", "with": {"load": "l"}}]
)
def test_another_deployer_drops_the_with_of_the_one_below(choice: dict[str, Any]) -> None:
    assert _merged(WEBHOOK, {"deploy": choice}) == {"deploy": {**choice, "env": {"A": "1"}, "timeout": 5}}


def test_the_same_deployer_again_keeps_its_with() -> None:
    again = {"deploy": {"uses": "webhook", "with": {"method": "PUT"}}}
    assert _merged(WEBHOOK, again)["deploy"]["with"] == {"url": "u", "method": "PUT"}


def test_with_that_stands_below_no_choice_stays() -> None:
    low = {"deploy": {"with": {"method": "PUT"}}}
    assert _merged(low, WEBHOOK)["deploy"]["with"] == {"method": "PUT", "url": "u"}


def test_another_script_drops_the_with_of_the_script_below() -> None:
    low = {"deploy": {"run": "./a", "with": {"working-directory": "d"}}}
    merged = merge([Layer(("low",), low), Layer(("high",), {"deploy": {"run": "./b"}})])
    assert merged.values == {"deploy": {"run": "./b"}}
    assert merged.origins == {("deploy", "run"): ("high", "deploy", "run")}
