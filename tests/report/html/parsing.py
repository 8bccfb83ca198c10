"""A page taken apart: its elements, what encloses what, and the text that a person reads."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

EMPTY = frozenset({"meta", "link", "input", "br", "hr", "img"})
_BLOCKS = frozenset(
    {"p", "div", "h1", "h2", "h3", "td", "th", "tr", "li", "dt", "dd", "small", "summary", "section", "label", "option"}
)
_DRAWN = frozenset({"use", "path", "circle", "rect", "line", "polyline"})


class Element(NamedTuple):
    """One element; `attributes` without a value have "". `within` are the names of what encloses it."""

    name: str
    attributes: dict[str, str]
    within: tuple[str, ...]


class Parsed(HTMLParser):
    """Reads a page strictly: what is opened must be closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.words: dict[int, list[str]] = {}
        self._at: list[int] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        if tag in _BLOCKS:
            self.handle_data(" ")
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"an attribute twice: {tag} {names}"
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self.open)))
        if tag not in EMPTY:
            self.open.append(tag)
            self._at.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element of a picture, which ends where it begins."""
        assert tag in _DRAWN, f"<{tag}/> does not close in HTML"
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        """It ends."""
        assert self.open and self.open[-1] == tag, f"</{tag}> where {self.open} are open"
        self.open.pop()
        self._at.pop()
        if tag in _BLOCKS:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        """Text."""
        self.texts.append(data)
        for at in self._at:
            self.words.setdefault(at, []).append(data)

    def handle_comment(self, data: str) -> None:
        """No page has one."""
        raise AssertionError(f"a comment: {data[:80]}")

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join("".join(self.texts).split())

    def named(self, name: str) -> list[Element]:
        """Elements of a name."""
        return [element for element in self.elements if element.name == name]

    def said(self, *, by_id: str = "", cls: str = "", name: str = "") -> list[str]:
        """The text of each element with that id, class or name."""
        return [
            " ".join("".join(self.words.get(at, ())).split())
            for at, element in enumerate(self.elements)
            if (by_id and element.attributes.get("id") == by_id)
            or (cls and cls in element.attributes.get("class", "").split())
            or (name and element.name == name)
        ]

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [element.attributes[attribute] for element in self.elements if attribute in element.attributes]
