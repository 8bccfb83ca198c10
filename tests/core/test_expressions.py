"""The grammar of rules and thresholds: what is one, what it comes to, and what is said of a text that is none."""

from __future__ import annotations

import ast
import json
import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.expression_tree import (
    Binary,
    Call,
    Expression,
    Name,
    Negated,
    Number,
    Undefined,
    exact,
    names_in,
    shown,
    value_of,
)
from model_stage_deploy.core.expressions import DEEPEST, LONGEST, BadRule, parse_rule, parse_threshold
from model_stage_deploy.core.inert import one_line

HOSTILE = json.loads((Path(__file__).parents[1] / "data/hostile/rules.json").read_text(encoding="utf-8"))["texts"]
ACCURACY, AUC, LIVE = Name(("accuracy",)), Name(("auc",)), Name(("auc",), live=True)


def holds(text: str, **numbers: float) -> bool | None:
    """Whether a rule holds; `live_x` is the number of `live.x`."""
    known = {
        Name((name.removeprefix("live_"),), live=name.startswith("live_")): exact(number)
        for name, number in numbers.items()
    }
    return parse_rule(text).evaluate(known).holds


def is_inert(text: str) -> bool:
    """Whether a text can be shown as it is."""
    return one_line(text, 10_000) == text


# --- what a rule says


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a >= 0.9", True),
        ("a > 0.9", False),
        ("a <= 0.9", True),
        ("a < 0.9", False),
        ("a == 0.9", True),
        ("a != 0.9", False),
        ("0.9 == a", True),
        ("a == 90%", True),
        ("a == 9e-1", True),
        ("a == .9", True),
        ("a == 0.90", True),
        ("a - b == 0.8", True),
        ("a - b - b == 0.7", True),
        ("a - (b - b) == a", True),
        ("1 - 2 * 3 == -5", True),
        ("(1 - 2) * 3 == -3", True),
        ("12 / 2 / 3 == 2", True),
        ("12 / (2 / 3) == 18", True),
        ("-a == 0 - a", True),
        ("--a == +a", True),
        ("2 * -b == -0.2", True),
        ("abs(b - a) == 0.8", True),
        ("min(a, b, 3) == b", True),
        ("max(a, b) == a", True),
        ("max(a,\n\t b)==a", True),
    ],
)
def test_rules(text: str, expected: bool) -> None:
    assert holds(text, a=0.9, b=0.1) is expected


@pytest.mark.parametrize("live", range(6, 1000, 7))
def test_the_boundary_is_where_it_is_written(live: int) -> None:
    """With binary floats 0.005 below 0.91 is above 0.905, and an equal model would be refused."""
    new = (live - 5) / 1000
    assert holds("auc >= live.auc - 0.005", auc=new, live_auc=live / 1000) is True
    assert holds("auc == live.auc - 0.5%", auc=new, live_auc=live / 1000) is True
    assert holds("auc > live.auc - 0.005", auc=new, live_auc=live / 1000) is False


def test_names() -> None:
    rule = parse_rule('latency_ms.p95 <= 1.1 * live.latency_ms.p95 + scores[0].x + \'a"b\' + "macro avg"."f1-score"')
    assert rule.names() == (
        Name(("latency_ms", "p95")),
        Name(("latency_ms", "p95"), live=True),
        Name(("scores", 0, "x")),
        Name(('a"b',)),
        Name(("macro avg", "f1-score")),
    )
    assert rule.reads_live


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.live", Name(("a", "live"))),
        ("live.live", Name(("live",), live=True)),
        ('"live".a', Name(("live", "a"))),
        ("livestock", Name(("livestock",))),
        ('"and"', Name(("and",))),
        ("min", Name(("min",))),
        ("a.0.b", Name(("a", "0", "b"))),
        ('"mAP@0.5"', Name(("mAP@0.5",))),
        ('live."eval/auc"', Name(("eval/auc",), live=True)),
    ],
)
def test_one_name(text: str, name: Name) -> None:
    assert parse_rule(f"{text} > 0").names() == (name,)
    assert str(name) == text


def test_a_rule_that_reads_nothing_live() -> None:
    rule = parse_rule("accuracy >= 0.9 * accuracy")
    assert rule.names() == (ACCURACY,)
    assert not rule.reads_live


# --- what is told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accuracy >= 0.9", "accuracy 0.87 >= 0.9"),
        ("auc>=live.auc - 0.5%", "auc 0.91>=live.auc 0.9 - 0.5% (0.895)"),
        (" 2 * auc  < 3 ", "2 * auc 0.91 (1.82)  < 3"),
        ("min(auc, live.auc) == 100", "min(auc 0.91, live.auc 0.9) (0.9) == 100"),
        ("(auc) > 1", "(auc 0.91) > 1"),
    ],
)
def test_a_rule_is_told_with_the_numbers_seen(text: str, told: str) -> None:
    numbers = {ACCURACY: exact(0.87), AUC: exact(0.91), LIVE: exact(0.9)}
    rule = parse_rule(text)
    assert rule.told(numbers, rule.evaluate(numbers)) == told
    assert rule.told({}) == text.strip()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (Fraction(1, 3), "0.3333333333333333"),
        (Fraction(100), "100"),
        (Fraction(10**20), "1e+20"),
        (exact(1e-7), "1e-07"),
    ],
)
def test_numbers_for_people(number: Fraction, text: str) -> None:
    assert shown(number) == text


# --- what comes to no number


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / a > 0", "divides by zero"),
        ("0 / a > 0", "divides by zero"),
        ("0 == 1 / (a - a)", "divides by zero"),
        ("1e300 * 1e300 > 0", "beyond 1.8e308"),
        ("0 < -1e308 - 1e308", "beyond 1.8e308"),
        ("1 > " + " * ".join(["1e-300"] * 20), "more digits than are computed"),
    ],
)
def test_no_number(text: str, why: str) -> None:
    result = parse_rule(text).evaluate({Name(("a",)): Fraction(0)})
    assert result.holds is None
    assert why in result.why


# --- what is no rule


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ("", "the rule ends where a number", 1),
        ("accuracy", "compares nothing", 9),
        ("a > 1 and b > 2", "no `and` and no `or`", 7),
        ("a > 1 && b > 2", "no `and` and no `or`", 7),
        ("not a > 1", "no `and` and no `or`", 1),
        ("0.5 < a < 0.9", "compares once", 9),
        ("a = 1", "write `==`", 3),
        ("a => 1", "write `>=`", 3),
        ("a =< 1", "write `<=`", 3),
        ("a ≥ 1", "write `>=`", 3),
        ("(a > 1", "not closed", 1),
        ("a) > 1", "never opened", 2),
        ("a b > 1", "a sign", 3),
        ("1.1live.a > 1", "a sign", 4),
        ("a > * 2", "`*` stands where a number", 5),
        ("sqrt(a) > 1", "no function `sqrt`; there are abs, max, min", 1),
        ("min(a) > 1", "two numbers or more", 1),
        ("abs(a, 1) > 1", "`abs` takes one number", 1),
        ("live > 1", "name one of its metrics", 1),
        ('"a > 1', "quote is not closed", 1),
        ("a[-1] > 1", "whole number", 2),
        ("a % 2 > 1", "right after a number", 3),
        ("a@5 > 1", "must be quoted", 2),
        ("1e999 > a", "beyond 1.8e308", 1),
        ("(" * (DEEPEST + 1) + "a", "levels deep", DEEPEST + 1),
        ("-" * (DEEPEST + 1) + "a", "levels deep", DEEPEST + 1),
        ("a" * LONGEST + ">1", "1,000 characters at most", LONGEST + 1),
        ("(" * 3_000_000, "1,000 characters at most", LONGEST + 1),
    ],
)
def test_what_is_said_of_a_bad_rule(text: str, message: str, column: int) -> None:
    with pytest.raises(BadRule, match=r"\(column \d+\)$") as caught:
        parse_rule(text)
    assert message in str(caught.value)
    assert caught.value.column == column
    assert is_inert(str(caught.value))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_no_rule(text: str) -> None:
    with pytest.raises(BadRule) as caught:
        parse_rule(text)
    assert is_inert(str(caught.value))


@given(st.one_of(st.text(), st.text(alphabet="ab.19e%\"'[](),<>=!+-*/ live&", max_size=60)))
def test_any_text_is_a_rule_or_a_bad_rule(text: str) -> None:
    try:
        rule = parse_rule(text)
    except BadRule as problem:
        assert 1 <= problem.column <= len(text) + 1
        assert is_inert(str(problem))
        return
    result = rule.evaluate(dict.fromkeys(rule.names(), Fraction(1, 3)))
    assert (result.holds is None) == bool(result.why)
    assert all(text[mention.start : mention.end].strip() for mention in rule.mentions)


# --- the grammar against an independent reading

NAMES = st.builds(
    Name,
    st.lists(
        st.one_of(
            st.sampled_from(["a", "live", "and", "p95", "0", "f1-score", "macro avg", "eval/auc", ""]),
            st.integers(0, 99),
        ),
        min_size=1,
        max_size=3,
    )
    .filter(lambda path: isinstance(path[0], str))
    .map(tuple),
    st.booleans(),
)
NUMBERS = st.one_of(
    st.integers(0, 10**6).map(str), st.floats(0, 1e6).map(repr), st.integers(0, 1000).map(lambda number: f"{number}%")
)


def number(text: str) -> Number:
    return Number(Fraction(text.rstrip("%")) / (100 if "%" in text else 1))


LEAVES = st.one_of(NAMES, NUMBERS.map(number))
TREES: st.SearchStrategy[Expression] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Negated, inner),
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(lambda one: Call("abs", (one,)), inner),
        st.builds(Call, st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
BINDING = {"+": 1, "-": 1, "*": 2, "/": 2}


def rendered(tree: Expression, least: int, draw: Callable[[], bool]) -> str:
    """A tree as text, with brackets where they are needed, and now and then where they are not."""
    match tree:
        case Number(value):
            text, binding = f"{float(value)!r}" if exact(float(value)) == value else f"{value * 100}%", 4
        case Name():
            text, binding = str(tree), 4
        case Negated(of):
            text, binding = f"-{rendered(of, 3, draw)}", 3
        case Call(function, arguments):
            text = f"{function}({', '.join(rendered(argument, 0, draw) for argument in arguments)})"
            binding = 4
        case Binary(sign, left, right):
            binding = BINDING[sign]
            space = " " * draw()
            text = f"{rendered(left, binding, draw)}{space}{sign} {rendered(right, binding + 1, draw)}"
    return f"({text})" if binding < least or draw() else text


@given(TREES, TREES, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), st.randoms(use_true_random=False))
def test_what_is_rendered_is_read_back(left: Expression, right: Expression, sign: str, random: object) -> None:
    draw = lambda: random.random() < 0.2  # type: ignore[attr-defined]  # noqa: E731
    text = f"{rendered(left, 0, draw)} {sign} {rendered(right, 0, draw)}"
    rule = parse_rule(text)
    assert (rule.left, rule.comparison, rule.right) == (left, sign, right)
    assert rule.names() == tuple(dict.fromkeys([*names_in(left), *names_in(right)]))


OPERATORS: Mapping[type, Callable[..., Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}


def oracle(node: ast.AST, text: str, numbers: Mapping[str, Fraction]) -> Fraction:
    """Python's own reading of an expression, over fractions."""
    match node:
        case ast.BinOp(left, sign, right):
            return OPERATORS[type(sign)](oracle(left, text, numbers), oracle(right, text, numbers))
        case ast.UnaryOp(sign, operand):
            return OPERATORS[type(sign)](oracle(operand, text, numbers))
        case ast.Call(ast.Name(function), arguments):
            values = [oracle(argument, text, numbers) for argument in arguments]
            return {"abs": lambda: abs(values[0]), "min": lambda: min(values), "max": lambda: max(values)}[function]()
        case ast.Name(name):
            return numbers[name]
        case ast.Constant():
            return Fraction(ast.get_source_segment(text, node) or "")
    raise AssertionError(ast.dump(node))


PIECES = st.one_of(
    st.sampled_from(["a", "b", "c", "min(a, b)", "abs(a - b)", "max(a, 2, c)"]),
    st.integers(0, 99).map(str),
    st.floats(0, 100).map(repr),
)
SUMS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", " / "]), inner).map("".join),
    ),
    max_leaves=10,
)
FLOATS = st.floats(-1e6, 1e6)


@given(SUMS, SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), FLOATS, FLOATS, FLOATS)
def test_evaluation_is_python_s_over_fractions(
    left: str, right: str, sign: str, one: float, other: float, third: float
) -> None:
    numbers = {name: Fraction(repr(value)) for name, value in zip("abc", (one, other, third), strict=True)}
    sides = []
    try:
        for text in (left, right):
            sides.append(oracle(ast.parse(text, mode="eval").body, text, numbers))
        expected = {
            "<": operator.lt,
            "<=": operator.le,
            ">": operator.gt,
            ">=": operator.ge,
            "==": operator.eq,
            "!=": operator.ne,
        }[sign](*sides)
    except ZeroDivisionError:
        expected = None
    rule = parse_rule(f"{left} {sign} {right}")
    result = rule.evaluate({Name((name,)): value for name, value in numbers.items()})
    too_far = result.holds is None and ("more digits" in result.why or "beyond 1.8e308" in result.why)
    assert result.holds is expected or too_far


@given(FLOATS, FLOATS, st.floats(0, 1))
def test_a_better_model_never_fails_where_a_worse_one_passes(worse: float, better: float, margin: float) -> None:
    worse, better = sorted((worse, better))
    for text in (f"a >= live.a - {margin!r}", f"2 * a + min(a, 3) > live.a / 7 - {margin!r}"):
        passes = [holds(text, a=value, live_a=1.5) for value in (worse, better)]
        assert passes != [True, False]


@given(TREES)
def test_a_value_or_undefined(tree: Expression) -> None:
    try:
        value = value_of(tree, dict.fromkeys(names_in(tree), Fraction(-7, 10)))
    except Undefined as problem:
        assert str(problem)
    else:
        assert abs(value) < 2**1024


# --- thresholds


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("< 0.01", 0.0099, 0.01),
        ("<=0.01", 0.01, 0.011),
        (">= 95%", 0.95, 0.94),
        (" > -1e-3 ", 0.0, -0.001),
        ("== 0.1", 0.1, 0.1 + 1e-15),
        ("!= 0", 1.0, 0.0),
        ("> + 2", 3, 2),
    ],
)
def test_thresholds(text: str, good: float, bad: float) -> None:
    threshold = parse_threshold(text)
    assert threshold.holds(good)
    assert not threshold.holds(bad)
    assert parse_threshold(str(threshold)) == threshold


@pytest.mark.parametrize("text", ["< 1", "> 1", "!= 1", "== 1", "<= 1", ">= 1"])
@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_nothing_holds_for_what_is_no_number(text: str, number: float) -> None:
    assert not parse_threshold(text).holds(number)


@pytest.mark.parametrize("text", ["", "0.01", "<", "< a", "< 1 2", "=< 1", "< 1e999", "< nan", "<< 1", "<" * 5000])
def test_no_thresholds(text: str) -> None:
    with pytest.raises(BadRule):
        parse_threshold(text)


@given(st.text())
def test_any_text_is_a_threshold_or_a_bad_rule(text: str) -> None:
    try:
        threshold = parse_threshold(text)
    except BadRule:
        return
    assert parse_threshold(str(threshold)).comparison == threshold.comparison
