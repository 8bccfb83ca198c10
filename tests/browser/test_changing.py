"""The other dialogs: a version registered, a stage emptied, a deployment run and taken back, an approval, a lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.accessibility import barriers
from tests.browser.conftest import Visit
from tests.browser.served import Served, serving
from tests.browser.world import GRACE, World
from tests.faces.command_lines import run

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

A_DEPLOYMENT = 60_000  # milliseconds


@pytest.fixture
def churn(served: Served, visit: Visit) -> Page:
    """The page of churn."""
    page = visit(served.address)
    page.goto(served.model("churn"))
    return page


def step(page: Page, stage: str) -> Locator:
    """The card of a stage."""
    return page.locator("#stages li").filter(has=page.get_by_role("heading", name=stage, exact=True))


def begin(page: Page, where: Locator, label: str) -> Locator:
    """Open a dialog by a button, or by the menu beside it; the dialog."""
    button = where.get_by_role("link", name=label)
    if not button.count() or not button.first.is_visible():
        where.get_by_role("button", name="Actions for").click()
    where.get_by_role("link", name=label).first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("#dialog-form").wait_for()
    return dialog


def confirm(dialog: Locator, words: str) -> None:
    """Press the button that says so, once what would happen is shown."""
    dialog.locator("#look").get_by_role("button", name=words).click()
    dialog.locator("#dialog-form").wait_for(state="detached")


def closed(page: Page) -> None:
    """Close the dialog."""
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="hidden")


def test_register_version(churn: Page, world: World) -> None:
    commit = world.clone.commit({"models/churn.pkl": "run 6\n"})
    world.clone.git("push", "--quiet", "origin", "main")
    dialog = begin(churn, churn.locator(".head"), "Register version")
    dialog.get_by_label("Version", exact=True).select_option("minor")
    dialog.get_by_label("Message").fill("the autumn model")
    assert "churn@v2.3.0" not in world.remote.tags()
    confirm(dialog, "Register v2.3.0")
    assert "churn@v2.3.0" in dialog.inner_text()
    assert world.remote.tags()["churn@v2.3.0"] == commit
    closed(churn)
    churn.locator("#versions").get_by_text("v2.3.0").first.wait_for()
    assert "the autumn model" in churn.locator("#history").inner_text()


def test_register_says_why_it_cannot_be(churn: Page, world: World) -> None:
    before = world.remote_tags()
    dialog = begin(churn, churn.locator(".head"), "Register version")
    dialog.get_by_label("Or its name").fill("v1.0.0")
    dialog.get_by_label("Or its name").press("Tab")
    dialog.locator("#f-version-error, #f-ref-error").filter(has_text="registered").first.wait_for()
    assert dialog.locator("#confirm").count() == 0
    assert world.remote_tags() == before


def test_unassign(churn: Page, world: World) -> None:
    dialog = begin(churn, step(churn, "staging"), "Unassign")
    look = dialog.locator("#look")
    look.get_by_text("churn#staging!#9").first.wait_for()
    assert "v2.1.0" in look.inner_text()  # what comes back
    confirm(dialog, "Take")
    assert "churn#staging!#9" in world.remote.tags()
    closed(churn)
    step(churn, "staging").locator(".held").get_by_text("v2.1.0").wait_for()


def test_assign_and_deploy_from_the_page(churn: Page, world: World, served: Served) -> None:
    dialog = begin(churn, step(churn, "prod"), "Assign")
    dialog.get_by_label("Version").select_option("v2.1.0")
    confirm(dialog, "Assign v2.1.0 to prod")
    dialog.get_by_role("link", name="Deploy it now").click()
    confirm(dialog, "Deploy")
    log = dialog.locator("pre.log")
    log.get_by_text("copying churn v2.1.0 to prod").wait_for(timeout=A_DEPLOYMENT)
    dialog.locator("#run").get_by_text("Deployed").or_(dialog.locator("#run .ok")).first.wait_for(timeout=A_DEPLOYMENT)
    closed(churn)
    churn.reload()
    assert "deployed" in step(churn, "prod").locator(".held").inner_text()
    assert "v2.1.0" in churn.locator("#deployments").inner_text()
    told = run(world.clone.path, "status", "churn", "--no-github", "--json", home=world.directory).json
    assert {each["stage"]: each["state"] for each in told["stages"]}["prod"] == "deployed"


def test_a_deployment_that_fails_says_so(churn: Page, world: World) -> None:
    dialog = begin(churn, step(churn, "dev"), "Deploy")
    confirm(dialog, "Deploy")
    dialog.locator("pre.log").get_by_text("no room on the disk").wait_for(timeout=A_DEPLOYMENT)
    dialog.locator("#run .bad").wait_for(timeout=A_DEPLOYMENT)
    assert barriers(churn) == []


def test_roll_back(churn: Page, world: World) -> None:
    dialog = begin(churn, step(churn, "prod"), "Roll back")
    look = dialog.locator("#look")
    look.get_by_text("v1.0.0").first.wait_for()
    confirm(dialog, "Roll back to v1.0.0")
    dialog.locator("pre.log").get_by_text("copying churn v1.0.0 to prod").wait_for(timeout=A_DEPLOYMENT)
    dialog.locator("#run .ok").wait_for(timeout=A_DEPLOYMENT)
    told = run(world.clone.path, "status", "churn", "--no-github", "--json", home=world.directory).json
    (prod,) = [each for each in told["stages"] if each["stage"] == "prod"]
    assert prod["running"]["version"] == "v1.0.0"
    closed(churn)
    churn.reload()
    assert "v1.0.0" in step(churn, "prod").inner_text()


def test_approve(served: Served, world: World, visit: Visit) -> None:
    asked = visit(served.address)
    asked.goto(served.at("/do/assign?model=risk&stage=prod"))
    asked.locator("#look").get_by_text("0 of 1 approvals").wait_for()
    grace = {"GIT_COMMITTER_NAME": GRACE[0], "GIT_COMMITTER_EMAIL": GRACE[1]}
    with serving(world, env=grace) as hers:
        page = visit(hers.address)
        page.goto(hers.model("risk"))
        dialog = begin(page, page.locator(".head"), "Approve")
        dialog.get_by_label("Stage").select_option("prod")
        dialog.get_by_label("Message").fill("metrics and canary look good")
        dialog.locator("#look").get_by_text("v0.1.0 in prod").wait_for()
        confirm(dialog, "Approve v0.1.0")
        assert f"{GRACE[0]} <{GRACE[1]}> approved risk v0.1.0 for prod" in dialog.inner_text()
        page.goto("about:blank")
    asked.reload()
    asked.locator("#look").get_by_role("button", name="Assign v0.1.0 to prod").wait_for()
    assert f"{GRACE[0]} <{GRACE[1]}> approved" in asked.locator("#look").inner_text()


def test_lock_and_unlock(churn: Page, world: World) -> None:
    dialog = begin(churn, step(churn, "prod"), "Lock")
    dialog.get_by_label("Reason").fill("incident 42 <b>bold</b>")
    dialog.get_by_role("button", name="Show what would happen").or_(dialog.locator("#confirm")).first.wait_for()
    if not dialog.locator("#confirm").count():
        dialog.get_by_role("button", name="Show what would happen").click()
    confirm(dialog, "Lock")
    closed(churn)
    churn.reload()
    card = step(churn, "prod").inner_text()
    assert "Locked by" in card
    assert "incident 42 <b>bold</b>" in card
    locks = run(world.clone.path, "locks", home=world.directory).out
    assert "incident 42" in locks

    dialog = begin(churn, step(churn, "prod"), "Unlock")
    confirm(dialog, "Unlock")
    closed(churn)
    churn.reload()
    assert "Locked" not in step(churn, "prod").inner_text()
    assert "incident 42" not in run(world.clone.path, "locks", home=world.directory).out


@pytest.mark.parametrize("label", ["Assign stage", "Register version"])
def test_a_dialog_keeps_nobody_out(churn: Page, label: str) -> None:
    dialog = begin(churn, churn.locator(".head"), label)
    dialog.locator("#look h3").or_(dialog.locator("#dialog-form")).first.wait_for()
    for dark in (False, True):
        churn.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        assert barriers(churn) == []
    closed(churn)
    assert churn.locator("*:focus").inner_text().strip() == label
