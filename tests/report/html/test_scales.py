"""Axes: round marks, exact places, numbers as people write them. The pictures that use them have tests of their own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.report.html.scales import Scale, around, clipped, iso, number, number_ticks, to_the_minute

_FINITE = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.9, "0.9"),
        (1 / 3, "0.333333"),
        (1000005.0, "1000005"),
        (1234567.89, "1234567.9"),
        (-0.0, "0"),
        (1e-12, "1e-12"),
        (1e300, "1e300"),
        (123456789012.0, "123456789012"),
    ],
)
def test_numbers_for_people(value: float, shown: str) -> None:
    assert number(value) == shown


@given(st.lists(_FINITE, min_size=1, max_size=9))
def test_every_number_has_a_place_on_its_scale(values: list[float]) -> None:
    scale = around(values, 160, 20)
    assert scale.low < scale.high
    places = {value: scale.at(clipped(value)) for value in values}
    assert all(20 <= place <= 160 for place in places.values())
    assert places[max(values)] <= places[min(values)]


@given(st.lists(_FINITE, min_size=1, max_size=9))
def test_marks_are_few_different_and_in_order(values: list[float]) -> None:
    scale = around(values, 160, 20)
    ticks = number_ticks(scale)
    assert 1 <= len(ticks) <= 12
    assert [tick.value for tick in ticks] == sorted({tick.value for tick in ticks})
    assert all(scale.low <= tick.value <= scale.high for tick in ticks)
    assert len({tick.label for tick in ticks}) == len(ticks)
    for tick in ticks:
        assert math.isclose(float(tick.label), tick.value, rel_tol=1e-9, abs_tol=(scale.high - scale.low) / 100)


def test_what_lies_outside_is_at_the_edge() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale.at(value) for value in (-5, 0, 2.5, 10, 1e300)] == [100, 100, 125, 200, 200]


@pytest.mark.parametrize(
    ("time", "written", "short"),
    [
        (1_800_000_000.5, "2027-01-15T08:00:00Z", "2027-01-15 08:00"),
        (-1e10, "1653-02-10T06:13:20Z", "1653-02-10 06:13"),
        (1e13, "@10000000000000", "@10000000000000"),
    ],
)
def test_moments(time: float, written: str, short: str) -> None:
    assert (iso(time), to_the_minute(time)) == (written, short)
