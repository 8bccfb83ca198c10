"""Foreign text on one line of a log: it shows what it says and does nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.inert import lines, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ünïcödé ✓ 漢字 🚀", "plain text, ünïcödé ✓ 漢字 🚀"),
        ("two\nlines", "two\\nlines"),
        ("a\r\nb", "a\\r\\nb"),
        ("a\tb", "a\\tb"),
        ("\x1b[31mred\x1b[0m", "\\e[31mred\\e[0m"),
        ("nul\0", "nul\\0"),
        ("\x07\x08\x7f\x85\x9b", "\\u0007\\u0008\\u007f\\u0085\\u009b"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("\u2066\u2069\u200b\ufeff", "\\u2066\\u2069\\u200b\\ufeff"),
        ("a\u2028b\u2029c", "a\\u2028b\\u2029c"),
        ("half \udcff", "half \\udcff"),
        ("", ""),
    ],
)
def test_control_and_direction_characters_are_spelled_out(text: str, shown: str) -> None:
    assert one_line(text) == shown


@given(st.text(st.characters()), st.integers(1, 50))
def test_any_text_becomes_one_harmless_short_line(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    assert all(unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown)
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=100))
def test_harmless_text_stays(text: str) -> None:
    assert one_line(text) == text


def test_long_text_is_cut_with_a_mark() -> None:
    assert one_line("x" * 5000) == "x" * 1999 + "…"
    assert one_line("x" * 10, 10) == "x" * 10
    assert one_line("x" * 11, 10) == "x" * 9 + "…"
    assert one_line("\x1b" * 10, 10) == "\\e\\e\\e\\e\\…"
    assert len(one_line("\0" * 10_000_000)) == 2000


def test_lines() -> None:
    assert lines("a\r\nb\rc\n\x1b[1m") == ["a", "b\\rc", "\\e[1m"]
    assert lines("\n".join(str(number) for number in range(200)), 3) == ["197", "198", "199"]
    assert lines("") == [""]
