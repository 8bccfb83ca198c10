"""The text of a lock, there and back; and texts that are none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.adapters.lock_documents import read_lock, write_lock
from model_stage_deploy.core.locks import is_unreadable, place_of
from model_stage_deploy.core.stored import LockEntry

LOCK = LockEntry("v", "run", "churn#prod", "claim", "Ada", "deploy", "https://ci", since=1.5, renewed=2.5, lease=60.0)
PLACE = place_of(LOCK.key)
TEXT = st.text(max_size=30)
TIMES = st.floats(-1e11, 1e11)


@given(TEXT, TEXT, TEXT, TEXT, TIMES, TIMES, st.floats(0, 1e6))
def test_there_and_back(
    claim: str, owner: str, reason: str, url: str, since: float, renewed: float, lease: float
) -> None:
    lock = replace(LOCK, claim=claim, owner=owner, reason=reason, url=url, since=since, renewed=renewed, lease=lease)
    text = write_lock(lock)
    assert text.isascii()
    assert read_lock(text, "v", "run", PLACE) == lock


def changed(**fields: Any) -> str:
    return json.dumps(json.loads(write_lock(LOCK)) | fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        '"text"',
        "{}",
        "[" * 100_000,
        changed(schema="model-stage-deploy/lock/v9"),
        changed(kind="freeze"),
        changed(key="churn#dev"),
        changed(key="?churn-prod"),
        changed(key=None),
        changed(owner=7),
        changed(lease=-1),
        changed(lease=True),
        changed(renewed="1"),
        changed(renewed=float("nan")),
        changed(since=float("inf")),
        changed(since=10**400),
        changed(reason="x" * 70_000),
    ],
)
def test_what_is_none_of_ours_is_told_as_such(text: str) -> None:
    found = read_lock(text, "v", "run", PLACE)
    assert is_unreadable(found.key)
    assert (found.version, found.kind, place_of(found.key), found.claim, found.lease) == ("v", "run", PLACE, "", 0.0)
    assert found.reason


@settings(max_examples=30)
@given(st.dictionaries(st.sampled_from(("schema", "kind", "key", "lease")), st.none() | st.booleans() | TIMES | TEXT))
def test_any_json_is_read(value: Any) -> None:
    assert is_unreadable(read_lock(json.dumps(value), "v", "freeze", PLACE).key)
