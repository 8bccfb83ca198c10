"""Sizes and names: files and functions that can be read at a sitting, modules whose names say something."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from tests.contract.generate import ROOT

SOURCE = ROOT / "src" / "model_stage_deploy"
FILES = sorted(SOURCE.rglob("*.py"))
LONGEST_FILE = 350
LONGEST_FUNCTION = 60
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "tools", "base", "lib"}
ABSOLUTE = re.compile(r"""["'](/(?:home|root|usr/local|tmp|work|mnt|opt|var|Users)/[^"']*)["']""")

by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))


def long_functions(text: str) -> list[str]:
    """Functions that are longer than one ought to be, with their lengths."""
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    return [f"{name}: {length} lines" for name, length in lengths.items() if length > LONGEST_FUNCTION]


@by_file
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    assert long_functions(text) == []


@by_file
def test_names(path: Path) -> None:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    assert not SAYS_NOTHING & set(parts)
    assert path.stem.startswith("__") or path.stem not in sys.stdlib_module_names


@by_file
def test_each_module_says_what_lives_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text)), "a module opens with a line on what lives here"


@by_file
def test_no_path_of_a_machine(path: Path) -> None:
    assert ABSOLUTE.findall(path.read_text(encoding="utf-8")) == []


def test_what_is_too_long_or_absolute_is_seen() -> None:
    body = "    pass\n" * LONGEST_FUNCTION
    assert long_functions(f"def f():\n{body}") == [f"f: {LONGEST_FUNCTION + 1} lines"]
    assert long_functions(f"class A:\n  async def g(self):\n{body.replace('    ', '        ')}") == [
        f"g: {LONGEST_FUNCTION + 1} lines"
    ]
    assert ABSOLUTE.findall('x = "/home/me/models"') == ["/home/me/models"]
