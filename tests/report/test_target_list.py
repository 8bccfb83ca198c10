"""The list of a stage's targets: every state has a word, and the JSON is that of the docs."""

from __future__ import annotations

import json

import pytest

from model_stage_deploy.core.stage_targets import StageTargets, joined
from model_stage_deploy.core.targets import Target, TargetState, Wave
from model_stage_deploy.report.columns import Table
from model_stage_deploy.report.target_list import document, page
from tests.adapters.target_places import a_good, a_record
from tests.contract.test_documents import keys, shown

WAVES = [Wave(1, "canary", (Target("a"),)), Wave(2, "rest", (Target("b"), Target("c")))]


def _found(**records: object) -> StageTargets:
    return StageTargets("churn", "prod", "production", "v3.1.0", joined(WAVES, records))  # type: ignore[arg-type]


FOUND = _found(
    a=a_record("a", checks=1, summary="v3.1.0 is live"),
    b=a_record("b", state=TargetState.FAILURE, placed=False, good=a_good(), wave=2, summary="HTTP 500"),
    gone=a_record("gone", state=TargetState.STARTED, placed=False, wave=2),
)


def test_a_table_and_counts() -> None:
    table, *lines = page(FOUND, failed=False)
    assert isinstance(table, Table)
    assert [row[:5] for row in table.rows[1:]] == [
        ("a", "1", "v3.1.0", "deployed", "yes"),
        ("b", "2", "v3.0.0", "FAILED", "no"),
        ("c", "2", "-", "-", "-"),
        ("gone", "2", "-", "STARTED", "-"),
    ]
    assert [row[6] for row in table.rows[1:]] == ["v3.1.0 is live", "HTTP 500", "-", "not in the mapping"]
    counts = "1 with v3.1.0, 1 with v3.0.0, 1 with none known (1 deployed, 1 FAILED, 1 never deployed to)"
    assert lines == [
        f"churn prod (production): 3 targets: {counts}; 1 verified; decided: v3.1.0",
        "1 more that the mapping does not name any more: what they have is left to you",
        "STARTED: a run is at work there, or died; deploying the tag again deploys what is missing",
    ]


def test_only_what_failed() -> None:
    table, *_ = page(FOUND, failed=True)
    assert isinstance(table, Table)
    assert [row[0] for row in table.rows[1:]] == ["b", "gone"]
    told = document(FOUND, failed=True)
    assert [entry["target"] for entry in told["targets"]] == ["b", "gone"]
    assert (told["count"], told["verified"], told["failed"]) == (3, 1, 1)


@pytest.mark.parametrize("state", TargetState)
def test_every_state_has_a_word_and_is_json(state: TargetState) -> None:
    found = _found(a=a_record("a", state=state))
    table = next(iter(page(found, failed=False)))
    assert isinstance(table, Table)
    assert table.rows[1][3]
    told = document(found, failed=False)
    assert json.loads(json.dumps(told)) == told
    assert told["targets"][0]["state"] == state.value


def test_the_docs_show_an_entry_as_it_is() -> None:
    assert keys(shown()["targets"]) == keys(document(FOUND, failed=False))
    shapes = [entry.keys() for entry in document(FOUND, failed=False)["targets"]]
    assert all(set(shape) == set(shapes[0]) for shape in shapes)


def test_very_long_texts_are_cut_in_the_table_alone() -> None:
    found = _found(a=a_record("a", version="v" * 200, summary="x" * 500))
    table = next(iter(page(found, failed=False)))
    assert isinstance(table, Table)
    assert (len(table.rows[1][2]), len(table.rows[1][6])) == (40, 100)
    assert document(found, failed=False)["targets"][0]["summary"] == "x" * 500
