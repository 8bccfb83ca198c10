"""The grammar of tags: every case that rules R1–R17 state, and what holds for any text."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import (
    Event,
    GtoTag,
    NotGtoTag,
    is_model_name,
    is_stage_name,
    is_tag_ref,
    parse_ref,
    parse_tag,
    slug,
    split_model,
    tag_artifact,
)
from tests.core.tag_texts import DIRECTORIES, GRAMMATICAL, MODELS, TAGS

CASES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/tags/grammar.json").read_text(encoding="utf-8")
)


def check(rule: str) -> None:
    """Every text of the rule is read as stated, or refused with one line that says why."""
    assert CASES[rule]
    for text, fields in CASES[rule].get("read", {}).items():
        expected = GtoTag(text, Event(fields["event"]), **{k: v for k, v in fields.items() if k != "event"})
        assert parse_tag(text) == expected
    for text in CASES[rule].get("refuse", ()):
        with pytest.raises(NotGtoTag) as refusal:
            parse_tag(text)
        assert refusal.value.reason is Reason.NOT_A_GTO_TAG
        assert refusal.value.why
        assert "\n" not in refusal.value.message, "a line break in a tag must not break a log line"


def test_r01_templates() -> None:
    check("R1")


def test_r02_counter_is_optional() -> None:
    check("R2")
    assert parse_tag("churn#prod").counter is None


def test_r03_directory() -> None:
    check("R3")
    assert split_model("a/b/c:m") == ("a/b/c", "m")
    assert split_model("a/b") == ("", "a/b")
    assert tag_artifact("a/b/c:m") == "a/b/c=m"


def test_r04_name_with_slash_has_no_directory() -> None:
    check("R4")
    assert split_model(parse_tag("dvclive/model@v0.0.1").model) == ("", "dvclive/model")


def test_r05_names() -> None:
    check("R5")


def test_r06_case() -> None:
    check("R6")
    assert parse_tag("M#Prod#1").model != parse_tag("m#prod#1").model


def test_r07_versions() -> None:
    check("R7")


def test_r08_counters() -> None:
    check("R8")


def test_r09_exclamation_mark() -> None:
    check("R9")


def test_r10_one_operation() -> None:
    check("R10")


def test_r11_number_after_the_name_is_a_stage() -> None:
    check("R11")


def test_r12_created_is_reserved() -> None:
    check("R12")
    with pytest.raises(NotGtoTag, match="reserved"):
        parse_tag("m@created")


def test_r13_other_tags_are_not_ours() -> None:
    check("R13")


def test_r14_refs_tags_is_dropped_by_parse_ref_only() -> None:
    assert parse_tag("refs/tags/m#prod#1").model == "refs/tags/m"
    assert parse_ref("refs/tags/m#prod#1").model == "m"
    assert parse_ref("refs/tags/refs/tags/m#prod#1").model == "refs/tags/m", "once, not as often as it is there"
    assert parse_ref("m#prod#1").ref == "refs/tags/m#prod#1"
    assert is_tag_ref("refs/tags/m#prod#1")
    assert not is_tag_ref("refs/heads/m#prod#1")
    assert not is_tag_ref("m#prod#1")


def test_r15_trailing_newline_is_refused() -> None:
    check("R15")


def test_r16_git_narrows_the_grammar() -> None:
    check("R16")


def test_r17_ascii_digits_only() -> None:
    check("R17")


def test_hostile_names_are_refused() -> None:
    check("hostile")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a:m#prod", "ends with `=`"),
        ("m@v1.0.0#prod", "one tag says one thing"),
        ("m@1.0.0", "lower-case v"),
        ("v1.0.0", "neither #stage nor @version"),
        ("m#pr öd", "ASCII"),
        ("m_#prod", "start and end with a letter or digit"),
        ("a//b#p", "Git cannot store"),
        ("m@deprecated!", "cannot follow @deprecated"),
        ("m#" + "p" * 4096, "more than Git can store"),
    ],
)
def test_refusals_name_the_likely_mistake(text: str, says: str) -> None:
    with pytest.raises(NotGtoTag) as refusal:
        parse_tag(text)
    assert says in refusal.value.why
    assert len(refusal.value.message) < 500


@pytest.mark.parametrize("name", ["churn", "fraud/eu", "a/b:churn", "a.b:m", "M", "1", "dvclive/model"])
def test_model_names(name: str) -> None:
    assert is_model_name(name)


@pytest.mark.parametrize(
    "name", ["", "_m", "m_", "a=m", "a:b:m", ":m", "a:", "..:m", "../x:m", "a//b", "m#prod", "m\n", "m m", "ä", "/a:m"]
)
def test_not_model_names(name: str) -> None:
    assert not is_model_name(name)


def test_stage_names() -> None:
    assert all(is_stage_name(name) for name in ("prod", "eu/prod", "1", "Prod", "a-b_c"))
    assert not any(is_stage_name(name) for name in ("", "-p", "p!", "p#1", "a//b", "p\n", "a.b", "a:b"))


@given(TAGS)
def test_round_trip(tag: GtoTag) -> None:
    assert parse_tag(tag.text) == tag
    assert parse_ref(tag.ref) == tag
    assert is_model_name(tag.model)
    assert tag_artifact(tag.model) == re.split("[#@]", tag.text)[0]
    assert tag.stage is None or is_stage_name(tag.stage)


@given(st.one_of(st.text(), st.text(alphabet="abAZ09_-/.=#@!:v\n \u0663", max_size=30), GRAMMATICAL))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tag = parse_tag(text)
    except NotGtoTag as refusal:
        assert refusal.exit_code == 2
        return
    assert tag.text == text
    assert text.isascii()


def git_takes(text: str) -> bool:
    """What git itself says."""
    return subprocess.run(["git", "check-ref-format", f"refs/tags/{text}"], check=False).returncode == 0


def test_accepted_tags_are_refs_and_refused_ones_are_not() -> None:
    """R16 both ways, for texts that GTO's grammar accepts: git is the judge."""
    accepted, refused = set(), set()

    @given(st.builds(lambda folder, rest: f"{folder}={rest}", DIRECTORIES, st.sampled_from(["m#p", "m/n@v1.0.0"])))
    def gather(text: str) -> None:
        try:
            accepted.add(parse_tag(text).text)
        except NotGtoTag:
            refused.add(text)

    gather()
    fixed = [text for rule in CASES.values() for text in rule.get("read", {})]
    assert [text for text in [*sorted(accepted)[:25], *fixed] if not git_takes(text)] == []
    stated = [text for text in CASES["R16"]["refuse"] if "=" in text or "//" in text or ".lock" in text]
    assert [text for text in [*sorted(refused)[:15], *stated] if git_takes(text)] == []


LABELS = st.lists(st.text("abcxyz0189", min_size=1, max_size=6), min_size=1, max_size=5).map("-".join)


@given(LABELS)
def test_names_that_are_labels_already_stay_themselves(name: str) -> None:
    assert slug(name) == name


@given(st.one_of(MODELS, st.text(max_size=300)), st.sampled_from([16, 40, 63, 255]))
def test_slug_is_a_label(name: str, limit: int) -> None:
    found = slug(name, limit=limit)
    assert len(found) <= limit
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", found), found


@given(st.lists(st.one_of(MODELS, st.text(alphabet="aA-_/:", max_size=6), st.text()), unique=True, max_size=40))
def test_slugs_of_different_names_differ(names: list[str]) -> None:
    own = [slug(name) for name in names]
    again = [slug(text) for text in own]  # a name chosen to look like another name's slug
    together = {name: slug(name) for name in [*names, *own, *again]}
    assert len(set(together.values())) == len(together)


@pytest.mark.parametrize(
    "text", ["churn#prod#1#2", "churn#prod#", "churn#prod#-1", "churn#prod#١", "churn#prod#x", "churn#1#2#3", "#prod#1"]
)
def test_what_was_parsed_before_helps_no_odd_counter(text: str) -> None:
    assert parse_tag("churn#prod#1").counter == 1
    assert parse_tag("churn#prod#007").counter == 7
    assert parse_tag("churn#1#2") == ("churn#1#2", Event.ASSIGNMENT, "churn", None, "1", 2)
    assert parse_tag("churn#1") == ("churn#1", Event.ASSIGNMENT, "churn", None, "1", None)
    with pytest.raises(NotGtoTag):
        parse_tag(text)
