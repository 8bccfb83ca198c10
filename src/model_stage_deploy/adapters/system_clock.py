"""The machine's clock."""

from __future__ import annotations

import threading
import time

from model_stage_deploy.core.errors import Cancelled


class SystemClock:
    """Fulfils ports.Clock. Once `stop` is set, whoever sleeps is told Cancelled: signals reach the main thread only."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a signal handler that raises ends the wait at once."""
        if self._stop is None:
            time.sleep(max(0.0, seconds))
        elif self._stop.wait(max(0.0, seconds)):
            raise Cancelled("stopped")
