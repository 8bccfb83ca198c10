"""What both announcers share: secrets become stars, foreign text becomes inert, broken pipes break nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TextIO

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.redaction import ScrubbedStream, Scrubber


class Voice:
    """Writes to one text stream through the scrubber; what is written goes the way of `detour` while there is one."""

    def __init__(self, stream: TextIO, scrubber: Scrubber) -> None:
        self.scrubber = scrubber
        self.stream = stream
        self.detour: Callable[[str], None] | None = None
        self._foreign: ScrubbedStream | None = None
        self._mid_line = False

    def line(self, text: str) -> None:
        """One line of our own."""
        self._write(f"{text}\n")

    def plain(self, text: str) -> str:
        """`text` scrubbed and on one line."""
        return one_line(self.scrubber.text(text))

    def open_foreign(self) -> None:
        """Foreign output begins."""
        self._foreign, self._mid_line = ScrubbedStream(self.scrubber), False

    def foreign(self, text: str) -> None:
        """A piece of foreign output."""
        if self._foreign is None:
            self.open_foreign()
        if self._foreign is not None:
            self._show(self._foreign.feed(text))

    def close_foreign(self) -> None:
        """Foreign output ends, on a line of its own."""
        if self._foreign is None:
            return
        self._show(self._foreign.end())
        if self._mid_line:
            self._write("\n")
        self._foreign, self._mid_line = None, False

    def _show(self, text: str) -> None:
        if text:
            self._write(text)
            self._mid_line = not text.endswith("\n")

    def _write(self, text: str) -> None:
        if self.detour is not None:
            self.detour(text)
            return
        try:
            try:
                self.stream.write(text)
            except UnicodeEncodeError as problem:
                # The stream's encoding lacks a character: spell it out rather than lose the line.
                self.stream.write(text.encode(problem.encoding, "backslashreplace").decode(problem.encoding))
            self.stream.flush()
        except (BrokenPipeError, ValueError):
            # The reader has gone (`| head`); the work goes on, and the record and the exit code still tell.
            return
