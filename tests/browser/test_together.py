"""Several at once: two people confirm, somebody pushes from elsewhere. One is told, nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import Readers, Visit
from tests.browser.served import Served, serving
from tests.browser.test_assigning import TAG, cell
from tests.browser.world import GRACE, World

if TYPE_CHECKING:
    from playwright.sync_api import Page


BEFORE = ("churn#prod#3", "churn#prod#5")


def ready(page: Page, served: Served, version: str) -> None:
    """Everything but the last press of a button."""
    page.goto(served.at(f"/do/assign?model=churn&stage=prod&version={version}"))
    page.locator("#look").get_by_text(f"{version} to prod").first.wait_for()


def tags_of_prod(world: World) -> list[str]:
    """The tags that gave prod to a version since."""
    return [name for name in world.remote_tags() if name.startswith("churn#prod#") and name not in BEFORE]


def test_of_two_who_confirm_the_second_is_told(served: Served, world: World, readers: Readers) -> None:
    before = set(world.remote_tags())
    with readers() as ada, readers(allowed=("status of 409",)) as grace:
        first, second = ada.open(served.address), grace.open(served.address)
        ready(first, served, "v2.1.0")
        ready(second, served, "v2.1.0")
        first.locator("#confirm").click()
        first.get_by_text("Made and pushed").wait_for()
        second.locator("#confirm").click()
        alert = second.get_by_role("alert").first
        alert.wait_for()
        assert "v2.1.0" in second.locator("#look").inner_text()
    assert set(world.remote_tags()) - before == {TAG}


def test_who_was_overtaken_sees_what_would_happen_now_and_can_go_on(
    served: Served, world: World, readers: Readers
) -> None:
    with readers() as ada, readers(allowed=("status of 409",)) as grace:
        first, second = ada.open(served.address), grace.open(served.address)
        ready(first, served, "v2.1.0")
        ready(second, served, "v2.2.0")
        first.locator("#confirm").click()
        first.get_by_text("Made and pushed").wait_for()
        second.locator("#confirm").click()
        look = second.locator("#look")
        look.get_by_text("churn#prod#10").wait_for()
        told = look.inner_text()
        assert "v2.1.0" in told  # what is replaced now
        assert "Ada Model" in told or TAG in told
        assert tags_of_prod(world) == [TAG]
        second.get_by_role("button", name="Assign v2.2.0 to prod").or_(
            second.get_by_role("button", name="Assign anyway")
        ).click()
        second.get_by_text("Made and pushed").wait_for()
    assert sorted(tags_of_prod(world)) == ["churn#prod#10", TAG]


def test_two_servers_on_two_clones_make_one_tag(world: World, readers: Readers) -> None:
    hers = World(world.directory / "hers")
    world.remote.git("clone", "--quiet", str(world.remote.path), str(hers.directory / "clone"))
    for name, value in zip(("user.name", "user.email"), GRACE, strict=True):
        hers.clone.git("config", name, value)
    before = set(world.remote_tags())
    with (
        serving(world) as one,
        serving(hers) as other,
        readers(allowed=("status of 409",)) as ada,
        readers(allowed=("status of 409",)) as grace,
    ):
        first, second = ada.open(one.address), grace.open(other.address)
        ready(first, one, "v2.1.0")
        ready(second, other, "v2.2.0")
        first.locator("#confirm").click(no_wait_after=True)
        second.locator("#confirm").click(no_wait_after=True)
        for page in (first, second):
            page.get_by_text("Made and pushed").or_(page.get_by_role("alert")).first.wait_for()
        done = [page.get_by_text("Made and pushed").count() for page in (first, second)]
    assert sum(done) == 1
    assert len(set(world.remote_tags()) - before) == 1


def test_a_tag_that_was_pushed_from_elsewhere_is_told_and_fetched(served: Served, world: World, visit: Visit) -> None:
    world.push_from_elsewhere("churn#prod#9", at="churn@v2.1.0^{commit}")
    page = visit(served.address)
    fetch = page.get_by_role("button", name="Fetch them")
    while not fetch.count():  # the remote is asked beside the pages, which do not wait for it
        page.wait_for_timeout(200)
        page.reload()
    assert "v1.1.0" in cell(page, "churn", "prod").inner_text()
    fetch.click()
    cell(page, "churn", "prod").get_by_text("v2.1.0", exact=True).wait_for()
    assert GRACE[0] in cell(page, "churn", "prod").inner_text()
    assert fetch.count() == 0


def test_a_tag_that_the_clone_got_meanwhile_is_seen_after_a_reload(served: Served, world: World, visit: Visit) -> None:
    page = visit(served.address)
    world.clone.tag("risk#staging#2", at="risk@v0.1.0^{commit}")
    page.reload()
    cell(page, "risk", "staging").get_by_text("v0.1.0", exact=True).wait_for()
    world.clone.git("tag", "--delete", "risk#staging#2")
    page.reload()
    assert "v0.1.0" not in cell(page, "risk", "staging").inner_text()
