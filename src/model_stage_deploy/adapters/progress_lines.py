"""How the targets of a stage get on, where nobody watches a terminal: a line for each target that ends, and each wave.

For CI, pipes and files. On a terminal: terminal_progress.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from model_stage_deploy.core.target_tally import Tally, end_line, in_words, took, wave_title
from model_stage_deploy.core.targets import TargetResult, Wave
from model_stage_deploy.ports import Announcer, Clock

_FEW = 20  # targets of a wave that are named although nothing was done at them; the others are counted
_QUIET = ("already", "not-started")


class ProgressLines:
    """Fulfils the Progress port by lines of the announcer, which scrubs them and makes them inert."""

    def __init__(self, announcer: Announcer, clock: Clock) -> None:
        self._announcer = announcer
        self._clock = clock
        self._tally = Tally()
        self._quiet: dict[int, int] = {}

    def begin(self, what: str, waves: Sequence[Wave]) -> None:
        """See the port."""
        self._tally = Tally(waves, self._clock.monotonic())
        self._quiet.clear()
        self._announcer.say(f"{what}{f', in {len(waves)} waves' if len(waves) > 1 else ''}")

    def wave(self, wave: Wave) -> None:
        """See the port."""
        self._close()
        self._tally.current = wave.number
        count = len(wave.targets)
        told = wave_title(wave, of=len(self._tally.waves))
        self._announcer.say(f"{told}: {count} target{'s' * (count != 1)}")

    def started(self, target: str) -> None:
        """Not worth a line: the target's own lines begin with its name."""
        self._tally.started(target, self._clock.monotonic())

    def ended(self, result: TargetResult) -> None:
        """See the port."""
        self._tally.ended(result)
        if result.result in _QUIET:
            self._quiet[result.wave] = self._quiet.get(result.wave, 0) + 1
            if self._quiet[result.wave] > _FEW:
                return
        self._announcer.say(f"[{self._tally.done}/{self._tally.total}] {end_line(result)}")

    def note(self, text: str) -> None:
        """See the port."""
        self._announcer.say(text)

    def end(self) -> None:
        """See the port."""
        self._close()
        tally = self._tally
        if tally.total:
            now = self._clock.monotonic()
            self._announcer.say(f"{tally.done} of {tally.total} targets in {took(tally.seconds(now))}")

    def _close(self) -> None:
        """The wave that was under way has ended."""
        for wave in self._tally.waves:
            if wave.number == self._tally.current:
                counts = in_words(self._tally.counts(wave.number).items())
                self._announcer.say(f"{wave_title(wave, of=len(self._tally.waves))} ends: {counts}")
        self._tally.current = 0
