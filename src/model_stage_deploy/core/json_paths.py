"""Finds a value in a JSON document by a path such as `$.models[0].version`, and compares it. Pure.

    path := "$" step*
    step := "." NAME | "[" POSITION "]" | "[" QUOTED "]"

A NAME is letters, digits, `_` and `-`. A POSITION counts from 0. QUOTED is any key: a JSON text in double quotes, or
anything without `'` in single ones. A path leads to one value or to none: there are no wildcards.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

LONGEST = 1000
"""Characters of a path."""
_STEP = re.compile(
    r"\.(?P<name>[\w-]+)|\[(?P<position>[0-9]{1,9})\]|\[(?:(?P<double>\"(?:[^\"\\]|\\.)*\")|'(?P<single>[^']*)')\]"
)


class BadPath(ValueError):
    """The text is no path; the message says why, in a plain sentence."""


class NotThere(LookupError):
    """The document holds nothing at the path."""


class Written(NamedTuple):
    """A number of a document just as it is written there: `3`, `3.0`, `1e3`, and Python's `NaN`."""

    text: str


def parse_path(text: str) -> tuple[str | int, ...]:
    """The steps of a path: keys and list positions. Raises BadPath."""
    if len(text) > LONGEST or not text.startswith("$"):
        raise BadPath(f"a path begins with `$`, such as `$.version`, and has {LONGEST:,} characters at most")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            raise BadPath(f'cannot be read from character {at + 1} on; write `$.name`, `$.list[0]` or `$["any key"]`')
        steps.append(_step(step, at))
        at = step.end()
    return tuple(steps)


def _step(step: re.Match[str], at: int) -> str | int:
    if step["position"] is not None:
        return int(step["position"])
    if step["double"] is None:
        return step["name"] or step["single"] or ""
    try:
        return str(json.loads(step["double"]))
    except ValueError:
        raise BadPath(f"the key in quotes at character {at + 2} is no JSON text") from None


def read_document(text: bytes) -> Any:
    """A JSON document whose numbers are Written. Raises ValueError for what is none, or is nested too deep."""
    try:
        return json.loads(text, parse_int=Written, parse_float=Written, parse_constant=Written)
    except RecursionError:
        raise ValueError("nested too deep") from None


def value_at(document: Any, path: tuple[str | int, ...]) -> Any:
    """What the document holds at a path. Raises NotThere."""
    value: Any = document
    for step in path:
        fitting: Any = value if isinstance(value, dict if isinstance(step, str) else list) else {}
        try:
            value = fitting[step]
        except LookupError:
            raise NotThere from None
    return value


def is_same(wanted: Any, found: Any) -> bool:
    """Whether what a document holds is what is wanted.

    A text also fits a number, `true` or `false` that is written just so, for templates can only make texts: "3" fits
    "3" and 3, but not 3.0. The other way round it does not: 3 fits 3 and 3.0, but not "3". null fits null alone. Lists
    and mappings fit where they are as long and all in them fits.
    """
    if isinstance(wanted, str):
        return wanted == found if isinstance(found, str) else wanted == _scalar(found)
    if wanted is None or isinstance(wanted, bool):
        return found is wanted
    if isinstance(wanted, (int, float)):
        return isinstance(found, Written) and _is_number(wanted, found.text)
    if isinstance(wanted, Mapping):
        same_keys = isinstance(found, dict) and {*wanted} == {*found}
        return same_keys and all(is_same(value, found[key]) for key, value in wanted.items())
    if isinstance(wanted, (list, tuple)):
        same_length = isinstance(found, list) and len(wanted) == len(found)
        return same_length and all(is_same(*pair) for pair in zip(wanted, found, strict=True))
    return False


def told(value: Any) -> str:
    """A value of a document, or one that is wanted of it, as JSON in ASCII."""
    if isinstance(value, Written):
        return value.text
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {told(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(told, value)) + "]"
    return json.dumps(value, default=str)


def _scalar(found: Any) -> str | None:
    """The spelling of a number, true or false; None for anything else."""
    if isinstance(found, Written):
        return found.text
    return ("true" if found else "false") if isinstance(found, bool) else None


def _is_number(wanted: float, text: str) -> bool:
    try:
        return Decimal(text) == Decimal(repr(wanted))
    except ArithmeticError:  # an exponent that no number has
        return False
