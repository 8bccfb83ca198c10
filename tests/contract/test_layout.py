"""Sizes and names: files and functions that can be read at a sitting, modules whose names say something."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.generate import ROOT

SOURCE = ROOT / "src" / "model_stage_deploy"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 350
LONGEST_FUNCTION = 60
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools", "base", "lib"}
ABSOLUTE = re.compile(r"""["'](/(?:home|root|usr/local|tmp|work|mnt|opt|var|Users)/[^"']*)["']""")


def complaints(path: Path) -> Iterator[str]:
    """What is wrong with the size, the name or the beginning of a module."""
    text, inside = path.read_text(encoding="utf-8"), path.relative_to(SOURCE)
    if len(text.splitlines()) > LONGEST_FILE:
        yield f"{inside}: {len(text.splitlines())} lines"
    yield from (f"{inside}: {told}" for told in long_functions(text))
    if SAYS_NOTHING & set(inside.with_suffix("").parts):
        yield f"{inside}: its name says nothing"
    if not path.stem.startswith("__") and path.stem in sys.stdlib_module_names:
        yield f"{inside}: named like a module of the standard library"
    if not ast.get_docstring(ast.parse(text)):
        yield f"{inside}: a module opens with a line on what lives here"
    yield from (f"{inside}: {path_of_a_machine}" for path_of_a_machine in ABSOLUTE.findall(text))


def long_functions(text: str) -> list[str]:
    """Functions that are longer than one ought to be, with their lengths."""
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    return [f"{name}: {length} lines" for name, length in lengths.items() if length > LONGEST_FUNCTION]


def test_every_module_is_short_well_named_and_says_what_lives_there() -> None:
    assert [complaint for path in FILES for complaint in complaints(path)] == []


def test_a_module_that_is_none_of_that_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SOURCE", tmp_path)
    bad = tmp_path / "utils" / "json.py"
    bad.parent.mkdir()
    bad.write_text('x = "/home/me"\n' * (LONGEST_FILE + 1), encoding="utf-8")
    told = [complaint.partition(": ")[2] for complaint in complaints(bad)]
    assert told[:4] == [
        f"{LONGEST_FILE + 1} lines",
        "its name says nothing",
        "named like a module of the standard library",
        "a module opens with a line on what lives here",
    ]
    assert told[4] == "/home/me"


def test_what_is_too_long_or_absolute_is_seen() -> None:
    body = "    pass\n" * LONGEST_FUNCTION
    assert long_functions(f"def f():\n{body}") == [f"f: {LONGEST_FUNCTION + 1} lines"]
    assert long_functions(f"class A:\n  async def g(self):\n{body.replace('    ', '        ')}") == [
        f"g: {LONGEST_FUNCTION + 1} lines"
    ]
    assert ABSOLUTE.findall('x = "/home/me/models"') == ["/home/me/models"]
