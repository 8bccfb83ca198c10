"""Shortcuts (R62): which texts are ones, and the version that each means."""

from __future__ import annotations

import pytest
from hypothesis import given

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.shortcuts import Shortcut, find, parse_shortcut
from model_stage_deploy.core.tags import NotGtoTag, parse_tag
from tests.core.tag_records import commit, model
from tests.core.tag_texts import GRAMMATICAL


@pytest.mark.parametrize(
    ("text", "stage", "version"),
    [
        ("m#prod", "prod", None),
        ("m#1", "1", None),  # R11
        ("m#eu/prod", "eu/prod", None),
        ("m@latest", None, None),
        ("m@greatest", None, None),
        ("m@v1.2.3", None, "v1.2.3"),
        ("m@v1.2.3-rc.1+b5", None, "v1.2.3-rc.1+b5"),
    ],
)
@pytest.mark.parametrize("name", ["m", "fraud/eu", "a/b:m", "a.b:m"])
def test_r62_shortcuts(name: str, text: str, stage: str | None, version: str | None) -> None:
    whole = name + text[1:]
    assert parse_shortcut(whole) == Shortcut(whole, name, stage, version)


@pytest.mark.parametrize(
    "text",
    [
        *("", "m", "#prod", "m#", "m#prod#1", "m#prod!", "m#prod!#1", "m@v1.0.0#1", "m@v1.0.0!", "m@deprecated"),
        *("a/b=m#prod", "a/b=m@latest", "refs/tags/m#prod", "refs/heads/m#prod", "m@1.0.0", "m@v1.0", "m@newest"),
        *("a:b:m#prod", ":m#prod", "m#prod\n", "_m#prod", "m@", "m @latest", "../m#prod", "..:m#prod", "m@LATEST"),
    ],
)
def test_r62_what_is_no_shortcut(text: str) -> None:
    assert parse_shortcut(text) is None


@given(GRAMMATICAL)
def test_what_has_two_readings_names_the_same_thing(text: str) -> None:
    """A simple tag of the same text is about the same model, stage and version."""
    shortcut = parse_shortcut(text)
    if shortcut is None:
        return
    try:
        tag = parse_tag(text)
    except NotGtoTag:
        return
    assert (tag.model, tag.stage, tag.version, tag.counter) == (shortcut.model, shortcut.stage, shortcut.version, None)


def meaning(text: str, *lines: str) -> tuple[str, str | None]:
    shortcut = parse_shortcut(text)
    assert shortcut is not None
    version, event = find(shortcut, model(*lines))
    return version.name, event.tag.text if event else None


LINES = ("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 B", "m#prod#2 A", "m@v1.5.0 C")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("m#prod", ("v1.0.0", "m#prod#2")),
        ("m@latest", ("v2.0.0", "m@v2.0.0")),
        ("m@greatest", ("v2.0.0", "m@v2.0.0")),
        ("m@v1.5.0", ("v1.5.0", "m@v1.5.0")),
    ],
)
def test_r62_meaning(text: str, expected: tuple[str, str]) -> None:
    assert meaning(text, *LINES) == expected


def test_r37_r42_deregistered_versions_are_not_meant() -> None:
    lines = (*LINES, "m@v2.0.0! B", "m@v1.0.0! A")
    assert meaning("m@latest", *lines) == ("v1.5.0", "m@v1.5.0")
    for text, reason in (("m@v2.0.0", Reason.INACTIVE_VERSION), ("m#prod", Reason.NEVER_IN_STAGE)):
        with pytest.raises(Refused) as refusal:
            meaning(text, *lines)
        assert refusal.value.reason is reason


def test_r26_registered_again_elsewhere() -> None:
    assert meaning("m@v1.0.0", "m@v1.0.0 A", "m@v1.0.0! A", "m@v1.0.0#3 B") == ("v1.0.0", "m@v1.0.0#3")
    assert meaning("m@v1.0.0", "m@v1.0.0 A", "m@v1.0.0!#2 A", "m@v1.0.0#3 A") == ("v1.0.0", "m@v1.0.0#3")


def test_r23_bare_commits() -> None:
    assert meaning("m#prod", "m#prod#1 A") == (commit("A"), "m#prod#1")
    assert meaning("m@latest", "m#prod#1 A", "m#prod#2 B") == (commit("B"), None)


def test_r41_a_deprecated_model_still_answers() -> None:
    assert meaning("m#prod", *LINES, "m@deprecated A") == ("v1.0.0", "m#prod#2")


@pytest.mark.parametrize(("text", "reason"), [("m#dev", Reason.NEVER_IN_STAGE), ("m@v9.0.0", Reason.UNKNOWN_VERSION)])
def test_what_there_is_not(text: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refusal:
        meaning(text, *LINES)
    assert refusal.value.reason is reason
    assert "has" in refusal.value.message
    assert refusal.value.hint.endswith(("prod", "v1.5.0, v2.0.0, v1.0.0"))


def test_no_version_at_all() -> None:
    with pytest.raises(Refused) as refusal:
        meaning("m@latest", "m@v1.0.0 A", "m@v1.0.0!#2 A")
    assert refusal.value.reason is Reason.UNKNOWN_VERSION


def test_b02_an_ambiguous_model_refuses_stages_only() -> None:
    lines = ("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")
    assert meaning("m@latest", *lines)[0] == "v2.0.0"
    with pytest.raises(Refused) as refusal:
        meaning("m#prod", *lines)
    assert refusal.value.reason is Reason.AMBIGUOUS_VERSION
