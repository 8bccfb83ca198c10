"""Registries that follow, in the summary, in plain lines and in the outputs."""

from __future__ import annotations

import json

from model_stage_deploy.core.mirrored import Mirrored
from model_stage_deploy.core.outcome import Outcome, Subject, document, outputs
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.report.summary import summary
from model_stage_deploy.report.text import describe
from tests.fakes.plans import a_plan

TOLD = (
    Mirrored("mlflow", True, True, "pointed the alias prod at version 3", "", {"version": "3"}),
    Mirrored("mlflow", False, False, "answered 401 | <b>no</b>", "set a password"),
)
END = Outcome(
    Reason.MIRROR_FAILED,
    "churn v3.1.0 deployed to prod; but not every registry that follows knows it: mlflow: answered 401",
    subject=Subject(model="churn", version="v3.1.0", stage="prod"),
    hint="set a password; then tell them again: python -m model_stage_deploy mirror churn prod",
    plan=a_plan(),
    placed=True,
    ended_as="deployed",
    mirrors=TOLD,
)


def test_the_summary_has_a_row_for_each() -> None:
    text = summary(END, lambda value: value)
    assert "| mlflow | ✅ | pointed the alias prod at version 3 |" in text
    assert "<b>no</b>" not in text
    assert "| mlflow | ❌ | answered 401" in text
    assert "⚠️" in text.splitlines()[0]


def test_without_mirrors_there_is_no_table() -> None:
    assert "Mirror" not in summary(Outcome(Reason.DEPLOYED, "done", plan=a_plan()), lambda value: value)


def test_the_lines() -> None:
    lines = list(describe(END))
    assert lines[0].startswith("NOT RECORDED: churn v3.1.0 deployed to prod; but not every registry")
    assert "  live now: v3.1.0" in lines
    assert "  reason: mirror-failed (exit code 4)" in lines


def test_the_document_and_the_outputs() -> None:
    told = document(END)
    assert json.loads(json.dumps(told))["mirrors"][1] == {
        "mirror": "mlflow",
        "ok": False,
        "changed": False,
        "sentence": "answered 401 | <b>no</b>",
        "hint": "set a password",
        "facts": {},
    }
    assert told["ended_as"] == "deployed"
    assert outputs(END, "{}")["result"] == "unrecorded"
    assert outputs(END, "{}")["live-version"] == "v3.1.0"
