"""What became of targets, in the outcome's document: the worst first, and never more than fits."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.target_outcome import LISTED, by_result, is_bad, targets_document, worst_first
from model_stage_deploy.core.targets import TARGET_RESULTS, TargetResult

RESULTS = st.lists(
    st.builds(
        TargetResult,
        target=st.from_regex(r"[a-z]{1,4}", fullmatch=True),
        wave=st.integers(1, 3),
        result=st.sampled_from(list(TARGET_RESULTS)),
        message=st.text(max_size=400),
        now=st.sampled_from(["", "v1.0.0"]),
        seconds=st.floats(0, 1e6),
    ),
    max_size=8,
)


@given(results=RESULTS)
def test_every_target_is_counted_and_the_worst_come_first(results: list[TargetResult]) -> None:
    ordered = worst_first(results)
    bad = [is_bad(result) for result in ordered]
    assert bad == sorted(bad, reverse=True)
    assert sum(by_result(results).values()) == len(results)
    told = targets_document(results)
    if not results:
        assert told is None
        return
    assert told is not None
    assert (told["count"], told["more"], len(told["list"])) == (len(results), 0, len(results))
    assert [entry["target"] for entry in told["list"]] == [result.target for result in ordered]
    assert all(len(entry["message"] or "") <= 300 for entry in told["list"])
    assert json.loads(json.dumps(told)) == told


def test_of_very_many_those_are_listed_that_need_a_look() -> None:
    results = [TargetResult(f"t{number}", 1, "deployed") for number in range(5000)]
    results.append(TargetResult("zzz", 9, "failed", "deployer-failed", "HTTP 500"))
    told = targets_document(results)
    assert told is not None
    assert (told["count"], told["more"], len(told["list"])) == (5001, 5001 - LISTED, LISTED)
    assert told["by_result"] == {"deployed": 5000, "failed": 1}
    assert told["list"][0] == {
        "target": "zzz",
        "wave": 9,
        "result": "failed",
        "reason": "deployer-failed",
        "message": "HTTP 500",
        "now": None,
        "verified": False,
        "seconds": 0,
        "url": None,
    }


def test_what_was_put_right_is_not_well_and_what_was_not_begun_is_not_bad() -> None:
    assert {name for name in TARGET_RESULTS if is_bad(TargetResult("t", 1, name))} == {
        "failed",
        "cancelled",
        "rolled-back",
        "rollback-failed",
    }


def test_the_document_fits_into_the_outputs_of_a_job_even_if_a_thousand_targets_complain_in_another_script() -> None:
    results = [
        TargetResult(f"t{number}", 1, "failed", "deployer-failed", "ж" * 500, url=f"https://{'я' * 900}")
        for number in range(1000)
    ]
    told = targets_document(results)
    assert told is not None
    assert len(json.dumps(told)) < 300_000
    assert told["list"] and told["more"] + len(told["list"]) == told["count"] == 1000
    assert told["list"][0]["target"] == "t0"
