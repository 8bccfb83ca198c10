"""How a run can end, in one word, and the exit code that goes with it. Why it ended so: reasons.py."""

from __future__ import annotations

from enum import StrEnum


class Result(StrEnum):
    """How a run ended, in one word."""

    DEPLOYED = "deployed"
    PLANNED = "planned"
    RESOLVED = "resolved"
    CHECKED = "checked"
    WRITTEN = "written"
    UNDEPLOYED = "undeployed"
    NOTHING_TO_DO = "nothing-to-do"
    FAILED = "failed"
    INVALID = "invalid"
    REFUSED = "refused"
    ERROR = "error"
    UNRECORDED = "unrecorded"
    CANCELLED = "cancelled"

    @property
    def exit_code(self) -> int:
        """Process exit code, 0–130: 0 done, 1 failed, 2 usage or mapping, 3 refused, 4 machinery."""
        return _EXIT_CODES[self]


_EXIT_CODES: dict[Result, int] = {
    Result.DEPLOYED: 0,
    Result.PLANNED: 0,
    Result.RESOLVED: 0,
    Result.CHECKED: 0,
    Result.WRITTEN: 0,
    Result.UNDEPLOYED: 0,
    Result.NOTHING_TO_DO: 0,
    Result.FAILED: 1,
    Result.INVALID: 2,
    Result.REFUSED: 3,
    Result.ERROR: 4,
    Result.UNRECORDED: 4,
    Result.CANCELLED: 130,
}
