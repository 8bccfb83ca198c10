"""Which version a rollback brings back, and each way in which none is."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.plan import Decision, Previous
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.flows.rollback import decide_rollback
from tests.core.tag_records import commit, model, tags

REGISTERED = ("m@v1.0.0 A", "m@v2.0.0 B", "m@v3.0.0 C", "m@v4.0.0 D")
ASSIGNED = (*REGISTERED, "m#prod#1 A", "m#prod#2 B", "m#dev#3 D", "m#prod#4 C")
"""v1, v2, v3 were in prod, in that order; v4 was not."""


def rolled(*lines: str, to: str = "", force: bool = False, live: str | None = None) -> Decision:
    recorded = None if live is None else Recorded("1", live, "e" * 40, "m#prod#0", "success")
    return decide_rollback(model(*lines), "prod", to=to, force=force, recorded=recorded)


def refused(*lines: str, to: str = "", force: bool = False, live: str | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        rolled(*lines, to=to, force=force, live=live)
    assert caught.value.hint
    return caught.value


def test_to_the_version_before() -> None:
    assert rolled(*ASSIGNED) == Decision(
        model="m",
        version="v2.0.0",
        stage="prod",
        tag="m#prod#2",
        commit=commit("B"),
        previous=Previous("v3.0.0", "m#prod#4", commit("C")),
        rollback=True,
    )


@pytest.mark.parametrize("force", [False, True])
def test_to_a_version_by_name(force: bool) -> None:
    decision = rolled(*ASSIGNED, to="v1.0.0", force=force)
    assert (decision.version, decision.tag, decision.rollback) == ("v1.0.0", "m#prod#1", True)


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", ["v9.9.9", "1.0.0", commit("A"), "$(id)", "v1.0.0 "])
def test_never_registered(name: str, force: bool) -> None:
    refusal = refused(*ASSIGNED, to=name, force=force)
    assert refusal.reason is Reason.UNKNOWN_VERSION
    assert "v1.0.0, v2.0.0, v3.0.0, v4.0.0" in refusal.hint


def test_bare_commit_is_no_version_to_name() -> None:
    assert refused("m#prod#1 A", "m#prod#2 B", to=commit("A"), force=True).reason is Reason.UNKNOWN_VERSION


def test_never_in_the_stage() -> None:
    refusal = refused(*ASSIGNED, to="v4.0.0")
    assert refusal.reason is Reason.NEVER_IN_STAGE
    assert "versions that were: v1.0.0, v2.0.0, v3.0.0" in refusal.hint
    decision = rolled(*ASSIGNED, to="v4.0.0", force=True)
    assert (decision.version, decision.tag) == ("v4.0.0", "m@v4.0.0"), "no stage tag put it there"


def test_already_live() -> None:
    for force in (False, True):
        assert refused(*ASSIGNED, to="v3.0.0", force=force).reason is Reason.ALREADY_LIVE


def test_nothing_earlier() -> None:
    assert refused("m@v1.0.0 A", "m#prod#1 A").reason is Reason.NO_EARLIER_VERSION
    assert refused("m@v1.0.0 A", "m#prod#1 A", "m#prod#2 A").reason is Reason.NO_EARLIER_VERSION, "only itself, twice"
    nothing = refused("m@v1.0.0 A", "m#dev#1 A")
    assert nothing.reason is Reason.NO_EARLIER_VERSION
    assert "nothing is there now" in nothing.message


def test_deregistered_versions_are_skipped() -> None:
    assert rolled(*ASSIGNED, "m@v2.0.0! B").version == "v1.0.0"
    assert refused(*ASSIGNED, "m@v2.0.0! B", "m@v1.0.0! A").reason is Reason.NO_EARLIER_VERSION


def test_deregistered_version_by_name() -> None:
    lines = (*ASSIGNED, "m@v2.0.0! B")
    assert refused(*lines, to="v2.0.0").reason is Reason.INACTIVE_VERSION
    assert rolled(*lines, to="v2.0.0", force=True).version == "v2.0.0"
    never = rolled(*ASSIGNED, "m@v4.0.0!#9 D", to="v4.0.0", force=True)
    assert never.tag == "m@v4.0.0", "the tag that registered it, not the one that took that back"


def test_unassigned_versions_come_back() -> None:
    """They were there before: taking the present one out is what fell back to them (R36)."""
    assert rolled(*ASSIGNED, "m#prod!#5 B").version == "v2.0.0"
    assert rolled(*ASSIGNED, "m#prod!#5 C").previous == Previous("v2.0.0", "m#prod#2", commit("B"))
    assert rolled(*ASSIGNED, "m#prod!#5 C").version == "v1.0.0"


def test_what_is_recorded_as_live_counts() -> None:
    """Tags say v3; GitHub says that v2 is live (its deployment came last, or v3's failed)."""
    decision = rolled(*ASSIGNED, live="v2.0.0")
    assert decision.version == "v1.0.0"
    assert decision.previous == Previous("v2.0.0", "m#prod#0", "e" * 40)
    assert refused(*ASSIGNED, live="v2.0.0", to="v2.0.0").reason is Reason.ALREADY_LIVE
    assert rolled(*ASSIGNED, live="v2.0.0", to="v3.0.0").version == "v3.0.0"


def test_rolling_back_twice_goes_further_back_and_then_stops() -> None:
    first = rolled(*ASSIGNED, live="v3.0.0")
    second = rolled(*ASSIGNED, live=first.version)
    assert (first.version, second.version) == ("v2.0.0", "v1.0.0")
    assert refused(*ASSIGNED, live=second.version).reason is Reason.NO_EARLIER_VERSION


def test_live_version_that_no_tag_put_there() -> None:
    """After a forced rollback to v4: the newest that a tag put there is the one before."""
    assert rolled(*ASSIGNED, live="v4.0.0").version == "v3.0.0"
    assert rolled(*ASSIGNED, live="v0.0.9").version == "v3.0.0"


def test_no_record_of_a_live_version_leaves_the_registry() -> None:
    assert rolled(*ASSIGNED, live="").version == "v2.0.0"


def test_back_and_forth_by_tags() -> None:
    lines = (*REGISTERED, "m#prod#1 A", "m#prod#2 B", "m#prod#3 A")
    decision = rolled(*lines)
    assert (decision.version, decision.previous) == ("v2.0.0", Previous("v1.0.0", "m#prod#3", commit("A")))


def test_bare_commit_before_is_named_as_such() -> None:
    decision = rolled("m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B")
    assert (decision.version, decision.registered) == (commit("A"), False), (
        "planning refuses it unless the mapping allows"
    )


def test_ambiguous_model() -> None:
    lines = ("m@v1.0.0 A", "m@v1.0.1 A", "m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B")
    assert refused(*lines).reason is Reason.AMBIGUOUS_VERSION
    assert refused(*lines, to="v1.0.0", live="v2.0.0").reason is Reason.AMBIGUOUS_VERSION
    assert rolled(*lines, to="v2.0.0", live="v1.0.0").version == "v2.0.0", "named, and not in doubt itself"


def test_a_rollback_twice_goes_two_versions_back() -> None:
    """The tag of a rollback takes its version's place of old; one that a person made stands where it is."""
    lines = [*ASSIGNED, "m#prod#5 B"]
    back = tags(*lines)
    back[-1] = back[-1]._replace(message="Roll m back\n\nRolled-back-from: v3.0.0")
    again = decide_rollback(fold(back).model("m"), "prod", to="", force=False, recorded=None)
    assert again.version == "v1.0.0"
    assert rolled(*lines).version == "v3.0.0", "assigned by a person, v3 was there before"
