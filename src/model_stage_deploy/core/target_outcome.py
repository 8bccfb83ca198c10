"""What became of the targets of a run, for its end: those that need a look first, as JSON and as counts. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from model_stage_deploy.core.targets import TARGET_RESULTS, TargetResult

LISTED = 1000
"""Targets that the outcome document lists, as far as they are not more than LARGEST."""
LARGEST = 250_000
"""Characters of that list: GitHub keeps 1 MB of a job's outputs, which it counts in UTF-16."""
_MESSAGE = 300  # characters there
_BAD = ("rollback-failed", "failed", "cancelled", "rolled-back")


def is_bad(result: TargetResult) -> bool:
    """Whether something went wrong at the target; one that was not begun only waits."""
    return result.result in _BAD


def worst_first(results: Sequence[TargetResult]) -> list[TargetResult]:
    """What went wrong, the worst first; then what was not begun, then the rest; each by wave and name."""
    order = {name: at for at, name in enumerate((*_BAD, "not-started"))}
    return sorted(results, key=lambda result: (order.get(result.result, len(order)), result.wave, result.target))


def by_result(results: Sequence[TargetResult]) -> dict[str, int]:
    """How many have which result, in the order of TARGET_RESULTS."""
    counted = Counter(result.result for result in results)
    return {name: counted[name] for name in TARGET_RESULTS if counted[name]}


def targets_document(results: Sequence[TargetResult]) -> dict[str, Any] | None:
    """The JSON of them; None for a stage without targets."""
    if not results:
        return None
    listed = list(_fitting(worst_first(results)[:LISTED]))
    return {
        "count": len(results),
        "by_result": by_result(results),
        "list": listed,
        "more": len(results) - len(listed),
    }


def _fitting(results: Sequence[TargetResult]) -> Iterator[dict[str, Any]]:
    """Entries of the first ones, as many as there is room for."""
    room = LARGEST
    for result in results:
        entry = _entry(result)
        room -= len(json.dumps(entry))
        if room < 0:
            return
        yield entry


def _entry(result: TargetResult) -> dict[str, Any]:
    message = result.message
    return {
        "target": result.target,
        "wave": result.wave,
        "result": result.result,
        "reason": result.reason or None,
        "message": (message if len(message) <= _MESSAGE else f"{message[: _MESSAGE - 1]}…") or None,
        "now": result.now or None,
        "verified": result.verified,
        "seconds": round(result.seconds, 3),
        "url": result.url or None,
    }
