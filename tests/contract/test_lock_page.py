"""The page on locking a stage is followed, command by command, in the demo's registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.consoles import Page
from tests.contract.generate import ROOT
from tests.standins.example_registry import build

pytestmark = pytest.mark.thorough


def test_the_page_on_locking_does_what_it_says(tmp_path: Path) -> None:
    build(tmp_path / "registry", 1)
    page = Page((ROOT / "docs/howto/lock-a-stage.md").read_text(encoding="utf-8"), tmp_path / "registry")
    page.follow()

    locked, listed, unlocked = page.said
    assert locked.startswith("churn in prod is locked")
    assert listed.splitlines()[1].startswith("churn in prod  freeze  Ada Model <ada@example.com>")
    assert listed.rstrip().endswith("incident 42: predictions are late")
    assert unlocked.startswith("churn in prod is unlocked")
