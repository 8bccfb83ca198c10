"""Records of deployments for tests: attempts of versions, at hours counted from some moment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from model_stage_deploy.core.lifecycle import Recorded, Records
from tests.gates.judged import COMMIT, NOW

HOUR = 3600.0
OTHER = "b" * 40


def moment(hours_ago: float) -> str:
    """ISO 8601, so many hours before the case's now."""
    return datetime.fromtimestamp(NOW - hours_ago * HOUR, UTC).isoformat().replace("+00:00", "Z")


def attempt(outcome: str = "success", *, ago: float, took: float = 0.0, checks: int = 1, **facts: Any) -> Recorded:
    """A deployment of churn v2.0.0 that began so many hours ago and took so many; `outcome` "" is still under way."""
    known: dict[str, Any] = {
        "id": f"{ago:g}",
        "version": "v2.0.0",
        "commit": COMMIT,
        "tag": "churn#staging#3",
        "state": outcome or "in_progress",
        "outcome": outcome,
        "created": moment(ago),
        "ended": moment(ago - took) if outcome else "",
        "updated": moment(ago - took),
        "placed": outcome == "success",
        "checks": checks,
    }
    return Recorded(**{**known, **facts})


def other(outcome: str = "success", *, ago: float, **facts: Any) -> Recorded:
    """The same of churn v1.0.0."""
    return attempt(outcome, ago=ago, **{"version": "v1.0.0", "commit": OTHER, **facts})


def records(*newest_first: Recorded, whole: bool = True) -> Records:
    return Records(newest_first, whole=whole)
