"""Checks that must be green on the commit; whatever is not success is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.gates.checks import Checks
from tests.fakes.forge import FakeForge
from tests.gates.judged import COMMIT, TROUBLE, a_case, judged


def checked(rule: list[str], **states: str) -> Verdict:
    return judged(Checks(FakeForge(states={COMMIT: states})), rule, a_case())


def test_green_checks_pass() -> None:
    verdict = checked(["test", "lint"], test="success", lint="success", other="failure")
    assert verdict.passed and verdict.sentence == "test, lint: green on commit cccccccccccc"


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("failure", "checks-failed", "lint ended with failure"),
        ("error", "checks-failed", "lint ended with error"),
        ("timed_out", "checks-failed", "lint ended with timed_out"),
        ("cancelled", "checks-failed", "lint ended with cancelled"),
        ("action_required", "checks-failed", "lint ended with action_required"),
        ("something new", "checks-failed", "lint ended with something new"),
        ("pending", "checks-pending", "lint has not ended yet"),
        ("in_progress", "checks-pending", "lint has not ended yet"),
        ("skipped", "checks-skipped", "lint is skipped, which says nothing about this commit"),
        ("neutral", "checks-skipped", "lint is neutral, which says nothing about this commit"),
    ],
)
def test_what_is_not_success_is_refused(state: str, code: str, words: str) -> None:
    verdict = checked(["test", "lint"], test="success", lint=state)
    assert (verdict.code, verdict.sentence) == (code, f"on commit cccccccccccc: {words}")


def test_a_check_that_was_never_reported_is_refused_with_the_nearest_name() -> None:
    verdict = checked(["unit-tests"], unit_tests="success")
    assert verdict.code == "checks-missing" and "unit-tests was never reported" in verdict.sentence
    assert "did you mean 'unit_tests'?" in verdict.hint
    assert "the commit has: none" in checked(["test"]).hint


def test_all_that_is_wrong_is_told_and_the_worst_gives_the_code() -> None:
    verdict = checked(["a", "b", "c", "d"], a="failure", b="pending", c="success")
    assert verdict.code == "checks-failed"
    assert verdict.sentence.endswith("a ended with failure; b has not ended yet; d was never reported")
    assert verdict.facts["states"] == {"a": "failure", "b": "pending", "c": "success", "d": "missing"}


def test_where_nobody_can_be_asked_it_is_unknown() -> None:
    with pytest.raises(MachineryFailed) as caught:
        Checks(None).facts(["test"], a_case())
    assert caught.value.reason is Reason.GATE_UNKNOWN
    with pytest.raises(MachineryFailed, match="500"):
        Checks(FakeForge(trouble={"checks": TROUBLE})).facts(["test"], a_case())


_NAMES = st.sampled_from(["a", "b", "model-deploy/churn/staging"])
_STATES = st.sampled_from(["success", "failure", "pending", "skipped", "neutral", ""])


@given(st.lists(_NAMES, min_size=1), st.lists(_NAMES), st.dictionaries(_NAMES, _STATES))
def test_more_checks_never_allow_more(some: list[str], more: list[str], states: dict[str, str]) -> None:
    gate = Checks(FakeForge(states={COMMIT: states}))
    assert judged(gate, some + more, a_case()).passed <= judged(gate, some, a_case()).passed
    assert judged(gate, some, a_case()).passed is all(states.get(name) == "success" for name in some)
