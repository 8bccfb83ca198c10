"""What goes over the wire: GitHub's headers and bodies around a result, or the trouble that was ordered."""

from __future__ import annotations

import json
from typing import Any

from tests.standins.github_faults import Fault
from tests.standins.github_operations import Result
from tests.standins.github_server import Reply


def replied(result: Result, budget: tuple[int, int, int]) -> Reply:
    body = b"" if result.status == 204 else _json(result.body)  # 204 has no body by HTTP's own rule
    return Reply(result.status, {**_headers(budget), **result.headers}, body)


def troubled(fault: Fault, budget: tuple[int, int, int]) -> Reply:
    if fault.kind in {"reset", "timeout"}:
        return Reply(drop=True, stall=fault.seconds if fault.kind == "timeout" else 0.0)
    text = fault.text()
    headers = {**_headers(budget), **fault.headers}
    if text is None:
        return Reply(fault.status, headers, _json(fault.json()))
    return Reply(fault.status, {**headers, "Content-Type": "text/html; charset=utf-8"}, text.encode())


def _headers(budget: tuple[int, int, int]) -> dict[str, str]:
    limit, used, reset = budget
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-GitHub-Request-Id": f"0000:{used:04X}",
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(limit - used),
        "X-RateLimit-Reset": str(reset),
        "X-RateLimit-Used": str(used),
        "X-RateLimit-Resource": "core",
    }


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
