"""What the browser's tests share: one Chromium for each worker, and registries that are served to it.

Without Playwright nothing of this folder is collected; `make test-browser` installs it. Without Chromium they fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.chromium import launched
from tests.browser.reading import Reader, reading
from tests.browser.served import Served, serving
from tests.browser.world import World, rich

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

collect_ignore_glob = [] if find_spec("playwright") else ["test_*.py"]
_HERE = Path(__file__).parent

Readers = Callable[..., AbstractContextManager[Reader]]
Visit = Callable[..., "Page"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs Chromium."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker("browser")
            item.add_marker(pytest.mark.timeout(300))  # the first start of Chromium on a machine takes its time


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One Chromium for all tests of this worker."""
    with launched(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The registry that tests copy, or only look at."""
    return rich(tmp_path_factory.mktemp("registry") / "world")


@pytest.fixture
def world(lived: World, tmp_path: Path) -> World:
    """The registry, to be changed."""
    return lived.copied(tmp_path / "world")


@pytest.fixture(scope="session")
def looked_at(lived: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for tests that change nothing."""
    with serving(lived.copied(tmp_path_factory.mktemp("looked-at") / "world")) as served:
        yield served


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    """A server of this test's own, on `world`."""
    with serving(world) as served:
        yield served


@pytest.fixture
def readers(browser: Browser) -> Readers:
    """Opens a browser for one more person: `with readers(dark=True) as reader`."""
    return partial(reading, browser)


@pytest.fixture
def visit(readers: Readers) -> Iterator[Visit]:
    """Opens an address in a browser that is closed after the test, which fails if the page did what no page may."""
    with ExitStack() as open_ones:

        def opened(address: str, **how: Any) -> Page:
            return open_ones.enter_context(readers(**how)).open(address)

        yield opened
