"""Every rule R1–R63 and every bug B1–B20 of docs/reference/tags.md has a case of its name, and a line on that page."""

from __future__ import annotations

import re

import pytest

from tests.contract.generate import ROOT

NAMES = [
    name
    for path in sorted((ROOT / "tests").rglob("test_*.py"))
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
]
PAGE = (ROOT / "docs" / "reference" / "tags.md").read_text(encoding="utf-8")
RULES = [*(f"R{number}" for number in range(1, 64)), *(f"B{number}" for number in range(1, 21))]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_has_a_case_of_its_name_and_a_line(rule: str) -> None:
    number = f"{rule[0].lower()}{int(rule[1:]):02}"
    assert [name for name in NAMES if number in name.split("_")], f"no test is named test_{number}_…"
    assert re.search(rf"\b{rule}\b", PAGE), f"{rule} is not on the page"
