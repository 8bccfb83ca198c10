"""When to ask again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.deployers.retry import FIRST_PAUSE, LONGEST_PAUSE, RETRY_STATUSES, pause, retry_after

NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 09:00:30 +0100", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("9" * 500, None),
        ("٣", None),
        ("Fri, 99 Jan 2027 08:00:30 GMT", None),
        ("Fri, 15 Jan 99999 08:00:30 GMT", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_retry_after_never_breaks(value: str) -> None:
    found = retry_after(value, NOW)
    assert found is None or found >= 0


def test_the_server_is_obeyed() -> None:
    assert pause(1, {"retry-after": "17"}, NOW, "a") == 17.0


@given(number=st.integers(1, 1000), seed=st.text())
def test_backoff_grows_up_to_a_bound(number: int, seed: str) -> None:
    full = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(number - 1, 20))
    found = pause(number, {}, NOW, seed)
    assert full / 2 <= found <= full
    assert found == pause(number, {}, NOW, seed)


def test_many_runs_do_not_come_back_together() -> None:
    assert len({pause(1, {}, NOW, f"run {number}") for number in range(50)}) == 50


def test_only_what_may_pass_is_tried_again() -> None:
    assert sorted(RETRY_STATUSES) == [429, 500, 502, 503, 504]
