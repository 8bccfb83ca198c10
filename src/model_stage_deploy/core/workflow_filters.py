"""GitHub's filter patterns for tags, evaluated as its documentation describes them.

Source: "Filter pattern cheat sheet" and `on.push.<branches|tags|branches-ignore|tags-ignore>` of GitHub's workflow
syntax. What these pages leave open is not guessed: PatternUnclear. Matching takes time in proportion to the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase, digits
from typing import NamedTuple

_LETTERS = (ascii_lowercase, ascii_uppercase, digits)
_LONGEST = 1000


class PatternUnclear(Exception):
    """GitHub's documentation does not say what the pattern means; `why` names the place."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class _Token(NamedTuple):
    """One step of a pattern. `characters` None: any; `but` one that is not taken; `skip` more tokens to leave out."""

    characters: frozenset[str] | None
    but: str = ""
    none: bool = False
    many: bool = False
    skip: int = 0

    def takes(self, character: str) -> bool:
        return character not in self.but if self.characters is None else character in self.characters


class Pattern:
    """One pattern without its leading `!`.

    `*` is any characters but `/`, `**` any, `x?` none or one `x`, `x+` one or more, `[a-z3]` one of these, `\\` takes
    the meaning from the next character; `**/` also stands for nothing. Raises PatternUnclear.
    """

    def __init__(self, text: str) -> None:
        self._tokens = tuple(_tokens(text))
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}  # a registry has many tags and few letters
        self._start = self._onward({0})

    def matches(self, name: str) -> bool:
        """Whether the whole name fits."""
        reached, steps = self._start, self._steps
        for character in name:
            key = (reached, character)
            after = steps.get(key)
            if after is None:
                after = steps[key] = self._after(reached, character)
            reached = after
            if not reached:
                return False
        return len(self._tokens) in reached

    def _after(self, reached: Iterable[int], character: str) -> frozenset[int]:
        found: set[int] = set()
        for at in reached:
            if at < len(self._tokens) and self._tokens[at].takes(character):
                found.add(at + 1)
                if self._tokens[at].many:
                    found.add(at)
        return self._onward(found)

    def _onward(self, reached: set[int]) -> frozenset[int]:
        """Every place that is reached without another character."""
        waiting = list(reached)
        while waiting:
            at = waiting.pop()
            if at < len(self._tokens):
                token = self._tokens[at]
                for step in (1 if token.none else 0, token.skip):
                    if step and at + step not in reached:
                        reached.add(at + step)
                        waiting.append(at + step)
        return frozenset(reached)


class TagFilter(NamedTuple):
    """Which pushed tags start a workflow. `patterns` None: no filter, so every tag does; `ignore`: `tags-ignore`."""

    patterns: tuple[str, ...] | None
    ignore: bool = False

    def starts(self, name: str) -> bool:
        """Whether pushing the tag starts the workflow. Raises PatternUnclear."""
        if self.patterns is None:
            return True
        if self.ignore:
            return not any(_pattern(text).matches(name) for text in self.patterns)
        started = False
        for text in self.patterns:  # in order: the last one that fits decides
            negated = text.startswith("!")
            if started == negated and _pattern(text[1:] if negated else text).matches(name):
                started = not negated
        return started

    def unclear(self) -> list[str]:
        """What cannot be known about the patterns, a sentence each."""
        found = []
        for text in self.patterns or ():
            try:
                _pattern(text[1:] if text.startswith("!") and not self.ignore else text)
            except PatternUnclear as problem:
                found.append(f"{text[:100]!r}: {problem.why}")
        return found


@lru_cache(maxsize=256)
def _pattern(text: str) -> Pattern:
    return Pattern(text)


def _tokens(text: str) -> list[_Token]:
    if len(text) > _LONGEST:
        raise PatternUnclear(f"it has more than {_LONGEST} characters")
    tokens: list[_Token] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "*":
            at = _star(text, at, tokens)
        elif character in "?+":
            _repeat(tokens, character)
            at += 1
        elif character == "[":
            at = _bracket(text, at, tokens)
        elif character == "\\":
            if at + 1 == len(text):
                raise PatternUnclear("it ends with a `\\` that nothing follows")
            tokens.append(_Token(frozenset(text[at + 1])))
            at += 2
        else:
            tokens.append(_Token(frozenset(character)))
            at += 1
    return tokens


def _star(text: str, at: int, tokens: list[_Token]) -> int:
    end = at
    while end < len(text) and text[end] == "*":
        end += 1
    if end - at > 2:
        raise PatternUnclear("it has three `*` in a row")
    if end - at == 1:
        tokens.append(_Token(None, but="/", none=True, many=True))
        return end
    # `**/README` also fits README itself, and `a/**/b` fits a/b.
    if text[end : end + 1] == "/" and (at == 0 or text[at - 1] == "/"):
        tokens.append(_Token(frozenset(), none=True, skip=3))  # a way past itself, the `**` and the `/`
    tokens.append(_Token(None, none=True, many=True))
    return end


def _repeat(tokens: list[_Token], sign: str) -> None:
    if not tokens or tokens[-1].characters is None or tokens[-1].none or tokens[-1].many:
        raise PatternUnclear(f"`{sign}` follows no single character; to mean the character itself, write `\\{sign}`")
    tokens[-1] = tokens[-1]._replace(none=sign == "?", many=sign == "+")


def _bracket(text: str, at: int, tokens: list[_Token]) -> int:
    end = text.find("]", at + 1)
    inside = text[at + 1 : end]
    if end < 0 or not inside:
        raise PatternUnclear("a `[` is not closed, or nothing stands in the brackets; a plain `[` is written `\\[`")
    tokens.append(_Token(frozenset(_listed(inside))))
    return end + 1


def _listed(inside: str) -> Sequence[str]:
    """The characters of `a-z3`. Only letters and digits may stand in brackets."""
    found: list[str] = []
    at = 0
    while at < len(inside):
        first, last = inside[at], inside[at]
        if inside[at + 1 : at + 2] == "-":
            last = inside[at + 2 : at + 3]
            at += 2
        row = next((row for row in _LETTERS if first in row and last and last in row), None)
        if row is None or row.index(first) > row.index(last):
            raise PatternUnclear(
                f"only letters, digits and ranges of them may stand in brackets, not `[{inside[:40]}]`"
            )
        found += row[row.index(first) : row.index(last) + 1]
        at += 1
    return found
