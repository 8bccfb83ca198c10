"""Looks several times, until what is seen decides: N looks of which M must be good, within a deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.verdict import Finding
from model_stage_deploy.ports import Clock


class Look(NamedTuple):
    """What one look saw. INCONCLUSIVE: it could not be had. `seen` is one line. `final`: looking again cannot help."""

    finding: Finding
    seen: str
    final: bool = False


class Rule(NamedTuple):
    """`samples` looks, `interval` seconds apart, of which `needed` must be good; none begins after `deadline` seconds.

    `again`: a sample that is not good is followed by a fresh one, and a look that could not be had spoils its sample.
    Without it, there is one sample only, and a look that could not be had is made once more.
    """

    samples: int
    needed: int
    interval: float
    deadline: float
    again: bool


class Sampled(NamedTuple):
    """How it went. `seen` is what the deciding look saw. `undecided`: the deadline came before a sample was whole."""

    finding: Finding
    seen: str
    looks: int
    good: int
    seconds: float
    undecided: bool = False

    @property
    def counted(self) -> str:
        """`3 of 10 good in 20s`; of one look only, how long it took."""
        took = format_duration(round(self.seconds, 1))
        return f"{self.good} of {self.looks} good in {took}" if self.looks > 1 else f"in {took}"


class _Sample:
    """Looks that are counted together."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.counts = dict.fromkeys(Finding, 0)

    def add(self, look: Look) -> Finding | None:
        """Count a look; what the sample says by now, None while it may still go either way."""
        self.counts[look.finding] += 1
        spare = self._rule.samples - self._rule.needed
        if self.counts[Finding.PASSED] >= self._rule.needed:
            return Finding.PASSED
        if self.counts[Finding.FAILED] > spare:
            return Finding.FAILED
        if self.counts[Finding.FAILED] + self.counts[Finding.INCONCLUSIVE] > spare:
            return Finding.INCONCLUSIVE
        return None


def sample(clock: Clock, rule: Rule, look: Callable[[], Look], tell: Callable[[str], None]) -> Sampled:
    """Look until a sample is good, or (without `again`) decided, or the deadline is over.

    The last sample that was decided decides; where none was, nobody can tell. `tell` is given a line for each look
    that saw something else than the one before.
    """
    begun = clock.monotonic()
    counts = dict.fromkeys(Finding, 0)
    current, decided, seen = _Sample(rule), None, ""
    last = ""

    def sampled(finding: Finding, why: str, *, undecided: bool = False) -> Sampled:
        seconds = clock.monotonic() - begun
        return Sampled(finding, why, sum(counts.values()), counts[Finding.PASSED], seconds, undecided)

    while True:
        found = look()
        counts[found.finding] += 1
        if found.seen != last:
            tell(f"look {sum(counts.values())}: {found.seen}\n")
            last = found.seen
        if found.final:
            return sampled(found.finding, found.seen)
        if rule.again or found.finding is not Finding.INCONCLUSIVE:
            said = current.add(found)
            if said is Finding.PASSED or (said is not None and not rule.again):
                return sampled(said, found.seen)
            if said is not None:
                current, decided, seen = _Sample(rule), said, found.seen
        if clock.monotonic() - begun + rule.interval > rule.deadline:
            if decided is not None:
                return sampled(decided, seen)
            return sampled(Finding.INCONCLUSIVE, found.seen, undecided=True)
        clock.sleep(rule.interval)
