"""The job summary as a reader's browser gets it: rendered by a real Markdown library, then taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OUR_HTML = re.compile(
    r"<details( open)?><summary>(The end of the deployer's output|The facts that gates and verification looked at"
    r"|What deployments would do|The other targets|Took [0-9]+\.[0-9] s)</summary>|</details>"
)
_HARMLESS = {"h2", "p", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "ul", "li"} | {
    *("blockquote", "details", "summary", "br", "hr"),
}


def assert_harmless(summary: str, links: tuple[str, ...] = ()) -> str:
    """No HTML but ours, no picture, no link but `links`, one heading, every block closed; the rendered page."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    tokens = list(_all(markdown.parse(summary)))
    raw = [line for token in tokens if token.type.startswith("html") for line in token.content.split("\n") if line]
    assert all(_OUR_HTML.fullmatch(line) for line in raw), raw
    assert raw.count("</details>") == len(raw) / 2
    assert [token.type for token in tokens].count("heading_open") == 1
    assert not [token for token in tokens if token.type == "image"]
    assert {str(token.attrGet("href")) for token in tokens if token.type == "link_open"} <= set(links)
    page = str(markdown.render(summary))
    seen = _Elements()
    seen.feed(page)
    seen.close()
    assert seen.names <= _HARMLESS | ({"a"} if links else set()), seen.names
    assert seen.attributes <= {"open", "href", "class", "style"}, seen.attributes
    return page


def cells(page: str) -> dict[str, str]:
    """The table of details of a rendered page as name -> text; every row must have just two cells."""
    [rows] = [table for table in tables(page) if table[0] == ["Detail", "Value"]]
    assert all(len(row) == 2 for row in rows), rows
    return {row[0]: row[1] for row in rows[1:]}


def tables(page: str) -> list[list[list[str]]]:
    """Every table of a rendered page as rows of texts; every row is as long as its heading."""
    found = []
    for table in re.findall(r"<table>.*?</table>", page, flags=re.DOTALL):
        rows = [
            re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
            for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        ]
        assert all(len(row) == len(rows[0]) for row in rows), rows
        found.append([[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in rows])
    return found


def shape(page: str) -> list[str]:
    """What a rendered page is made of, in order, without its texts: blocks, and headings of tables."""
    seen = re.findall(
        r"<(h[1-6]|p|ul|li|blockquote|details|pre|table|code class=\"[a-z-]+\"|hr)\b|<th[^>]*>(.*?)</th>", page
    )
    return [element or f"th {heading}" for element, heading in seen]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def _all(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or [])
