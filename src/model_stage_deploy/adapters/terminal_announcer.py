"""Tells a person at a terminal (or a pipe)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from model_stage_deploy.adapters.announcing import Voice
from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.ports import Level


class TerminalAnnouncer:
    """Fulfils the Announcer port: plain lines; step outputs and summaries have no place here."""

    def __init__(self, stream: TextIO, scrubber: Scrubber) -> None:
        self.voice = Voice(stream, scrubber)

    def mask(self, secret: str) -> None:
        """Stars from now on."""
        self.voice.scrubber.add(secret)

    def say(self, text: str) -> None:
        """One line."""
        self.voice.line(self.voice.plain(text))

    def note(self, level: Level, text: str, *, title: str = "", at: Mistake | None = None) -> None:
        """A line that begins with its level, and the place; a message of several lines keeps them."""
        where = f"{at.file}:{at.line}:{at.column}: " if at is not None and at.file else ""
        heading = where + (f"{title}: " if title else "")
        first, *rest = self.voice.scrubber.text(text).split("\n")
        self.voice.line(f"{level}: {self.voice.plain(heading + first)}")
        for line in rest:
            self.voice.line(f"  {self.voice.plain(line)}")

    def begin(self, title: str) -> None:
        """A heading over foreign output."""
        self.voice.line(f"--- {self.voice.plain(title)}")
        self.voice.open_foreign()

    def output(self, text: str) -> None:
        """A piece of foreign output."""
        self.voice.foreign(text)

    def end(self) -> None:
        """A line under foreign output."""
        self.voice.close_foreign()
        self.voice.line("---")

    def outputs(self, values: Mapping[str, str]) -> None:
        """Nothing reads them here."""

    def summary(self, markdown: str) -> None:
        """The outcome's text is printed instead."""
