"""What every verifier is given and what it promises. docs/reference/verification.md tells it to users."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from model_stage_deploy.deployers.contract import Job


class Finding(StrEnum):
    """What a verifier says: it serves, it does not, or nobody can tell."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verified:
    """The answer of one verifier. `sentence` is one line for people, with what was seen; `facts` are JSON values."""

    check: str
    finding: Finding
    sentence: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class Verifier(Protocol):
    """Looks at what was deployed. Built with the ports that its constructor names (process, web, clock)."""

    kind: ClassVar[str]

    def describe(self, check: Any) -> list[str]:
        """Lines that say what it would look at, for a dry run. Touches nothing."""
        ...

    def verify(self, job: Job, check: Any) -> Verified:
        """Look, for as long as the check's deadline allows; `job.output` takes what it has to tell on the way.

        `check` is a core.policy.Check with its templates rendered. Never raises for what it finds.
        """
        ...
