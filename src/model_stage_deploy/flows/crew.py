"""Work on many things, some at once, in threads: begun in order, and heard of in the thread that asked.

Signals come to the main thread only, so that one never works itself: it waits, hears, and when it is told to stop it
stops the others.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_TICK = 0.1  # seconds after which `idle` is called, if nothing was heard
_LAST_WORDS = 3.0  # seconds for workers that were told to stop: a cancelled job is killed within about eight


class Crew(Generic[T, R]):
    """Up to `size` threads. `stop` is the event that the ports of a run watch: once it is set, they raise Cancelled."""

    def __init__(self, size: int, stop: threading.Event) -> None:
        self._size = max(1, size)
        self._stop = stop

    def run(
        self,
        things: Iterable[T],
        work: Callable[[T], R],
        *,
        halts: Callable[[R], bool],
        begun: Callable[[T], None],
        heard: Callable[[T, R | BaseException], None],
        idle: Callable[[], None],
    ) -> list[T]:
        """Do `work` for each thing; what was not begun, in order.

        After a result that `halts`, nothing more is begun, and what was begun goes on to its end.
        `begun` and `heard` (with what `work` returned or raised) are called in this thread, one at a time. What these
        three raise, and Cancelled, sets `stop`; after a moment for the workers, those that end are heard, and it goes
        on up.
        """
        shift = _Shift(things, work, halts, self._stop)
        threads = shift.threads(self._size)
        at_work = 0
        try:
            for thread in threads:
                thread.start()
            while at_work or any(thread.is_alive() for thread in threads) or not shift.told.empty():
                try:
                    thing, result = shift.told.get(timeout=_TICK)
                except Empty:
                    idle()
                    continue
                if result is None:
                    at_work += 1
                    begun(thing)
                else:
                    at_work -= 1
                    heard(thing, result)
                    if isinstance(result, BaseException):
                        raise result
        except BaseException:
            self._stop.set()
            _hear_out([thread for thread in threads if thread.is_alive()], shift.told, heard)
            raise
        return list(shift.waiting)


class _Shift(Generic[T, R]):
    """What all threads share: what waits, what was told, and whether anything more is to be begun."""

    def __init__(
        self, things: Iterable[T], work: Callable[[T], R], halts: Callable[[R], bool], stop: threading.Event
    ) -> None:
        self.waiting = deque(things)
        self.told: SimpleQueue[tuple[T, R | BaseException | None]] = SimpleQueue()
        self._work = work
        self._halts = halts
        self._stop = stop
        self._halted = threading.Event()
        self._gate = threading.Lock()

    def threads(self, most: int) -> list[threading.Thread]:
        """As many as there is work for, not started."""
        count = min(most, len(self.waiting))
        return [threading.Thread(target=self._labour, name=f"target {n}", daemon=True) for n in range(count)]

    def _labour(self) -> None:
        while True:
            with self._gate:
                if not self.waiting or self._halted.is_set() or self._stop.is_set():
                    return
                thing = self.waiting.popleft()
                self.told.put((thing, None))
            self.told.put((thing, self._done(thing)))

    def _done(self, thing: T) -> R | BaseException:
        try:
            ended = self._work(thing)
            if self._halts(ended):
                self._halted.set()
        except BaseException as problem:  # noqa: BLE001 - carried to the thread that asked
            self._halted.set()
            return problem
        return ended


def _hear_out(
    threads: list[threading.Thread],
    told: SimpleQueue[tuple[T, R | BaseException | None]],
    heard: Callable[[T, R | BaseException], None],
) -> None:
    """Wait for the threads for a moment, then hear what they said. What `heard` raises now is of no use."""
    until = time.monotonic() + _LAST_WORDS
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    while not told.empty():
        thing, result = told.get()
        if result is not None:
            with suppress(Exception):  # the first problem goes up
                heard(thing, result)
