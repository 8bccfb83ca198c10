"""What the command line prints: a page of lines and tables, or one JSON document."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.report.columns import Block, Table, columns

_MOST_ROWS = 500  # Rich takes two milliseconds a row


def print_page(document: Mapping[str, Any], blocks: Iterable[Block], *, as_json: bool) -> None:
    """The document for `--json`, else the page. Foreign text in either cannot act on a terminal."""
    if as_json:
        print_json(document)
        return
    for block in blocks:
        if not isinstance(block, Table):
            print(one_line(block))
        else:
            _print_table([tuple(one_line(cell) for cell in row) for row in block.rows])


def _print_table(rows: list[tuple[str, ...]]) -> None:
    if len(rows) <= _MOST_ROWS and os.environ.get("TERM") not in (None, "", "dumb") and sys.stdout.isatty():
        from model_stage_deploy.report.terminal import print_table

        print_table(rows, sys.stdout)
    else:
        sys.stdout.writelines(f"{line}\n" for line in columns(rows))


def print_json(document: Mapping[str, Any]) -> None:
    """A JSON document on standard output."""
    sys.stdout.writelines(json_lines(document))


def json_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document, a key a line; below that an entry a line, so that it can be read, searched and compared.

    ASCII, so that nothing in it can act on a terminal.
    """
    import json

    yield "{"
    for at, (key, value) in enumerate(document.items()):
        yield f"{',' if at else ''}\n  {json.dumps(key)}: "
        entries: Iterator[str]
        if isinstance(value, Mapping) and value:
            entries, marks = (f"{json.dumps(name)}: {json.dumps(inner)}" for name, inner in value.items()), "{}"
        elif isinstance(value, list | tuple) and value:
            entries, marks = map(json.dumps, value), "[]"
        else:
            yield json.dumps(value)
            continue
        yield marks[0]
        for index, entry in enumerate(entries):
            yield f"{',' if index else ''}\n    {entry}"
        yield f"\n  {marks[1]}"
    yield "\n}\n"
