"""Committed files equal what the code generates; `make reference` writes them."""

from __future__ import annotations

import pytest

from tests.contract.generate import ROOT, generated


@pytest.mark.parametrize("path", sorted(generated()))
def test_committed_equals_generated(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == generated()[path], "run `make reference`"
