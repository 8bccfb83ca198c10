"""Who may move a stage: by pusher and by tagger, asked of the forge no more than must be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.policy import People as Rule
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Answer
from model_stage_deploy.gates.people import People
from tests.fakes.forge import FakeForge
from tests.gates.judged import TROUBLE, a_case, a_tag, judged


def rule(*pushers: str, taggers: list[str] | None = None) -> Rule:
    return Rule(pushers=list(pushers) or None, taggers=taggers)


def test_a_listed_login_passes_and_nobody_is_asked() -> None:
    forge = FakeForge()
    verdict = judged(People(forge), rule("@org/leads", "permission:admin", "ADA"), a_case())
    assert (verdict.answer, verdict.sentence) == (Answer.PASSED, "ada may deploy here (ADA)")
    assert forge.asked == []
    assert judged(People(None), rule("ada"), a_case()).passed


def test_permission_is_asked_before_teams_and_once() -> None:
    forge = FakeForge(permissions={"ada": "maintain"})
    verdict = judged(People(forge), rule("@org/leads", "permission:admin", "permission:write"), a_case())
    assert verdict.sentence == "ada may deploy here (permission:write)"
    assert forge.asked == [("permission", "ada")]


def test_a_member_of_a_team_passes() -> None:
    forge = FakeForge(teams={"org/leads": {"ada"}})
    verdict = judged(People(forge), rule("@org/others", "@org/leads", "@org/more"), a_case())
    assert verdict.sentence == "ada may deploy here (@org/leads)"
    assert [asked[2] for asked in forge.asked] == ["org/others", "org/leads"]


def test_whoever_is_not_listed_is_refused_and_told_who_may() -> None:
    forge = FakeForge(permissions={"ada": "write"})
    verdict = judged(People(forge), rule("bob", "@org/leads", "permission:admin"), a_case())
    assert verdict.code == "people-pusher-not-listed"
    assert verdict.sentence == "ada pushed the tag or started the run; bob, @org/leads or permission:admin may"


def test_an_unknown_pusher_is_refused_and_nobody_is_asked() -> None:
    forge = FakeForge(permissions={"": "admin"})
    verdict = judged(People(forge), rule("permission:read"), a_case(actor=""))
    assert verdict.code == "people-unknown-pusher" and forge.asked == []


def test_where_the_forge_cannot_be_asked_it_is_unknown() -> None:
    with pytest.raises(MachineryFailed) as caught:
        People(None).facts(rule("bob", "permission:admin"), a_case())
    assert caught.value.reason is Reason.GATE_UNKNOWN and "ada is one with permission:admin" in caught.value.message


def test_trouble_with_one_question_does_no_harm_where_another_says_yes() -> None:
    forge = FakeForge(teams={"org/b": {"ada"}}, trouble={"permission": TROUBLE})
    assert judged(People(forge), rule("permission:admin", "@org/b"), a_case()).passed
    forge.teams.clear()
    with pytest.raises(MachineryFailed, match="500"):
        People(forge).facts(rule("permission:admin", "@org/b"), a_case())


def test_a_listed_tagger_passes() -> None:
    verdict = judged(People(None), rule(taggers=["bob@example.com", "ADA@example.com"]), a_case())
    assert verdict.sentence == "ada@example.com may tag for it"


def test_another_tagger_is_refused() -> None:
    verdict = judged(People(None), rule(taggers=["bob@example.com"]), a_case())
    assert verdict.code == "people-tagger-not-listed"
    assert verdict.sentence == "ada@example.com made the tag churn#prod#4; bob@example.com may"


def test_a_tag_without_a_tagger_or_no_tag_is_refused() -> None:
    for tag in (a_tag(email=""), None):
        verdict = judged(People(None), rule(taggers=["bob@example.com"]), a_case(tag=tag))
        assert verdict.code == "people-unknown-tagger"


@pytest.mark.parametrize(("actor", "email"), [("ada", "eve@example.com"), ("eve", "ada@example.com")])
def test_both_lists_must_name_who_did_it(actor: str, email: str) -> None:
    both = rule("ada", taggers=["ada@example.com"])
    assert judged(People(None), both, a_case()).passed
    assert not judged(People(None), both, a_case(actor=actor, tag=a_tag(email=email))).passed


def test_lists_that_name_nobody_are_mistakes() -> None:
    with pytest.raises(Invalid):
        People(None).facts(Rule.model_construct(pushers=None, taggers=None), a_case())
    with pytest.raises(Invalid):
        People(None).facts(Rule.model_construct(pushers=["@nobody"], taggers=None), a_case())


def test_hostile_names_are_shown_inert() -> None:
    verdict = judged(People(None), rule("bob"), a_case(actor="eve\n::error::x\x1b[2J"))
    assert "\\n::error::x\\e[2J" in verdict.sentence


_WHO = st.sampled_from(["ada", "bob", "permission:read", "permission:write", "permission:admin", "@org/a", "@org/b"])


@given(
    st.lists(_WHO, min_size=1),
    st.lists(_WHO),
    st.sampled_from(["none", "read", "write", "admin"]),
    st.sets(st.sampled_from(["org/a", "org/b"])),
    st.sampled_from(["ada", "bob", "eve", ""]),
)
def test_a_longer_list_never_allows_less_and_a_shorter_one_never_more(
    some: list[str], more: list[str], permission: str, teams: set[str], actor: str
) -> None:
    def passes(names: list[str]) -> bool:
        forge = FakeForge({"ada": permission, "eve": permission}, {team: {actor} for team in teams})
        return judged(People(forge), rule(*names), a_case(actor=actor)).passed

    assert passes(some) <= passes(some + more)
    assert passes(some) == passes(some[::-1])
