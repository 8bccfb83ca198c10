"""Targets in a log's last lines and on the summary's page: counted, the worst first, and harmless."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_stage_deploy.core.outcome import Outcome, subject_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Target, TargetResult, Wave
from model_stage_deploy.report.summary import LIMIT, summary
from model_stage_deploy.report.targets import target_lines, target_tables
from model_stage_deploy.report.text import describe
from tests.faces import corpora
from tests.faces.rendered import assert_harmless
from tests.fakes.plans import HOSTILE, a_plan

TEXTS = corpora.values() | HOSTILE


def _outcome(*results: TargetResult, **changes: object) -> Outcome:
    plan = replace(a_plan(), waves=(Wave(1, "canary", (Target("c"),)), Wave(2, "rest", (Target("a"), Target("b")))))
    outcome = Outcome(Reason.TARGETS_FAILED, "2 of 3", subject_of(plan.decision), plan=plan, targets=results)
    return replace(outcome, **changes)  # type: ignore[arg-type]


GOOD = TargetResult("c", 1, "deployed", now="v3.1.0", seconds=2.0)
BAD = TargetResult("b", 2, "failed", "deployer-failed", "HTTP 500", now="v3.0.0", seconds=1.0)
LEFT = TargetResult("a", 2, "not-started", now="v3.0.0")


def test_a_log_ends_with_counts_and_what_failed() -> None:
    assert list(target_lines([GOOD, BAD, LEFT])) == [
        "  targets: 1 deployed, 1 failed, 1 not started",
        "    b: FAILED after 1.0s: HTTP 500",
    ]
    assert list(target_lines([])) == []
    many = list(target_lines([BAD._replace(target=f"t{number:02}") for number in range(30)]))
    assert (len(many), many[-1]) == (22, "    and 10 more")
    assert "  targets: 1 deployed, 1 failed, 1 not started" in list(describe(_outcome(GOOD, BAD, LEFT)))
    parts = _outcome(parts=(_outcome(GOOD),))
    assert "    targets: 1 deployed" in list(describe(parts))


def test_the_page_has_waves_then_what_failed_then_the_rest() -> None:
    [tables] = target_tables(_outcome(LEFT, GOOD, BAD))
    assert [(row.mark, row.wave, row.targets, row.counts) for row in tables.waves] == [
        ("✅", "1 canary", 1, "1 deployed"),
        ("❌", "2 rest", 2, "1 failed, 1 not started"),
    ]
    assert [row.target for row in tables.bad] == ["b"]
    assert [row.target for row in tables.rest] == ["a", "c"]
    page = summary(_outcome(LEFT, GOOD, BAD), str)
    assert page.index("| 2 rest | 2 | ❌ |") < page.index("| `b` | 2 |") < page.index("The other targets")
    assert "1 deployed, 1 failed, 1 not started" in page.splitlines()[0].replace("\\", "")


def test_it_is_not_said_what_a_target_has_where_the_way_back_failed() -> None:
    [tables] = target_tables(_outcome(BAD._replace(result="rollback-failed")))
    assert tables.bad[0].now == ""
    assert "not known: look at it" in summary(_outcome(BAD._replace(result="rollback-failed")), str)


def test_of_very_many_targets_the_page_shows_what_fits() -> None:
    bad = [BAD._replace(target=f"bad-{number}", message="x" * 5000) for number in range(3000)]
    good = [GOOD._replace(target=f"good-{number}") for number in range(50_000)]
    page = summary(_outcome(*bad, *good), str)
    assert len(page.encode()) <= LIMIT
    assert "| and 2900 more |" in page
    assert "| and 49000 more |" in page
    assert "50000 deployed, 3000 failed" in page


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_stay_texts(text: str) -> None:
    results = [GOOD._replace(now=text, message=text), BAD._replace(now=text, message=text)]
    plan = replace(a_plan(), waves=(Wave(1, text, ()),))
    assert_harmless(summary(_outcome(*results, plan=plan), str))


def test_a_page_without_targets_is_as_before() -> None:
    assert "Wave" not in summary(_outcome(), str)
