"""Deploy windows: examples around midnight, clock changes and freezes; then against a slow minute-by-minute oracle."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_stage_deploy.core.policy import Freeze, Window
from model_stage_deploy.core.windows import (
    BadWindow,
    Schedule,
    read_days,
    read_freeze,
    read_hours,
    read_moment,
    read_window,
    read_zone,
)

BERLIN = ZoneInfo("Europe/Berlin")


def _schedule(**window: object) -> Schedule:
    return read_window(Window.model_validate(window))


def _at(text: str, zone: str = "UTC", fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("tue,thu", {1, 3}),
        ("Fri - Mon", {4, 5, 6, 0}),
        ("sunday", {6}),
        ("wed-wed", {2}),
        ("mon-tue, sat", {0, 1, 5}),
    ],
)
def test_days_are_read(text: str, days: set[int]) -> None:
    assert read_days(text) == days


@pytest.mark.parametrize("text", ["", "mon-", "-fri", "mo", "mon;tue", "mon-tue-wed", "1-5", "weekdays", "mon,,tue"])
def test_what_is_no_list_of_days_is_refused(text: str) -> None:
    with pytest.raises(BadWindow):
        read_days(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("09:00-17:00", ((540, 1020),)),
        ("9:30 - 12:00, 13:00-24:00", ((570, 720), (780, 1440))),
        ("22:00-04:00", ((1320, 240),)),
        ("00:00-24:00", ((0, 1440),)),
    ],
)
def test_hours_are_read(text: str, hours: tuple[tuple[int, int], ...]) -> None:
    assert read_hours(text) == hours


@pytest.mark.parametrize(
    "text", ["", "9-17", "09:00", "09:60-10:00", "24:00-01:00", "10:00-10:00", "09:00-24:01", "a-b"]
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(BadWindow):
        read_hours(text)


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "2026-1-1", "tomorrow", "2026-01-01T25:00", "1969-12-31", "9999-12-31"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(BadWindow):
        read_moment(text)


@pytest.mark.parametrize(
    "name", ["Berlin", "Europe", "../../etc/passwd", "/etc/localtime", "", "Europe/Berlin\x00", "x" * 999]
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(BadWindow):
        read_zone(name)


def test_a_freeze_ends_with_its_last_day_or_at_its_time() -> None:
    assert read_freeze("2026-12-20", "2026-12-20", UTC) == (_at("2026-12-20T00:00"), _at("2026-12-21T00:00"))
    assert read_freeze("2026-12-20T18:00", "2026-12-20T19:30", UTC)[1] == _at("2026-12-20T19:30")
    with pytest.raises(BadWindow, match="ends before it begins"):
        read_freeze("2026-12-20T18:00", "2026-12-20T18:00", UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T08:59:59", False),  # Monday
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T16:59:59", True),
        ("2026-11-23T17:00:00", False),
        ("2026-11-22T12:00:00", False),  # Sunday
    ],
)
def test_days_and_hours_in_a_zone(moment: str, is_open: bool) -> None:
    schedule = _schedule(zone="Asia/Tokyo", days="mon-fri", hours="09:00-17:00")
    assert schedule.is_open(_at(moment, "Asia/Tokyo")) is is_open


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    schedule = _schedule(days="fri", hours="22:00-04:00")
    assert schedule.is_open(_at("2026-11-27T22:00"))  # Friday
    assert schedule.is_open(_at("2026-11-28T03:59"))
    assert not schedule.is_open(_at("2026-11-28T04:00"))
    assert not schedule.is_open(_at("2026-11-28T22:30"))
    assert not schedule.is_open(_at("2026-11-27T01:00"))
    assert schedule.next_open(_at("2026-11-28T04:00")) == _at("2026-12-04T22:00")


def test_an_hour_that_the_clock_skips_never_comes_and_one_shown_twice_counts_twice() -> None:
    schedule = _schedule(zone="Europe/Berlin", hours="02:00-03:00")
    spring, autumn = _at("2026-03-29T00:00", "Europe/Berlin"), _at("2026-10-25T00:00", "Europe/Berlin")
    assert [minute for minute in range(24 * 60) if schedule.is_open(spring + 60 * minute)] == []
    assert len([minute for minute in range(25 * 60) if schedule.is_open(autumn + 60 * minute)]) == 120
    assert schedule.next_open(spring) == _at("2026-03-30T02:00", "Europe/Berlin")
    assert schedule.next_open(autumn) == _at("2026-10-25T02:00", "Europe/Berlin", fold=0)


def test_it_opens_when_the_clock_is_put_forward_into_the_window() -> None:
    schedule = _schedule(zone="Europe/Berlin", hours="02:30-05:00")
    assert schedule.next_open(_at("2026-03-29T01:00", "Europe/Berlin")) == _at("2026-03-29T03:00", "Europe/Berlin")


def test_it_opens_again_when_the_clock_is_put_back_into_the_window() -> None:
    schedule = _schedule(zone="Europe/Berlin", hours="01:30-02:30")
    closed = _at("2026-10-25T02:45", "Europe/Berlin", fold=0)
    assert not schedule.is_open(closed)
    assert schedule.next_open(closed) == _at("2026-10-25T02:00", "Europe/Berlin", fold=1)


def test_a_freeze_that_begins_or_ends_in_an_hour_shown_twice_is_the_longer_of_both() -> None:
    start, end = read_freeze("2026-10-25T02:15", "2026-10-25T02:45", BERLIN)
    assert end - start == 90 * 60
    start, end = read_freeze("2026-03-29T02:30", "2026-03-29T02:45", BERLIN)  # an hour that never comes
    assert start < _at("2026-03-29T03:00", "Europe/Berlin") < end


def test_a_freeze_outweighs_and_the_next_opening_is_within_hours() -> None:
    freezes = [{"from": "2026-12-20", "to": "2027-01-01", "why": "rest"}, {"from": "2027-01-01", "to": "2027-01-03"}]
    schedule = _schedule(days="mon-thu", hours="09:00-16:00", freezes=freezes)
    now = _at("2026-12-21T10:00")
    frozen = schedule.freeze_at(now)
    assert frozen is not None
    assert (frozen.why, frozen.end) == ("rest", _at("2027-01-02T00:00"))
    assert not schedule.is_open(now)
    assert schedule.next_open(now) == _at("2027-01-04T09:00")


def test_a_freeze_within_the_hours_is_over_when_it_ends() -> None:
    schedule = _schedule(hours="09:00-17:00", freezes=[{"from": "2026-11-23T10:00", "to": "2026-11-23T11:20"}])
    assert schedule.next_open(_at("2026-11-23T10:30")) == _at("2026-11-23T11:20")


def test_an_open_window_opens_now() -> None:
    assert _schedule(days="mon").next_open(_at("2026-11-23T10:30:30")) == _at("2026-11-23T10:30:30")


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
_STARTS = st.one_of(
    st.integers(0, 3 * 366 * 1440).map(lambda minute: 1735689600 + 60 * minute),  # from 2025 on
    st.builds(
        lambda day, minute: _at(day) + 60 * minute,
        st.sampled_from(
            ["2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2026-04-04", "2026-10-03", "2026-02-14"]
        ),
        st.integers(0, 3 * 1440),
    ),
)
_MINUTES = st.integers(0, 1439)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def _windows(draw: st.DrawFn) -> tuple[Window, int]:
    """A window, and a moment near which something happens."""
    now = int(draw(_STARTS))
    spans = draw(
        st.lists(st.tuples(_MINUTES, _MINUTES).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=2)
    )
    near = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    freezes = [
        Freeze.model_validate(
            {
                "from": f"{near + timedelta(minutes=after):%Y-%m-%dT%H:%M}",
                "to": f"{near + timedelta(minutes=after + length):%Y-%m-%dT%H:%M}",
            }
        )
        for after, length in draw(st.lists(st.tuples(st.integers(-2000, 2000), st.integers(1, 4000)), max_size=2))
    ]
    days = ",".join(draw(st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1)))
    hours = ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans)
    window = Window(
        zone=draw(st.sampled_from(ZONES)),
        days=draw(st.sampled_from([days, None])),
        hours=draw(st.sampled_from([hours, None])),
        freezes=freezes or None,
    )
    return window, now


class _Oracle:
    """The window by intervals on the wall, one for each day; moment by moment, nothing clever."""

    def __init__(self, window: Window) -> None:
        self.zone = ZoneInfo(window.zone)
        self.days = read_days(window.days or "mon-sun")
        self.hours = read_hours(window.hours or "00:00-24:00")
        self.freezes = [(one.from_, one.to) for one in window.freezes or ()]

    def is_open(self, moment: float) -> bool:
        wall = datetime.fromtimestamp(moment, self.zone).replace(tzinfo=None)
        return self._within(wall) and not any(self._frozen(moment, *freeze) for freeze in self.freezes)

    def _within(self, wall: datetime) -> bool:
        midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
        for begins in (midnight, midnight - timedelta(days=1)):
            for start, end in self.hours if begins.weekday() in self.days else ():
                closes = end if end > start else end + 1440
                if begins + timedelta(minutes=start) <= wall < begins + timedelta(minutes=closes):
                    return True
        return False

    def _frozen(self, moment: float, first: str, last: str) -> bool:
        return min(self._instants(first)) <= moment < max(self._instants(last))

    def _instants(self, text: str) -> list[float]:
        wall = datetime.fromisoformat(text)
        return [wall.replace(tzinfo=self.zone, fold=fold).timestamp() for fold in (0, 1)]


@settings(max_examples=60, deadline=None)
@given(_windows())
def test_against_the_oracle_minute_by_minute(given_: tuple[Window, int]) -> None:
    window, now = given_
    schedule, oracle = read_window(window), _Oracle(window)
    for moment in range(now, now + 2 * 86400, 60 * 7):
        assert schedule.is_open(moment) == oracle.is_open(moment)
    expected = next((moment for moment in range(now, now + 18 * 86400, 60) if oracle.is_open(moment)), None)
    assert schedule.next_open(now) == expected


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (read_days, read_hours, read_moment, read_zone):
        try:
            read(text)
        except BadWindow as problem:
            assert str(problem)


def test_zones_that_are_tested_change_their_clocks() -> None:
    """The oracle is worth something only where clocks are changed within the time it looks at."""
    year = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    for zone in ("Europe/Berlin", "Australia/Lord_Howe", "Africa/Casablanca"):
        offsets = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in year]
        assert any(one != other for one, other in pairwise(offsets))
