"""One metric over the versions of a model, as a small picture (SVG) with the gates' thresholds and what is live.

Everything in it is also in the table beside it, which screen readers read instead. What means something has a shape or
a label of its own, never only a colour; colours come from the page's style sheet, by the classes `plot-…`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.measured import Measured, Threshold
from model_stage_deploy.report.html.labels import LETTER, Label, Room, along
from model_stage_deploy.report.html.scales import Scale, Tick, around, number, number_ticks
from model_stage_deploy.report.html.templates import render

WIDTH, HEIGHT = 480.0, 190.0
_TOP, _BOTTOM, _RIGHT = 22.0, 164.0, 468.0
_FAR = 6  # a threshold may make the picture so many times as high as the numbers need, and no more
_LABEL = 13.0  # units between two lines of text
_MOST_LABELS = 5


class Point(NamedTuple):
    """A version with a number. `live` names the stages that it is live in, "" for none."""

    x: float
    y: float
    told: str
    live: str


class Gate(NamedTuple):
    """A threshold: its line (None where it is far from all numbers) and its label."""

    line: float | None
    label: Label


def plot(measured: Measured, metric: str) -> Markup:
    """The picture of one metric; nothing where no version has a finite number for it.

    Versions are in their order. Thresholds of the gates are dashed lines with the rule; live versions have another
    shape and the names of their stages. A threshold far from all numbers has its label at the edge, and no line.
    """
    numbers = [version.values.get(metric, math.nan) for version in measured.versions]
    known = [at for at, number in enumerate(numbers) if math.isfinite(number)]
    if not known:
        return Markup("")
    thresholds = _joined([one for one in measured.thresholds if one.metric == metric and math.isfinite(one.value)])
    scale = _scale([numbers[at] for at in known], [one.value for one in thresholds])
    ticks = number_ticks(scale)
    left = min(12 + LETTER * max((len(tick.label) for tick in ticks), default=1), 120.0)
    names = [_short(version.version) for version in measured.versions]
    x = Scale(-0.5, len(names) - 0.5, left, _RIGHT)
    live = _live(measured)
    points = {
        at: Point(x.at(at), scale.at(numbers[at]), _told(names[at], numbers[at], live.get(at, "")), live.get(at, ""))
        for at in known
    }
    runs = list(_runs(points))
    room = Room(WIDTH, _BOTTOM + 6, (place for run in runs for place in along([(point.x, point.y) for point in run])))
    stages = [room.put(point.live, _beside(point)) for point in points.values() if point.live]
    name = one_line(metric, 120)
    return Markup(  # noqa: S704 - the template escapes what it is given
        render(
            "plot.svg.j2",
            id=f"plot-{hashlib.sha256(metric.encode(errors='replace')).hexdigest()[:10]}",
            width=WIDTH,
            height=HEIGHT,
            title=f"{name} by version",
            description=_description(measured, numbers, known, names),
            ticks=[Tick(scale.at(tick.value), tick.label) for tick in ticks],
            left=left,
            right=_RIGHT,
            bottom=_BOTTOM,
            lines=[" ".join(f"{point.x:g},{point.y:g}" for point in run) for run in runs if len(run) > 1],
            points=list(points.values()),
            stages=stages,
            gates=[_gate(one, scale, left, room) for one in thresholds],
            marks=list(_marks(names, x)),
        )
    )


def _scale(numbers: Sequence[float], thresholds: Sequence[float]) -> Scale:
    """The scale of the y axis, with those thresholds that do not squeeze the numbers flat."""
    low, high = min(numbers), max(numbers)
    span = around(numbers, 0, 1)
    room = (span.high - span.low) * _FAR
    alike = span.high - span.low > 1.2 * (high - low)  # all equal: then any threshold gives the measure
    near = [one for one in thresholds if alike or low - room <= one <= high + room]
    return around([*numbers, *near], _BOTTOM - 12, _TOP + 6)


def _joined(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """One of each line; `stage` then names all stages that have it."""
    found: dict[tuple[str, float], list[Threshold]] = {}
    for one in thresholds:
        found.setdefault((one.operator, one.value), []).append(one)
    return [those[0]._replace(stage=", ".join(dict.fromkeys(one.stage for one in those))) for those in found.values()]


def _gate(threshold: Threshold, scale: Scale, left: float, room: Room) -> Gate:
    """The line with its rule, where that hides the least: at the left, in the middle or at the right, close to it."""
    near = scale.low <= threshold.value <= scale.high
    arrow = "" if near else "↑ " if threshold.value > scale.high else "↓ "
    text = arrow + one_line(f"{threshold.stage}: {threshold.rule}", 60)
    line = scale.at(threshold.value)
    half = LETTER * len(text) / 2 + 4
    across = (left + half, _RIGHT - half, (left + _RIGHT) / 2)
    label = room.put(text, [(x, line + off) for off in (-4, 13, -4 - _LABEL, 13 + _LABEL) for x in across])
    return Gate(line if near else None, label)


def _live(measured: Measured) -> dict[int, str]:
    """Which stages the versions are live in, by their places; of versions of one name, the newest is meant."""
    at = {version.version: place for place, version in enumerate(measured.versions)}
    found: dict[int, list[str]] = {}
    for stage, version in measured.live.items():
        if version in at:
            found.setdefault(at[version], []).append(one_line(stage, 40))
    return {place: one_line(", ".join(stages), 60) for place, stages in found.items()}


def _beside(point: Point) -> list[tuple[float, float]]:
    """Where the stages of a live version may stand: above it, below it, or farther off."""
    return [(point.x, point.y + off) for off in (-9, 19, -9 - _LABEL, 19 + _LABEL)]


def _runs(points: dict[int, Point]) -> Iterator[list[Point]]:
    """Versions that follow each other without a gap."""
    run: list[Point] = []
    for at, point in points.items():
        if run and at - 1 not in points:
            yield run
            run = []
        run.append(point)
    yield run


def _marks(names: Sequence[str], x: Scale) -> Iterator[Label]:
    """Labels of the x axis: the newest version's, and as many before it as there is room for, evenly."""
    room = LETTER * (max(len(name) for name in names) + 2)
    every = max(1, math.ceil(len(names) / max(1, math.floor((x.end - x.start) / room))))
    for at in range(len(names) - 1, -1, -every):
        place, half = x.at(at), LETTER * len(names[at]) / 2
        anchor = "end" if place + half > WIDTH else "start" if place - half < 0 else "middle"
        yield Label(
            WIDTH - 2 if anchor == "end" else 2 if anchor == "start" else place, _BOTTOM + 19, names[at], anchor
        )


def _told(name: str, value: float, live: str) -> str:
    return f"{name}: {number(value)}{f' (live in {live})' if live else ''}"


def _description(measured: Measured, numbers: Sequence[float], known: Sequence[int], names: Sequence[str]) -> str:
    """The picture in words, for those who cannot see it; the whole is in the table."""
    lowest, highest = min(known, key=numbers.__getitem__), max(known, key=numbers.__getitem__)
    told = [
        f"{names[known[-1]]} has {number(numbers[known[-1]])}, the newest of {len(known)} versions that have a number",
        f"lowest {number(numbers[lowest])} ({names[lowest]}), highest {number(numbers[highest])} ({names[highest]})",
    ]
    live = [f"{one_line(stage, 40)} {_short(version)}" for stage, version in list(measured.live.items())[:_MOST_LABELS]]
    return "; ".join(told) + (f"; live: {', '.join(live)}" if live else "") + "."


def _short(version: str) -> str:
    """A version for a label: the beginning of a commit's id, else the name, cut where it is long."""
    is_commit = len(version) in (40, 64) and all(letter in "0123456789abcdef" for letter in version)
    return version[:7] if is_commit else one_line(version, 16)
