"""Durations as people write them: `90s`, `10m`, `1h30m`, `7d` <-> seconds."""

from __future__ import annotations

import math
import re

LONGEST = 24 * 3600.0
"""The longest timeout that a mapping may ask for, in seconds: a day, more than any hosted runner gives a job."""
LONGEST_PERIOD = 366 * 24 * 3600.0
"""The longest period that a rule may speak of, in seconds: a year."""

_PARTS = re.compile(
    r"(?:(?P<days>\d{1,7})d)?(?:(?P<hours>\d{1,7})h)?(?:(?P<minutes>\d{1,7})m)?(?:(?P<seconds>\d{1,7}(?:\.\d{1,6})?)s)?"
)
_FORMS = "write seconds as a number, or text like 90s, 10m or 1h30m"
_DAY = 24 * 3600


class BadDuration(ValueError):
    """The value is no duration; the text says why and how to write one."""


def parse_duration(value: object, *, longest: float = LONGEST) -> float:
    """Seconds from a number of seconds or a text like `1h30m`. Raises BadDuration unless 0 < seconds <= `longest`."""
    seconds = _seconds(value, longest)
    if not 0 < seconds <= longest:
        most = "24h" if longest <= LONGEST else f"{longest / _DAY:.0f}d"
        raise BadDuration(f"a duration lies above 0 and is {most} at most")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that parse_duration reads back to the same whole number of milliseconds."""
    thousandths = round(seconds * 1000)
    whole, rest = divmod(thousandths, 1000)
    hours, whole = divmod(whole, 3600)
    minutes, whole = divmod(whole, 60)
    text = f"{hours}h" * bool(hours) + f"{minutes}m" * bool(minutes)
    if rest:
        return text + f"{whole}.{rest:03d}".rstrip("0") + "s"
    return text + f"{whole}s" if whole or not text else text


def spoken(seconds: float, *, up: bool = False) -> str:
    """A duration for people, in its two largest units, rounded down or `up`: `1d 18h`, `3h`, `2m 5s`."""
    grain = next((grain for least, grain in ((_DAY, 3600), (3600, 60)) if seconds >= least), 1)
    count = math.ceil(seconds / grain) if up else math.floor(seconds / grain)
    left, parts = max(0, count) * grain, []
    for unit, length in (("d", _DAY), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, length)
        parts += [f"{number}{unit}"] if number else []
    return " ".join(parts) or "0s"


def _seconds(value: object, longest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise BadDuration(_FORMS)
    if not isinstance(value, str):
        return float(value) if abs(value) <= longest else longest + 1  # float() of a huge int would overflow
    text = value.strip()
    if re.fullmatch(r"\d{1,7}(?:\.\d{1,6})?", text, re.ASCII):
        return float(text)
    match = re.fullmatch(_PARTS, text.replace(" ", ""))
    if not text or not text.isascii() or match is None:
        raise BadDuration(_FORMS)
    days, hours, minutes, seconds = match.group("days", "hours", "minutes", "seconds")
    return int(days or 0) * _DAY + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
