"""Tells nobody anything: for pages, where what one must know is kept and stands on the page."""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.ports import Level

_MOST = 20
_LONGEST = 500  # characters


class SilentAnnouncer:
    """Fulfils the Announcer port. `heard` are the warnings and errors, a line each, without secrets."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self.heard: list[str] = []

    def mask(self, secret: str) -> None:
        """Stars from now on."""
        self._scrubber.add(secret)

    def say(self, text: str) -> None:
        """Progress is for terminals."""

    def note(self, level: Level, text: str, *, title: str = "", at: Mistake | None = None) -> None:
        """Kept, unless it is said already or there are too many."""
        where = f"{at.file}:{at.line}:{at.column}: " if at is not None and at.file else ""
        told = one_line(self._scrubber.text(where + (f"{title}: " if title else "") + text), _LONGEST)
        if level != "notice" and told not in self.heard and len(self.heard) < _MOST:
            self.heard.append(told)

    def begin(self, title: str) -> None:
        """No output is shown."""

    def output(self, text: str) -> None:
        """No output is shown."""

    def end(self) -> None:
        """No output is shown."""

    def outputs(self, values: Mapping[str, str]) -> None:
        """Nothing reads them here."""

    def summary(self, markdown: str) -> None:
        """Nothing reads it here."""
