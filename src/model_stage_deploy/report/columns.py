"""Pages for people: lines and tables. Plain aligned columns for a pipe; a terminal's table is in terminal.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Table(NamedTuple):
    """Rows of cells; the first row is the heading."""

    rows: Sequence[tuple[str, ...]]


Block = str | Table
"""What a page is made of: a line, or a table. Its texts may be foreign: whoever prints them makes them inert."""


def columns(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows in aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip()
