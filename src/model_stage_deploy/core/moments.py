"""Moments as people write them: a date, a time, seconds since 1970, or how long ago.

Only what can be read in one way is read. Git's own reading of dates is not used: it makes some date of any text.
"""

from __future__ import annotations

import re
from typing import NoReturn

FORMS = (
    "a date (2023-09-04), a time (2023-09-04T07:58:15, with a zone such as +02:00 or Z), @SECONDS, or how long ago (7d)"
)
"""How to write one, for messages and help. Without a zone, dates and times are UTC; a date is its first second."""

_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_SECONDS = re.compile(r"@(\d{1,15})", re.ASCII)
_AGO = re.compile(r"(?=\d)(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = (7 * 86400, 86400, 3600, 60, 1)
_LONGEST = 40  # characters; no moment needs as many


class BadMoment(ValueError):
    """The text looks like a moment and names none, such as 30 February."""


def parse_moment(text: str, now: float) -> int | None:
    """Unix seconds of a moment; None where the text is not written as one. `now` is unix time in seconds.

    Raises BadMoment for a date or time that does not exist.
    """
    if len(text) > _LONGEST:
        return None
    if match := _SECONDS.fullmatch(text):
        return int(match[1])
    if match := _AGO.fullmatch(text):
        return int(now) - sum(int(number or 0) * unit for number, unit in zip(match.groups(), _UNITS, strict=True))
    return _calendar(text) if _ISO.fullmatch(text) else None


def _calendar(text: str) -> int:
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(text)
    except ValueError as problem:
        _refuse(text, str(problem), problem)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _refuse(text: str, why: str, problem: ValueError) -> NoReturn:
    message = f"{text!r} is no date or time ({why})"
    raise BadMoment(message) from problem
