"""The benchmark of the pages runs and says what it measured. How fast anything was is not asserted: machines differ."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.generate import ROOT

pytestmark = pytest.mark.thorough


def test_it_prints_its_table(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "benchmarks.pages", "--models", "10", "--tags", "400", "--runs", "1"]
    out = subprocess.run(
        [*words, "--directory", str(tmp_path)], cwd=ROOT, check=True, capture_output=True, encoding="utf-8"
    ).stdout

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if line.startswith("| ")]
    measured = {row[0]: row[1] for row in rows[2:]}
    assert {"first page of a server", "reload", "one model's page"} <= set(measured)
    assert [told for told in measured.values() if not told.endswith((" ms", " KiB"))] == []
    assert list(tmp_path.iterdir()) == []
