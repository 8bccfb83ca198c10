"""A clock that tests turn by hand."""

from __future__ import annotations


class FakeClock:
    """Fulfils ports.Clock: `sleep` moves time on at once and is remembered in `slept`."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.time = now
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time - 1_700_000_000.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
