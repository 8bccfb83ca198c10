"""What was in each stage when, as a picture (SVG): what was decided, and below it what ran.

All of it is in the history and in the deployments, too, as text. Neither what was decided nor which version it was is
told by colour alone; colours come from the page's style sheet, by the classes `time-…`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.timeline import Span
from model_stage_deploy.report.html.scales import Scale, iso, time_ticks, to_the_minute
from model_stage_deploy.report.html.templates import render

WIDTH = 1000.0
_RIGHT = 992.0
_TOP, _BAR, _GAP, _BETWEEN = 6.0, 17.0, 2.0, 12.0
_CAPTION = 52.0  # units that `decided` takes
_LETTER = 7.0  # units that a character takes, about
_NARROW = 3.0  # units: what is narrower is put together with its neighbours, if they are so, too
_MOST_BLOCKS = 1500
_MOST_STAGES = 40
_COLOURS = 6
_LEAST = 60.0  # seconds that the picture shows at least


class Block(NamedTuple):
    """One version, or several that were there too shortly to be told apart; then `kind` is "many"."""

    x: float
    width: float
    kind: str
    label: str
    told: str
    open: bool


class Bar(NamedTuple):
    """The blocks of a stage on one side."""

    y: float
    caption: str
    blocks: tuple[Block, ...]


class Row(NamedTuple):
    """A stage with its bars, of which the first one is beside its name."""

    stage: str
    y: float
    bars: tuple[Bar, ...]


class Mark(NamedTuple):
    """A label of the time axis; `time` is ISO 8601 where it is within a day: a script may write the reader's."""

    x: float
    label: str
    time: str
    anchor: str


def timeline(decided: Sequence[Span], ran: Sequence[Span], now: float) -> Markup:
    """The picture; nothing where nothing was ever in a stage. `now` is in unix seconds.

    Stages are in the order of `decided`, then of `ran`. Of thousands of spans, neighbours that would be too narrow to
    be seen are one block, which says so.
    """
    spans = [*decided, *ran]
    if not spans:
        return Markup("")
    stages = list(dict.fromkeys(span.stage for span in spans))
    shown = stages[:_MOST_STAGES]
    sides = [("decided", _by_stage(decided))] + ([("ran", _by_stage(ran))] if ran else [])
    left = 8 + _CAPTION + _LETTER * 1.1 * max(len(_cut(stage)) for stage in shown)
    scale = _scale(spans, now, left)
    rows = _rows(shown, sides, scale, now, _versions(spans))
    bottom = rows[-1].y + len(sides) * (_BAR + _GAP) + 6
    return Markup(  # noqa: S704 - the template escapes what it is given
        render(
            "timeline.svg.j2",
            id=f"timeline-{hashlib.sha256(repr((len(spans), spans[0])).encode(errors='replace')).hexdigest()[:10]}",
            width=WIDTH,
            height=bottom + 24,
            left=left,
            bottom=bottom,
            bar_height=_BAR,
            rows=rows,
            marks=list(_marks(scale)),
            now=scale.at(now) if scale.low <= now <= scale.high else None,
            description=_description(shown, sides),
            left_out=len(stages) - len(shown),
        )
    )


def _by_stage(spans: Sequence[Span]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for span in spans:
        found.setdefault(span.stage, []).append(span)
    return found


def _scale(spans: Sequence[Span], now: float, left: float) -> Scale:
    begin = min(span.begin for span in spans)
    end = max(now, *(span.begin if span.end is None else span.end for span in spans))
    return Scale(min(begin, end - _LEAST), end, left, _RIGHT)


def _versions(spans: Sequence[Span]) -> dict[tuple[str, str], int]:
    """A colour for each version, the same in all stages, in the order in which they came."""
    ordered = sorted(spans, key=lambda span: span.begin)
    return {version: at % _COLOURS for at, version in enumerate(dict.fromkeys(map(_version, ordered)))}


def _version(span: Span) -> tuple[str, str]:
    return (span.version, span.commit)


def _rows(
    stages: Sequence[str],
    sides: Sequence[tuple[str, dict[str, list[Span]]]],
    scale: Scale,
    now: float,
    colours: dict[tuple[str, str], int],
) -> list[Row]:
    """Rows of so few blocks that a page can bear them."""
    height = len(sides) * (_BAR + _GAP) + _BETWEEN
    narrow = _NARROW
    while True:
        rows = []
        for number, stage in enumerate(stages):
            top = _TOP + number * height
            bars = [
                Bar(
                    top + at * (_BAR + _GAP), caption, tuple(_blocks(known.get(stage, ()), scale, now, colours, narrow))
                )
                for at, (caption, known) in enumerate(sides)
            ]
            rows.append(Row(_cut(stage), top, tuple(bars)))
        if sum(len(bar.blocks) for row in rows for bar in row.bars) <= _MOST_BLOCKS:
            return rows
        narrow *= 2


def _blocks(
    spans: Iterable[Span], scale: Scale, now: float, colours: dict[tuple[str, str], int], narrow: float
) -> Iterator[Block]:
    """Blocks in order of time; spans too narrow to be seen are put together with such neighbours."""
    held: list[Span] = []
    for span in spans:
        begin, end = _ends(span, scale, now)
        if held and (end - begin >= narrow or begin - _ends(held[-1], scale, now)[1] >= narrow):
            yield _put_together(held, scale, now, colours)
            held = []
        if end - begin < narrow:
            held.append(span)
        else:
            yield _put_together([span], scale, now, colours)
    if held:
        yield _put_together(held, scale, now, colours)


def _ends(span: Span, scale: Scale, now: float) -> tuple[float, float]:
    return scale.at(span.begin), scale.at(max(now, span.begin) if span.end is None else span.end)


def _put_together(spans: Sequence[Span], scale: Scale, now: float, colours: dict[tuple[str, str], int]) -> Block:
    first, last = spans[0], spans[-1]
    begin, end = _ends(first, scale, now)[0], _ends(last, scale, now)[1]
    begin = min(begin, _RIGHT - 1.5)
    width = round(max(end - begin, 1.5), 1)
    until = f"to {to_the_minute(last.end)} UTC" if last.end is not None else "until now"
    when = f"{to_the_minute(first.begin)} {until}"
    if len(spans) > 1:
        ends = f"the first {_short(first.version)}, the last {_short(last.version)}"
        label = f"{len(spans):,} changes"
        told = f"{label}, {when}: {ends}"
        return Block(begin, width, "many", label if _fits(label, width) else "", told, last.end is None)
    name = _short(first.version)
    label = name if _fits(name, width) else ""
    told = f"{one_line(first.version, 60)}, {when}, by {one_line(first.source, 120)}"
    return Block(begin, width, str(colours[_version(first)]), label, told, first.end is None)


def _fits(label: str, width: float) -> bool:
    return width >= _LETTER * len(label) + 8


def _marks(scale: Scale) -> Iterator[Mark]:
    for tick in time_ticks(scale.low, scale.high, 9):
        x = scale.at(tick.value)
        room = _LETTER * len(tick.label) / 2
        anchor = "end" if x + room > WIDTH else "middle"
        yield Mark(x, tick.label, iso(tick.value) if tick.hour else "", anchor)


def _description(stages: Sequence[str], sides: Sequence[tuple[str, dict[str, list[Span]]]]) -> str:
    """What is there now, in words; the whole is in the history."""
    told = []
    for stage, (caption, known) in itertools.product(stages[:12], sides):
        spans = known.get(stage, [])
        now = f"{_short(spans[-1].version)} since {to_the_minute(spans[-1].begin)} UTC" if spans else "nothing ever"
        if spans and spans[-1].end is not None:
            now = f"nothing since {to_the_minute(spans[-1].end)} UTC"
        verb = "decided" if caption == "decided" else "running"
        told.append(f"{_cut(stage)}, {verb}: {now}")
    return "; ".join(told) + "."


def _cut(stage: str) -> str:
    return one_line(stage, 18)


def _short(version: str) -> str:
    """A version for a label: the beginning of a commit's id, else the name, cut where it is long."""
    is_commit = len(version) in (40, 64) and all(letter in "0123456789abcdef" for letter in version)
    return version[:7] if is_commit else one_line(version, 24)
