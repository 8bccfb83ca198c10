"""GitHub's rate limits: what an answer says of them, and how long one run waits for them, all its clients together.

Source: GitHub's page "Rate limits for the REST API". Who goes on asking while limited may be banned, so nothing is sent
before a limit's end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from model_stage_deploy.ports import Clock

BUDGET = 120.0
"""Seconds that one run waits for rate limits in all."""
_UNSAID = 60.0  # seconds to wait where GitHub does not say how long, doubled each time
_PERMISSION = "resource not accessible"  # how GitHub begins to say that a permission is missing


class Limit(NamedTuple):
    """A rate limit that was met. `seconds` until GitHub may be asked again, None where it does not say."""

    name: str
    seconds: float | None


class Waits:
    """Waits out rate limits: `budget` seconds in all. `tell` hears of each wait, once, before it begins."""

    def __init__(self, clock: Clock, *, budget: float = BUDGET, tell: Callable[[str], None] = lambda _: None) -> None:
        self._clock = clock
        self._budget = self._left = budget
        self._tell = tell
        self._met = 0
        self._over_at: float | None = None  # by the clock that only ever grows: the other one may be set meanwhile
        self._until = 0.0  # unix time, for people
        self._name = ""

    def why_not(self) -> str:
        """Why nothing may be sent now, "" where it may."""
        if self._over_at is None or self._clock.monotonic() >= self._over_at:
            return ""
        return (
            f"GitHub's {self._name} is met until {_at(self._until)}, "
            f"and a run waits {self._budget:.0f} seconds at the most"
        )

    def wait(self, limit: Limit) -> bool:
        """Wait until the limit is over, if what is left of the budget allows; whether it did.

        Where it does not, nothing may be sent before the limit's end (`why_not`).
        """
        self._met += 1
        seconds = self.note(limit)
        if seconds > self._left:
            return False
        self._left -= seconds
        self._tell(f"GitHub's {limit.name} is met: waiting {seconds:.0f} s, until {_at(self._until)}")
        self._clock.sleep(seconds)
        self._over_at = None
        return True

    def note(self, limit: Limit) -> float:
        """Remember a limit without waiting for it; the seconds to wait.

        The second limit in a run waits two seconds at least, the third four, so that many cannot follow each other.
        """
        again = max(self._met - 1, 0)
        seconds = _UNSAID * 2**again if limit.seconds is None else max(limit.seconds, 2.0**again)
        self._over_at, self._until = self._clock.monotonic() + seconds, self._clock.now() + seconds
        self._name = limit.name
        return seconds


def limit_of(status: int, headers: Mapping[str, str], message: str, now: float) -> Limit | None:
    """The rate limit that an answer tells of, None for none. `headers` have lower-case names; `now` in unix seconds.

    A 403 is a limit only where something says so: without that, a permission is missing.
    """
    if status not in (403, 429):
        return None
    words = message.lower()
    said = _seconds(headers.get("retry-after"), headers, now)
    spent = headers.get("x-ratelimit-remaining") == "0" and _PERMISSION not in words
    if spent and said is None:
        reset = headers.get("x-ratelimit-reset", "")
        # By GitHub's own clock, and one second more: when within its second it ends is not said.
        said = max(float(reset) - _their_now(headers, now), 0.0) + 1.0 if reset.isdecimal() else None
        return Limit("rate limit", said)
    if status == 429 or said is not None or "rate limit" in words or "abuse detection" in words:
        return Limit("secondary rate limit" if not spent else "rate limit", said)
    return None


def pause_of(headers: Mapping[str, str], now: float) -> float:
    """The seconds that a 5xx answer asks to wait (a server in maintenance), 0 for none."""
    return _seconds(headers.get("retry-after"), headers, now) or 0.0


def _seconds(text: str | None, headers: Mapping[str, str], now: float) -> float | None:
    """A Retry-After: seconds, or a date (RFC 9110, 10.2.3). None where there is none that can be read."""
    if text is None:
        return None
    text = text.strip()  # it takes more for a blank than `float` does
    if text.isdecimal():
        return float(text)
    until = _date(text)
    return None if until is None else max(until - _their_now(headers, now), 0.0)


def _their_now(headers: Mapping[str, str], now: float) -> float:
    found = _date(headers.get("date", ""))
    return now if found is None else found


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _at(moment: float) -> str:
    try:
        return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "a time that cannot be told"
