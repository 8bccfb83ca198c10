"""What a target says while others are at work, too: whole lines that begin with its name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.ports import Announcer, Level

_LONGEST = 10_000  # characters of a line that has no end


class TargetVoice:
    """Fulfils the Announcer port for one target; any thread may use it. `line` shows a line and takes one at a time."""

    def __init__(self, name: str, announcer: Announcer, line: Callable[[str], None]) -> None:
        self._name = name
        self._announcer = announcer
        self._line = line
        self._begun = ""
        self._lock = threading.Lock()

    def mask(self, secret: str) -> None:
        """See the port."""
        self._announcer.mask(secret)

    def say(self, text: str) -> None:
        """A line of our own."""
        self._line(f"{self._name} | {text}")

    def note(self, level: Level, text: str, *, title: str = "", at: Mistake | None = None) -> None:
        """An annotation of one target would be one of a thousand: it is a line."""
        del title, at
        self.say(f"{level}: {text}")

    def begin(self, title: str) -> None:
        """Groups of several targets cannot be told apart: a line."""
        self.say(title)

    def output(self, text: str) -> None:
        """Whole lines as they come; the rest waits for its end."""
        with self._lock:
            lines = (self._begun + text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self._begun = lines.pop()
            if len(self._begun) > _LONGEST:
                cut = self._begun.rfind(" ") + 1 or len(self._begun)  # no secret is cut in two, or hardly any
                lines.append(self._begun[:cut])
                self._begun = self._begun[cut:]
        for line in lines:
            if line.strip():
                self.say(line)

    def end(self) -> None:
        """What had no end of line."""
        with self._lock:
            left, self._begun = self._begun, ""
        if left.strip():
            self.say(left)

    def outputs(self, values: Mapping[str, str]) -> None:
        """Not a target's to set."""

    def summary(self, markdown: str) -> None:
        """Not a target's to add."""
