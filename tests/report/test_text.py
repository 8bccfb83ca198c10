"""An outcome as lines: every reason, whatever the texts in it hold."""

from __future__ import annotations

import json

import pytest

from model_stage_deploy.core.outcome import Outcome, Step, document, outputs
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.faces.printing import json_lines
from model_stage_deploy.faces.settings import OUTPUTS
from model_stage_deploy.report.columns import columns
from model_stage_deploy.report.text import annotation, describe, headline, plan_lines
from tests.fakes.plans import HOSTILE, a_plan

FAILED = [reason for reason in Reason if reason.exit_code]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_headline_and_says_its_code_where_something_was_not_done(reason: Reason) -> None:
    outcome = Outcome(reason=reason, message="what happened", hint="what to do then")
    lines = list(describe(outcome))

    assert headline(outcome).endswith(": what happened")
    assert lines[0] == headline(outcome)
    assert "  what to do: what to do then" in lines
    told = f"  reason: {reason.value} (exit code {reason.exit_code})"
    assert (told in lines) == (bool(reason.exit_code) or reason.result is Result.NOTHING_TO_DO)


@pytest.mark.parametrize("reason", Reason)
def test_what_went_wrong_is_an_error_and_what_is_doubtful_a_warning(reason: Reason) -> None:
    note = annotation(Outcome(reason=reason, message="m", hint="h"))
    doubtful = annotation(Outcome(reason=reason, message="m", hint="h", doubtful=True))
    if reason.exit_code:
        assert note is not None
        assert doubtful == note
        assert (note[0], note[1].endswith("m\nWhat to do: h")) == ("error", True)
    else:
        assert note is None
        assert doubtful is not None
        assert doubtful[0] == "warning"


def test_only_a_deployment_that_happened_says_where_it_is_live() -> None:
    for reason in Reason:
        lines = list(describe(Outcome(reason=reason, message="m", environment_url="https://live.example")))
        assert ("  live at: https://live.example" in lines) == (reason.result is Result.DEPLOYED)


def test_steps_say_how_long_they_took_and_which_failed() -> None:
    steps = (Step("look", 0.04, True), Step("plan", 0.06, True), Step("deploy", 12.34, False))
    lines = list(describe(Outcome(reason=Reason.DEPLOYER_FAILED, message="m", steps=steps)))
    assert lines[-1] == "  took: plan 0.1 s, deploy 12.3 s (failed)"


def test_a_message_of_several_lines_is_indented() -> None:
    lines = list(describe(Outcome(reason=Reason.MAPPING_INVALID, message="one\ntwo\nthree")))
    assert lines[:3] == ["Invalid: one", "  two", "  three"]


def test_a_plan_says_what_where_replacing_what_and_why() -> None:
    plan = a_plan(production=True, timeout=5430.0, type="model", origins={"url": "stages.prod at m.yml:3:4"})
    lines = list(plan_lines(plan, ("POST x\n  body", "second")))

    assert lines[0] == "Plan: deploy churn v3.1.0 -> prod"
    assert "  artifact     models/churn.pkl (model)" in lines
    assert "  environment  production (production)" in lines
    assert "  replacing    v3.0.0  (tag churn#prod#3)" in lines
    assert "  deployer     shell, at most 1 h 30 min 30 s" in lines
    assert lines[lines.index("  would do") + 1 :][:3] == ["    POST x", "      body", "    second"]
    assert "    url                      stages.prod at m.yml:3:4" in lines
    rolled_back = list(plan_lines(a_plan(rollback=True, previous=None, path=None), ()))
    assert rolled_back[0] == "Plan: roll back churn v3.1.0 -> prod"
    assert "  replacing    nothing: the stage is empty" in rolled_back


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.5, "0.5 s"), (1, "1 s"), (60, "1 min"), (3600, "1 h"), (86400, "24 h")]
)
def test_durations_read_well(seconds: float, told: str) -> None:
    assert f"  deployer     shell, at most {told}" in list(plan_lines(a_plan(timeout=seconds), ()))


def test_a_dry_run_is_its_plan() -> None:
    lines = list(describe(Outcome(reason=Reason.DRY_RUN, message="m", plan=a_plan(), actions=("run it",))))
    assert lines[0].startswith("Plan: ")
    assert lines[-1] == "Dry run: nothing was touched."


def test_a_table_is_aligned_and_has_no_trailing_space() -> None:
    assert list(columns([("A", "LONG", "C"), ("aaa", "b", "c"), ("a", "b", "")])) == [
        "A    LONG  C",
        "aaa  b     c",
        "a    b",
    ]
    assert list(columns([])) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_json_is_ascii_and_means_what_was_said(name: str) -> None:
    value = {HOSTILE[name]: [HOSTILE[name], {"x": HOSTILE[name]}]}
    text = "".join(json_lines(value))
    assert text.isascii()
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == value


@pytest.mark.parametrize("reason", Reason)
def test_outputs_are_all_there_for_every_end(reason: Reason) -> None:
    for plan in (None, a_plan()):
        outcome = Outcome(reason=reason, message="m", plan=plan)
        told = outputs(outcome, "{}")
        assert list(told) == [output.name for output in OUTPUTS]
        assert all(isinstance(value, str) for value in told.values())
        assert (told["result"], told["reason"]) == (reason.result.value, reason.value)
        assert document(outcome)["exit_code"] == reason.exit_code


def test_codes_are_kebab_case_and_results_have_one_exit_code() -> None:
    codes = [*Reason, *Result]
    assert all(code.value == code.value.lower() and "_" not in code.value for code in codes)
    assert all(reason.meaning.endswith(".") for reason in Reason)
    assert {reason.exit_code for reason in FAILED} == {1, 2, 3, 4, 130}
