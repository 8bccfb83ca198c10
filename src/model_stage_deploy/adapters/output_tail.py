"""The end of a long output, in little memory."""

from __future__ import annotations

import re

TAIL_CHARACTERS = 64 * 1024
TAIL_LINES = 100


class OutputTail:
    """Keeps the last TAIL_LINES lines, and of these at most TAIL_CHARACTERS characters.

    It cuts between lines, or between words where one line is longer than all that is kept, so that a secret is
    not cut in two and thereby hidden from the scrubber.
    """

    def __init__(self) -> None:
        self._kept = ""
        self._cut = False

    def add(self, text: str) -> None:
        """Remember one more piece."""
        self._kept += text
        if len(self._kept) > TAIL_CHARACTERS:
            self._kept = self._kept[-TAIL_CHARACTERS:]
            self._cut = True

    def text(self) -> str:
        """The end of what was added."""
        kept = self._kept
        if self._cut:
            boundary = re.search(r"\n", kept[:-1]) or re.search(r"\s", kept)
            kept = kept[boundary.end() :] if boundary else kept
        lines = kept.rstrip("\n").split("\n")[-TAIL_LINES:]
        return "\n".join(lines)
