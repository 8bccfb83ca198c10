"""What became of the targets of a run, for its end: those that need a look first, as JSON and as counts. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from model_stage_deploy.core.targets import TARGET_RESULTS, TargetResult

LISTED = 1000
"""Targets that the outcome document lists: a job's outputs may be 1 MB."""
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
    return {
        "count": len(results),
        "by_result": by_result(results),
        "list": [_entry(result) for result in worst_first(results)[:LISTED]],
        "more": max(0, len(results) - LISTED),
    }


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
