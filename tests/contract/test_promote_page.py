"""The page on changing the registry is followed, command by command, in the example registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.consoles import Page
from tests.contract.generate import ROOT
from tests.standins.example_registry import build
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough


def test_the_page_on_promoting_does_what_it_says(tmp_path: Path) -> None:
    build(tmp_path / "registry", 1)
    GitRepository(tmp_path / "registry").commit({"models/churn.txt": "better"})
    page = Page((ROOT / "docs/howto/promote-a-model.md").read_text(encoding="utf-8"), tmp_path / "registry")
    page.follow()

    registered, planned, promoted, which, archived, *_ = page.said
    assert registered.startswith("churn v3.1.1 is registered")
    assert "Dry run: nothing was made." in planned
    assert promoted.startswith("churn v3.1.1 is in prod now (commit ")
    assert which == "v3.1.1\n"
    assert "taken out of prod" in archived
    assert page.said[-1].startswith("churn is deprecated")
