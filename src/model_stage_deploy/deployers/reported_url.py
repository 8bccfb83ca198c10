"""A URL that a deployer reports for what is live now: taken only if a browser may safely be sent there. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

LONGEST = 2048


def usable_url(value: object) -> str | None:
    """`value` if it is an http or https URL with a host, without user name, spaces or control characters."""
    if not isinstance(value, str) or len(value) > LONGEST or not re.fullmatch(r"https?://[!-~]+", value):
        return None
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc or "\\" in value:
        return None
    return value
