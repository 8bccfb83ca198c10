"""Secrets: a wrapper that shows stars, and a scrubber for everything that leaves the program."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

STARS = "***"
_TELLING = 4  # characters; a shorter line of a longer secret gives nothing away
Span = tuple[int, int]


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
    spellings = {value, value.strip(), *_telling_lines(value)}
    for text in tuple(spellings):
        spellings |= {
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            quote(text, safe="", errors="surrogatepass"),
            quote(text, errors="surrogatepass"),
            quote_plus(text, errors="surrogatepass"),
            repr(text)[1:-1],
            *_base64(text.encode(errors="surrogatepass")),
        }
    return {spelling for spelling in spellings if spelling}


def _telling_lines(value: str) -> Iterator[str]:
    """Lines of a secret of several lines; the brackets of one that is JSON are no secret."""
    for line in value.splitlines():
        text = line.strip()
        if len(text) >= _TELLING and any(character.isalnum() for character in text):
            yield text


def _base64(raw: bytes) -> Iterator[str]:
    """By itself, and what stays the same of it behind one, two or three other bytes (`user:secret`)."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        yield encode(raw).decode()
        for before in range(3):
            first, after = -(-8 * before // 6), 8 * (before + len(raw)) // 6
            if after - first >= 2 * _TELLING:
                yield encode(bytes(before) + raw).decode()[first:after]


def _occurrences(needle: str, text: str) -> Iterator[Span]:
    at = text.find(needle)
    while at != -1:
        yield at, at + len(needle)
        at = text.find(needle, at + 1)


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
        self._needles: frozenset[str] = frozenset()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Know one more secret from now on. An empty one is ignored."""
        self._needles |= _spellings(secret)

    def spans(self, text: str, covered: int = 0) -> list[Span]:
        """Where secrets are in `text`, in order; secrets that overlap are one span.

        The first `covered` characters belong to a secret that began before this text.
        """
        found = sorted(span for needle in self._needles for span in _occurrences(needle, text))
        merged = [(0, covered)] if covered else []
        for start, end in found:
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def settled(self, text: str) -> int:
        """How much of `text` no later text can turn into a part of a secret that is not yet complete."""
        return min((_begun_at(needle, text) for needle in self._needles), default=len(text))

    def text(self, text: str) -> str:
        """`text` with stars for secrets."""
        return _starred(text, self.spans(text), 0, len(text))

    def value(self, value: Any) -> Any:
        """The same for a JSON-like value: every string in it, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


def _starred(text: str, spans: list[Span], start: int, end: int) -> str:
    """`text` from `start` to `end` with stars for the spans that begin there."""
    shown = []
    for first, after in spans:
        if start <= first < end:
            shown += [text[start:first], STARS]
            start = after
    return "".join([*shown, text[start:end]])


class ScrubbedStream:
    """Scrubs text that arrives in pieces: a secret cut in two by a read is still found.

    What it holds back is never longer than the longest secret.
    """

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._held = ""
        self._covered = 0  # so much of what is held belongs to a secret whose stars are out already

    def feed(self, piece: str) -> str:
        """Text that may be shown now; an end that could be the beginning of a secret is held back."""
        text = self._held + piece
        return self._show(text, self._scrubber.settled(text))

    def end(self) -> str:
        """What was held back."""
        return self._show(self._held, len(self._held))

    def _show(self, text: str, until: int) -> str:
        spans = self._scrubber.spans(text, self._covered)
        begun = spans[0][1] if self._covered else 0
        shown = _starred(text, spans[1:] if begun else spans, min(begun, until), until)
        last = max((after for first, after in spans if first < until), default=begun)
        self._held, self._covered = text[until:], max(0, last - until)
        return shown
