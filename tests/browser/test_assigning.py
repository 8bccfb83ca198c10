"""*Assign stage*, from the models page to the tag on the remote and the column: by mouse, by keys, without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Visit
from tests.browser.served import Served
from tests.browser.world import ADA, World

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TAG = "churn#prod#9"


def row(page: Page, model: str) -> Locator:
    """A model's row in the table."""
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=model, exact=True))


def cell(page: Page, model: str, stage: str) -> Locator:
    """A stage of a model in the table."""
    return row(page, model).locator(f"td[data-label='{stage}']")


def assert_assigned(world: World, *, version: str = "v2.1.0", message: str = "good on the canary") -> None:
    """The tag is on the remote, on the version's commit, with Ada's name and words."""
    remote = world.remote
    assert remote.tags()[TAG] == remote.tags()[f"churn@{version}"]
    told = remote.git("for-each-ref", "--format=%(taggername)|%(taggeremail)|%(contents:subject)", f"refs/tags/{TAG}")
    assert told == f"{ADA[0]}|<{ADA[1]}>|{message}"
    assert TAG in world.clone.tags()


def test_from_the_models_page_to_the_tag(served: Served, world: World, visit: Visit) -> None:
    page = visit(served.address)
    row(page, "churn").get_by_role("button", name="Actions for churn").click()
    page.get_by_role("link", name="Assign stage…").click()
    dialog = page.get_by_role("dialog", name="Assign stage")
    dialog.wait_for()
    dialog.get_by_label("Version").select_option("v2.1.0")
    dialog.get_by_label("Stage").fill("prod")
    dialog.get_by_label("Message").fill("good on the canary")
    look = dialog.locator("#look")
    look.get_by_text(TAG).wait_for()
    assert "Replaces" in look.inner_text()
    assert "v1.1.0" in look.inner_text()
    assert "0.94 >= 0.9" in look.inner_text()
    assert TAG not in world.remote.tags()
    look.get_by_role("button", name="Assign v2.1.0 to prod").click()
    done = page.get_by_role("dialog", name="Assigned")
    done.get_by_text("Made and pushed").wait_for()
    assert TAG in done.inner_text()
    assert_assigned(world)

    done.get_by_role("link", name="Close").click()
    done.wait_for(state="hidden")
    cell(page, "churn", "prod").get_by_text("v2.1.0", exact=True).wait_for()
    assert "approved" in cell(page, "churn", "prod").inner_text()

    row(page, "churn").get_by_role("link", name="churn", exact=True).click()
    history = page.locator("#history")
    assert TAG in history.get_by_role("listitem").first.inner_text()
    assert "good on the canary" in history.get_by_role("listitem").first.inner_text()


def test_with_keys_alone(served: Served, world: World, visit: Visit) -> None:
    page = visit(served.address)
    keys = page.keyboard
    keys.press("/")
    keys.type("churn")
    page.wait_for_url("**text=churn**")
    page.get_by_role("link", name="risk", exact=True).wait_for(state="detached")
    tab_to(page, "Actions for churn")
    keys.press("Enter")
    tab_to(page, "Assign stage…")
    keys.press("Enter")
    page.get_by_role("dialog", name="Assign stage").wait_for()
    assert focused(page).get_attribute("name") == "version"
    keys.type("v2.1.0")
    keys.press("Tab")
    keys.type("prod")
    keys.press("Tab")
    tab_to(page, "Message")
    keys.type("good on the canary")
    page.locator("#look").get_by_text(TAG).wait_for()
    tab_to(page, "Assign v2.1.0 to prod")
    keys.press("Enter")
    page.get_by_text("Made and pushed").wait_for()
    assert_assigned(world)
    keys.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")
    assert focused(page).get_attribute("aria-label") == "Actions for churn"
    cell(page, "churn", "prod").get_by_text("v2.1.0", exact=True).wait_for()


def test_without_scripts(served: Served, world: World, visit: Visit) -> None:
    page = visit(served.address, script=False)
    row(page, "churn").get_by_role("link", name="churn", exact=True).click()
    page.get_by_role("link", name="Assign stage").first.click()
    page.get_by_label("Version").select_option("v2.1.0")
    page.get_by_label("Stage").fill("prod")
    page.get_by_label("Message").fill("good on the canary")
    page.get_by_role("button", name="Show what would happen").click()
    assert TAG in page.locator("#look").inner_text()
    assert TAG not in world.remote.tags()
    page.get_by_role("button", name="Assign v2.1.0 to prod").click()
    assert TAG in page.inner_text("main")
    assert_assigned(world)
    page.get_by_role("link", name="Close").click()
    assert "v2.1.0" in page.locator("#stages").inner_text()


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_a_gate_that_refuses_is_seen_before_anything_is_done(
    served: Served, world: World, visit: Visit, script: bool
) -> None:
    page = visit(served.address, script=script)
    page.goto(served.at("/do/assign?model=churn&stage=prod&version=v2.0.0"))
    if not script:
        page.get_by_role("button", name="Show what would happen").click()
    look = page.locator("#look")
    look.get_by_text(TAG).wait_for()
    told = look.inner_text()
    for seen in ("metrics", "0.85 >= 0.9", "needs", "churn v2.0.0 was never deployed in staging"):
        assert seen in told
    assert look.get_by_role("button", name="Assign anyway").is_visible()
    assert TAG not in world.remote.tags()


def test_a_change_in_a_field_takes_the_old_look_with_it(served: Served, world: World, visit: Visit) -> None:
    page = visit(served.address)
    page.goto(served.at("/do/assign?model=churn&stage=prod&version=v2.1.0"))
    page.get_by_role("button", name="Assign v2.1.0 to prod").wait_for()
    page.get_by_label("Version").select_option("v2.2.0")
    page.get_by_role("button", name="Assign v2.1.0 to prod").wait_for(state="detached")
    page.locator("#look").get_by_text("v2.2.0").first.wait_for()
    page.get_by_label("Stage").fill("no good name!")
    page.get_by_label("Stage").press("Tab")
    page.locator("#f-stage-error").get_by_text("no good name!").wait_for()
    assert page.locator("#confirm").count() == 0
    assert TAG not in world.remote.tags()


def test_what_is_not_shown_yet_cannot_be_confirmed(served: Served, world: World, visit: Visit) -> None:
    page = visit(served.address)
    page.goto(served.at("/do/assign?model=churn&stage=prod&version=v2.1.0"))
    page.get_by_role("button", name="Assign v2.1.0 to prod").wait_for()
    page.route("**/look", lambda _: None)  # the answer never comes
    page.get_by_label("Version").select_option("v1.0.0")
    assert page.locator("#confirm").is_disabled()
    page.unroute("**/look")
    assert TAG not in world.remote.tags()


def focused(page: Page) -> Locator:
    """What has the focus."""
    return page.locator("*:focus")


def tab_to(page: Page, name: str, most: int = 40) -> None:
    """Press Tab until what is called so has the focus. Raises AssertionError where it never has."""
    for _ in range(most):
        if focused(page).count():
            called = focused(page).evaluate(
                "one => [one.ariaLabel, one.textContent, ...[...(one.labels ?? [])].map(each => each.textContent)]"
            )
            if any(name == (told or "").strip() for told in called):
                return
        page.keyboard.press("Tab")
    raise AssertionError(f"no Tab leads to {name!r}")
