"""Secrets: a wrapper that shows stars, and a scrubber for everything that leaves the program."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

STARS = "***"


class Secret:
    """A secret value; `reveal()` is the only way to the text, so it cannot be printed by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: hand it to the one place that needs it, never to a log."""
        return self._value

    def __repr__(self) -> str:
        return STARS

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __bool__(self) -> bool:
        return bool(self._value)


def _spellings(value: str) -> set[str]:
    """The ways in which a secret tends to turn up: as it is, line by line, encoded for JSON, a URL or basic auth."""
    spellings = {value, value.strip(), *(line.strip() for line in value.splitlines())}
    for text in tuple(spellings):
        spellings |= {
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            quote(text, safe=""),
            quote(text),
            quote_plus(text),
            repr(text)[1:-1],
        }
        raw = text.encode()
        spellings |= {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return {spelling for spelling in spellings if spelling}


def _begun_at(needle: str, text: str) -> int:
    """First position from which the rest of `text` is a proper beginning of `needle`; its length for none."""
    at = text.find(needle[0], max(0, len(text) - len(needle) + 1))
    while at != -1:
        if needle.startswith(text[at:]):
            return at
        at = text.find(needle[0], at + 1)
    return len(text)


class Scrubber:
    """Replaces every known secret, in every usual spelling, by stars. Secrets may be added while it is used."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._needles: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Know one more secret from now on. An empty one is ignored."""
        found = set(self._needles) | _spellings(secret)
        self._needles = sorted(found, key=len, reverse=True)  # longest first: a secret may hold another

    def safe_cut(self, text: str) -> int:
        """Where `text` may be cut so that neither half holds part of a secret (known, or still arriving)."""
        cut = min((_begun_at(needle, text) for needle in self._needles), default=len(text))
        straddled = True
        while straddled:
            straddled = False
            for needle in self._needles:
                start = text.find(needle, max(0, cut - len(needle) + 1), cut + len(needle) - 1)
                if start != -1:
                    cut, straddled = start, True
        return cut

    def text(self, text: str) -> str:
        """`text` with stars for secrets."""
        for needle in self._needles:
            if needle in text:
                text = text.replace(needle, STARS)
        return text

    def value(self, value: Any) -> Any:
        """The same for a JSON-like value: every string in it, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


class ScrubbedStream:
    """Scrubs text that arrives in pieces: a secret cut in two by a read is still found."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._held = ""

    def feed(self, piece: str) -> str:
        """Text that may be shown now; an end that could be the beginning of a secret is held back."""
        text = self._held + piece
        cut = self._scrubber.safe_cut(text)
        self._held = text[cut:]
        return self._scrubber.text(text[:cut])

    def end(self) -> str:
        """What was held back."""
        text, self._held = self._scrubber.text(self._held), ""
        return text
