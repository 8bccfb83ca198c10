"""May this person go past the gates?"""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid, MachineryFailed, Refused
from model_stage_deploy.core.policy import Override
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.flows.override import may_override
from tests.fakes.forge import FakeForge
from tests.gates.judged import TROUBLE

RULE = Override(by=["ada", "@org/oncall", "permission:admin"])


@pytest.mark.parametrize(
    ("actor", "forge"),
    [
        ("ADA", None),
        ("bob", FakeForge(permissions={"bob": "admin"})),
        ("cy", FakeForge(teams={"org/oncall": {"cy"}})),
        ("cy", FakeForge(teams={"org/oncall": {"cy"}}, trouble={"permission": TROUBLE})),
    ],
)
def test_those_who_are_listed_may(actor: str, forge: FakeForge | None) -> None:
    may_override(RULE, actor, "the site is down", forge)


@pytest.mark.parametrize(
    ("rule", "actor", "reason", "words"),
    [
        (None, "ada", "urgent", "the mapping has no `override:`"),
        (RULE, "ada", "", "needs a reason"),
        (RULE, "ada", " \n", "needs a reason"),
        (RULE, "", "urgent", "it is not known who asks"),
        (RULE, "mallory", "urgent", "mallory may not override"),
        (RULE, "eve\x1b[2J", "urgent", r"eve\\e\[2J may not override"),
    ],
)
def test_all_others_are_refused(rule: Override | None, actor: str, reason: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        may_override(rule, actor, reason, FakeForge(permissions={"mallory": "maintain"}))
    assert caught.value.reason is Reason.OVERRIDE_REFUSED and caught.value.hint and caught.value.exit_code == 3


def test_what_cannot_be_known_is_no_yes() -> None:
    for forge in (None, FakeForge(trouble={"permission": TROUBLE, "is_member": TROUBLE})):
        with pytest.raises(MachineryFailed, match="whether bob may override the gates cannot be known"):
            may_override(RULE, "bob", "urgent", forge)


def test_a_list_that_cannot_be_read_is_a_mistake() -> None:
    with pytest.raises(Invalid):
        may_override(Override.model_construct(by=["@nobody"], reason="required"), "bob", "urgent", None)
