"""The targets of a stage beside what is kept of each: none is lost, none is told twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.stage_targets import StageTargets, joined
from model_stage_deploy.core.targets import Target, TargetState, Wave
from tests.adapters.target_places import a_good, a_record

NAMES = st.lists(st.sampled_from("abcdef"), unique=True)


@given(named=NAMES, kept=NAMES)
def test_every_target_and_every_record_has_one_row(named: list[str], kept: list[str]) -> None:
    waves = [Wave(number, name, (Target(name),)) for number, name in enumerate(named, 1)]
    rows = joined(waves, {name: a_record(name, wave=7) for name in kept})
    gone = sorted(set(kept) - set(named))
    assert [row.name for row in rows] == [*named, *gone]
    assert [row.wave for row in rows] == [*range(1, len(named) + 1), *[7] * len(gone)]
    assert {row.name for row in rows if row.record} == set(kept)
    assert {row.name for row in rows if row.named} == set(named)


def test_versions_are_counted_of_targets_that_the_mapping_names() -> None:
    failed = a_record("b", state=TargetState.FAILURE, placed=False, version="v4.0.0", good=a_good())
    waves = [Wave(1, "rest", tuple(map(Target, "abcd")))]
    rows = joined(waves, {"a": a_record("a"), "b": failed, "d": a_record("d"), "old": a_record("old")})
    found = StageTargets("churn", "prod", "production", "v4.0.0", rows)
    assert found.versions == {"v3.1.0": 2, "v3.0.0": 1, "": 1}
    assert [row.name for row in rows if row.is_bad] == ["b"]
    assert [(row.state, row.now) for row in rows[1:3]] == [("failure", "v3.0.0"), ("", "")]
