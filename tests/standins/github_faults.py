"""Trouble on order: what the stand-in does instead of (or after) answering, for the next matching requests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["status", "html", "reset", "timeout"]

_HTML = "<!DOCTYPE html>\n<html><body><h1>Unicorn!</h1><p>This page is taking too long to load.</p></body></html>"
_SECONDARY_LIMIT = {
    "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    "documentation_url": "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"
    "#about-secondary-rate-limits",
}


@dataclass
class Fault:
    """One ordered piece of trouble.

    `method` ("*" for any) and `path` (searched in the path without prefix, percent-encoded as sent) choose
    the requests; the first `after` of them pass, then `times` of them are hit. `seconds` is how long a
    "timeout" keeps the connection open. With `applied` the request is carried out before the trouble, as
    when an answer is lost on its way.
    """

    method: str
    path: re.Pattern[str]
    kind: Kind
    status: int
    headers: Mapping[str, str]
    body: Any
    times: int
    after: int
    seconds: float
    applied: bool

    def text(self) -> str | None:
        """The body to send for a "html" fault; None where the body is JSON."""
        return (_HTML if self.body is None else str(self.body)) if self.kind == "html" else None

    def json(self) -> Any:
        """The body to send for a "status" fault."""
        return {"message": "Server Error"} if self.body is None else self.body

    def hits(self, method: str, path: str) -> bool:
        return self.method in {"*", method} and bool(self.path.search(path))


@dataclass
class FaultQueue:
    """Faults in the order in which they were asked for; not safe for threads by itself."""

    faults: list[Fault] = field(default_factory=list)

    def add(
        self,
        method: str,
        path_regex: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        times: int = 1,
        kind: Kind = "status",
        after: int = 0,
        seconds: float = 60.0,
        applied: bool = False,
    ) -> None:
        """Order a fault (see `Fault`); without `status` a "status" fault is a 500, a "html" fault a 502."""
        chosen = status if status is not None else {"html": 502}.get(kind, 500)
        pattern = re.compile(path_regex)
        fault = Fault(method.upper(), pattern, kind, chosen, headers or {}, body, times, after, seconds, applied)
        self.faults.append(fault)

    def add_secondary_limit(self, method: str, path_regex: str, *, retry_after: int, times: int) -> None:
        """Order GitHub's secondary rate limit: 403 with `Retry-After` in seconds."""
        headers = {"Retry-After": str(retry_after)}
        self.add(method, path_regex, status=403, headers=headers, body=_SECONDARY_LIMIT, times=times)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, if any; counts it down."""
        for fault in self.faults:
            if fault.times < 1 or not fault.hits(method, path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            fault.times -= 1
            return fault
        return None

    @property
    def pending(self) -> int:
        """How many requests are still to be hit."""
        return sum(fault.times for fault in self.faults)
