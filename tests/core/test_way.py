"""The way of a model through its stages: from tags and records, and as a run leaves it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_stage_deploy.core.lifecycle import Recorded, Records, State, lifecycle, unknown
from model_stage_deploy.core.outcome import Outcome, WayBack, subject_of
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.way import Spot, Way, after, spot_of, way_of
from tests.core.tag_records import commit, model
from tests.fakes.plans import a_plan

TAGS = ("m@v1.0.0 A", "m#staging#1 A", "m#prod#2 A", "m@v2.0.0 B", "m#staging#3 B", "m#prod#4 B")
LIVE = Recorded("7", "v1.0.0", commit("A"), "m#prod#2", "success", placed=True, outcome="success")
DECISION = Decision("m", "v2.0.0", "prod", "m#prod#4", commit("B"), registry=model(*TAGS))


def the_way(records: Records | None = None) -> Way:
    way = way_of(DECISION, Records((LIVE,)) if records is None else records, ["staging", "prod"])
    assert way is not None
    return way


def test_every_stage_is_there_and_only_its_own_stage_was_asked_about() -> None:
    assert the_way() == Way(
        "m",
        "v2.0.0",
        registered=True,
        spots=(
            Spot("staging", State.UNKNOWN, "v2.0.0", None),
            Spot("prod", State.APPROVED, "v2.0.0", "v1.0.0"),
        ),
    )


def test_the_mapping_gives_the_order_and_then_the_first_tags() -> None:
    way = way_of(replace(DECISION, registry=model(*TAGS, "m#dev#5 B", "m#canary#6 B")), None, ["prod", "eu", "canary"])
    assert way is not None
    assert [spot.stage for spot in way.spots] == ["prod", "eu", "canary", "staging", "dev"]
    assert way.spot("eu") == Spot("eu", State.UNKNOWN, "", None), "mapped, and not yet of any tag"


def test_without_a_registry_there_is_no_way() -> None:
    assert way_of(replace(DECISION, registry=None), None) is None


def test_a_spot_is_what_status_shows() -> None:
    row = lifecycle(model(*TAGS), "prod", Records((LIVE,)))
    assert spot_of(row) == the_way().spot("prod")
    ambiguous = model("m@v1.0.0 A", "m@v2.0.0 A", "m#prod#1 A")
    assert spot_of(unknown(ambiguous, "prod")).decided is None


END = Outcome(Reason.DEPLOYED, "message", subject_of(DECISION), placed=True, deployment_id="8")


@pytest.mark.parametrize(
    ("changes", "state", "running"),
    [
        ({}, State.DEPLOYED, "v2.0.0"),
        ({"reason": Reason.ROLLED_BACK}, State.DEPLOYED, "v2.0.0"),
        ({"reason": Reason.DEPLOYER_FAILED, "placed": False}, State.FAILED, None),
        ({"reason": Reason.VERIFICATION_FAILED}, State.FAILED, "v2.0.0"),
        ({"reason": Reason.END_NOT_RECORDED, "ended_as": "deployed"}, State.DEPLOYED, "v2.0.0"),
        ({"reason": Reason.END_NOT_RECORDED, "ended_as": "verification-failed"}, State.FAILED, "v2.0.0"),
        ({"reason": Reason.END_NOT_RECORDED, "ended_as": "deployer-failed", "placed": False}, State.FAILED, None),
        ({"reason": Reason.TAG_NOT_WRITTEN, "ended_as": ""}, State.DEPLOYED, "v2.0.0"),
        ({"reason": Reason.CANCELLED, "placed": False}, State.FAILED, None),
        ({"reason": Reason.CANCELLED, "placed": False, "deployment_id": ""}, State.APPROVED, "v1.0.0"),
        ({"reason": Reason.GATES_REFUSED, "placed": False, "deployment_id": ""}, State.APPROVED, "v1.0.0"),
        ({"reason": Reason.UNDEPLOYED}, State.REMOVED, ""),
        (
            {"reason": Reason.ROLLED_BACK_AFTER_FAILURE, "back": WayBack("v1.0.0", True, True, "message")},
            State.ROLLED_BACK,
            "v1.0.0",
        ),
        ({"reason": Reason.ROLLBACK_FAILED, "back": WayBack("v1.0.0", False, False, "message")}, State.FAILED, None),
    ],
)
def test_what_a_run_leaves(changes: dict[str, object], state: State, running: str | None) -> None:
    left = after(the_way(), replace(END, **changes)).spot("prod")  # type: ignore[arg-type]
    assert left is not None
    assert (left.state, left.running) == (state, running)


def test_a_version_brought_back_by_hand_is_not_what_the_tags_say() -> None:
    back = replace(DECISION, version="v1.0.0", rollback=True)
    left = after(the_way(), replace(END, reason=Reason.ROLLED_BACK, subject=subject_of(back))).spot("prod")
    assert left == Spot("prod", State.ROLLED_BACK, "v2.0.0", "v1.0.0")


def test_what_failed_to_be_taken_away_is_not_called_live() -> None:
    plan = replace(a_plan(), decision=replace(DECISION, action="undeploy"))
    unrecorded = replace(END, reason=Reason.END_NOT_RECORDED, ended_as="undeployed", plan=plan)
    assert unrecorded.live_version == ""
    left = after(the_way(), unrecorded).spot("prod")
    assert left is not None
    assert (left.state, left.running) == (State.REMOVED, "")


def test_every_part_leaves_its_own_stage() -> None:
    one = replace(END, subject=replace(END.subject, stage="staging"))
    two = replace(END, reason=Reason.DEPLOYER_FAILED, placed=False)
    left = after(the_way(), replace(two, parts=(one, two)))
    assert [spot.state for spot in left.spots] == [State.DEPLOYED, State.FAILED]


def test_another_model_s_stage_is_left_alone() -> None:
    other = replace(END, subject=replace(END.subject, model="other"))
    assert after(the_way(), other) == the_way()
