"""Checks of tags in memory: which oddities matter today, and which have been settled since."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.health import AILMENTS, SHOWN, listed, quoted
from model_stage_deploy.core.health_stages import misleading_stages
from model_stage_deploy.core.health_tags import back_dated, near_misses, times
from tests.core.tag_records import START, commit, registry

NOW = START + 10_000
V1, V2 = "m@v1.0.0 A", "m@v2.0.0 B"


def found(*lines: str) -> list[tuple[str, str]]:
    """Code and tag of what the checks of times and stages find."""
    made = registry(*lines)
    return [(one.code, one.tag) for one in (*times(made, NOW), *misleading_stages(made))]


@pytest.mark.parametrize(
    "lines",
    [
        (V1, "m#prod#1 A"),
        (V1, V2, "m#prod#1 A @100", "m#prod#2 B @100", "m#prod#3 A @200"),  # a tie that is settled
        (V1, V2, "m#prod#2 A @100", "m#prod#1 B @200", "m#prod#3 B @300"),  # numbers that were out of order
        (V1, "m#prod#1 A @100", "m#prod#2 A @100"),  # a tie of two that say the same
        (V1, V2, "m#prod#1 A", "m#prod#2 B", "m#prod!#3 B", "m#prod#4 A"),  # an answer to the fall
        (V1, V2, "m#prod#1 A", "m#prod#2 B", "m@v1.0.0! A"),
        (V1, "m#prod#1 A", "m@v1.0.0! A"),
        (V1, "m@deprecated A"),
        (V1, "m@deprecated A", V2),
        (V1, "m#prod A", V2, "m#prod!#1 A"),
    ],
)
def test_sound_registries(lines: tuple[str, ...]) -> None:
    assert found(*lines) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((V1, V2, "m#prod#1 A @100", "m#prod#2 B @100"), [("ambiguous-order", "m#prod#2")]),
        ((V1, "m#prod#1 A @100", "m#prod!#2 A @100"), [("ambiguous-order", "m#prod#1")]),
        (("m@v1.0.0 A @100", "m@v1.0.0! A @100"), [("ambiguous-order", "m@v1.0.0!")]),
        (("m@v1.0.0 A @100", "m@deprecated A @100"), [("ambiguous-order", "m@v1.0.0")]),
        ((V1, V2, "m#prod#9 A @200", "m#prod#3 B @300"), [("counter-order", "m#prod#9")]),
        ((V1, "m#prod#1 A @10301"), [("clock-ahead", "m#prod#1")]),
        ((V1, V2, "m#prod#1 A", "m#prod#2 B", "m#prod!#3 B"), [("fell-back", "m#prod!#3")]),
        ((V1, V2, "m#prod#1 A", "m#prod#2 B", "m@v2.0.0! B"), [("fell-back", "m@v2.0.0!")]),
        ((V1, "m@v1.0.0! A", "m#prod#1 A"), [("dead-assignment", "m#prod#1")]),
        ((V1, "m@deprecated A", "m#prod!#2 A"), [("revived", "m#prod!#2")]),
        ((V1, "m#prod#1 A", "m@deprecated A"), [("deprecated-in-stage", "m@deprecated")]),
    ],
)
def test_what_matters_today(lines: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert found(*lines) == expected


def test_a_clock_may_be_five_minutes_ahead() -> None:
    assert found(V1, "m#prod#1 A @10300") == []


@pytest.mark.parametrize(("later", "expected"), [(3601, ["m#prod#1"]), (3600, []), (-5, [])])
def test_a_tag_may_be_an_hour_older_than_its_commit(later: int, expected: list[str]) -> None:
    made = registry("m@v1.0.0 A @100", "m#prod#1 A @200")
    assert [one.tag for one in back_dated(made, {commit("A"): START + 200 + later})] == expected
    assert list(back_dated(made, {})) == []


def test_a_back_dated_tag_that_is_settled() -> None:
    made = registry("m@v1.0.0 A @100", "m#prod#1 A @200", "m#prod#2 A @9000")
    assert list(back_dated(made, {commit("A"): START + 8000})) == []


@pytest.mark.parametrize("name", ["m@1.0.0", "M@v1", "m#prod#", "a b#c", "x#", "m@v1.0"])
def test_near_misses(name: str) -> None:
    assert [one.tag for one in near_misses([name], registry(V1))] == [name]


@pytest.mark.parametrize("name", ["v1.0.0", "package@1.0.0", "@scope/package@1.0.0", "@x", "release/1"])
def test_tags_that_were_never_meant_as_ours(name: str) -> None:
    assert list(near_misses([name], registry(V1))) == []
    assert [one.tag for one in near_misses(["package@1.0.0"], registry())] == ["package@1.0.0"]


def test_words() -> None:
    assert quoted("a'b#c") == "'a'\\''b#c'"
    assert listed("abc") == "a, b, c"
    assert listed("abcde") == "a, b, c and 2 more"
    assert SHOWN == 3
    assert all(ailment.meaning.endswith(".") for ailment in AILMENTS.values())
