"""Committed files equal what the code generates; `make reference` writes them."""

from __future__ import annotations

import pytest

from release.image import unpinned
from tests.contract.generate import ROOT, generated


@pytest.mark.parametrize("path", sorted(generated()))
def test_committed_equals_generated(path: str) -> None:
    # Of a release, action.yml differs in one line: where the image is.
    assert unpinned((ROOT / path).read_text(encoding="utf-8")) == generated()[path], "run `make reference`"
