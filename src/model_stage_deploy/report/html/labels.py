"""Finds places for the labels of a picture, where they hide as little as can be, and never each other if there is room.

Pure. Places are in units of the picture; a label's y is that of its base line.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

LETTER = 6.4
"""Units that a character of a label takes, about, where its text is 11.5 units high."""
HEIGHT = 12.0
_APART = 8.0  # units between two points of a line that a label should not be on
_ANOTHER = 50  # another label is so much worse than a point


class Label(NamedTuple):
    """A label, where it goes. `x` is the place of its beginning, middle or end, as `anchor` says."""

    x: float
    y: float
    text: str
    anchor: str = "middle"


class Room:
    """A picture of this width and height, with points that labels should not hide."""

    def __init__(self, width: float, bottom: float, points: Iterable[tuple[float, float]]) -> None:
        self._width = width
        self._bottom = bottom
        self._points = list(points)
        self._taken: list[tuple[float, float, float]] = []

    def put(self, text: str, places: Sequence[tuple[float, float]]) -> Label:
        """The label with its middle at the first of the best places, moved inside where it would stick out."""
        half = LETTER * len(text) / 2 + 2
        tries = [
            (min(max(x, half), max(self._width - half, half)), min(max(y, HEIGHT - 2), self._bottom - 3))
            for x, y in places
        ]
        x, y = min(tries, key=lambda place: self._cost(place, half))
        self._taken.append((x, y, half))
        if x + half > self._width:  # longer than the picture is wide
            return Label(0.0, round(y, 1), text, "start")
        return Label(round(x, 1), round(y, 1), text)

    def _cost(self, place: tuple[float, float], half: float) -> int:
        x, y = place
        hidden = sum(abs(x - at) < half + 4 and y - HEIGHT < down < y + 6 for at, down in self._points)
        others = sum(abs(x - at) < half + other and abs(y - down) < HEIGHT for at, down, other in self._taken)
        return hidden + _ANOTHER * others


def along(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """The points of a line, and some between them."""
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        steps = max(1, int(max(abs(x2 - x1), abs(y2 - y1)) / _APART))
        yield from ((x1 + (x2 - x1) * at / steps, y1 + (y2 - y1) * at / steps) for at in range(steps))
    yield from points[-1:]
