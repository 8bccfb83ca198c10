"""The machine's clock."""

from __future__ import annotations

import time


class SystemClock:
    """Fulfils ports.Clock."""

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a signal handler that raises ends the wait at once."""
        time.sleep(max(0.0, seconds))
