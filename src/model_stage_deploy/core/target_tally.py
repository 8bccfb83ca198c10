"""How far the targets of a stage are, while a run goes on: counts for each wave, and a line for each end. Pure.

What shows it: adapters/terminal_progress.py on a terminal, adapters/progress_lines.py anywhere else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from model_stage_deploy.core.durations import spoken
from model_stage_deploy.core.targets import TARGET_RESULTS, TargetResult, Wave

_IN_ORDER = tuple(TARGET_RESULTS)
_WORDS = {"already": "had it already", "not-started": "not started", "rolled-back": "rolled back"} | {
    "rollback-failed": "NOT ROLLED BACK"
}
_BRIEF = 9.95  # seconds that are told with a tenth


class Tally:
    """What became of the targets so far, since the work began at `now`: seconds of a clock that only grows."""

    def __init__(self, waves: Sequence[Wave] = (), now: float = 0.0) -> None:
        self.waves = tuple(waves)
        self.current = 0
        """The number of the wave that is under way, 0 for none."""
        self.running: dict[str, float] = {}
        """Targets that are being worked on, by name, with when that began; the first one first."""
        self._results: dict[str, TargetResult] = {}
        self._counts: dict[int, Counter[str]] = {wave.number: Counter() for wave in waves}
        self._began = now
        self._worked = 0

    def started(self, target: str, now: float) -> None:
        """Work on a target begins."""
        self.running[target] = now

    def ended(self, result: TargetResult) -> None:
        """What became of a target; told again, where that changes: it went back, for example."""
        before = self._results.get(result.target)
        counts = self._counts.setdefault(result.wave, Counter())
        if before is not None:
            self._counts[before.wave][before.result] -= 1
        counts[result.result] += 1
        self._results[result.target] = result
        if self.running.pop(result.target, None) is not None:
            self._worked += 1

    @property
    def total(self) -> int:
        """All there is to do."""
        return sum(len(wave.targets) for wave in self.waves)

    @property
    def done(self) -> int:
        """Targets of which it is known what became of them."""
        return len(self._results)

    def done_in(self, wave: int) -> int:
        """The same of a wave."""
        return sum(self._counts.get(wave, {}).values())

    def counts(self, wave: int) -> dict[str, int]:
        """How many targets of a wave have which result, in the order of TARGET_RESULTS."""
        counted = self._counts.get(wave, Counter())
        return {name: counted[name] for name in _IN_ORDER if counted[name]}

    def bad_in(self, wave: int) -> int:
        """How many targets of a wave do not have what they should."""
        counted = self.counts(wave)
        return sum(counted.values()) - sum(counted.get(good, 0) for good in ("deployed", "already", "undeployed"))

    def speed(self, now: float) -> float:
        """Targets a second that were worked on; 0 where it is too early to tell."""
        return self._worked / (now - self._began) if self._worked > 1 and now > self._began else 0.0

    def seconds(self, now: float) -> float:
        """Since the work began."""
        return max(0.0, now - self._began)


def in_words(counts: Iterable[tuple[str, int]]) -> str:
    """`3 deployed, 1 failed`; "nothing" for no counts."""
    return ", ".join(f"{count} {_WORDS.get(name, name)}" for name, count in counts) or "nothing"


def end_line(result: TargetResult) -> str:
    """What became of a target, in a line. Its texts may be foreign."""
    word, bad = _WORDS.get(result.result, result.result), not result.is_good and result.result != "not-started"
    told = f"{result.target}: {word.upper() if bad else word}"
    if result.seconds:
        told += f" {'after' if bad else 'in'} {took(result.seconds)}"
    if result.message and result.result != "already":
        told += f": {result.message}"
    return told


def wave_title(wave: Wave, *, of: int = 0) -> str:
    """`wave 1 of 3 (canary)`: a wave's number and what selected it."""
    return f"wave {wave.number}{f' of {of}' if of > 1 else ''} ({wave.name})"


def took(seconds: float) -> str:
    """A duration: with tenths where it is short."""
    return f"{seconds:.1f}s" if seconds < _BRIEF else spoken(seconds)
