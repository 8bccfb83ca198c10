"""What a person sees, and that everybody can: axe on every page, on a phone, in the dark; times, links, going back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessibility import barriers, goes_beyond_its_width
from tests.browser.conftest import Visit
from tests.browser.reading import DESKTOP, PHONE
from tests.browser.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAGES = {
    "models": "/models",
    "deprecated": "/models?deprecated=1&sort=latest&dir=desc",
    "nothing fits": "/models?text=no-such-model",
    "churn": "/m/churn",
    "fraud": "/m/fraud/eu",
    "assign": "/do/assign?model=churn",
    "register": "/do/register?model=churn",
    "unassign": "/do/unassign?model=churn&stage=dev",
    "rollback": "/do/rollback?model=churn&stage=prod",
    "approve": "/do/approve?model=risk",
    "lock": "/do/lock?model=churn&stage=prod",
    "unlock": "/do/unlock?model=churn&stage=prod",
    "deploy": "/do/deploy?model=churn&stage=staging",
    "nowhere": "/nowhere",
    "no such model": "/m/nobody",
}
MODES = {"light": (DESKTOP, False), "dark": (DESKTOP, True), "phone": (PHONE, False), "dark phone": (PHONE, True)}


def everywhere(page: Page) -> list[str]:
    """What keeps people out of a page, in any mode."""
    found = []
    for mode, (size, dark) in MODES.items():
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        found += [f"{mode}: {told}" for told in barriers(page)]
        found += [f"{mode}: beyond the width: {told}" for told in goes_beyond_its_width(page)]
    return found


@pytest.mark.parametrize("name", PAGES)
def test_nothing_keeps_anybody_out(looked_at: Served, visit: Visit, name: str) -> None:
    page = visit(looked_at.address, allowed=("status of 4",))
    page.goto(looked_at.at(PAGES[name]))
    page.wait_for_load_state("networkidle")
    assert page.locator("main").is_visible()
    assert everywhere(page) == []


def test_who_has_no_link_is_told_where_to_find_it(looked_at: Served, visit: Visit) -> None:
    page = visit(looked_at.at("/m/churn"), allowed=("status of 401",))
    assert "terminal" in page.inner_text("main")
    assert "churn" not in page.inner_text("body")
    assert barriers(page) == []


def test_the_first_address_shows_the_models_and_forgets_the_token(looked_at: Served, visit: Visit) -> None:
    page = visit(looked_at.address)
    assert page.url == looked_at.at("/models")
    churn = page.get_by_role("row", name=re.compile(r"^churn\b"))
    for seen in ("v2.2.0", "v1.1.0", "v2.0.0"):
        assert churn.get_by_text(seen).first.is_visible()
    for word in ("failed", "deployed"):
        assert churn.get_by_text(word, exact=False).first.is_visible()
    assert page.get_by_role("link", name="ranker").count() == 0


def test_a_deep_link_leads_there_and_back_leads_back(looked_at: Served, visit: Visit) -> None:
    page = visit(looked_at.address)
    page.get_by_role("link", name="fraud/eu", exact=True).click()
    page.wait_for_url(looked_at.model("fraud/eu"))
    assert page.get_by_role("heading", level=1).inner_text().startswith("fraud/eu")
    page.goto(looked_at.model("churn") + "#history")
    assert page.locator("#history").is_visible()
    page.reload()
    assert page.url.endswith("/m/churn#history")
    page.go_back()
    page.go_back()
    page.wait_for_url("**/models")
    assert page.get_by_role("link", name="churn", exact=True).is_visible()


def test_a_filter_is_in_the_address_and_survives_back_and_reload(looked_at: Served, visit: Visit) -> None:
    page = visit(looked_at.address)
    page.keyboard.press("/")
    page.keyboard.type("scorecard")
    page.wait_for_url("**/models?*text=scorecard*")
    assert page.get_by_role("link", name="risk", exact=True).is_visible()
    page.get_by_role("link", name="churn", exact=True).wait_for(state="detached")
    page.get_by_role("link", name="risk", exact=True).click()
    page.wait_for_url(looked_at.model("risk"))
    page.go_back()
    page.wait_for_url("**/models?*text=scorecard*")
    assert page.get_by_role("searchbox").input_value() == "scorecard"
    assert page.get_by_role("link", name="churn", exact=True).count() == 0
    page.reload()
    assert page.get_by_role("link", name="risk", exact=True).is_visible()
    assert page.get_by_role("link", name="churn", exact=True).count() == 0


def test_the_headings_sort_and_the_switch_shows_what_is_deprecated(looked_at: Served, visit: Visit) -> None:
    page = visit(looked_at.address)
    names = page.locator("[data-row]")
    assert names.all_inner_texts() == ["churn", "fraud/eu", "risk"]
    page.get_by_role("columnheader", name="Model").get_by_role("link").click()
    page.wait_for_url("**/models?*dir=desc*")
    page.locator("th[aria-sort=descending]").wait_for()
    assert names.all_inner_texts() == ["risk", "fraud/eu", "churn"]
    page.get_by_role("checkbox", name=re.compile("Deprecated")).check()
    page.get_by_role("link", name="ranker", exact=True).wait_for()
    assert names.all_inner_texts() == ["risk", "ranker", "fraud/eu", "churn"]


def test_times_are_the_readers_own(looked_at: Served, visit: Visit) -> None:
    def shown(zone: str) -> dict[str, str]:
        page = visit(looked_at.address, zone=zone)
        page.goto(looked_at.model("churn"))
        found: dict[str, str] = page.evaluate(
            """() => Object.fromEntries([...document.querySelectorAll('main time')]
                 .map(one => [one.dateTime, one.title + ' ' + one.textContent]))"""
        )
        return found

    tokyo, new_york = shown("Asia/Tokyo"), shown("America/New_York")
    assert tokyo.keys() == new_york.keys()
    assert tokyo
    assert all(tokyo[moment] != new_york[moment] for moment in tokyo)


@pytest.mark.parametrize("path", ["/models", "/models?text=risk", "/m/churn", "/do/assign?model=churn"])
def test_without_scripts_everything_can_be_read(looked_at: Served, visit: Visit, path: str) -> None:
    page = visit(looked_at.address, script=False)
    page.goto(looked_at.at(path))
    assert page.locator("main h1, main h2").first.is_visible()
    assert page.locator("time").count() == 0 or "20" in str(page.locator("time").first.get_attribute("datetime"))
