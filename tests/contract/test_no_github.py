"""What decides knows no code host: names of GitHub and GitLab stand in adapters, faces, and in what is about them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.test_imports import SOURCE

ROOMS = ("core", "flows", "gates", "verifiers", "deployers")
FILES = sorted(path for room in ROOMS for path in (SOURCE / room).rglob("*.py"))
ABOUT_IT = {
    "core/health.py": "what `doctor` finds in workflows",
    "core/health_workflows.py": "what `doctor` finds in workflows",
    "core/mapping_shape.py": "what `environment` becomes there",
    "core/matrix.py": "a workflow's matrix and its limits",
    "core/permissions.py": "what to write under `permissions:`",
    "core/policy.py": "examples of paths",
    "core/reasons.py": "codes that an adapter raises, and what they mean",
    "core/workflows.py": "workflows",
    "deployers/environment.py": "files of the runner that are kept from deployers",
    "deployers/signing.py": "the style of signature that receivers know from there",
    "deployers/webhook_options.py": "the style of signature that receivers know from there",
    "deployers/webhook_words.py": "the style of signature that receivers know from there",
    "flows/importing.py": "which pushed tags start no workflow (T18)",
    "flows/change.py": "which pushed tags start no workflow (T18, T20)",
    "flows/doctor.py": "the check of workflows",
    "gates/signed.py": "an example of a path",
}
"""Files that are about a code host, and why."""
_NAME = re.compile(r"git(?:hub|lab)(?!-failed)", re.IGNORECASE)


def named(path: Path) -> Iterator[str]:
    """What a file says of a code host: texts and names, not comments and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield from _NAME.findall(node.value)
        elif isinstance(node, ast.Name | ast.arg | ast.FunctionDef | ast.ClassDef):
            yield from _NAME.findall(getattr(node, "id", "") or getattr(node, "arg", "") or getattr(node, "name", ""))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_it_names_no_code_host(path: Path) -> None:
    found = list(named(path))
    assert bool(found) == (path.relative_to(SOURCE).as_posix() in ABOUT_IT), found
