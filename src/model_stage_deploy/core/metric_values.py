"""The metrics of one version, from the files of its commit: what a name means there, and why it may mean no number.

core/metric_files.py says which files those are; gates/metrics.py reads them.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from model_stage_deploy.core.expression_tree import Name, as_float, exact, is_usable
from model_stage_deploy.core.inert import one_line

MOST_NAMES = 2000
"""How many names of a commit's metrics are looked through for one that was meant."""
_LONGEST_NAME = 200
_NOTHING = object()


class Metrics(NamedTuple):
    """The metrics of one commit. `files` are the values of those that could be read, by path.

    `absent` says of the others why they are not there; `broken` why a file that is there cannot be read.
    """

    commit: str
    files: Mapping[str, Any]
    absent: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()


class Reading(NamedTuple):
    """What a name means. Without a number: a code (`missing`, …), a sentence and a hint."""

    number: Fraction | None
    code: str = ""
    sentence: str = ""
    hint: str = ""


def read(name: Name, metrics: Metrics) -> Reading:
    """The number that a name means in the metrics of a commit. A file that cannot be read might say otherwise."""
    shown = _shown(name)
    if metrics.broken:
        return Reading(None, "unreadable", f"{shown} cannot be known: {'; '.join(metrics.broken)}", _MEND)
    found = {
        path: value for path, content in metrics.files.items() if (value := _at(content, name.path)) is not _NOTHING
    }
    if not found:
        return _missing(name, metrics)
    (path, value), *others = found.items()
    for other, second in others:
        if not _is_same(value, second):
            return Reading(
                None,
                "ambiguous",
                f"{shown} is in {one_line(path, 200)} and in {one_line(other, 200)}, and differs",
                "name only one of the files under `files:` of this gate",
            )
    trouble, hint = _trouble(value)
    if trouble:
        return Reading(None, "not-a-number", f"{shown} is {trouble} in {one_line(path, 200)}", f"{shown}: {hint}")
    return Reading(exact(value))


def numbers(metrics: Metrics) -> tuple[dict[str, float], tuple[str, ...]]:
    """All numbers of a commit's metrics, by the names that rules use, in the order of the files, at most MOST_NAMES.

    And those names of which two files say different things: they mean no number. What is NaN, infinite or too large to
    compute with is a float all the same, for those who show it. A file that cannot be read is not looked at.
    """
    found: dict[str, float] = {}
    torn: dict[str, None] = {}
    for name in _some(_names(metrics, live=False), MOST_NAMES):
        shown = _shown(name)
        values = [value for content in metrics.files.values() if (value := _at(content, name.path)) is not _NOTHING]
        if not all(_is_same(values[0], value) for value in values[1:]):
            torn[shown] = None
        elif shown not in found:
            found[shown] = _as_float(values[0])
    return {name: value for name, value in found.items() if name not in torn}, tuple(torn)


def _as_float(number: float) -> float:
    if not isinstance(number, int):
        return number
    return as_float(exact(number)) if is_usable(number) else math.inf if number > 0 else -math.inf


_MEND = "mend the file, commit, and register a new version"
_QUOTES = "write a plain number into the file, without quotes"
_FINITE = "look at how it was measured: no rule can hold for this"
_NUMBER = "write a number into the file"
_KINDS: tuple[tuple[type, str, str], ...] = (
    (bool, "true or false, no number", _NUMBER),
    (str, "text, no number", _QUOTES),
    (dict, "a group of names, no number", "name one of the group, with a dot between"),
    (list, "a list, no number", "name one item by its position, from 0: `scores[0]`"),
)


def _missing(name: Name, metrics: Metrics) -> Reading:
    shown = _shown(name)
    files = ", ".join(one_line(path, 200) for path in list(metrics.files)[:10])
    where = f"is not in {files}" if files else "is in no file"
    why = f" ({'; '.join(metrics.absent[:10])})" if metrics.absent else ""
    near = _near(name, metrics)
    if near:
        hint = f"did you mean {' or '.join(_shown(one) for one in near)}?"
    elif metrics.files:
        some = [_shown(one) for one in _some(_names(metrics, live=name.live), 5)]
        hint = f"there are: {', '.join(some)}" if some else "the files hold no numbers"
    else:
        hint = "commit the metrics with the code, in metrics.json or in a file named under `files:` of this gate"
    return Reading(None, "missing", f"{shown} {where}{why}", f"{shown}: {hint}")


def _at(content: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        by_key = isinstance(part, str) and isinstance(content, Mapping) and part in content
        by_place = isinstance(part, int) and isinstance(content, list) and part < len(content)
        if not by_key and not by_place:
            return _NOTHING
        content = content[part]
    return content


def _is_same(one: Any, other: Any) -> bool:
    """Equal values; true is not 1 here, and NaN equals nothing."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _trouble(value: Any) -> tuple[str, str]:
    """What a value is instead of a number that one can compute with, and what to do; empty texts for a number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return ("", "") if is_usable(value) else (_unusable(value), _FINITE)
    kinds = ((kind, what, hint) for kind, what, hint in _KINDS if isinstance(value, kind))
    _, what, hint = next(kinds, (None, "nothing" if value is None else "no number", _NUMBER))
    return what, hint


def _unusable(value: float) -> str:
    if isinstance(value, int):
        return "a number too large to compute with"
    return "an infinite number" if value in (float("inf"), float("-inf")) else "NaN, which is no number"


def _names(metrics: Metrics, *, live: bool) -> Iterator[Name]:
    """Names of the numbers in all files, without recursion, in the order of the files."""
    for content in metrics.files.values():
        left: list[tuple[tuple[str | int, ...], Any]] = [((), content)]
        while left:
            path, value = left.pop()
            if isinstance(value, Mapping):
                left += [((*path, key), inner) for key, inner in list(value.items())[MOST_NAMES::-1]]
            elif isinstance(value, list) and path:
                left += [((*path, at), inner) for at, inner in list(enumerate(value[:100]))[::-1]]
            elif isinstance(value, (int, float)) and not isinstance(value, bool) and path:
                yield Name(path, live)


def _some(names: Iterator[Name], most: int) -> list[Name]:
    return [name for name, _ in zip(names, range(most), strict=False)]


def _near(name: Name, metrics: Metrics) -> list[Name]:
    """Names that may have been meant: the same last word elsewhere, else one that is spelled much like it."""
    known = [one for one in _some(_names(metrics, live=name.live), MOST_NAMES) if len(str(one)) <= _LONGEST_NAME]
    wanted = _plain(name)
    for ending in (wanted, wanted.rpartition(".")[2]):
        same = [one for one in known if _plain(one) == ending or _plain(one).endswith(f".{ending}")]
        if same:
            return same[:3]
    by_text = {_plain(one): one for one in known}
    close = difflib.get_close_matches(wanted[:_LONGEST_NAME], by_text, n=2, cutoff=0.7)
    begun = [one for text, one in by_text.items() if len(wanted) > 1 and text.startswith(wanted)]
    return [by_text[text] for text in close] or begun[:3]


def _plain(name: Name) -> str:
    """A name without what people get wrong: case, and the signs between its words."""
    text = ".".join(str(part) for part in name.path).casefold()
    return text.replace("/", ".").replace("-", "_").replace(" ", "_")


def _shown(name: Name) -> str:
    return one_line(str(name), _LONGEST_NAME)
