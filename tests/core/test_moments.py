"""Moments as people write them: each form, and nothing that could be read in two ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.moments import BadMoment, parse_moment

NOW = 1_700_000_000.75


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-09-04", 1_693_785_600),
        ("2023-09-04T07:58", 1_693_814_280),
        ("2023-09-04T07:58:15", 1_693_814_295),
        ("2023-09-04 07:58:15", 1_693_814_295),
        ("2023-09-04T07:58:15Z", 1_693_814_295),
        ("2023-09-04T09:58:15+02:00", 1_693_814_295),
        ("2023-09-04T09:58:15+0200", 1_693_814_295),
        ("1969-12-31T23:59:59Z", -1),
        ("0001-01-01T00:00+14:00", -62_135_596_800 - 14 * 3600),
        ("9999-12-31T23:59:59-12:00", 253_402_300_799 + 12 * 3600),
        ("@0", 0),
        ("@1693814295", 1_693_814_295),
        ("30s", 1_699_999_970),
        ("30m", 1_700_000_000 - 1800),
        ("12h", 1_700_000_000 - 43_200),
        ("7d", 1_700_000_000 - 604_800),
        ("2w", 1_700_000_000 - 1_209_600),
        ("1w2d3h4m5s", 1_700_000_000 - 604_800 - 172_800 - 10_800 - 240 - 5),
    ],
)
def test_every_form(text: str, expected: int) -> None:
    assert parse_moment(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "now", "yesterday", "last week", "7", "7x", "d", "-7d", "7d ", " 7d", "7d2w", "1.5h", "٣d", "7D"),
        *("2023", "2023-9-4", "20230904", "2023-W36-1", "2023-09-04T", "2023-09-04T07", "2023-09-04T07:58:15.5"),
        *(
            "@",
            "@-1",
            "@1.5",
            "@" + "9" * 16,
            "@٣",
            "churn#prod#3",
            "main",
            "HEAD~1",
            "2023-09-04\n",
            "9" * 10_000 + "d",
        ),
    ],
)
def test_what_is_none(text: str) -> None:
    assert parse_moment(text, NOW) is None


@pytest.mark.parametrize(
    "text", ["2023-02-30", "2023-13-01", "0000-01-01", "2023-09-04T24:01", "2023-09-04T07:58+25:00"]
)
def test_dates_that_do_not_exist(text: str) -> None:
    with pytest.raises(BadMoment, match="is no date or time"):
        parse_moment(text, NOW)


@given(st.text(max_size=60))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    try:
        found = parse_moment(text, NOW)
    except BadMoment:
        return
    assert found is None or isinstance(found, int)


@given(
    st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)),  # noqa: DTZ001
    st.one_of(st.none(), st.integers(-14 * 60, 14 * 60)),
)
def test_what_isoformat_writes_is_read(moment: datetime, offset: int | None) -> None:
    zone = UTC if offset is None else timezone(timedelta(minutes=offset))
    whole = moment.replace(microsecond=0, tzinfo=zone)
    text = whole.isoformat() if offset is not None else whole.replace(tzinfo=None).isoformat()
    assert parse_moment(text, NOW) == whole.timestamp()
