"""The files beside the pages: named by their content, and asking nobody else for anything."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest

from model_stage_deploy.report.html.assets import assets, versioned
from model_stage_deploy.report.html.pages import models_page
from tests.report.html.hostile import wide_overview
from tests.report.html.plain_links import chrome

OURS = ("app.css", "app.js", "favicon.svg")


def test_an_address_changes_with_the_content() -> None:
    found = assets()["app.css"]
    assert found.kind == "text/css; charset=utf-8"
    assert versioned("app.css") == f"app.css?v={hashlib.sha256(found.content).hexdigest()[:12]}"
    with pytest.raises(KeyError):
        versioned("../pages.py")


@pytest.mark.parametrize("name", OURS)
def test_ours_ask_no_other_host(name: str) -> None:
    text = assets()[name].content.decode().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"//[a-z]|@import|url\(|</(style|script)", text)


def test_ours_evaluate_nothing() -> None:
    script = assets()["app.js"].content.decode()
    assert not re.search(
        r"\beval\b|\bFunction\(|innerHTML\s*=|insertAdjacentHTML|document\.write|outerHTML\s*=", script
    )


def test_every_picture_that_a_page_uses_is_there() -> None:
    page = models_page(wide_overview(), chrome())
    assert set(re.findall(r'href="#(i-[a-z-]+)"', page)) <= set(re.findall(r'<symbol id="(i-[a-z-]+)"', page))


def test_a_full_page_with_all_it_needs_is_light() -> None:
    page = gzip.compress(models_page(wide_overview(), chrome()).encode(errors="replace"))
    needed = [gzip.compress(assets()[name].content) for name in (*OURS, "htmx.min.js")]
    assert len(page) + sum(map(len, needed)) < 60_000
