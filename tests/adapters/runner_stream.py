"""A step's stream and its outputs file as a GitHub Actions runner reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Runner:
    """Reads a step's stream as actions/runner does: lines end at CR, LF or both; see its ActionCommand.cs."""

    commands: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    plain: list[str] = field(default_factory=list)
    stopped: str | None = None

    def hear(self, text: str) -> Runner:
        lines = re.split(r"\r\n|\r|\n", text)
        for line in lines[:-1] if lines[-1] == "" else lines:
            self._line(line)
        return self

    def _line(self, line: str) -> None:
        found = re.match(r"::([^\s:]*)(?: (.*?))?::(.*)", line.lstrip()) or re.search(
            r"##\[([^\s\]]*)(.*?)\](.*)", line
        )
        if self.stopped is not None:
            if found is not None and found[1] == self.stopped:
                self.stopped = None
            else:
                self.plain.append(line)
        elif found is None:
            self.plain.append(line)
        elif found[1] == "stop-commands":
            self.stopped = found[3]
        else:
            pairs = (pair.partition("=") for pair in (found[2] or "").split(",") if pair)
            properties = {key.strip(): _decoded(value, prop=True) for key, _, value in pairs}
            self.commands.append((found[1], properties, _decoded(found[3])))


def _decoded(text: str, *, prop: bool = False) -> str:
    for code, character in [
        ("%0D", "\r"),
        ("%0A", "\n"),
        *([("%3A", ":"), ("%2C", ",")] if prop else []),
        ("%25", "%"),
    ]:
        text = text.replace(code, character)
    return text


def outputs_of(file: Path) -> dict[str, str]:
    """The outputs file as the runner reads it (FileCommandManager.cs): LF ends a line, and only LF."""
    found, text, at = {}, file.read_bytes().decode(), 0
    while at < len(text):
        end = text.index("\n", at)
        line, at = text[at:end], end + 1
        if not line:
            continue
        assert "=" not in line.partition("<<")[0], "not a heredoc"
        name, _, delimiter = line.partition("<<")
        assert delimiter, "a delimiter is asked for"
        lines = []
        while True:
            assert "\n" in text[at:], "the delimiter never came"
            end = text.index("\n", at)
            line, at = text[at:end], end + 1
            if line == delimiter:
                break
            lines.append(line)
        found[name] = "\n".join(lines)
    return found
