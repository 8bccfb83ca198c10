"""What axe finds on a page: what keeps people from using it with a keyboard, a screen reader, or weak eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# It asks for no style sheet a second time, which a page that asks nobody for anything would not let it.
_OPTIONS = {"resultTypes": ["violations"], "preload": False}
GRAVE = ("serious", "critical")


def barriers(page: Page, impacts: tuple[str, ...] = GRAVE) -> list[str]:
    """Every finding of these impacts, with where it is."""
    from axe_playwright_python.sync_playwright import Axe

    page.locator(".htmx-request").first.wait_for(state="detached")  # what is on its way is pale for a moment
    found = Axe().run(page, options=_OPTIONS).response["violations"]
    return [
        f"{each['impact']}: {each['id']}: {each['help']}: {node['html'][:300]} ({node['failureSummary']})"
        for each in found
        if each["impact"] in impacts
        for node in each["nodes"]
    ]


def goes_beyond_its_width(page: Page) -> list[str]:
    """The elements that make the whole page scroll sideways; none on a page that fits."""
    found: list[str] = page.evaluate(
        """() => {
          const room = document.documentElement.clientWidth
          if (document.documentElement.scrollWidth <= room) return []
          return [...document.querySelectorAll('body *')]
            .filter(one => one.getBoundingClientRect().right > room + 1)
            .map(one => one.outerHTML.slice(0, 160)).slice(0, 10)
        }"""
    )
    return found
