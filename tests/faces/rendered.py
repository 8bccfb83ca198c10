"""The job summary as a reader's browser gets it: rendered by a real Markdown library, then taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OUR_HTML = {
    "<details open><summary>The end of the deployer's output</summary>",
    "</details>",
}
_HARMLESS = {"h2", "p", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "ul", "li"} | {
    *("blockquote", "details", "summary", "br", "hr"),
}


def assert_harmless(summary: str, links: tuple[str, ...] = ()) -> str:
    """No HTML but ours, no picture, no link but `links`, one heading, every block closed; the rendered page."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    tokens = list(_all(markdown.parse(summary)))
    raw = [line for token in tokens if token.type.startswith("html") for line in token.content.split("\n") if line]
    assert set(raw) <= _OUR_HTML, raw
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
    """The first table of a rendered page as heading -> text; every row must have just two cells."""
    table = re.search(r"<table>.*?</table>", page, flags=re.DOTALL)
    assert table is not None
    rows = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall(r"<tr>.*?</tr>", table[0], re.DOTALL)
    ]
    assert all(len(row) == 2 for row in rows), rows
    return {re.sub(r"<[^>]+>", "", heading): re.sub(r"<[^>]+>", "", text) for heading, text in rows}


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
