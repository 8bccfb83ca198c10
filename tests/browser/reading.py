"""A person at a browser. Whatever a page should never do is noted while they read: errors, other hosts, pop-ups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

PATIENCE = 30_000  # milliseconds until something that does not appear is missing, on a machine that is busy
DESKTOP = (1280, 900)
PHONE = (390, 844)
_HERE = "127.0.0.1"
# htmx logs an error for a request that it gave up itself, since a newer one asks for the same place.
_NOTHING_WRONG = ("htmx:sendAbort", "htmx:afterRequest")
_OF_THE_PAGE_ITSELF = ("data", "blob", "about")  # no request leaves for these


@dataclass
class Reader:
    """One person's browser, with cookies of their own, and everything that went wrong in it.

    `expected` are parts of complaints that a test means to cause, such as "status of 403".
    """

    context: BrowserContext
    wrong: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, address: str) -> Page:
        """A new tab, at an address."""
        page = self.context.new_page()
        page.goto(address)
        return page

    @property
    def unexpected(self) -> list[str]:
        """What went wrong and was not meant to."""
        return [told for told in self.wrong if not any(part in told for part in self.expected)]

    def watch(self, page: Page) -> None:
        """Note what a tab does."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("dialog", self._dialog)
        page.on("popup", lambda other: self.wrong.append(f"another window: {other.url}"))
        page.on("download", lambda file: self.wrong.append(f"download: {file.url}"))
        page.on("crash", lambda _: self.wrong.append("the page crashed"))

    def request(self, request: Request) -> None:
        """Note what is asked of whom."""
        address = urlsplit(request.url)
        self.asked.append(f"{request.method} {request.url}")
        if address.scheme not in (*_OF_THE_PAGE_ITSELF, "file") and address.hostname != _HERE:
            self.wrong.append(f"request to another host: {request.url}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert") and not message.text.startswith(_NOTHING_WRONG):
            self.wrong.append(f"console: {message.type}: {message.text} ({message.location.get('url', '')})")

    def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"dialog: {dialog.type}: {dialog.message}")
        dialog.dismiss()


@contextmanager
def reading(
    browser: Browser,
    *,
    size: tuple[int, int] = DESKTOP,
    dark: bool = False,
    script: bool = True,
    zone: str = "UTC",
    allowed: Sequence[str] = (),
    **more: Any,
) -> Iterator[Reader]:
    """Somebody reads; afterwards nothing may have gone wrong but what they expected.

    `zone` is their time zone, `script` whether their browser runs scripts. Raises AssertionError.
    """
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
        timezone_id=zone,
        locale="en-GB",
        accept_downloads=False,
        reduced_motion="reduce",
        **more,
    )
    context.set_default_timeout(PATIENCE)
    reader = Reader(context, expected=list(allowed))
    context.on("page", reader.watch)
    context.on("request", reader.request)
    try:
        yield reader
        for page in context.pages:
            if script:  # what is on its way has arrived, so that its complaints are heard
                page.wait_for_load_state("networkidle")
    finally:
        context.close()
    assert not reader.unexpected, "\n".join(reader.unexpected)
