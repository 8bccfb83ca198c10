"""Every REST path that the adapters write is one of GitHub's, on github.com and on Enterprise Server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.generate import ROOT
from tests.standins.github_description import GHES_SUBSET, SUBSET, Description

ADAPTERS = sorted((ROOT / "src" / "model_stage_deploy" / "adapters").glob("github_*.py"))
PAGES = {"/actions/workflows/*"}  # for people
REPOSITORY = "/repos/{owner}/{repo}"
_PATH = re.compile(r"/[a-z*][-a-z_/*]*")


def _written(tree: ast.Module) -> Iterator[str]:
    """Texts that look like paths, `*` for what is put in; those that only end like one begin with `*`."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def _paths(path: Path) -> set[str]:
    return {text for text in _written(ast.parse(path.read_text(encoding="utf-8"))) if _PATH.fullmatch(text.lstrip("*"))}


@pytest.mark.parametrize("subset", [SUBSET, GHES_SUBSET], ids=["github", "ghes"])
@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda path: path.stem)
def test_a_path_is_one_of_githubs(adapter: Path, subset: Path) -> None:
    known = [re.sub(r"{\w+}", "*", operation.template) for operation in Description.load(subset).operations]
    known += [template.removeprefix(re.sub(r"{\w+}", "*", REPOSITORY)) for template in known]
    for path in _paths(adapter):
        bare = path.lstrip("*")
        if path.startswith("*"):  # what it is put behind is in a variable
            assert bare in PAGES or any(each.endswith(bare) for each in known), path
        else:  # a whole path, or the beginning of one
            assert any(each == bare or each.startswith(f"{bare}/") for each in known), path


def test_the_paths_are_found() -> None:
    found = set().union(*map(_paths, ADAPTERS))
    assert {"/deployments", "/deployments/*/statuses", "/statuses/*", "*/check-runs", "/orgs/*/teams/*"} <= found
