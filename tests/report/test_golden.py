"""The summaries of typical ends, as they were looked at: rendered, of the shape that is meant, none too many."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.outcome import Outcome
from tests.faces.rendered import assert_harmless, shape, tables
from tests.report.golden.ends import ends
from tests.report.golden.files import DIRECTORY, rendered

ENDS = ends()
STAGES = ["Stage", "Version", "Live now", "Result"]
ORDER = [
    STAGES,
    ["Line", "Setting", "What is wrong", "Likely way to put it right"],
    ["Wave of m prod", "Targets", "", ""],
    ["Target of m prod", "Wave", "Result", "Live now", "Why"],
    ["Gate", "", "What it saw"],
    ["Verification", "", "What it saw"],
    ["Target of m prod", "Wave", "Result", "Live now", "Time"],
    ["Detail", "Value"],
    ["", "Fact", "Value"],
    ["Step", "Time", ""],
]


@pytest.mark.parametrize("name", ENDS)
def test_a_summary_is_as_it_was_looked_at(name: str) -> None:
    golden = (DIRECTORY / f"{name}.md").read_text(encoding="utf-8")
    assert rendered(ENDS[name]) == golden, "see `python -m tests.report.golden`"


def test_every_golden_summary_has_its_end() -> None:
    assert {file.stem for file in DIRECTORY.glob("*.md")} == set(ENDS)


@pytest.mark.parametrize("name", ENDS)
def test_a_summary_has_just_the_tables_that_are_meant(name: str) -> None:
    outcome = ENDS[name]
    link = (outcome.environment_url,) if outcome.environment_url else ()
    page = assert_harmless(rendered(outcome), link)
    headings = [table[0] for table in tables(page)]
    assert headings == [heading for heading in ORDER if heading in headings]
    assert (STAGES in headings) == _has_stages(outcome)
    assert shape(page).count("h2") == 1
    assert page.count("language-mermaid") == (1 if _way(outcome) else 0)
    rows = [table for table in tables(page) if table[0] == STAGES]
    assert sum(len(table) - 1 for table in rows) == (max(1, len(outcome.parts)) if rows else 0)


def _has_stages(outcome: Outcome) -> bool:
    return bool(outcome.subject.stage and (outcome.subject.version or _way(outcome)))


def _way(outcome: Outcome) -> bool:
    return outcome.way is not None or any(part.way for part in outcome.parts)
