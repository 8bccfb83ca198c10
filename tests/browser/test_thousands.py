"""A registry of a thousand models: pages of it, a filter that follows the typing, nothing that scrolls sideways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.accessibility import goes_beyond_its_width
from tests.browser.conftest import Visit
from tests.browser.reading import PHONE
from tests.browser.served import Served, serving
from tests.browser.world import begun
from tests.standins.registries import History

MODELS = 1_000
STAGES = tuple(f"stage-{number}" for number in range(12))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A thousand models, twelve stages."""
    world = begun(tmp_path_factory.mktemp("large") / "world")
    history = History()
    commit = history.commit({"README": "many\n"})
    for number in range(MODELS):
        name = f"team-{number % 7}/model-{number:04}"
        history.tag(f"{name}@v1.0.0", at=commit)
        history.tag(f"{name}#{STAGES[number % 12]}#1", at=commit)
    history.write(world.clone)
    with serving(world) as served:
        yield served


def test_typing_filters_what_is_typed_last(large: Served, visit: Visit) -> None:
    page = visit(large.address)
    assert page.locator("[data-row]").count() == 50
    page.get_by_role("searchbox").press_sequentially("team-3/model-0", delay=15)
    page.wait_for_url("**text=team-3%2Fmodel-0**")
    page.get_by_role("link", name="team-3/model-0003", exact=True).wait_for()
    page.get_by_role("link", name="team-0/model-0000", exact=True).wait_for(state="detached")
    page.get_by_role("searchbox").press_sequentially("99", delay=15)
    page.wait_for_url("**text=team-3%2Fmodel-099**")
    page.get_by_role("link", name="team-3/model-0990", exact=True).wait_for()
    page.get_by_role("link", name="team-3/model-0003", exact=True).wait_for(state="detached")
    assert page.get_by_role("searchbox").evaluate("one => one === document.activeElement")


def test_page_after_page(large: Served, visit: Visit) -> None:
    page = visit(large.address)
    first = set(page.locator("[data-row]").all_inner_texts())
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**page=2**")
    page.get_by_text("51–100 of").wait_for()
    assert not first & set(page.locator("[data-row]").all_inner_texts())
    page.go_back()
    page.get_by_text("1–50 of").wait_for()
    assert set(page.locator("[data-row]").all_inner_texts()) == first


def test_twelve_stages_do_not_scroll_the_page_sideways(large: Served, visit: Visit) -> None:
    for size in (PHONE, (1280, 900)):
        page = visit(large.address, size=size)
        page.wait_for_load_state("networkidle")
        assert goes_beyond_its_width(page) == []
