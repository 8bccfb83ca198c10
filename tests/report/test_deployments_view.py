"""What people and scripts read of attempts: one word for how each ended, newest first, and nothing left unsaid."""

from __future__ import annotations

from typing import Any

import pytest

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.lifecycle import Judged, Lifecycle, Recorded, Records, lifecycle, unknown
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.report.columns import Table
from model_stage_deploy.report.deployments import attempts, document, page, result, table_rows, words
from tests.core.tag_records import commit, model

TAGS = ("m@v1.0.0 A @0", "m#prod#1 A @20", "m#staging#1 A @30")
GOOD = Recorded(
    "7",
    "v1.0.0",
    commit("A"),
    "m#prod#1",
    "success",
    created="2026-01-10T12:00:00Z",
    outcome="success",
    ended="2026-01-10T12:01:10Z",
    placed=True,
    checks=1,
    environment="production",
    actor="alice",
    log_url="https://ci.example.com/7",
)
AUTOMATIC: dict[str, Any] = {"rollback": True, "automatic": True}
ENDS: dict[str, tuple[dict[str, Any], str, str]] = {
    "verified": ({}, "verified", "deployed, verified"),
    "replaced since": ({"state": "inactive"}, "verified", "deployed, verified"),
    "deployed": ({"checks": 0}, "deployed", "deployed"),
    "verification failed": (
        {"state": "failure", "outcome": "failure"},
        "verification-failed",
        "deployed, failed verification",
    ),
    "verification came to no end": (
        {"state": "error", "outcome": "error"},
        "unverified",
        "deployed, verification came to no end",
    ),
    "failed": ({"state": "failure", "outcome": "failure", "placed": False}, "failed", "failed"),
    "error": ({"state": "error", "outcome": "error", "placed": False}, "error", "error"),
    "under way": ({"state": "in_progress", "outcome": "", "placed": False}, "deploying", "deploying"),
    "being verified": ({"state": "in_progress", "outcome": ""}, "verifying", "verifying"),
    "undeployed": ({"action": "undeploy", "state": "inactive", "outcome": ""}, "undeployed", "undeployed"),
    "being undeployed": ({"action": "undeploy", "state": "", "outcome": ""}, "undeploying", "undeploying"),
    "not undeployed": (
        {"action": "undeploy", "state": "failure", "outcome": "failure", "placed": False},
        "failed",
        "failed",
    ),
    "rolled back by hand": ({"rollback": True}, "verified", "rolled back, verified"),
    "rolled back": (AUTOMATIC, "verified", "rolled back automatically, verified"),
    "the rollback failed": (
        AUTOMATIC | {"state": "failure", "outcome": "failure", "placed": False},
        "failed",
        "automatic rollback failed",
    ),
    "a strange state": ({"state": "destroyed", "outcome": ""}, "unknown", "unknown"),
    "inactive, and nobody knows how it ended": ({"state": "inactive", "outcome": ""}, "unknown", "unknown"),
}


def row(*records: Recorded, stage: str = "prod") -> Lifecycle:
    return lifecycle(model(*TAGS), stage, Records(records), "production")


@pytest.mark.parametrize(("facts", "code", "text"), ENDS.values(), ids=ENDS)
def test_how_it_ended(facts: dict[str, Any], code: str, text: str) -> None:
    record = GOOD._replace(**facts)
    assert (result(record), words(record)) == (code, text)


def test_attempts_of_all_stages_stand_newest_first() -> None:
    older = GOOD._replace(id="5", created="2026-01-09T12:00:00Z")
    newest = GOOD._replace(id="9", created="2026-01-10T12:00:00.500Z")
    no_time = GOOD._replace(id="0", created="")
    rows = [row(GOOD, older, no_time), row(newest, stage="staging")]
    assert [tried.record.id for tried in attempts(rows, limit=9)] == ["9", "7", "5", "0"]
    assert [tried.stage for tried in attempts(rows, limit=2)] == ["staging", "prod"]
    assert [tried.record.id for tried in attempts(rows, limit=9, since=1_768_046_400)] == ["9", "7"]


def test_a_row_says_what_how_long_and_who() -> None:
    heading, told = table_rows(attempts([row(GOOD)], limit=1))
    assert dict(zip(heading, told, strict=True)) == {
        "TIME": "2026-01-10 12:00:00 +00:00",
        "MODEL": "m",
        "STAGE": "prod",
        "ENVIRONMENT": "production",
        "VERSION": "v1.0.0",
        "TAG": "m#prod#1",
        "RESULT": "deployed, verified",
        "TOOK": "1m10s",
        "BY": "alice",
        "NOTE": "-",
        "LINK": "https://ci.example.com/7",
    }
    assert table_rows(attempts([row(GOOD._replace(ended="2026-01-10T12:00:02.345Z"))], limit=1))[1][7] == "2.3s"
    assert table_rows(attempts([row(Recorded("1", "", "", ""))], limit=1))[1][4:] == (
        "-", "-", "deploying", "-", "-", "-", "-",
    )  # fmt: skip


def test_an_override_is_told_below_the_table() -> None:
    record = GOOD._replace(override="the site is down", forced=True)
    table, line = page(attempts([row(record)], limit=1), [], recorded_in="github")
    assert isinstance(table, Table) and table.rows[1][9] == "gates overridden, forced"
    assert line == ("gates overridden by alice for m v1.0.0 in prod (2026-01-10 12:00:00 +00:00): the site is down")


def test_nothing_recorded_and_what_is_not_known_are_not_the_same() -> None:
    assert list(page([], [row()], recorded_in="log")) == ["no deployment is recorded in this repository's log"]
    down = unknown(model(*TAGS), "prod", MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502", hint="later"))
    assert list(page([], [down], recorded_in="github")) == [
        "not known for m prod: GitHub answered 502",
        "  what to do: later",
    ]
    [problem] = document([], [down], recorded_in="github")["problems"]
    assert problem == {
        "model": "m",
        "stage": "prod",
        "reason": "github-failed",
        "problem": "GitHub answered 502",
        "hint": "later",
    }


def test_the_document_says_all_that_was_recorded() -> None:
    gates = (Judged("metrics", "passed", "metrics-passed", "accuracy 0.93 >= 0.9", {"accuracy": 0.93}),)
    record = GOOD._replace(previous="v0.9.0", previous_tag="m#prod#0", gates=gates, digest="d" * 64)
    [told] = document(attempts([row(record)], limit=1), [], recorded_in="github")["deployments"]
    assert (told["result"], told["seconds"], told["verified"]) == ("verified", 70.0, True)
    assert told["previous"] == {"version": "v0.9.0", "tag": "m#prod#0"}
    assert told["gates"] == [
        {
            "gate": "metrics",
            "answer": "passed",
            "code": "metrics-passed",
            "sentence": "accuracy 0.93 >= 0.9",
            "facts": {"accuracy": 0.93},
        }
    ]
    assert (told["override"], told["signer"], told["answers"]) == (None, None, None)
