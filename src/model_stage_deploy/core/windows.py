"""Deploy windows: days, hours and freezes as people write them, and whether a moment lies within.

Pure; what the gate says of it is in gates/window.py. Days and hours go by the clock on the wall: when it is put back,
hours that it shows twice count twice; when it is put forward, hours that it skips never come.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from model_stage_deploy.core.policy import Window

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAY = 24 * 60  # minutes
_AHEAD = 16  # days to look ahead; a weekly window opens within 15, even where one falls into skipped hours
_YEARS = range(1970, 3000)

_DAY_NAMES = {
    name[:length]: at
    for at, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
    for length in (3, len(name))
}
_HOURS = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)", re.ASCII)
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d))?", re.ASCII)


class BadWindow(ValueError):
    """A text of a window cannot be read; the message says how to write it, on one line."""


class Frozen(NamedTuple):
    """A freeze: from its first moment until before its end, in unix seconds."""

    start: float
    end: float
    why: str = ""


class Schedule(NamedTuple):
    """A window that was read. `days` are those on which the `hours` begin (Monday is 0); `hours` are minutes of the
    day, from and to, where a `to` that is not later than its `from` is on the next day."""

    zone: tzinfo
    zone_name: str = "UTC"
    days: frozenset[int] = frozenset(range(7))
    hours: tuple[tuple[int, int], ...] = ((0, _FULL_DAY),)
    freezes: tuple[Frozen, ...] = ()

    def freeze_at(self, now: float) -> Frozen | None:
        """The freeze that holds at a moment (unix seconds), the one that ends last."""
        holding = [freeze for freeze in self.freezes if freeze.start <= now < freeze.end]
        return max(holding, key=lambda freeze: freeze.end, default=None)

    def is_open(self, now: float) -> bool:
        """Whether a moment (unix seconds) is within the days and hours, and not frozen."""
        return self._within_hours(now) and self.freeze_at(now) is None

    def next_open(self, now: float) -> float | None:
        """The first moment from `now` on that is open, in unix seconds; None where there is none to be found.

        It opens where a freeze ends, where hours begin, or where the clock is put forward or back into them.
        """
        starts = sorted({now, *(freeze.end for freeze in self.freezes if freeze.end > now)})
        best: float | None = None
        for start in starts:
            if best is not None and best <= start:
                break
            opening = (at for at in self._boundaries(start) if at >= start and self.is_open(at))
            best = min((*opening, *(() if best is None else (best,))), default=None)
        return best

    def local(self, moment: float) -> datetime:
        """The clock on the wall."""
        return datetime.fromtimestamp(moment, self.zone)

    def _within_hours(self, now: float) -> bool:
        at = self.local(now)
        minute, today = at.hour * 60 + at.minute, at.weekday()
        for start, end in self.hours:
            overnight = end <= start
            if today in self.days and start <= minute and (overnight or minute < end):
                return True
            if overnight and (today - 1) % 7 in self.days and minute < end:
                return True
        return False

    def _boundaries(self, start: float) -> Iterator[float]:
        """Moments near which it may open, from the day of `start` on."""
        yield start
        first = self.local(start).date()
        for ahead in range(_AHEAD):
            day = first + timedelta(days=ahead)
            for begin, _ in self.hours:
                yield from _instants(datetime.combine(day, time(begin // 60, begin % 60)), self.zone)
            yield from _changes(day, self.zone)


def read_window(window: Window) -> Schedule:
    """A window of the mapping. Raises BadWindow, which mappings that were checked do not."""
    zone = read_zone(window.zone)
    freezes = [Frozen(*read_freeze(one.from_, one.to, zone), why=one.why or "") for one in window.freezes or ()]
    schedule = Schedule(zone, window.zone, freezes=tuple(freezes))
    if window.days is not None:
        schedule = schedule._replace(days=read_days(window.days))
    if window.hours is not None:
        schedule = schedule._replace(hours=read_hours(window.hours))
    return schedule


def read_zone(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises BadWindow."""
    from zoneinfo import ZoneInfo

    if name == "UTC":  # there also where the machine has no zones
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no file, a directory, a path that leaves the zones, an unknown name
        raise _bad("is no time zone that is known here; write one as Europe/Berlin or UTC") from None


def read_days(text: str) -> frozenset[int]:
    """Days of the week, Monday is 0: `mon-fri`, `tue,thu`, `fri-mon`. Raises BadWindow."""
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if first not in _DAY_NAMES or (dash and last not in _DAY_NAMES):
            raise _bad("is no list of days; write mon-fri, or tue,thu")
        begin = _DAY_NAMES[first]
        length = (_DAY_NAMES[last] - begin) % 7 if dash else 0
        days |= {(begin + step) % 7 for step in range(length + 1)}
    return frozenset(days)


def read_hours(text: str) -> tuple[tuple[int, int], ...]:
    """Hours of the day as minutes, from and to: `09:00-17:00`, `22:00-04:00`, several with commas. Raises BadWindow."""
    found = []
    for part in text.split(","):
        match = _HOURS.fullmatch(part.strip())
        if match is None:
            raise _bad("are no hours; write 09:00-17:00, over midnight 22:00-04:00")
        hour, minute, last_hour, last_minute = (int(number) for number in match.groups())
        start, end = hour * 60 + minute, last_hour * 60 + last_minute
        if minute > 59 or last_minute > 59 or start >= _FULL_DAY or end > _FULL_DAY:
            raise _bad("are no hours; a day goes from 00:00 to 24:00")
        if start == end:
            raise _bad("are empty: they begin when they end; for all day leave `hours` out")
        found.append((start, end))
    return tuple(found)


def read_freeze(start: str, end: str, zone: tzinfo) -> tuple[float, float]:
    """A freeze in unix seconds; an `end` without a time is the end of that day. Raises BadWindow."""
    first, last = read_moment(start), read_moment(end, whole_day=True)
    if last <= first:
        raise _bad("ends before it begins")
    # Where the clock shows a moment twice or not at all, the longer of what may be meant: nothing slips through.
    return min(_instants(first, zone)), max(_instants(last, zone))


def read_moment(text: str, *, whole_day: bool = False) -> datetime:
    """`2026-12-20` or `2026-12-20T18:00`, by the clock on some wall. With `whole_day` a date is the end of that day.

    Raises BadWindow.
    """
    match = _MOMENT.fullmatch(text.strip())
    try:
        found = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}") if match else None
    except ValueError:
        found = None
    if match is None or found is None or found.year not in _YEARS:
        raise _bad("is no date or time; write 2026-12-20 or 2026-12-20T18:00")
    return found + timedelta(days=1) if whole_day and not match[2] else found


def _bad(message: str) -> BadWindow:
    return BadWindow(message)


def _instants(wall: datetime, zone: tzinfo) -> set[float]:
    """What a time on the wall may mean, in unix seconds: two moments where the clock shows it twice, or skips it."""
    return {wall.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1)}


def _changes(day: date, zone: tzinfo) -> Iterator[float]:
    """When the clock is changed on a day, in unix seconds, to the second."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    low, high = int(noon) - 86400, int(noon) + 86400  # whichever zone it is, the day lies within
    before, after = _offset(low, zone), _offset(high, zone)
    if before == after:
        return
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    yield float(high)


def _offset(moment: float, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(moment, zone).utcoffset()
