"""What a deployer prints instead of handing it to `job.output`: heard all the same, and scrubbed with the rest."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_LOCK = threading.Lock()
_EARS: list[tuple[int, Callable[[str], None]]] = []
"""Who listens, each with the id of its thread; the newest last."""
_REAL: list[tuple[TextIO, TextIO]] = []
"""What stood there before."""


class _Ear(io.TextIOBase):
    """Stands in for standard output and error: what a thread prints goes to whoever listens to that thread.

    A thread that nobody knows was started by a deployer. It is heard by the newest listener, since all of them scrub.
    """

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        me = threading.get_ident()
        ears = list(_EARS)
        mine = [output for thread, output in ears if thread == me] or [output for _, output in ears]
        if mine:
            mine[-1](text)
        return len(text)


@contextmanager
def overheard(output: Callable[[str], None]) -> Iterator[None]:
    """While inside, what this thread prints to Python's own standard output and error goes to `output`.

    Several threads may be inside at once, each with an `output` of its own. Processes that a deployer starts without
    the `process` port inherit the real ones, and are not heard.
    """
    mine = (threading.get_ident(), output)
    try:
        with _LOCK:
            if not _EARS:
                _REAL.append((sys.stdout, sys.stderr))
                sys.stdout = sys.stderr = _Ear()
            _EARS.append(mine)
        yield
    finally:
        with _LOCK:
            if mine in _EARS:
                del _EARS[len(_EARS) - 1 - _EARS[::-1].index(mine)]
            if not _EARS and _REAL:
                sys.stdout, sys.stderr = _REAL.pop()
