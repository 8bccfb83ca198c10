"""Compares a page that tells a story with what was really printed: the same commands, and every line that is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.contract.consoles import FENCE

GAP = "…"
"""On a page: something that differs from run to run, or is left out."""


class Told(NamedTuple):
    """One command, and the lines below it."""

    command: str
    lines: tuple[str, ...]


def on_page(page: str) -> list[Told]:
    """The commands of a page's console blocks with the output that it shows."""
    blocks = [fence["text"] for fence in FENCE.finditer(page) if fence["language"] == "console"]
    return list(_told("\n".join(blocks).splitlines()))


def on_terminal(text: str) -> list[Told]:
    """The commands that were run with all that followed, up to the next."""
    return list(_told(text.splitlines()))


def differences(page: str, terminal: str) -> list[str]:
    """Where the page does not tell what happened. Its lines must have been printed in that order, others between."""
    shown, printed = on_page(page), on_terminal(terminal)
    commands = [[told.command for told in tale] for tale in (shown, printed)]
    if commands[0] != commands[1]:
        return [f"other commands: {sorted(set(commands[0]) ^ set(commands[1])) or 'in another order'}"]
    return [wrong for one, other in zip(shown, printed, strict=True) for wrong in _missing(one, other)]


def _told(lines: list[str]) -> Iterator[Told]:
    command, below = "", list[str]()
    for line in lines:
        if line.startswith("$ "):
            if command:
                yield Told(command, tuple(below))
            command, below = line.removeprefix("$ "), []
        elif line.strip():
            below.append(line)
    if command:
        yield Told(command, tuple(below))


def _missing(shown: Told, printed: Told) -> Iterator[str]:
    rest = iter(printed.lines)
    for line in shown.lines:
        pattern = re.compile(".*".join(map(re.escape, line.split(GAP))))
        if not any(pattern.fullmatch(candidate) for candidate in rest):
            yield f"$ {shown.command}\n  does not print, or not in this place: {line}"
            return
