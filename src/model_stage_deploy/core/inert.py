"""Foreign text made inert: what tags, annotations, answers and files say can be shown, and does nothing."""

from __future__ import annotations

_SHOWN = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e", "\0": "\\0"}


def one_line(text: str, limit: int = 2000) -> str:
    """`text` on one line, at most `limit` characters: control and direction-changing characters are spelled out."""
    if len(text) <= limit and text.isprintable():
        return text
    begun = text[: limit + 1]  # spelled out it only grows
    shown = "".join(character if _harmless(character) else _spelled(character) for character in begun)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def lines(text: str, limit: int = 100) -> list[str]:
    """The last `limit` lines of `text`, each inert."""
    return [one_line(line) for line in text.replace("\r\n", "\n").split("\n")[-limit:]]


def _harmless(character: str) -> bool:
    import unicodedata

    # Cc controls, Cf formats (bidi overrides, zero width), Zl/Zp separators, Cs surrogates
    return unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs")


def _spelled(character: str) -> str:
    return _SHOWN.get(character) or f"\\u{ord(character):04x}"
