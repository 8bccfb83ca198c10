"""Markdown of foreign texts: labels of Mermaid pictures, and pages that keep to their limit."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import State
from model_stage_deploy.core.way import Spot, Way
from model_stage_deploy.report.markdown import fit, mermaid
from model_stage_deploy.report.summary import LIMIT, summary
from model_stage_deploy.report.way import picture
from tests.faces import corpora
from tests.faces.rendered import assert_harmless
from tests.fakes.plans import HOSTILE
from tests.report.golden.ends import ends

LABEL = re.compile(r"(?:[A-Za-z0-9 .\-/]|#[0-9]+;)*")
LINE = re.compile(
    r"flowchart LR|  (?:v|s[0-9]+|m)(?:\(\[|\[)?\"LABEL(?:<br>LABEL)*\"(?:\]\)|\])"
    r"|  \w+ (?:-->|-\.->|-- \"LABEL\" -->) \w+|  classDef \w+ [a-z0-9:#,]+|  class [s0-9,]+ \w+".replace(
        "LABEL", LABEL.pattern
    )
)
FOREIGN = {f"tag {number}": tag for number, tag in enumerate(corpora.tags())} | corpora.values() | HOSTILE
SPOTS = st.builds(
    Spot,
    st.text(max_size=30),
    st.sampled_from(State),
    st.none() | st.text(max_size=30),
    st.none() | st.text(max_size=30),
)


def _plain(text: str) -> str:
    return text


def _drawn(way: Way, stage: str) -> None:
    lines = picture(way, {stage: "deployed"}, _plain).split("\n")
    assert all(LINE.fullmatch(line) for line in lines), [line for line in lines if not LINE.fullmatch(line)]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_hostile_text_stays_a_label(name: str) -> None:
    text = FOREIGN[name]
    _drawn(Way(text, text, registered=True, spots=(Spot(text, State.DEPLOYED, text, text),)), text)


@given(text=st.text(max_size=60), spots=st.lists(SPOTS, max_size=15))
def test_no_text_gets_out_of_a_label(text: str, spots: list[Spot]) -> None:
    _drawn(Way(text, text, registered=False, spots=tuple(spots)), spots[0].stage if spots else "")


@given(st.text(max_size=40))
def test_a_label_means_what_was_said(text: str) -> None:
    label = mermaid(_plain, text).replace("#8288;", "")
    assert re.sub(r"#([0-9]+);", lambda found: chr(int(found[1])), label) == one_line(text, 40)


def test_what_mermaid_would_read_in_a_label_is_encoded() -> None:
    assert mermaid(_plain, "v1.0.0-rc.1 of fraud/eu") == "v1.0.0-rc.1 of fraud/eu"
    assert mermaid(_plain, "1. one") == "1#46; one"
    assert mermaid(_plain, "- a") == "#45; a"
    assert mermaid(_plain, '"]; click') == "#34;#93;#59; click"
    assert mermaid(_plain, "%%{init}%%") == "#37;#37;#123;init#125;#37;#37;"
    assert mermaid(_plain, "fa:fa-car") == "fa#58;#8288;fa-car"


def test_secrets_are_starred_in_labels_before_they_are_cut() -> None:
    assert "hush" not in mermaid(lambda text: text.replace("hush-hush", "***"), "x" * 33 + "hush-hush")


def test_a_page_loses_sections_in_the_order_of_their_worth() -> None:
    told = {
        name: letter * 200 + "\n" for name, letter in (("first", "a"), ("tail", "b"), ("facts", "c"), ("last", "d"))
    }
    dispensable = {"tail": "the end", "facts": "the facts"}

    def kept(limit: int) -> str:
        page = fit(told, limit, dispensable)
        assert len(page.encode()) <= limit
        return "".join(letter for letter in "abcd" if letter * 200 in page)

    assert fit(told, 1000, dispensable) == "\n".join(told.values())
    assert [kept(limit) for limit in (1000, 800, 600, 400, 0)] == ["abcd", "acd", "ad", "a", ""]
    assert fit(told, 600, dispensable).endswith("*Left out, as there is no room for it: the end, the facts.*\n")


@given(st.lists(st.integers(0, 300), min_size=1, max_size=8), st.integers(0, 1500))
def test_a_page_never_exceeds_its_limit(sizes: list[int], limit: int) -> None:
    told = {f"s{number}": "ä" * size + "\n" for number, size in enumerate(sizes)}
    page = fit(told, limit, {"s1": "one"})
    assert len(page.encode()) <= limit
    whole = "\n".join(told.values())
    assert (page == whole) == (len(whole.encode()) <= limit)


@pytest.mark.thorough
@pytest.mark.parametrize("limit", [LIMIT, 65_535, 20_000, 6_000, 2_000, 500, 100])
def test_a_cut_summary_is_whole_markdown(limit: int) -> None:
    outcome = ends()["failed"]
    line = "`" * 50 + "ä" * 1900 + "\n"
    big = replace(outcome, tail=line * 60, warnings=("w" * 2000,) * 400, steps=outcome.steps * 300)
    text = summary(big, _plain, limit=limit)
    assert len(text.encode()) <= limit
    if text:
        page = assert_harmless(text)
        assert page.startswith("<h2>")
        assert "Left out" in page


def test_a_tail_that_is_too_long_goes_before_anything_else() -> None:
    outcome = ends()["failed"]
    text = summary(replace(outcome, tail="x" * 2000 + "\n" + ("y" * 1999 + "\n") * 59), _plain, limit=65_535)
    assert "the end of the deployer's output" in text
    assert "mermaid" in text
    assert "| Commit |" in text
