"""Reads rules such as `auc >= live.auc - 0.005` and thresholds such as `< 0.01`. Our own small grammar, never `eval`.

    rule  := sum ("<=" | ">=" | "==" | "!=" | "<" | ">") sum
    sum   := term (("+" | "-") term)*
    term  := sign (("*" | "/") sign)*
    sign  := ("-" | "+") sign | atom
    atom  := NUMBER | NAME | FUNCTION "(" sum ("," sum)* ")" | "(" sum ")"

A NUMBER may end with `%`. A NAME is keys joined by dots, each bare or in quotes, with list positions: `scores[0]`,
`"macro avg"."f1-score"`; `live.` before it means the live version's. What trees mean: expression_tree.py.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from model_stage_deploy.core.expression_tree import (
    ARITHMETIC,
    BEYOND,
    COMPARISONS,
    FUNCTIONS,
    Binary,
    Call,
    Expression,
    Mention,
    Name,
    Negated,
    Number,
    Rule,
    exact,
    shown,
)
from model_stage_deploy.core.inert import one_line

LONGEST = 1000
"""Characters of a rule."""
DEEPEST = 50
"""Levels of brackets and signs."""

_NUMBER = r"(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][-+]?[0-9]{1,3})?%?"
_QUOTED = r"\"[^\"]*\"|'[^']*'"
_TOKEN = re.compile(
    rf"(?P<number>{_NUMBER})"
    rf"|(?P<name>(?:[A-Za-z_]\w*|{_QUOTED})(?:\.(?:\w+|{_QUOTED})|\[[0-9]{{1,6}}\])*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/(),<>])"
    r"|(?P<space>\s+)",
    re.ASCII,
)
_PART = re.compile(rf"\[([0-9]+)\]|({_QUOTED})|(\w+)", re.ASCII)
_THRESHOLD = re.compile(rf"\s*(<=|>=|==|!=|<|>)\s*([-+]?)\s*({_NUMBER})\s*", re.ASCII)
_NO_AND = "there is no `and` and no `or`: write each comparison as a rule of its own, all of them must hold"
_ODD = {
    "=": "to ask whether two numbers are equal, write `==`",
    "=>": "write `>=`",
    "=<": "write `<=`",
    "!": _NO_AND,
    "&": _NO_AND,
    "|": _NO_AND,
    "[": "a list position is a whole number right after the name: `scores[0]`",
    '"': "a quote is not closed",
    "'": "a quote is not closed",
    "≤": "write `<=`",
    "≥": "write `>=`",
    "≠": "write `!=`",
    "−": "write a plain `-`",
    "–": "write a plain `-`",
    "%": "`%` stands right after a number: `5%`",
}


class BadRule(ValueError):
    """The text is no rule; the message says why, in a plain sentence. `column` counts characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"{message} (column {column})")
        self.column = column


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a number must be: `< 0.01`."""

    comparison: str
    value: Fraction

    def holds(self, number: float) -> bool:
        """Whether a number is so. NaN and infinities never are, also not for `!=`."""
        return math.isfinite(number) and COMPARISONS[self.comparison](exact(number), self.value)

    def __str__(self) -> str:
        return f"{self.comparison} {shown(self.value)}"


def parse_threshold(text: str) -> Threshold:
    """The threshold that a text like `>= 95%` asks for. Raises BadRule."""
    match = _THRESHOLD.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise BadRule("a threshold is a comparison and one number: `< 0.01`, `>= 0.95`", 1)
    value = _number(match[3], match.start(3))
    return Threshold(match[1], -value if match[2] == "-" else value)


def parse_rule(text: str) -> Rule:
    """The rule that a text asks for. Raises BadRule, and nothing else whatever the text."""
    if len(text) > LONGEST:
        raise BadRule(f"a rule has {LONGEST:,} characters at most, this one {len(text):,}", LONGEST + 1)
    return _Parser(text).rule()


class _Token(NamedTuple):
    """A piece of the text. `kind` is number, name, sign, or end."""

    kind: str
    text: str
    at: int


class _Parser:
    """Goes through the tokens once, left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._depth = 0
        self._mentions: list[Mention] = []

    def rule(self) -> Rule:
        left = self._sum()
        sign = self._take()
        if sign.kind == "end":
            raise BadRule("a rule compares two sides, like `accuracy >= 0.9`; this one compares nothing", sign.at + 1)
        if sign.text not in COMPARISONS:
            raise self._odd(sign)
        right = self._sum()
        rest = self._take()
        if rest.text in COMPARISONS:
            raise BadRule("a rule compares once; write each comparison as a rule of its own", rest.at + 1)
        if rest.kind != "end":
            raise self._odd(rest)
        return Rule(self._text, left, sign.text, right, sign.at, tuple(self._mentions))

    def _sum(self) -> Expression:
        made = self._term()
        while self._peek().text in ("+", "-"):
            made = Binary(self._take().text, made, self._term())
        return made

    def _term(self) -> Expression:
        made = self._sign()
        while self._peek().text in ("*", "/"):
            made = Binary(self._take().text, made, self._sign())
        return made

    def _sign(self) -> Expression:
        if self._peek().text not in ("+", "-"):
            return self._atom()
        self._deeper(self._peek())
        sign = self._take().text
        of = self._sign()
        self._depth -= 1
        return Negated(of) if sign == "-" else of

    def _atom(self) -> Expression:
        token = self._take()
        if token.kind == "number":
            return Number(_number(token.text, token.at))
        if token.kind == "name" and token.text.lower() in ("and", "or", "not"):
            raise BadRule(_NO_AND, token.at + 1)
        if token.kind == "name":
            return self._call(token) if self._peek().text == "(" else self._name(token)
        if token.text == "(":
            self._deeper(token)
            inside = self._sum()
            self._close(token)
            return inside
        if token.kind == "end":
            raise BadRule("the rule ends where a number or the name of a metric must follow", token.at + 1)
        raise BadRule(f"`{token.text}` stands where a number or the name of a metric must stand", token.at + 1)

    def _name(self, token: _Token) -> Name:
        name = _name(token)
        self._mentions.append(Mention(token.at, token.at + len(token.text), name))
        return name

    def _call(self, token: _Token) -> Call:
        if token.text not in FUNCTIONS:
            known = ", ".join(FUNCTIONS)
            raise BadRule(f"there is no function `{one_line(token.text, 60)}`; there are {known}", token.at + 1)
        bracket = self._take()
        self._deeper(bracket)
        arguments = [self._sum()]
        while self._peek().text == ",":
            self._take()
            arguments.append(self._sum())
        self._close(bracket)
        if (token.text == "abs") != (len(arguments) == 1):
            wanted = "one number" if token.text == "abs" else "two numbers or more"
            raise BadRule(f"`{token.text}` takes {wanted}", token.at + 1)
        return Call(token.text, tuple(arguments))

    def _close(self, opened: _Token) -> None:
        self._depth -= 1
        token = self._take()
        if token.kind == "end" or token.text in COMPARISONS:
            raise BadRule("this bracket is not closed", opened.at + 1)
        if token.text != ")":
            raise self._odd(token)

    def _deeper(self, token: _Token) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadRule(f"brackets and signs go {DEEPEST} levels deep at most", token.at + 1)

    def _odd(self, token: _Token) -> BadRule:
        """The complaint about a token that follows a whole expression."""
        if token.kind == "name" and token.text.lower() in ("and", "or", "not"):
            return BadRule(_NO_AND, token.at + 1)
        if token.text == ")":
            return BadRule("this bracket was never opened", token.at + 1)
        if token.kind == "sign":
            return BadRule(f"`{token.text}` cannot stand here", token.at + 1)
        signs = " ".join([*ARITHMETIC, *COMPARISONS])
        return BadRule(f"a sign ({signs}) is missing before `{one_line(token.text, 60)}`", token.at + 1)

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, at)
        if match.lastgroup != "space":
            found.append(_Token(match.lastgroup or "", match.group(), at))
        at = match.end()
    return [*found, _Token("end", "", len(text))]


def _unreadable(text: str, at: int) -> BadRule:
    known = _ODD.get(text[at : at + 2]) or _ODD.get(text[at])
    return BadRule(known or f"`{one_line(text[at], 8)}` cannot stand here; a name with it must be quoted", at + 1)


def _name(token: _Token) -> Name:
    parts = [
        int(match[1]) if match[1] else match[2][1:-1] if match[2] else match[3] for match in _PART.finditer(token.text)
    ]
    if not re.match(r"live(?!\w)", token.text, re.ASCII):
        return Name(tuple(parts))
    if len(parts) < 2 or token.text.startswith("live["):
        raise BadRule("`live` is the version that is live; name one of its metrics: `live.accuracy`", token.at + 1)
    return Name(tuple(parts[1:]), live=True)


def _number(text: str, at: int) -> Fraction:
    value = Fraction(text.rstrip("%")) / (100 if text.endswith("%") else 1)
    if value >= BEYOND:
        raise BadRule("this number is beyond 1.8e308", at + 1)
    return value
