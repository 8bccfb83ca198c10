"""The end of a long output."""

from __future__ import annotations

import re

from model_stage_deploy.adapters.output_tail import TAIL_CHARACTERS, TAIL_LINES, OutputTail


def test_tail_keeps_the_last_lines() -> None:
    tail = OutputTail()
    for number in range(1000):
        tail.add(f"line {number}\n")
    assert tail.text().split("\n") == [f"line {number}" for number in range(1000 - TAIL_LINES, 1000)]


def test_tail_is_cut_between_lines_so_that_no_half_secret_stays() -> None:
    tail = OutputTail()
    for _ in range(40):
        tail.add("hunter2-correct-horse " * 150 + "\n")
    words = set(re.findall(r"\S+", tail.text()))
    assert words == {"hunter2-correct-horse"}
    assert TAIL_CHARACTERS - 4000 < len(tail.text()) <= TAIL_CHARACTERS


def test_tail_of_one_endless_line_is_cut_between_words() -> None:
    tail = OutputTail()
    tail.add("hunter2-correct-horse " * 10_000)
    assert set(tail.text().split()) == {"hunter2-correct-horse"}
    tail = OutputTail()
    tail.add("x" * 100_000)
    assert tail.text() == "x" * TAIL_CHARACTERS
