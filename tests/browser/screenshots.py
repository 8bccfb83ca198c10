"""Pictures of the pages, to be looked at: `python -m tests.browser.screenshots DIR [--repo PATH] [--only NAME …]`.

Every page in light, dark and on a phone; DIR/light-models.png …. With `--docs demo-registry` those that the docs
show (docs/images), of a kept demo (`make demo`).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import launched
from tests.browser.reading import DESKTOP, PHONE, reading
from tests.browser.served import Served, serving, started
from tests.browser.world import World, rich
from tests.faces.command_lines import environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PAGES = {
    "models": "/models",
    "deprecated": "/models?deprecated=1",
    "nothing": "/models?text=nothing-fits",
    "churn": "/m/churn",
    "fraud": "/m/fraud/eu",
    "assign": "/do/assign?model=churn&stage=prod&version=v2.0.0",
    "register": "/do/register?model=churn",
    "unassign": "/do/unassign?model=churn&stage=dev",
    "rollback": "/do/rollback?model=churn&stage=prod",
    "approve": "/do/approve?model=risk",
    "lock": "/do/lock?model=churn&stage=prod",
    "deploy": "/do/deploy?model=churn&stage=staging&version=v2.0.0",
    "nowhere": "/nowhere",
}
MODES: dict[str, dict[str, Any]] = {
    "light": {"size": DESKTOP},
    "dark": {"size": DESKTOP, "dark": True},
    "phone": {"size": PHONE},
}


def take(browser: Browser, served: Served, directory: Path, only: list[str]) -> None:
    """One picture of every page in every mode, and of a dialog over its page."""
    for mode, how in MODES.items():
        with reading(browser, allowed=("",), **how) as reader:
            page = reader.open(served.address)
            for name, path in PAGES.items():
                if only and name not in only:
                    continue
                page.goto(served.at(path))
                page.wait_for_load_state("networkidle")
                page.screenshot(path=directory / f"{mode}-{name}.png", full_page=True)
            if not only or "dialog" in only:
                page.goto(served.model("churn"))
                page.get_by_role("link", name="Assign stage").first.click()
                page.locator("dialog[open] form").wait_for()
                page.wait_for_load_state("networkidle")
                page.screenshot(path=directory / f"{mode}-dialog.png")
            for told in reader.wrong:
                print(f"{mode}: {told}")


@contextmanager
def world(repo: str, directory: Path) -> Iterator[Served]:
    """The repository that is named, or a rich one."""
    with serving(World(directory) if repo else rich(directory), repo=repo) as served:
        yield served


def docs(browser: Browser, demo: Path, directory: Path) -> None:
    """The models, and a dialog that says what would happen, as the demo has them."""
    with started(demo.parent, environment(demo.parent), "demo", "--serve", str(demo), patience=120) as served:
        with reading(browser, size=(1120, 480)) as reader:
            page = reader.open(served.address)
            page.get_by_text("deployed").first.wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=directory / "models.png")
        with reading(browser, size=(1120, 820)) as reader:
            page = reader.open(served.address)
            page.goto(served.model("churn"))
            page.get_by_role("link", name="Assign stage").first.click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("Version").select_option("v1.4.0")
            dialog.get_by_label("Stage").fill("prod")
            dialog.get_by_label("Message").fill("looks good on staging")
            dialog.locator("#look").get_by_text("Gates").wait_for()
            page.wait_for_load_state("networkidle")
            page.screenshot(path=directory / "assign.png")


def main() -> None:
    """Takes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--repo", default="")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--docs", type=Path, metavar="DEMO")
    given = parser.parse_args()
    given.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "home").mkdir()
        (Path(place) / "world").mkdir()
        with launched(Path(place) / "home") as browser:
            if given.docs:
                docs(browser, given.docs.resolve(), given.directory)
                return
            with world(given.repo, Path(place) / "world") as served:
                take(browser, served, given.directory, given.only)


if __name__ == "__main__":
    main()
