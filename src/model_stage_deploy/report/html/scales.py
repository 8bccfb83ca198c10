"""Axes of the pictures: from numbers and times to places, and where the marks of an axis stand. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

LARGEST = 7e307
"""What is larger is drawn as if it were this: sums of two such still are numbers."""
_SMALLEST = 1e-300
_PADDING = 0.08
_MINUTE, _DAY = 60.0, 86400.0
_STEPS = (
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    900.0,
    3600.0,
    3 * 3600.0,
    6 * 3600.0,
    12 * 3600.0,
    _DAY,
    2 * _DAY,
    7 * _DAY,
    14 * _DAY,
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_YEAR_SECONDS = 365.25 * _DAY


class Scale(NamedTuple):
    """A line from `low` at the place `start` to `high` at the place `end`; `high` is greater than `low`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value; of one outside, the nearer end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


class Tick(NamedTuple):
    """A mark of an axis: where it stands, in units of the axis, and its label. `hour` says that it is within a day."""

    value: float
    label: str
    hour: bool = False


def clipped(value: float) -> float:
    """A finite value that can be computed with."""
    return min(max(value, -LARGEST), LARGEST)


def around(values: Iterable[float], start: float, end: float) -> Scale:
    """A scale with all of the finite values in it, and some room around them."""
    known = [clipped(value) for value in values]
    low, high = min(known), max(known)
    most = max(abs(low), abs(high))
    span = high - low
    if span <= max(most * 1e-12, _SMALLEST):  # all equal, as far as anybody could see
        room = max(most * 0.05, 10 * _SMALLEST) if most else 1.0
        low, high = low - room, high + room
    else:
        low, high = low - span * _PADDING, high + span * _PADDING
    return Scale(low, high, start, end)


def number_ticks(scale: Scale, about: int = 4) -> list[Tick]:
    """Round numbers within a scale, about so many; each with the digits that tell it from its neighbours."""
    step = _round_step((scale.high - scale.low) / about)
    first = math.ceil(scale.low / step)
    values = [value for count in range(3 * about) if scale.low <= (value := (first + count) * step) <= scale.high]
    most = max((abs(value) for value in values), default=1.0)
    return [Tick(value, _label(0.0 if abs(value) < step / 2 else value, step, most)) for value in values]


def _round_step(rough: float) -> float:
    """1, 2 or 5 times a power of ten, no less than what is given."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), power * 10)


def _label(value: float, step: float, most: float) -> str:
    if most < 1e6 and step >= 1e-5:
        return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
    digits = math.floor(math.log10(most)) - math.floor(math.log10(step)) + 1
    return _plain(f"{value:.{min(max(digits, 1), 17)}g}")


def number(value: float) -> str:
    """A finite number for people: whole ones in full, of others six digits that count, or all before the point."""
    is_whole = value % 1 == 0
    if abs(value) < 1e15 and (is_whole or abs(value) >= 1e6):
        return f"{value + 0.0:.{0 if is_whole else 1}f}"
    return _plain(f"{value:.6g}")


def _plain(text: str) -> str:
    """A number as text, with a short exponent: 1e6."""
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def time_ticks(begin: float, end: float, most: int) -> list[Tick]:
    """Full seconds, minutes, hours, days, weeks, months or years (UTC) between two unix times, at most so many."""
    span = end - begin
    step = next((step for step in _STEPS if span / step <= most - 1), None)
    if step is not None:
        return _with_year(_steady(begin, end, step))
    months = next((count for count in _MONTHS if span / (count * _YEAR_SECONDS / 12) <= most - 1), 0)
    return _with_year(_calendar(begin, end, months)) if months else []


def _with_year(ticks: list[Tick]) -> list[Tick]:
    """The first label says the year, too, if it names a day or a month."""
    when = _moment(ticks[0].value) if ticks else None
    if when is None or ticks[0].hour or ticks[0].label.isdecimal():
        return ticks
    return [ticks[0]._replace(label=f"{ticks[0].label} {when.year}"), *ticks[1:]]


def _steady(begin: float, end: float, step: float) -> list[Tick]:
    offset = 4 * _DAY if step >= 7 * _DAY else 0.0  # 1970 began on a Thursday; weeks begin on Monday
    first = math.ceil((begin - offset) / step)
    moments = [offset + count * step for count in range(first, first + 100) if offset + count * step <= end]
    told = [(moment, _moment(moment)) for moment in moments]
    return [
        Tick(moment, f"{when:%H:%M:%S}" if step < _MINUTE else f"{when:%H:%M}", hour=True)
        if moment % _DAY
        else Tick(moment, f"{when.day} {when:%b}")
        for moment, when in told
        if when is not None
    ]


def _calendar(begin: float, end: float, months: int) -> list[Tick]:
    first, last = _moment(begin), _moment(end)
    if first is None or last is None:
        return []
    count = first.year * 12 + first.month - 1
    found = []
    for number in range(-(-count // months) * months, last.year * 12 + last.month, months):
        year, month = divmod(number, 12)
        if 1 <= year <= 9999:
            when = datetime(year, month + 1, 1, tzinfo=UTC)
            is_year = month == 0 or months >= 12
            if begin <= when.timestamp() <= end:
                found.append(Tick(when.timestamp(), str(year) if is_year else f"{when:%b}"))
    return found


def _moment(time: float) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time)
    except OverflowError:
        return None


def iso(time: float) -> str:
    """A unix time as ISO 8601 in UTC, to the second, `@SECONDS` where no calendar has it."""
    when = _moment(time)
    return f"@{time:.0f}" if when is None else when.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def to_the_minute(time: float) -> str:
    """A unix time for people, in UTC, without naming the zone: `2026-01-31 09:30`."""
    return iso(time)[:16].replace("T", " ")
