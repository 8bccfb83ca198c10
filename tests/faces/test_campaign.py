"""Runs killed at random moments, and many at once, a few of each: `python -m benchmarks.campaign` does the many."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.campaign import kills, overlapping, together

SEED = 7


@pytest.mark.thorough
def test_eight_kills_lose_nothing(tmp_path: Path) -> None:
    tally = kills(tmp_path, 8, SEED, at_once=2)
    assert tally.broken == []
    assert (tally.killed, sum(tally.struck.values()), sum(tally.told.values())) == (8, 8, 8)
    assert set(tally.after) <= {"deployed", "already-deployed"}


@pytest.mark.thorough
def test_eight_runs_at_once_end_with_the_newest(tmp_path: Path) -> None:
    found = together(tmp_path / "world", 8)
    assert found.broken == []
    assert sum(found.ends.values()) == 8
    assert found.ends["deployed"] >= 1
    assert found.deployers == found.ends["deployed"]


@pytest.mark.long
@pytest.mark.thorough
def test_eight_runs_of_tags_that_come_one_after_the_other(tmp_path: Path) -> None:
    found = overlapping(tmp_path / "world", 8)
    assert found.broken == []
    assert sum(found.ends.values()) == 8
    assert found.deployers == found.ends["deployed"] >= 1
