"""Hostile names, messages and addresses in every place of every page: text, and nothing but text."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

import pytest

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.report.html.pages import message_page, model_page, models_page, models_table, state_cells
from tests.report.html.hostile import HOSTILE, SCRIPT, hostile_page, wide_overview
from tests.report.html.looking import pages
from tests.report.html.parsing import Parsed
from tests.report.html.plain_links import PlainLinks, chrome

ELEMENTS = re.compile(
    "a|body|button|caption|circle|code|dd|desc|details|dialog|div|dl|dt|figcaption|figure|footer|form|g|"
    "h1|h2|h3|head|header|html|input|kbd|label|li|line|link|main|meta|nav|noscript|ol|option|p|path|polyline|pre|"
    "rect|script|section|select|small|span|strong|summary|svg|symbol|table|tbody|td|text|th|thead|time|"
    "title|tr|ul|use"
)
ATTRIBUTES = re.compile(
    r"id|class|href|src|rel|type|name|value|content|charset|lang|method|action|for|title|role|scope|colspan|hidden|"
    r"tabindex|placeholder|checked|selected|disabled|autocomplete|spellcheck|datetime|defer|popover|popovertarget|form|"
    r"open|start|focusable|aria-[a-z]+|data-(as|dialog|row|label|close|time|report-filter|states)|"
    r"hx-(get|target|select|swap|trigger|push-url|sync|swap-oob)|"
    r"viewbox|width|height|fill|stroke|d|cx|cy|r|x|y|x1|x2|y1|y2|rx|points|transform|text-anchor|"
    r"font-(size|weight)|(fill|stroke)-(opacity|width|dasharray|linejoin)"
)
ADDRESSES = ("href", "src", "action", "formaction", "hx-get", "hx-post")


class Noted(PlainLinks):
    """Links that remember where they led."""

    def __init__(self) -> None:
        super().__init__()
        self.given: set[str] = set()

    def __getattribute__(self, name: str) -> Any:
        """The link, which is noted when it is made."""
        found = super().__getattribute__(name)
        if name not in ("models", "states", "model", "asset", "dialog", "commit"):
            return found

        def noted(*arguments: Any, **options: Any) -> str:
            made: str = found(*arguments, **options)
            self.given.add(made)
            return made

        return noted


def hostile(links: PlainLinks) -> dict[str, str]:
    """Every page, all of whose texts are hostile, in hostile surroundings."""
    around = chrome(
        links=links, name=SCRIPT, program=SCRIPT, read_only=SCRIPT, notices=HOSTILE, csrf='"><script>', fetch="/fetch"
    )
    cells = [(row.name, cell) for row in wide_overview().rows for cell in row.stages.values()]
    return {
        "models": models_page(wide_overview(), around),
        "table": models_table(wide_overview(), around),
        "states": state_cells(cells, around),
        "model": model_page(hostile_page(), around),
        "message": message_page(SCRIPT, HOSTILE, around, hint=SCRIPT),
    }


HOSTILE_PAGES = hostile(PlainLinks())
PAGES = {**{f"hostile {name}": text for name, text in HOSTILE_PAGES.items()}, **pages()}


@pytest.mark.parametrize("name", PAGES)
def test_there_are_no_elements_and_attributes_but_ours(name: str) -> None:
    for element in Parsed(PAGES[name]).elements:
        assert ELEMENTS.fullmatch(element.name), element
        assert all(ATTRIBUTES.fullmatch(attribute) for attribute in element.attributes), element


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_inline_that_a_strict_policy_refuses(name: str) -> None:
    page = Parsed(PAGES[name])
    assert not page.named("style")
    assert not page.values("style")
    assert all(element.attributes["src"] for element in page.named("script"))
    assert not [word for element in page.elements for word in element.attributes if word.startswith(("on", "hx-on"))]


@pytest.mark.parametrize("name", PAGES)
def test_no_character_does_anything_to_the_text_around_it(name: str) -> None:
    page = Parsed(PAGES[name])
    values = [
        value
        for element in page.elements
        for attribute, value in element.attributes.items()
        if (element.name, attribute) != ("option", "value")  # unseen, and it must be exact
    ]
    shown = "".join([*page.texts, *values])
    odd = {character for character in shown if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    assert odd <= {"\n"}


@pytest.mark.parametrize("name", HOSTILE_PAGES)
def test_every_address_comes_from_the_links_or_is_one_of_the_web(name: str) -> None:
    links = Noted()
    page = Parsed(hostile(links)[name])
    for element in page.elements:
        for attribute in ADDRESSES:
            to = element.attributes.get(attribute)
            if to is None or to in links.given or to == "/fetch" or (to.startswith("#") and " " not in to):
                continue
            assert re.fullmatch(r'https?://[^\s"<>@]+', to), (element.name, to)
            assert element.attributes["rel"] == "noopener noreferrer"


@pytest.mark.parametrize("name", PAGES)
def test_ids_are_unique_and_what_refers_to_one_finds_it(name: str) -> None:
    page = Parsed(PAGES[name])
    ids = page.values("id")
    assert len(set(ids)) == len(ids)
    if "<body" not in PAGES[name]:
        return
    referring = [page.values(attribute) for attribute in ("for", "form", "popovertarget", "aria-labelledby")]
    wanted = {one for values in referring for value in values for one in value.split()}
    wanted |= {to[1:] for to in page.values("href") if to.startswith("#")}
    # The table may be asked for alone; its page has the form that its fields belong to.
    assert wanted <= set(ids) | {"filters"}


@pytest.mark.parametrize("name", [name for name in PAGES if "<body" in PAGES[name]])
def test_headings_leave_out_no_level(name: str) -> None:
    levels = [int(element.name[1]) for element in Parsed(PAGES[name]).elements if re.fullmatch("h[1-6]", element.name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_can_be_read(text: str) -> None:
    assert " ".join(one_line(text).split()) in Parsed(HOSTILE_PAGES["model"]).text
    assert " ".join(one_line(text).split()) in Parsed(HOSTILE_PAGES["models"]).text


def test_a_long_message_is_all_there_line_by_line() -> None:
    shown = next(text for text in Parsed(HOSTILE_PAGES["model"]).texts if text.count("x") >= 9000)
    assert shown.count("\n") == len(HOSTILE) - 1


def test_filters_keep_what_was_asked_for_exactly() -> None:
    page = Parsed(HOSTILE_PAGES["models"])
    asked = wide_overview().query
    chosen = {element.attributes["value"] for element in page.named("option") if "selected" in element.attributes}
    assert chosen == {asked.stage, asked.type}
    hidden = {
        element.attributes["name"]: element.attributes["value"]
        for element in page.named("input")
        if element.attributes.get("form") == "filters"
    }
    assert hidden == {"sort": "newest", "dir": "desc"}
