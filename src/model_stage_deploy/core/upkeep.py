"""What a sweep found and did, and what was approved: values that flows make and reports show."""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.reasons import Reason


class Place(NamedTuple):
    """A stage of a model, and a deployment there that has no end."""

    model: str
    stage: str
    record: Recorded


class Left(NamedTuple):
    """One that may still be at work, and why we think so."""

    place: Place
    why: str


class Unlocked(NamedTuple):
    """A dead run's lock that was removed. `renewed` is its owner's last sign of life, in unix seconds."""

    key: str
    owner: str
    url: str
    renewed: float


class Fault(NamedTuple):
    """What could not be looked at or cleared up: a stage, a model (no stage), or the locks (both names empty)."""

    model: str
    stage: str
    problem: ModelStageError


class Swept(NamedTuple):
    """What a sweep of so many `stages` did; with `dry_run`, what it would have done."""

    closed: tuple[Place, ...]
    left: tuple[Left, ...]
    unlocked: tuple[Unlocked, ...]
    faults: tuple[Fault, ...]
    stages: int
    dry_run: bool

    @property
    def reason(self) -> Reason:
        """`swept`, or that of the gravest fault: broken machinery before a mistake in the mapping."""
        reasons = (fault.problem.reason for fault in self.faults)
        return max(reasons, key=lambda reason: reason.exit_code, default=Reason.SWEPT)


class Approval(NamedTuple):
    """What was recorded: who approved what. `asked` says whether the mapping asks for approvals there.

    `tag` is the tag by which the stage has the version already, "" where it has not.
    """

    model: str
    version: str
    stage: str
    commit: str
    by: str
    message: str
    asked: bool
    tag: str
