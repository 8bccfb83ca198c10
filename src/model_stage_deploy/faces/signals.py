"""Signals: a cancelled job gets SIGINT, SIGTERM 7.5 s later, then is killed (T44). The first one ends the work."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from model_stage_deploy.core.errors import Cancelled

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def cancellable() -> Iterator[None]:
    """While inside, the first ending signal raises Cancelled; later ones do not disturb the closing of records.

    As process 1 of a container Python would otherwise not even notice SIGTERM.
    """

    def cancel(number: int, _frame: FrameType | None) -> None:
        for ending in _ENDING:
            signal.signal(ending, signal.SIG_IGN)
        raise Cancelled(signal.Signals(number).name)

    before = {ending: signal.signal(ending, cancel) for ending in _ENDING}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)


@contextmanager
def undisturbed() -> Iterator[None]:
    """While inside, ending signals do nothing: the work is done, and telling it takes no time."""
    before = {ending: signal.signal(ending, signal.SIG_IGN) for ending in _ENDING}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
