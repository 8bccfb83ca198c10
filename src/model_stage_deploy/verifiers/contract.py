"""What every verifier is given and what it promises. docs/reference/verification.md tells it to users."""

from __future__ import annotations

from typing import ClassVar, Protocol

from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job

__all__ = ["Finding", "Verified", "Verifier"]


class Verifier(Protocol):
    """Looks at what was deployed. Built with the ports that its constructor names (process, web, clock).

    `check` is a Check of its kind, with its templates rendered. Its sentences name hosts, and no path, query or header
    that is sent.
    """

    kind: ClassVar[str]

    def describe(self, check: Check) -> list[str]:
        """Lines that say what it would look at, for a dry run. Touches nothing."""
        ...

    def verify(self, job: Job, check: Check) -> Verified:
        """Look, for as long as the check allows; `job.output` takes what it has to tell on the way.

        Never raises for what it finds. Cancelled goes through at once.
        """
        ...
