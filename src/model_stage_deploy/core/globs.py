"""Patterns over model names: `*` within one `/` segment, `**` across segments, `?` one character but `/`.

Everything else stands for itself. Matching takes time proportional to pattern times name, whatever the pattern.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\*+|.", re.DOTALL)
LONGEST = 512
"""The longest pattern that a mapping may hold, in characters."""


def is_exact(pattern: str) -> bool:
    """Whether the pattern holds no wildcard, so that it is one model's name."""
    return "*" not in pattern and "?" not in pattern


def specificity(pattern: str) -> tuple[bool, int]:
    """How much a pattern says; greater is more specific.

    A name without wildcards beats every pattern; after that more literal characters win.
    """
    return is_exact(pattern), sum(character not in "*?" for character in pattern)


def matches(pattern: str, name: str) -> bool:
    """Whether the whole name fits the pattern."""
    if is_exact(pattern):
        return pattern == name
    tokens = _TOKEN.findall(pattern)
    reached = _past_stars(tokens, {0})
    for character in name:
        reached = _past_stars(tokens, {after for at in reached for after in _step(tokens, at, character)})
        if not reached:
            return False
    return len(tokens) in reached


def _past_stars(tokens: list[str], reached: set[int]) -> set[int]:
    """Every position that can be reached without taking a character: a star may stand for nothing."""
    found = set(reached)
    for start in reached:
        at = start
        while at < len(tokens) and tokens[at].startswith("*"):
            at += 1
            found.add(at)
    return found


def _step(tokens: list[str], at: int, character: str) -> tuple[int, ...]:
    """Positions after taking one character at a token."""
    if at == len(tokens):
        return ()
    wanted = tokens[at]
    if wanted.startswith("*"):
        return (at,) if len(wanted) > 1 or character != "/" else ()
    if wanted == "?":
        return (at + 1,) if character != "/" else ()
    return (at + 1,) if wanted == character else ()
