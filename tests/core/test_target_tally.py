"""Counts of targets while a run goes on: whatever happens, each target is counted once, by what was told last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.target_tally import Tally, end_line, in_words, took, wave_title
from model_stage_deploy.core.targets import TARGET_RESULTS, Target, TargetResult, Wave

WAVES = (Wave(1, "canary", (Target("a"), Target("b"))), Wave(3, "rest", (Target("c"),)))


def test_a_wave_is_counted_by_results() -> None:
    tally = Tally(WAVES, 10.0)
    for name in "ab":
        tally.started(name, 10.0)
    assert (list(tally.running), tally.total, tally.done) == (["a", "b"], 3, 0)
    tally.ended(TargetResult("a", 1, "deployed"))
    tally.ended(TargetResult("b", 1, "failed"))
    assert (tally.running, tally.done, tally.done_in(1), tally.done_in(3)) == ({}, 2, 2, 0)
    assert (tally.counts(1), tally.bad_in(1), tally.bad_in(3)) == ({"deployed": 1, "failed": 1}, 1, 0)
    assert tally.speed(14.0) == 0.5
    tally.ended(TargetResult("b", 1, "rolled-back"))
    assert (tally.counts(1), tally.done) == ({"deployed": 1, "rolled-back": 1}, 2)


def test_targets_that_had_it_already_do_not_make_it_look_quick() -> None:
    tally = Tally(WAVES, 0.0)
    for name in "abc":
        tally.ended(TargetResult(name, 1, "already"))
    assert tally.speed(0.1) == 0.0


@given(
    told=st.lists(
        st.tuples(st.sampled_from("abcd"), st.sampled_from([1, 3, 9]), st.sampled_from(list(TARGET_RESULTS))),
        max_size=12,
    )
)
def test_each_target_is_counted_once(told: list[tuple[str, int, str]]) -> None:
    tally = Tally(WAVES)
    for name, wave, result in told:
        tally.started(name, 0.0)
        tally.ended(TargetResult(name, wave, result))
    last = {name: (wave, result) for name, wave, result in told}
    assert tally.done == len(last) == sum(tally.done_in(wave) for wave in (1, 3, 9))
    for wave in (1, 3, 9):
        results = [result for at, result in last.values() if at == wave]
        assert tally.counts(wave) == {name: results.count(name) for name in TARGET_RESULTS if name in results}
        assert tally.bad_in(wave) == sum(not TargetResult("x", wave, result).is_good for result in results)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (TargetResult("a", 1, "deployed", seconds=1.23), "a: deployed in 1.2s"),
        (TargetResult("a", 1, "deployed", seconds=75, message="it serves"), "a: deployed in 1m 15s: it serves"),
        (TargetResult("a", 1, "failed", message="HTTP 500", seconds=2), "a: FAILED after 2.0s: HTTP 500"),
        (TargetResult("a", 1, "already", message="has v1 already"), "a: had it already"),
        (TargetResult("a", 1, "not-started"), "a: not started"),
        (TargetResult("a", 1, "rolled-back", message="no; back at v1"), "a: ROLLED BACK: no; back at v1"),
        (TargetResult("a", 1, "rollback-failed"), "a: NOT ROLLED BACK"),
    ],
)
def test_what_is_said_of_an_end(result: TargetResult, line: str) -> None:
    assert end_line(result) == line


def test_words() -> None:
    assert in_words([("deployed", 2), ("already", 1)]) == "2 deployed, 1 had it already"
    assert in_words([]) == "nothing"
    assert wave_title(WAVES[0]) == "wave 1 (canary)"
    assert wave_title(WAVES[1], of=2) == "wave 3 of 2 (rest)"  # an empty wave was left out: numbers stay
    assert (took(0.04), took(9.9), took(9.96), took(61)) == ("0.0s", "9.9s", "9s", "1m 1s")
