"""The picture of what was in each stage when."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.timeline import Span
from model_stage_deploy.report.html.scales import time_ticks
from model_stage_deploy.report.html.timeline import timeline
from tests.report.html.pictures import parsed, texts, titles

NOW = 1_800_000_000.0  # 15 January 2027, 08:00 UTC
DAY = 86400.0


def span(version: str, begin: float, end: float | None, stage: str = "prod", source: str = "m#prod#1") -> Span:
    """`begin` and `end` are in days before now."""
    return Span(stage, version, version[:1] * 40, NOW - begin * DAY, None if end is None else NOW - end * DAY, source)


def test_decided_above_ran() -> None:
    decided = [span("v1.0.0", 90, 30), span("v2.0.0", 30, None, source="m#prod#2")]
    root = parsed(timeline(decided, [span("v1.0.0", 89, None, source="7")], NOW))
    assert titles(root, "time-decided") == [
        "v1.0.0, 2026-10-17 08:00 to 2026-12-16 08:00 UTC, by m#prod#1",
        "v2.0.0, 2026-12-16 08:00 until now, by m#prod#2",
    ]
    assert titles(root, "time-ran") == ["v1.0.0, 2026-10-18 08:00 until now, by 7"]
    assert texts(root, "time-label") == ["v1.0.0", "v2.0.0", "v1.0.0"]
    assert texts(root, "time-stage") == ["prod"]
    assert texts(root, "time-text") == ["26 Oct 2026", "9 Nov", "23 Nov", "7 Dec", "21 Dec", "4 Jan", "decided", "ran"]
    assert root.findtext("desc") == (
        "prod, decided: v2.0.0 since 2026-12-16 08:00 UTC; prod, running: v1.0.0 since 2026-10-18 08:00 UTC."
    )


def test_a_version_has_the_same_colour_everywhere() -> None:
    root = parsed(timeline([span("v1.0.0", 9, 5), span("v2.0.0", 5, None)], [span("v2.0.0", 4, None)], NOW))
    kinds = [group.get("class") for group in root.iter("g")]
    assert kinds == [
        "time-block time-decided time-0",
        "time-block time-decided time-1 time-open",
        "time-block time-ran time-1 time-open",
    ]


def test_nothing_ever() -> None:
    assert timeline([], [], NOW) == ""


def test_without_deployments_there_is_no_bar_for_them() -> None:
    assert "ran" not in texts(parsed(timeline([span("v1.0.0", 9, None)], [], NOW)), "time-text")


def test_what_just_began_is_seen_at_the_end() -> None:
    root = parsed(timeline([span("v1.0.0", 0, None)], [], NOW))
    assert len(titles(root, "time-block")) == 1


def test_narrow_neighbours_are_one_block_that_says_so() -> None:
    shaky = [span(f"v{at}.0.0", 10 - at / 1000, 10 - (at + 1) / 1000) for at in range(40)]
    root = parsed(timeline([span("v0.1.0", 30, 10), *shaky, span("v99.0.0", 9.96, None)], [], NOW))
    assert texts(root, "time-label") == ["v0.1.0", "v99.0.0"]
    [told] = titles(root, "time-many")
    assert told == "40 changes, 2027-01-05 08:00 to 2027-01-05 08:57 UTC: the first v0.0.0, the last v39.0.0"


@pytest.mark.parametrize("stages", [1, 40, 200])
def test_thousands_of_spans_and_stages_are_bounded(stages: int) -> None:
    spans = [
        span(f"v{at}.0.0", 9000 - at * 3, 9000 - at * 3 - 2, stage=f"stage-{stage}")
        for stage in range(stages)
        for at in range(3000 // stages)
    ]
    picture = timeline(spans, spans, NOW)
    assert len(picture) < 500_000
    assert len(titles(parsed(picture), "time-block")) <= 1500


def test_hours_can_be_told_in_the_zone_of_the_reader_and_nothing_else() -> None:
    hours = parsed(timeline([span("v1.0.0", 1, None)], [], NOW))
    assert [text.get("data-time") for text in hours.iter("text") if text.get("data-time")][:1] == [
        "2027-01-14T09:00:00Z"
    ]
    days = parsed(timeline([span("v1.0.0", 8, None)], [], NOW))
    assert not [text for text in days.iter("text") if text.get("data-time")]


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (0.2, ["04:00", "05:00", "06:00", "07:00", "08:00"]),
        (2, ["12:00", "18:00", "14 Jan", "06:00", "12:00", "18:00", "15 Jan", "06:00"]),
        (6, ["10 Jan 2027", "11 Jan", "12 Jan", "13 Jan", "14 Jan", "15 Jan"]),
        (40, ["7 Dec 2026", "14 Dec", "21 Dec", "28 Dec", "4 Jan", "11 Jan"]),
        (400, ["2026", "Mar", "May", "Jul", "Sep", "Nov", "2027"]),
        (3000, ["2020", "2022", "2024", "2026"]),
        (40_000, ["1920", "1940", "1960", "1980", "2000", "2020"]),
    ],
)
def test_the_axis_has_full_hours_days_weeks_months_or_years(days: float, labels: list[str]) -> None:
    assert [tick.label for tick in time_ticks(NOW - days * DAY, NOW, 9)] == labels


_TEXTS = st.text(max_size=30)
_TIMES = st.one_of(st.floats(0, 2e9), st.floats(0, 1e13), st.integers(NOW.__int__() - 9, NOW.__int__() + 9).map(float))


@st.composite
def spans_of(draw: st.DrawFn) -> list[Span]:
    """Spans as core/timeline.py makes them: of a stage in order, not one over another."""
    made = []
    for stage in draw(st.lists(_TEXTS, max_size=3, unique=True)):
        moments = sorted(draw(st.lists(_TIMES, min_size=2, max_size=9, unique=True)))
        for begin, end in zip(moments, [*moments[1:], None], strict=True):
            if draw(st.booleans()):
                made.append(Span(stage, draw(_TEXTS), "c" * 40, begin, end, draw(_TEXTS)))
    return made


@given(spans_of(), spans_of(), st.one_of(st.just(NOW), _TIMES))
def test_any_spans_make_a_picture_within_its_frame(decided: list[Span], ran: list[Span], now: float) -> None:
    picture = timeline(decided, ran, now)
    if not decided and not ran:
        assert picture == ""
        return
    root = parsed(picture)
    assert len(titles(root, "time-block")) <= len(decided) + len(ran)
    assert bool(titles(root, "time-block"))
