"""Targets in waves and shards, and the records of them: nothing is lost, nothing is there twice."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.targets import (
    REST,
    TARGET_RESULTS,
    Good,
    Shard,
    Target,
    TargetRecord,
    TargetResult,
    TargetState,
    digest_for,
    digest_of_all,
    is_wave,
    read_shard,
    record_from_json,
    record_to_json,
    waves_of,
)

NAMES = st.integers(0, 999).map("t{}".format)
LABELS = st.sampled_from(["canary", "eu", "us", "big"])
TARGETS = st.lists(
    st.builds(Target, NAMES, st.just({}), st.lists(LABELS, unique=True).map(tuple)),
    unique_by=lambda target: target.name,
    max_size=30,
)
SELECTORS = st.lists(
    st.one_of(st.integers(1, 100).map("{}%".format), st.integers(1, 70).map(str), LABELS, NAMES), max_size=6
)
TEXT = st.text(max_size=20)
TIMES = st.one_of(st.integers(0, 2**40), st.floats(0, 2e12, allow_nan=False))
RECORDS = st.builds(
    TargetRecord,
    target=TEXT,
    version=TEXT,
    commit=TEXT,
    tag=TEXT,
    digest=TEXT,
    attempt=TEXT,
    state=st.sampled_from(TargetState),
    time=TIMES,
    wave=st.integers(0, 100),
    placed=st.booleans(),
    checks=st.integers(0, 5),
    rollback=st.booleans(),
    url=TEXT,
    summary=TEXT,
    good=st.one_of(st.none(), st.builds(Good, TEXT, TEXT, TEXT, TIMES)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


def named(*names: str, **labels: str) -> list[Target]:
    """Targets by name; some with a label each."""
    return [Target(name, {}, (labels[name],) if name in labels else ()) for name in names]


@given(TARGETS, SELECTORS)
def test_every_target_is_in_one_wave_in_the_order_of_the_list(targets: list[Target], selectors: list[str]) -> None:
    known = {target.name for target in targets} | {label for target in targets for label in target.labels}
    kept = [one for one in selectors if one.endswith("%") or one.isdigit() or one in known]
    waves = waves_of(targets, [*kept, REST])
    assert sorted(target.name for wave in waves for target in wave.targets) == sorted(t.name for t in targets)
    order = {target.name: place for place, target in enumerate(targets)}
    for wave in waves:
        places = [order[target.name] for target in wave.targets]
        assert places
        assert places == sorted(places)
        assert wave.name == [*kept, REST][wave.number - 1]
    assert [wave.number for wave in waves] == sorted({wave.number for wave in waves})


@given(TARGETS, st.integers(1, 100))
def test_a_share_is_of_all_targets_and_rounded_up(targets: list[Target], percent: int) -> None:
    first = waves_of(targets, [f"{percent}%", REST])[:1]
    assert sum(len(wave.targets) for wave in first) == math.ceil(len(targets) * percent / 100)


def test_waves_take_labels_names_numbers_and_what_is_left() -> None:
    targets = named("a", "b", "c", "d", "e", "f", b="canary", f="canary")
    waves = waves_of(targets, ["canary", "c", "2", "50%", "rest"])
    assert [(wave.number, wave.name, [target.name for target in wave.targets]) for wave in waves] == [
        (1, "canary", ["b", "f"]),
        (2, "c", ["c"]),
        (3, "2", ["a", "d"]),
        (4, "50%", ["e"]),
    ]


def test_without_selectors_there_is_one_wave_and_without_targets_none() -> None:
    [wave] = waves_of(named("a", "b"), [])
    assert (wave.number, wave.name, len(wave.targets)) == (1, "rest", 2)
    assert waves_of([], []) == ()


@pytest.mark.parametrize(
    ("selectors", "told"),
    [
        (["canary"], "no target is called, or has the label, `canary`"),
        (["a"], "2 of 3 targets are in no wave: b, c; end `waves` with `rest`"),
    ],
)
def test_waves_that_cannot_be_are_refused(selectors: list[str], told: str) -> None:
    with pytest.raises(ValueError, match="target") as wrong:
        waves_of(named("a", "b", "c"), selectors)
    assert str(wrong.value) == told


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("canary", True),
        ("10%", True),
        ("100%", True),
        ("1%", True),
        ("0%", False),
        ("101%", False),
        ("7", True),
        ("0", False),
        ("rest", True),
        ("a b", False),
        ("", False),
        ("-a", False),
        ("eu.west-1_b", True),
        ("a" * 101, False),
    ],
)
def test_what_a_wave_may_be(text: str, *, good: bool) -> None:
    assert is_wave(text) is good


@given(st.lists(st.integers(), max_size=300), st.integers(1, 60))
def test_shards_are_the_list_in_parts_of_nearly_the_same_size(items: list[int], of: int) -> None:
    targets = [Target(str(item)) for item in items]
    parts = [Shard(number, of).part(targets) for number in range(1, of + 1)]
    assert [target for part in parts for target in part] == targets
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_shard_is_read_as_it_is_written() -> None:
    assert read_shard(" 2/8 ") == Shard(2, 8)
    assert str(read_shard("2/8")) == "2/8"


@given(st.one_of(st.sampled_from(["0/8", "9/8", "2", "/", "2/", "2/8/9", "-1/8", "1/0", "²/8", "1/9999999"]), TEXT))
def test_what_is_no_shard_is_refused(text: str) -> None:
    try:
        shard = read_shard(text)
    except ValueError as wrong:
        assert "2/8" in str(wrong)
    else:
        assert 1 <= shard.number <= shard.of


@given(RECORDS)
def test_a_record_comes_back_from_json_as_it_was(record: TargetRecord) -> None:
    assert record_from_json(json.loads(json.dumps(record_to_json(record)))) == record


@given(st.one_of(JSON, RECORDS.map(record_to_json)), st.data())
def test_any_other_json_is_refused_and_never_half_a_record(value: object, data: st.DataObject) -> None:
    if isinstance(value, dict) and value:
        key = data.draw(st.sampled_from(sorted(value, key=str)))
        value = {**value, key: data.draw(JSON)}
    try:
        record = record_from_json(value)
    except ValueError:
        return
    assert record_from_json(record_to_json(record)) == record
    assert isinstance(record.state, TargetState)
    assert record.good is None or (isinstance(record.good, Good) and isinstance(record.good.version, str))


def a_record(state: TargetState, **fields: object) -> TargetRecord:
    """A record of v2; before it, v1 was good."""
    known = {"version": "v2", "commit": "c", "tag": "t", "digest": "d", "attempt": "a", "time": 1.0}
    return TargetRecord(target="eu", state=state, good=Good("v1", "b", "s", 0.0), **{**known, **fields})  # type: ignore[arg-type]


def test_what_a_target_has_now_is_what_was_put_there_last() -> None:
    assert a_record(TargetState.FAILURE).now == "v1"
    assert a_record(TargetState.FAILURE, placed=True).now == "v2"
    assert a_record(TargetState.STARTED).now == "v1"
    assert a_record(TargetState.UNDEPLOYED).now == ""
    assert a_record(TargetState.FAILURE)._replace(good=None).now == ""


def test_verified_is_only_what_a_verification_said() -> None:
    assert a_record(TargetState.SUCCESS, checks=1).verified
    assert not a_record(TargetState.SUCCESS).verified
    assert not a_record(TargetState.FAILURE, checks=1).verified


def test_each_result_says_whether_the_target_has_what_it_should() -> None:
    good = {result for result in TARGET_RESULTS if TargetResult("eu", 1, result).is_good}
    assert good == {"deployed", "already", "undeployed"}


@given(TARGETS)
def test_a_digest_is_of_settings_and_targets(targets: list[Target]) -> None:
    whole = digest_of_all("settings", targets)
    assert whole == digest_of_all("settings", list(targets))
    assert whole != digest_of_all("others", targets)
    assert whole != digest_of_all("settings", [*targets, Target("another one", {"a": "b"})])
    for target in targets:
        own = digest_for("settings", target)
        assert own != digest_for("settings", Target(target.name, {"a": "b"}, target.labels))
        assert own != digest_for("settings", Target(target.name, target.vars, (*target.labels, "more")))
