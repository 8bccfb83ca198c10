"""A real Chromium that keeps to itself: found on the machine, and kept from every host but this one.

`python -m tests.browser.chromium` prints which program it is, or says what to do, and ends with 1.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
"""What the program is called on Debian, Ubuntu, Fedora, and as Google ships it."""
_COLD = 120_000  # milliseconds, for a program that no cache has
_FLAGS = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-pings",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--lang=en-US",
)


def program() -> str:
    """The path of Chromium: MSD_CHROMIUM, or what PATH has. Raises RuntimeError where there is none."""
    named = os.environ.get("MSD_CHROMIUM")
    for name in (named,) if named else NAMES:
        if found := shutil.which(name):
            return found
    raise RuntimeError(
        f"{named!r} (MSD_CHROMIUM) is no program"
        if named
        else "no Chromium is installed, which these tests need: "
        "install it (Debian: apt-get install chromium), or name the program in MSD_CHROMIUM"
    )


@contextmanager
def launched(home: Path) -> Iterator[Browser]:
    """A browser whose every file lies below `home`. It is ended, and Playwright's event loop closed, afterwards."""
    from playwright.sync_api import sync_playwright

    found = program()
    (home / "runtime").mkdir(mode=0o700)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_RUNTIME_DIR": str(home / "runtime"),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=list(_FLAGS), env=dict(environment), timeout=_COLD
        )
        try:
            with browser.new_page() as page:  # the first one reads much from the disk
                page.goto("about:blank", timeout=_COLD)
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    try:
        print(program())
    except RuntimeError as problem:
        raise SystemExit(f"error: {problem}") from None
