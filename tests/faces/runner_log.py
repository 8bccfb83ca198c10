"""A step's log as the GitHub runner reads it: which lines are commands, and which are only text.

After actions/runner, ActionCommand.TryParseV2, ActionCommand.TryParse and ActionCommandManager. Stricter than the
runner in one way: there only registered names are commands, here any name is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OURS = frozenset({"group", "endgroup", "stop-commands", "add-mask", "error", "warning", "notice"})


@dataclass(frozen=True)
class Command:
    """One workflow command: `::name key=value::data`, unescaped. `line` counts from 0."""

    name: str
    properties: str
    data: str
    line: int


def lines_of(log: str) -> list[str]:
    """Lines as .NET's StreamReader cuts them: after a line feed, a carriage return, or both."""
    return re.split(r"\r\n|\n|\r", log)


def commands_of(log: str) -> list[Command]:
    """Every command that the runner would carry out, and the resuming ones (whose name is the stop token)."""
    found: list[Command] = []
    stopped_by = ""
    for number, line in enumerate(lines_of(log)):
        command = _modern(line, number) or _old(line, number)
        if command is None or (stopped_by and command.name.casefold() != stopped_by.casefold()):
            continue
        found.append(command)
        stopped_by = command.data if command.name == "stop-commands" else ""
    assert not stopped_by, "commands were stopped and never allowed again"
    return found


def foreign_of(log: str) -> str:
    """What stands between stop-commands and its token: the deployer's own words."""
    kept: list[str] = []
    token = ""
    for line in lines_of(log):
        if token and line == f"::{token}::":
            token = ""
        elif token:
            kept.append(line)
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
    return "\n".join(kept)


def assert_only_ours(log: str) -> list[Command]:
    """No command but our own, each group closed, each stop token new and not to be guessed; the commands."""
    commands = commands_of(log)
    tokens = [command.data for command in commands if command.name == "stop-commands"]
    strange = [command for command in commands if command.name not in OURS and command.name not in tokens]
    assert not strange, f"somebody else's commands: {strange}"
    assert all(re.fullmatch(r"[0-9a-f]{32}", token) for token in tokens)
    assert len(set(tokens)) == len(tokens)
    names = [command.name for command in commands]
    assert names.count("group") == names.count("endgroup") == len(tokens)
    return commands


def _modern(line: str, number: int) -> Command | None:
    trimmed = line.lstrip()
    if not trimmed.startswith("::"):
        return None
    end = trimmed.find("::", 2)
    if end < 0:
        return None
    name, _, properties = trimmed[2:end].partition(" ")
    return Command(name, properties, _unescaped(trimmed[end + 2 :]), number)


def _old(line: str, number: int) -> Command | None:
    match = re.search(r"##\[([^\]]*)\](.*)", line)
    if match is None:
        return None
    name, _, properties = match[1].partition(" ")
    return Command(f"##[{name}]", properties, match[2], number)


def _unescaped(data: str) -> str:
    return data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")
