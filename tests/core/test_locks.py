"""Keys, places, what covers what, and when a lock is stale."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.locks import (
    ALL,
    SKEW,
    Locked,
    covering,
    find,
    freezes_over,
    is_stale,
    key_in,
    key_of,
    locked_by,
    place_of,
    unreadable,
)
from model_stage_deploy.core.stored import LockEntry

NOW = 1_800_000_000.0
NAMES = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9_/-]{0,6}[A-Za-z0-9])?", fullmatch=True)
MODELS = st.one_of(NAMES, st.builds("{}:{}".format, NAMES, NAMES))
PARTS = st.tuples(MODELS, st.one_of(st.just(""), NAMES), st.one_of(st.just(""), st.text(min_size=1, max_size=5)))


def lock(key: str = "churn#prod", kind: Any = "run", **fields: Any) -> LockEntry:
    """A lock that was just renewed."""
    entry = LockEntry(
        "v1", kind, key, "claim", "Ada", "deploy v1.0.0", "", since=NOW, renewed=NOW, lease=60.0 if kind == "run" else 0
    )
    return replace(entry, **fields)


@given(PARTS)
def test_a_key_can_be_read(parts: tuple[str, str, str]) -> None:
    assert locked_by(key_of(*parts)) == Locked(*parts)


@given(PARTS, PARTS)
def test_two_keys_never_share_a_place(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    same = key_of(*one) == key_of(*other)
    assert same == (one == other)
    assert same == (place_of(key_of(*one)) == place_of(key_of(*other)))


@given(PARTS)
def test_a_place_is_one_part_of_a_refs_name(parts: tuple[str, str, str]) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", place_of(key_of(*parts)))


@given(PARTS)
def test_everything_and_the_model_cover_a_stage(parts: tuple[str, str, str]) -> None:
    model, stage, target = parts
    over = covering(key_of(model, stage, target))
    assert over[:2] == (ALL, key_of(model))
    assert key_of(model, stage) in over
    assert over[-1] == key_of(model, stage, target) or not target


def test_what_they_are_called() -> None:
    assert [str(locked_by(key)) for key in (ALL, key_of("m"), key_of("m", "prod"), key_of("m", "prod", "eu"))] == [
        "everything",
        "m in every stage",
        "m in prod",
        "m in prod at eu",
    ]
    assert [locked_by(key).words for key in (ALL, key_of("m"), key_of("m", "prod"))] == ["--all", "m", "m prod"]


def test_freezes_from_the_widest() -> None:
    key = key_of("churn", "prod")
    freezes = [lock(one, "freeze") for one in (key, key_of("churn", "dev"), key_of("churn"), ALL, key_of("other"))]
    assert [one.key for one in freezes_over(key, [*freezes, lock(key)])] == [ALL, "churn#*", "churn#prod"]
    assert freezes_over(key, [lock(key)]) == []


def test_an_unreadable_lock_counts_by_its_place() -> None:
    wide = lock(unreadable(place_of(ALL)), "freeze")
    mine = lock(unreadable(place_of("churn#prod")), "run")
    assert freezes_over("churn#prod", [wide, mine]) == [wide]
    assert key_in("churn#prod", wide) == ALL
    assert find("run", "churn#prod", [wide, mine]) == mine
    assert find("run", "churn#dev", [wide, mine]) is None


@pytest.mark.parametrize(
    ("entry", "now", "unchanged", "stale"),
    [
        (lock(), NOW, 0, False),
        (lock(), NOW + 60 + SKEW, 59.9, False),  # our clock may be that far ahead
        (lock(), NOW + 60 + SKEW + 1, 0, True),
        (lock(), NOW - 1e6, 59.9, False),
        (lock(), NOW - 1e6, 60, True),  # whatever the clocks say, it did not change
        (lock(lease=0.0), NOW + 1e9, 1e9, False),
        (lock(kind="freeze"), NOW + 1e9, 1e9, False),
        (lock(unreadable("churn-prod"), lease=1.0), NOW + 1e9, 1e9, False),
    ],
)
def test_stale(entry: LockEntry, now: float, unchanged: float, stale: bool) -> None:
    assert is_stale(entry, now, unchanged=unchanged) is stale


@given(st.floats(-SKEW, SKEW), st.floats(0, 59.9))
def test_a_live_lock_is_never_stale_under_skew(skew: float, age: float) -> None:
    """The owner's clock is off by up to SKEW; it renewed `age` seconds ago, so nobody saw it unchanged for longer."""
    assert not is_stale(lock(renewed=NOW - age + skew), NOW, unchanged=age)
