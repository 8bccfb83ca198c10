"""Approvals count by who gave them, when, and that it was somebody else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved
from model_stage_deploy.core.policy import Approval as Rule
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Answer, Verdict
from model_stage_deploy.gates.approval import Approval
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.forge import FakeForge
from tests.gates.judged import NOW, TROUBLE, a_case, judged

HOUR = 3600.0


def asked(rule: Rule, *approvals: tuple[str, float], forge: FakeForge | None = None, actor: str = "eve") -> Verdict:
    """What the gate says; each approval is of a person, so many hours ago."""
    given = [Approved(name, NOW - hours * HOUR) for name, hours in approvals]
    host = FakeCodeHost(approved={("churn", "v2.0.0", "prod"): given})
    return judged(Approval(host, forge), rule, a_case(actor=actor))


def by(*names: str, count: int = 1, hours: float | None = None) -> Rule:
    return Rule.model_construct(by=list(names), count=count, max_age=None if hours is None else hours * HOUR)


def test_one_who_may_has_approved() -> None:
    verdict = asked(by("ada", "bob"), ("Bob", 1))
    assert verdict.passed and verdict.sentence == "Bob approved churn v2.0.0 for prod"
    assert verdict.facts["approved"] == [{"by": "Bob", "time": NOW - HOUR, "message": ""}]


def test_no_approval_is_refused_and_both_ways_are_told() -> None:
    verdict = asked(by("ada", "@org/leads"))
    assert verdict.code == "approval-missing"
    assert verdict.sentence == "0 of 1 approvals that churn v2.0.0 for prod needs, from ada or @org/leads"
    assert "python -m model_stage_deploy approve 'churn' 'v2.0.0' 'prod'" in verdict.hint
    assert "required reviewers" in verdict.hint


def test_approvals_of_others_do_not_count() -> None:
    verdict = asked(by("ada", "permission:admin"), ("mallory", 1), forge=FakeForge(permissions={"mallory": "write"}))
    assert verdict.code == "approval-too-few" and "(mallory is not among them)" in verdict.sentence


def test_it_takes_so_many_different_people() -> None:
    rule = by("ada", "bob", "cy", count=2)
    assert not asked(rule, ("ada", 1), ("ADA", 2), ("ada", 3)).passed
    assert asked(rule, ("ada", 1), ("cy", 2)).passed
    assert "1 of 2 approvals" in asked(rule, ("ada", 1)).sentence


def test_an_old_approval_does_not_count_and_a_newer_one_of_the_same_person_does() -> None:
    rule = by("ada", hours=24)
    assert asked(rule, ("ada", 24)).passed
    verdict = asked(rule, ("ada", 25))
    assert not verdict.passed and "(that of ada is older than 24h)" in verdict.sentence
    assert asked(rule, ("ada", 25), ("ada", 2)).passed


def test_whoever_deploys_cannot_approve() -> None:
    verdict = asked(by("ada", "bob"), ("Ada", 1), actor="ada")
    assert not verdict.passed and "Ada deploys it and cannot approve it as well" in verdict.sentence
    assert asked(by("ada", "bob"), ("Ada", 1), ("bob", 1), actor="ada").passed


def test_a_local_log_knows_people_by_what_git_calls_them() -> None:
    rule = Rule.model_validate({"by": ["bob@example.com"]})
    assert asked(rule, ("Bob B <bob@example.com>", 1), actor="Ada Model <ada@example.com>").passed
    assert not asked(rule, ("bob@example.com <eve@example.com>", 1)).passed


def test_where_nobody_knows_who_deploys_it_may_be_their_own() -> None:
    assert asked(by("ada"), ("ada", 1), actor="").answer is Answer.UNKNOWN
    assert asked(by("ada"), actor="").answer is Answer.FAILED


def test_an_approval_of_nobody_known_does_not_count() -> None:
    assert not asked(by("permission:read"), ("", 1), forge=FakeForge(permissions={"": "admin"})).passed


def test_people_are_asked_about_until_enough_count() -> None:
    forge = FakeForge(permissions={"ada": "admin", "bob": "admin"})
    assert asked(by("permission:admin"), ("ada", 1), ("bob", 2), forge=forge).passed
    assert forge.asked == [("permission", "ada")]


def test_what_cannot_be_known_is_no_yes() -> None:
    with pytest.raises(MachineryFailed) as caught:
        Approval(None, None).facts(by("ada"), a_case())
    assert caught.value.reason is Reason.GATE_UNKNOWN
    forge = FakeForge(trouble={"permission": TROUBLE})
    assert asked(by("permission:admin", "bob"), ("ada", 1), ("bob", 2), forge=forge).passed
    with pytest.raises(MachineryFailed, match="500"):
        asked(by("permission:admin"), ("ada", 1), forge=forge)


_PEOPLE = st.sampled_from(["ada", "bob", "cy", "eve"])


@given(
    st.lists(_PEOPLE, min_size=1, unique=True),
    st.lists(st.tuples(_PEOPLE, st.integers(0, 48))),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 48),
    st.integers(0, 48),
)
def test_a_stricter_rule_never_allows_more(
    names: list[str], approvals: list[tuple[str, int]], count: int, more: int, hours: int, fewer: int
) -> None:
    loose = asked(by(*names, count=count, hours=hours), *approvals)
    assert asked(by(*names, count=count + more, hours=hours), *approvals).passed <= loose.passed
    assert asked(by(*names, count=count, hours=min(hours, fewer)), *approvals).passed <= loose.passed
    assert asked(by(*names[1:] or names, count=count, hours=hours), *approvals).passed <= loose.passed
    people = {name for name, age in approvals if name in names and age <= hours and name != "eve"}
    assert loose.passed is (len(people) >= count)
