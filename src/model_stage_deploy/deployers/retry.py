"""When to ask a web server again, and after how long. Pure: times and jitter come as arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


def pause(
    number: int,
    headers: Mapping[str, str],
    now: float,
    seed: str,
    *,
    first: float = FIRST_PAUSE,
    longest: float = LONGEST_PAUSE,
) -> float:
    """Seconds to wait before retry `number` (1 for the first): `Retry-After` where the server says so, else backoff.

    Backoff doubles from `first` up to `longest` and is then shortened by up to a half: by a fraction that
    `seed` decides, so that many runs do not all come back in one moment while one run stays repeatable.
    """
    asked = retry_after(headers.get("retry-after", ""), now)
    if asked is not None:
        return asked
    full = min(longest, first * 2.0 ** min(number - 1, 16))
    fraction = int.from_bytes(hashlib.sha256(f"{seed} {number}".encode("utf-8", "replace")).digest()[:4]) / 2**32
    return full * (1.0 - fraction / 2.0)


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a `Retry-After` header asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3); None if unclear."""
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, aware.timestamp() - now)
