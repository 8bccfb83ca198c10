"""How a version fared in a stage by the records of its deployments there: deployed, verified, and good for how long.

Pure. What a stage asks of it is in gates/needs.py.
"""

from __future__ import annotations

from typing import NamedTuple

from model_stage_deploy.core.lifecycle import ENDED_BADLY, INACTIVE, SUCCESS, UNDER_WAY, Recorded, Records, seconds


class Stretch(NamedTuple):
    """A time in which a version was good in a stage without a break, in unix seconds.

    `start` is when its first deployment, `first`, ended, None where the host does not say; then it has no length.
    `last` is the newest deployment in it. `end` is None while it lasts.
    """

    first: Recorded
    last: Recorded
    start: float | None
    end: float | None = None

    def lasted(self, now: float) -> float:
        """Its length in seconds, never below 0: clocks differ."""
        if self.start is None:
            return 0.0
        return max(0.0, (now if self.end is None else self.end) - self.start)

    def ended(self, at: float | None) -> Stretch:
        """The same, ended then at the latest; where nobody knows when, it has not lasted at all."""
        end = self.start if at is None else at
        return self if end is None else self._replace(end=end if self.end is None else min(end, self.end))


class Fared(NamedTuple):
    """How a version fared. `tried` says that it was deployed there at all; `succeeded`, that it was without failure.

    `failed` is its newest attempt that ended, where that ended badly. `stretches` are those since its last failure,
    oldest first.
    """

    tried: bool = False
    succeeded: bool = False
    failed: Recorded | None = None
    stretches: tuple[Stretch, ...] = ()

    def longest(self, now: float) -> Stretch | None:
        """The stretch that lasted longest, the newest of those that are equal; None where it never was good."""
        return max(reversed(self.stretches), key=lambda stretch: stretch.lasted(now), default=None)

    def broken_off(self, at: float | None) -> Fared:
        """What is known once the version may be gone: whatever lasted has ended."""
        if not self.stretches:
            return self
        return self._replace(stretches=(*self.stretches[:-1], self.stretches[-1].ended(at)))


def fared(records: Records, version: str, commit: str, *, verified: bool) -> Fared:
    """How a version (of a commit: a name may have been given again, R26) fared, by a stage's records.

    `verified`: it was good only where a verification said so; else every success is good.
    """
    known = Fared()
    for record in reversed(records.newest_first):
        if record.action == "deploy" and record.version == version and record.commit == commit:
            known = _after_own(known, record, verified=verified)
        elif record.action != "deploy" or record.settles:
            # Another one took its place, or somebody set out to take it away.
            known = known.broken_off(seconds(record.created))
    return known._replace(stretches=tuple(_until_gone(stretch) for stretch in known.stretches))


def _after_own(known: Fared, record: Recorded, *, verified: bool) -> Fared:
    """What is known after one more attempt of the version itself."""
    if record.outcome in ENDED_BADLY or record.state in ENDED_BADLY:
        return Fared(tried=True, failed=record)
    known = known._replace(tried=True)
    if record.outcome != SUCCESS:
        return known if record.state in UNDER_WAY else known.broken_off(seconds(record.created))
    known = known._replace(succeeded=True, failed=None)
    begun = seconds(record.created)
    if verified and not record.verified:
        return known.broken_off(begun)
    last = known.stretches[-1] if known.stretches else None
    if last is not None and last.start is not None and last.end is None and not _gone_before(last.last, begun):
        goes_on = last._replace(last=record)  # deployed again while it was good
        return known._replace(stretches=(*known.stretches[:-1], goes_on))
    stretch = Stretch(record, record, seconds(record.ended) or seconds(record.updated))
    return known._replace(stretches=(*known.stretches, stretch))


def _gone_before(record: Recorded, moment: float | None) -> bool:
    """Whether a deployment was made inactive before something began, as far as anybody can tell."""
    gone = seconds(record.updated)
    return record.state == INACTIVE and (gone is None or moment is None or gone < moment)


def _until_gone(stretch: Stretch) -> Stretch:
    return stretch.ended(seconds(stretch.last.updated)) if stretch.last.state == INACTIVE else stretch
