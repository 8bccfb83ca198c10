"""Rules over numbers, as trees: what a rule reads, and what it comes to. expressions.py reads them from text.

Numbers are taken as they are written, in decimal, and computed exactly: with binary floats `0.91 >= 0.915 - 0.005`
may say no for the last bit alone, which nobody could explain to whoever is refused.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeAlias

COMPARISONS: Mapping[str, Callable[[Fraction, Fraction], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
ARITHMETIC: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
FUNCTIONS = ("abs", "max", "min")

BEYOND = 2**1024
"""No number is as large as this, as with the floats of every language."""
_MOST_BITS = 8192  # of a numerator or denominator: far beyond any rule, and quick all the same
_BARE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_RESERVED = frozenset({"and", "or", "not", "live"})


class Undefined(ArithmeticError):
    """An expression comes to no number; the text says why, to follow its name."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the rule itself."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name:
    """A metric: the keys and list positions that lead to it. `live` says that the live version's is meant."""

    path: tuple[str | int, ...]
    live: bool = False

    def __str__(self) -> str:
        """The name as a rule must spell it: `latency_ms.p95`, `live."macro avg"."f1-score"`, `scores[0]`."""
        text = "live" if self.live else ""
        for part in self.path:
            if isinstance(part, int):
                text += f"[{part}]"
                continue
            bare = (re.fullmatch(r"\w+", part, re.ASCII) if text else _BARE.fullmatch(part)) and (
                text or part not in _RESERVED
            )
            text += "." * bool(text) + (part if bare else f"'{part}'" if '"' in part else f'"{part}"')
        return text


@dataclass(frozen=True, slots=True)
class Negated:
    """`-x`"""

    of: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """`x + y`, and likewise `-`, `*` and `/`."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """`min(x, y)`, `max(x, y)`, `abs(x)`"""

    function: str
    arguments: tuple[Expression, ...]


Expression: TypeAlias = Number | Name | Negated | Binary | Call


class Result(NamedTuple):
    """What a rule comes to. `holds` is None where a side comes to no number; `why` then says so."""

    holds: bool | None
    left: Fraction | None
    right: Fraction | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """Where a name stands in a rule's text: from `start` up to `end`, counted from 0."""

    start: int
    end: int
    name: Name


@dataclass(frozen=True, slots=True)
class Rule:
    """One comparison. `text` is as it was written; `at` is where its comparison sign begins there."""

    text: str
    left: Expression
    comparison: str
    right: Expression
    at: int
    mentions: tuple[Mention, ...]

    def names(self) -> tuple[Name, ...]:
        """Every metric that the rule reads, once, in the order of the text."""
        return tuple(dict.fromkeys(mention.name for mention in self.mentions))

    @property
    def reads_live(self) -> bool:
        """Whether the rule compares with the version that is live."""
        return any(mention.name.live for mention in self.mentions)

    def evaluate(self, numbers: Mapping[Name, Fraction]) -> Result:
        """Whether the rule holds for these numbers; they must hold all of names()."""
        sides: list[Fraction | None] = []
        why = ""
        for side in (self.left, self.right):
            try:
                sides.append(value_of(side, numbers))
            except Undefined as problem:
                sides.append(None)
                why = why or str(problem)
        left, right = sides
        if left is None or right is None:
            return Result(None, left, right, why)
        return Result(COMPARISONS[self.comparison](left, right), left, right)

    def told(self, numbers: Mapping[Name, Fraction], result: Result | None = None) -> str:
        """The rule with the numbers seen: `p95 112 <= 1.1 * live.p95 100 (110)`; sums with `result`'s outcome."""
        inserted = {
            mention.end: f" {shown(numbers[mention.name])}" for mention in self.mentions if mention.name in numbers
        }
        ends = (len(self.text[: self.at].rstrip()), len(self.text.rstrip()))
        for side, end, value in zip((self.left, self.right), ends, (result or _NO_RESULT)[1:3], strict=True):
            if isinstance(side, (Binary, Call)) and isinstance(value, Fraction):
                inserted[end] = inserted.get(end, "") + f" ({shown(value)})"
        pieces, before = [], 0
        for at in sorted(inserted):
            pieces += [self.text[before:at], inserted[at]]
            before = at
        return "".join([*pieces, self.text[before:]]).strip()


_NO_RESULT = Result(None, None, None)


def value_of(expression: Expression, numbers: Mapping[Name, Fraction]) -> Fraction:
    """The number that an expression comes to. Raises Undefined."""
    match expression:
        case Number(value):
            return value
        case Name():
            return numbers[expression]
        case Negated(of):
            return -value_of(of, numbers)
        case Call(function, arguments):
            values = [value_of(argument, numbers) for argument in arguments]
            return abs(values[0]) if function == "abs" else max(values) if function == "max" else min(values)
        case Binary(sign, left, right):
            return _computed(sign, value_of(left, numbers), value_of(right, numbers))


def names_in(expression: Expression) -> Iterator[Name]:
    """Every metric that an expression reads."""
    match expression:
        case Name():
            yield expression
        case Negated(of):
            yield from names_in(of)
        case Call(_, arguments):
            for argument in arguments:
                yield from names_in(argument)
        case Binary(_, left, right):
            yield from names_in(left)
            yield from names_in(right)
        case Number():
            return


def exact(number: float) -> Fraction:
    """A finite number as it is written, in decimal: 0.1 is one tenth."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def is_usable(number: float) -> bool:
    """Whether a number is one to compute with: no NaN, no infinity, nothing beyond what a float can hold."""
    return abs(number) < BEYOND if isinstance(number, int) else math.isfinite(number)


def shown(number: Fraction) -> str:
    """A number for people: the shortest text that means the same float."""
    whole = number.denominator == 1 and abs(number) < 10**15
    return str(number.numerator) if whole else repr(as_float(number))


def as_float(number: Fraction) -> float:
    """The nearest float; the largest there is for what would round up beyond it."""
    try:
        return float(number)
    except OverflowError:
        return math.copysign(1.7976931348623157e308, number)


def _computed(sign: str, left: Fraction, right: Fraction) -> Fraction:
    if sign == "/" and right == 0:
        raise Undefined("it divides by zero")
    made = ARITHMETIC[sign](left, right)
    if abs(made) >= BEYOND:
        raise Undefined("it comes to a number beyond 1.8e308")
    if max(made.numerator.bit_length(), made.denominator.bit_length()) > _MOST_BITS:
        raise Undefined("it comes to a number of more digits than are computed here")
    return made
