"""What reconciling found and did: a row for each stage, and the end of each that was healed."""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.drift import Compared, Consent, Kind
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason, Result


class Seen(NamedTuple):
    """One stage, and the end of its healing; None where nothing was tried.

    `settled`: somebody else was quicker, and a look afterwards found no drift.
    """

    row: Compared
    end: Outcome | None = None
    settled: bool = False

    @property
    def healed(self) -> bool:
        """Whether it was drift and is none any more, by us or by somebody else."""
        return self.end is not None and (self.end.result in _DONE or (by_others(self.end) and self.settled))


class Reconciled(NamedTuple):
    """All of it. `warnings` are for a person; in a dry run the ends are plans."""

    seen: tuple[Seen, ...]
    consent: Consent
    dry_run: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def compared(self) -> tuple[Seen, ...]:
        """Stages that the mapping names."""
        return tuple(one for one in self.seen if one.row.kind is not Kind.UNMAPPED)

    @property
    def drifted(self) -> tuple[Seen, ...]:
        """Stages that had drifted when they were compared."""
        return tuple(one for one in self.seen if one.row.counts(self.consent))

    @property
    def left(self) -> tuple[Seen, ...]:
        """Those that have drifted still."""
        return tuple(one for one in self.drifted if not one.healed)

    @property
    def waiting(self) -> tuple[Seen, ...]:
        """Those of them that `--apply` would heal, or tried to heal in vain."""
        applied = self.consent._replace(apply=True)
        return tuple(one for one in self.left if one.row.heals(applied))

    @property
    def parts(self) -> tuple[Outcome, ...]:
        """The ends of what was tried, in the order of the rows."""
        return tuple(one.end for one in self.seen if one.end is not None)

    @property
    def reason(self) -> Reason:
        """The gravest: cancelled; what could not be known or recorded; what failed; drift that is left.

        A stage that cannot be known is never taken for one that is in sync.
        """
        if any(part.result is Result.CANCELLED for part in self.parts):
            return Reason.CANCELLED
        broken = [one.row.life.reason or Reason.INTERNAL_ERROR for one in self.seen if one.row.kind is Kind.UNKNOWN]
        broken += [part.reason for part in self.parts if part.result in _BROKEN]
        if broken:
            return max(broken, key=lambda reason: reason.exit_code)
        if any(part.result is Result.FAILED for part in self.parts):
            return Reason.NOT_RECONCILED
        if self.dry_run and self.drifted and all(_would_heal(one) for one in self.drifted):
            return Reason.DRY_RUN
        if self.left:
            return Reason.DRIFT
        return Reason.RECONCILED if any(one.healed for one in self.seen) else Reason.IN_SYNC


_DONE = (Result.DEPLOYED, Result.UNDEPLOYED)
_BY_OTHERS = (Reason.ALREADY_DEPLOYED, Reason.SUPERSEDED)
_BROKEN = (Result.ERROR, Result.UNRECORDED, Result.INVALID)


def by_others(end: Outcome) -> bool:
    """Whether nothing was done because somebody changed the stage meanwhile, to whatever."""
    return end.reason in _BY_OTHERS


def _would_heal(one: Seen) -> bool:
    return one.end is not None and one.end.reason is Reason.DRY_RUN
