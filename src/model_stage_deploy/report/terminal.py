"""Tables on a terminal, by Rich: as wide as it is, with colours unless NO_COLOR says otherwise.

Loaded only for a terminal: a pipe gets the plain columns of columns.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES = {"-": "dim", "?": "bold red", "deregistered": "dim", "unregistered": "yellow", "active": "green"}
_GAP = 2  # cells between columns
_NARROWEST = 14  # cells that a column of sentences must have, or names are broken as well


def print_table(rows: Sequence[tuple[str, ...]], stream: TextIO) -> None:
    """Print rows, the first of which is the heading. The cells are inert texts already; no markup is read in them."""
    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    heading, *others = rows
    table = Table(box=None, header_style="bold underline", pad_edge=False, padding=(0, _GAP, 0, 0))
    for name, whole in zip(heading, _unbroken(rows, console.width), strict=True):
        table.add_column(Text(name), overflow="fold", no_wrap=whole)  # nothing is cut: half a name is of no use
    for row in others:
        table.add_row(*(Text(cell, style=_style(at, cell)) for at, cell in enumerate(row)))
    console.print(table)


def _unbroken(rows: Sequence[tuple[str, ...]], width: int) -> list[bool]:
    """Which columns stay in one line: those of names, if the sentences then still have room."""
    names = [not any(" " in cell for cell in column) for column in zip(*rows, strict=True)]
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    needed = [cells if name else min(cells, _NARROWEST) for name, cells in zip(names, widths, strict=True)]
    return names if sum(needed) + _GAP * (len(needed) - 1) <= width else [False] * len(names)


def _style(column: int, cell: str) -> str:
    if column == 0:
        return "dim" if cell.endswith(" (deprecated)") else "bold cyan"
    return _STYLES.get(cell, "")
