"""An announcer that remembers what it was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.ports import Level


@dataclass
class FakeAnnouncer:
    """Fulfils ports.Announcer. Scrubs nothing, so that a test sees what would have been shown."""

    masked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    places: list[Mistake] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    foreign: str = ""
    values: dict[str, str] = field(default_factory=dict)
    markdown: str = ""
    open: bool = False

    def mask(self, secret: str) -> None:
        self.masked.append(secret)

    def say(self, text: str) -> None:
        self.said.append(text)

    def note(self, level: Level, text: str, *, title: str = "", at: Mistake | None = None) -> None:
        self.notes.append((level, text, title))
        if at is not None:
            self.places.append(at)

    def begin(self, title: str) -> None:
        self.groups.append(title)
        self.open = True

    def output(self, text: str) -> None:
        self.foreign += text

    def end(self) -> None:
        self.open = False

    def outputs(self, values: Mapping[str, str]) -> None:
        self.values.update(values)

    def summary(self, markdown: str) -> None:
        self.markdown += markdown
