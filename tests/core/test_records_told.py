"""What the records say besides what runs: where a rollback can go, whose run died, what automation must leave alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.lifecycle import (
    Recorded,
    Records,
    held,
    last_verified,
    now_running,
    orphans,
    seconds,
)

HOUR = 3600.0


def _time(minute: int) -> str:
    return f"2026-01-01T{minute // 60:02}:{minute % 60:02}:00Z"


NOON = seconds(_time(12 * 60)) or 0.0


def good(version: str, minute: int = 0, **facts: Any) -> Recorded:
    """A verified deployment."""
    record = Recorded(f"{version}@{minute}", version, f"commit of {version}", f"m#prod#{version}", "success")
    ended: dict[str, Any] = {"outcome": "success", "ended": _time(minute), "placed": True, "checks": 1}
    return record._replace(**ended | facts)


def bad(version: str, minute: int = 0, **facts: Any) -> Recorded:
    """A deployment that was put in place and failed its verification."""
    return good(version, minute, **{"state": "failure", "outcome": "failure"} | facts)


def back(version: str, from_: str, minute: int = 0, **facts: Any) -> Recorded:
    """An automatic rollback."""
    given: dict[str, Any] = {"rollback": True, "automatic": True, "previous": from_, "previous_tag": f"m#prod#{from_}"}
    return good(version, minute, **given | facts)


def of(*newest_first: Recorded) -> Records:
    return Records(newest_first)


LAST: dict[str, tuple[Records, str | None]] = {
    "nothing": (of(), None),
    "the one before": (of(bad("v2"), good("v1")), "v1"),
    "retired since": (of(bad("v2"), good("v1", state="inactive")), "v1"),
    "not the failed one itself": (of(bad("v2"), good("v2"), good("v1")), "v1"),
    "never verified": (of(bad("v2"), good("v1", checks=0)), None),
    "verified further back": (of(bad("v2"), good("v1.5", checks=0), good("v1")), "v1"),
    "an undeployment is no version": (of(bad("v2"), good("v1.5", action="undeploy")), None),
    "failed here since": (of(bad("v2"), bad("v1"), good("v1"), good("v0")), "v0"),
    "failed here before it was good": (of(bad("v2"), good("v1"), bad("v1")), "v1"),
    "another commit of that name failed": (of(bad("v2"), bad("v1", commit="x"), good("v1")), "v1"),
    "could not be put in place, which says nothing of it": (
        of(bad("v2"), bad("v1", placed=False), good("v1")),
        "v1",
    ),
    "its run died, which says nothing of it": (of(bad("v2"), bad("v1", outcome="error"), good("v1")), "v1"),
    "a rollback that was verified": (of(bad("v3"), back("v1", "v2"), bad("v2"), good("v1")), "v1"),
}


@pytest.mark.parametrize(("records", "version"), LAST.values(), ids=LAST)
def test_where_a_rollback_can_go(records: Records, version: str | None) -> None:
    failed = records.newest_first[0].version if records.newest_first else ""
    found = last_verified(records, other_than=failed)
    assert (found.version if found else None) == version


def test_only_older_ones_count_where_one_is_named() -> None:
    records = of(good("v3", 3), good("v2", 2), good("v1", 1))
    assert last_verified(records) is records.newest_first[0]
    assert last_verified(records, before="v2@2") is records.newest_first[2]
    assert last_verified(records, before="v2@2", other_than="v1") is None
    assert last_verified(records, before="not read") is None


def test_orphans_are_what_others_have_left_under_way() -> None:
    begun = good("v3", state="in_progress", outcome="", placed=False, attempt="theirs")
    queued = begun._replace(id="q", state="queued", attempt="")
    mine = begun._replace(id="m", attempt="mine")
    verifying = begun._replace(id="p", placed=True)
    records = of(mine, begun, queued, verifying, good("v1"), bad("v0"))
    assert [record.id for record in orphans(records, "mine")] == [begun.id, "q", "p"]
    assert [record.id for record in orphans(records, "")] == ["m", begun.id, "q", "p"]


FAILED_AT_NOON = (back("v1", "v2", 12 * 60), bad("v2", 11 * 60), good("v1"))
SAME, OTHER = "m#prod#v2", "m#prod#9"
HELD: dict[str, tuple[tuple[Recorded, ...], str, str, float, bool]] = {
    "the same tag at once": (FAILED_AT_NOON, "v2", SAME, 1, True),
    "the same tag much later": (FAILED_AT_NOON, "v2", SAME, 1000, True),
    "another tag of it at once": (FAILED_AT_NOON, "v2", OTHER, 1, True),
    "another tag of it later": (FAILED_AT_NOON, "v2", OTHER, 25, False),
    "another version": (FAILED_AT_NOON, "v3", OTHER, 1, False),
    "the version that came back": (FAILED_AT_NOON, "v1", OTHER, 1, False),
    "by hand it went well since": ((good("v2", 800), *FAILED_AT_NOON), "v2", SAME, 1, False),
    "by hand it failed again": ((bad("v2", 800), *FAILED_AT_NOON), "v2", OTHER, 1, True),
    "another one came since": ((good("v3", 800), *FAILED_AT_NOON), "v2", OTHER, 1, True),
    "the rollback failed, too": ((back("v1", "v2", 720, state="failure", outcome="failure"),), "v2", OTHER, 1, True),
    "the rollback is under way": (
        (back("v1", "v2", 720, state="in_progress", outcome="", ended="", placed=False, created=_time(720)),),
        "v2",
        OTHER,
        1,
        True,
    ),
    "a rollback of no known time": ((back("v1", "v2", ended="", created=""),), "v2", OTHER, 10_000, True),
    "a rollback by hand": ((back("v1", "v2", 720, automatic=False),), "v2", SAME, 1, False),
    "nothing": ((), "v2", SAME, 1, False),
}


@pytest.mark.parametrize(("records", "version", "tag", "hours", "is_held"), HELD.values(), ids=HELD)
def test_what_failed_is_left_to_people(
    records: tuple[Recorded, ...], version: str, tag: str, hours: float, *, is_held: bool
) -> None:
    found = held(of(*records), version, tag, NOON + hours * HOUR, 24 * HOUR)
    assert (found is not None) == is_held
    if found is not None:
        assert found.automatic and found.previous == version


VERSIONS = st.sampled_from(["v1", "v2", "v3"])
ANY = st.one_of(
    st.builds(good, VERSIONS, st.integers(0, 1000), checks=st.integers(0, 1)),
    st.builds(bad, VERSIONS, st.integers(0, 1000), placed=st.booleans()),
    st.builds(back, VERSIONS, VERSIONS, st.integers(0, 1000)),
)


@given(
    records=st.lists(ANY, max_size=8).map(tuple), version=VERSIONS, hours=st.integers(0, 48), hold=st.integers(0, 48)
)
def test_what_holds_of_all_records(records: tuple[Recorded, ...], version: str, hours: int, hold: int) -> None:
    told = Records(records)
    found = last_verified(told, other_than=version)
    assert found is None or (found.verified and found.version != version)
    assert found is not None or last_verified(told) in (None, *[one for one in records if one.version == version])

    now = NOON + hours * HOUR
    longer = held(told, version, OTHER, now, (hold + 1) * HOUR)
    assert held(told, version, OTHER, now, hold * HOUR) in (None, longer), "a longer hold never holds less"
    if longer is not None:
        assert held(told, version, longer.previous_tag, now + 1000 * HOUR, 0.0) is longer
    running = now_running(told)
    assert (running is None) == (not any(record.settles for record in records))
