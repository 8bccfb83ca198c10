"""What was measured, set against what is to be reached (ratios, for machines differ)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from benchmarks.measure import Measured

Found = Mapping[str, Measured]
QUESTIONS = ("which", "resolve", "parse")


class Row(NamedTuple):
    """One line of the table; `result` is reached, missed, or empty where nothing was aimed at or measured."""

    tags: str
    what: str
    measured: str
    target: str
    result: str


class Targets(NamedTuple):
    """What is to be reached at one size. `above_git` is seconds, `times_git` a factor."""

    question: float
    show: float
    event: float | None = None
    above_git: float | None = None
    times_git: float | None = None
    peak: float | None = None  # MiB
    peak_git: float | None = None  # times git's own


TARGETS: Mapping[int, Targets] = {
    100: Targets(question=8, show=12, above_git=0.06),
    1_000: Targets(question=20, show=25, event=50, above_git=0.06),
    10_000: Targets(question=150, show=80, event=300, times_git=2.5, peak=40),
    100_000: Targets(question=1_000, show=150, times_git=2, peak_git=1.5),
}
START = 5  # times `python -c pass` that a question may take
GROWTH = 1.5  # times that a question may take longer in the largest registry than in the smallest


def compared(tags: int, found: Found) -> Iterator[Row]:
    """The rows of one size."""
    aim = TARGETS.get(tags)
    for name in QUESTIONS:
        if "gto question" in found:
            yield faster(tags, found, name, "gto question", aim.question if aim else None)
        yield at_most(tags, found, name, "python", START)
    if "gto show" in found:
        yield faster(tags, found, "show", "gto show", aim.show if aim else None)
    if "gto event" in found:
        yield faster(tags, found, "event", "gto event", aim.event if aim else None)
        yield faster(tags, found, "event, whole history", "gto event", None)
    if aim is None or aim.above_git is None:
        yield at_most(tags, found, "show", "git", aim.times_git if aim else None)
    else:
        yield _above(tags, found, aim.above_git)
    yield _memory(tags, found, aim)


def across(most: int, least: int, found: Found) -> Iterator[Row]:
    """How much longer a question takes in the largest registry than in the smallest, asked in turns."""
    for name in ("which", "resolve"):
        ratio = _ratio(found[f"{name} {most}"].median, found[f"{name} {least}"].median)
        what = f"`{name}`, time against that at {least:,}"
        yield _row(most, what, ratio, _times(ratio), f"at most {GROWTH}×", ratio is not None and ratio <= GROWTH)


def faster(tags: int, found: Found, ours: str, theirs: str, target: float | None) -> Row:
    """How many times faster than another program."""
    ratio = _ratio(found[theirs].median, found[ours].median)
    shown = f"{_times(ratio)} faster" if ratio else ""
    if ratio is None and found[theirs].trouble.startswith("over") and (took := found[ours].median):
        shown = f"over {float(found[theirs].trouble.split()[1]) / took:,.0f}× faster ({theirs}: time was up)"
    reached = ratio is not None and target is not None and ratio >= target
    return _row(tags, f"`{ours}` against `{theirs}`", ratio, shown, f"{target:,.0f}× faster" if target else "", reached)


def at_most(tags: int, found: Found, ours: str, theirs: str, target: float | None) -> Row:
    """How many times the time of another program."""
    ratio = _ratio(found[ours].median, found[theirs].median)
    reached = ratio is not None and target is not None and ratio <= target
    wanted = f"at most {target:g}×" if target else ""
    return _row(tags, f"`{ours}` against `{theirs}`", ratio, _times(ratio), wanted, reached)


def print_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table on standard output, at once."""
    print()
    for row in (heading, ["---"] * len(heading), *rows):
        print(f"| {' | '.join(row)} |", flush=True)


def _above(tags: int, found: Found, target: float) -> Row:
    ours, git = found["show"].median, found["git"].median
    more = ours - git if ours is not None and git is not None else None
    shown = "" if more is None else f"its time + {more * 1000:.0f} ms"
    wanted = f"its time + {target * 1000:.0f} ms"
    return _row(tags, "`show` against `git`", more, shown, wanted, more is not None and more <= target)


def _memory(tags: int, found: Found, aim: Targets | None) -> Row:
    peak, git = found["show"].peak, found["git"].peak
    what = "`show`, peak memory"
    if aim is not None and aim.peak is not None:
        return _row(tags, what, peak, f"{peak:.0f} MiB", f"at most {aim.peak:.0f} MiB", peak <= aim.peak)
    if aim is not None and aim.peak_git is not None:
        return _row(
            tags,
            f"{what} against git's own",
            peak,
            _times(peak / git),
            f"at most {aim.peak_git}×",
            peak <= git * aim.peak_git,
        )
    theirs = found["gto show"].peak if "gto show" in found else None
    if theirs is None:
        return Row(f"{tags:,}", what, f"{peak:.0f} MiB", "", "")
    return _row(tags, what, peak, f"{peak:.0f} MiB; gto {theirs:.0f} MiB", "below gto's", peak < theirs)


def _row(tags: int, what: str, known: float | None, shown: str, target: str, reached: bool) -> Row:
    result = ("reached" if reached else "missed") if target and known is not None else ""
    return Row(f"{tags:,}", what, shown or "not measured", target, result)


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above and below else None


def _times(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:,.0f}×" if ratio >= 10 else f"{ratio:.1f}×"
