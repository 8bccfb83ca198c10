"""The static report: opened from the disk, below a path of a web server, and as one file. It asks nobody."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.accessibility import barriers, goes_beyond_its_width
from tests.browser.conftest import Readers, Visit
from tests.browser.reading import PHONE
from tests.browser.world import World
from tests.faces.command_lines import run

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Quiet(SimpleHTTPRequestHandler):
    """Files of a directory, without a word on standard error."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def written(lived: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with `site/`, the report as a folder, and `registry.html`, the report as one file."""
    place = tmp_path_factory.mktemp("report")
    home = lived.directory
    for arguments in (("--out", str(place / "site")), ("--file", str(place / "registry.html"))):
        done = run(lived.clone.path, "report", *arguments, "--no-github", home=home)
        assert done.exit_code == 0, done.out + done.err
    return place


@pytest.fixture(scope="module")
def hosted(written: Path) -> Iterator[str]:
    """The same behind a web server, below a path."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(written)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["disk", "server", "file", "file without scripts", "disk without scripts"])
def opened(request: pytest.FixtureRequest, written: Path, hosted: str, visit: Visit) -> Page:
    """The report's first page, each way."""
    way: str = request.param
    if way.startswith("file"):
        address = (written / "registry.html").as_uri()
    elif way.startswith("disk"):
        address = (written / "site" / "index.html").as_uri()
    else:
        address = f"{hosted}/site/"
    return visit(address, script="without" not in way)


def test_a_person_finds_a_model_and_its_life(opened: Page) -> None:
    opened.get_by_role("link", name="churn", exact=True).first.click()
    heading = opened.get_by_role("heading", level=1, name=re.compile("^churn"))
    shown = heading.locator("xpath=ancestor::*[self::main or @data-page][1]")
    for seen in ("v2.2.0", "v1.1.0", "Who is about to leave", "failed", "accuracy"):
        assert seen in shown.inner_text()
    assert opened.locator("form[method=post], a[href*='/do/']").count() == 0
    opened.get_by_role("link", name="Models").first.click()
    assert opened.get_by_role("link", name="fraud/eu", exact=True).first.is_visible()


def test_the_filter_finds(written: Path, visit: Visit) -> None:
    for address in ((written / "site" / "index.html").as_uri(), (written / "registry.html").as_uri()):
        page = visit(address)
        page.keyboard.press("/")
        page.keyboard.type("scorecard")
        page.get_by_role("status").get_by_text("1 found").wait_for()
        assert page.get_by_role("link", name="risk", exact=True).first.is_visible()
        assert page.locator("#models a:visible", has_text="churn").count() == 0


@pytest.mark.parametrize(
    "name", ["index.html", "all.html", "m/churn.html", "../registry.html", "../registry.html#churn"]
)
def test_nothing_keeps_anybody_out(written: Path, visit: Visit, name: str) -> None:
    page = visit((written / "site").as_uri() + "/" + name)
    for dark in (False, True):
        page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
        assert barriers(page) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    assert goes_beyond_its_width(page) == []


def test_nothing_leaves_the_file(written: Path, readers: Readers) -> None:
    with readers() as reader:
        page = reader.open((written / "registry.html").as_uri())
        page.get_by_role("link", name="churn", exact=True).first.click()
        page.wait_for_load_state("networkidle")
    assert {each.split(":")[0] for each in reader.asked} <= {"GET file", "GET data"}
    assert len([each for each in reader.asked if each.startswith("GET file")]) == 1
