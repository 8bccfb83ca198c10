"""What a deployer said when it was asked what runs, beside what the records and the tags say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """The answer for one stage. `problem` says why there is none; `state` and the rest are then empty.

    `expected` is the version that should run: by the records, or by the tags where no records can be had; "" for none.
    """

    model: str
    stage: str
    expected: str = ""
    deployer: str = ""
    state: str = ""
    sentence: str = ""
    version: str = ""
    url: str | None = None
    facts: Mapping[str, Any] = {}
    problem: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether what the deployer saw is what should run; None where that cannot be told."""
        if self.problem or self.state in ("", "unknown", "starting"):
            return None
        if self.state != "running":
            return False if self.expected else self.state in ("stopped", "absent")
        if not self.expected:
            return False
        if not self.version:
            return None
        return self.version.removeprefix("v") == self.expected.removeprefix("v")
