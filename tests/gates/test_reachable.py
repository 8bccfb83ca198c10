"""The commit must be on a protected branch; what cannot be known is never a yes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.verdict import Answer
from model_stage_deploy.gates.reachable import ReachableFrom
from tests.fakes.forge import FakeForge
from tests.gates.judged import TROUBLE, a_case, judged


@dataclass
class Branches:
    """As much of a repository as the gate uses: branches, and whether each contains the commit."""

    known: dict[str, bool]
    trouble: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        self.asked.append(branch)
        if branch in self.trouble:
            raise TROUBLE
        return self.known.get(branch)


def gate(forge: FakeForge | None, known: dict[str, bool], trouble: set[str] | None = None) -> ReachableFrom:
    return ReachableFrom(cast("Any", Branches(known, trouble or set())), forge)


def test_a_commit_on_a_protected_branch_passes() -> None:
    verdict = judged(gate(FakeForge(protected={"main"}), {"main": True}), ["refs/heads/main"], a_case())
    assert verdict.passed and verdict.sentence == "commit cccccccccccc is on main, which is protected"


def test_one_of_several_is_enough_and_the_rest_is_not_looked_at() -> None:
    branches = Branches({"old": False, "release": True, "main": True})
    verdict = judged(
        ReachableFrom(cast("Any", branches), FakeForge(protected={"release"})), ["old", "release", "main"], a_case()
    )
    assert verdict.passed and branches.asked == ["old", "release"]


@pytest.mark.parametrize(
    ("known", "code", "words"),
    [
        ({"main": False}, "reachable-from-not-on-branch", "is not on main"),
        ({"dev": True}, "reachable-from-unprotected", "is on dev, which is not protected"),
        ({}, "reachable-from-no-branch", "there is no branch main or dev"),
        ({"main": False, "dev": True}, "reachable-from-unprotected", "is on dev, which is not protected"),
    ],
)
def test_each_refusal_says_why(known: dict[str, bool], code: str, words: str) -> None:
    verdict = judged(gate(FakeForge(protected={"main"}), known), ["main", "dev"], a_case())
    assert verdict.code == code and words in verdict.sentence


def test_without_a_forge_nobody_knows_whether_the_branch_is_protected() -> None:
    verdict = judged(gate(None, {"main": True}), ["main"], a_case())
    assert (
        verdict.answer is Answer.UNKNOWN and "whether that is protected is for the code host to say" in verdict.sentence
    )
    assert judged(gate(None, {"main": False}), ["main"], a_case()).answer is Answer.FAILED


def test_trouble_with_one_branch_does_no_harm_where_another_suffices() -> None:
    forge = FakeForge(protected={"main"})
    assert judged(gate(forge, {"main": True}, {"old"}), ["old", "main"], a_case()).passed
    with pytest.raises(MachineryFailed, match="500"):
        gate(forge, {"main": False}, {"old"}).facts(["old", "main"], a_case())


_BRANCHES = st.sampled_from(["a", "b", "c"])


@given(
    st.lists(_BRANCHES, min_size=1), st.lists(_BRANCHES), st.dictionaries(_BRANCHES, st.booleans()), st.sets(_BRANCHES)
)
def test_fewer_branches_never_allow_more(
    some: list[str], more: list[str], known: dict[str, bool], protected: set[str]
) -> None:
    def passes(rule: list[str]) -> bool:
        return judged(gate(FakeForge(protected=protected), known), rule, a_case()).passed

    assert passes(some) <= passes(some + more)
    assert passes(some) is any(known.get(name) and name in protected for name in some)
