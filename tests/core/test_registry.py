"""Events and state: rules R18–R30, a test each. What a stage has is next door, in test_registry_stages.py."""

from __future__ import annotations

import itertools
import re

import pytest

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold, why_not_an_event
from model_stage_deploy.core.tags import Event
from tests.core.tag_records import START, commit, current, latest, lightweight, model, record, registry, tags
from tests.standins.registries import example_tags


def test_r18_lightweight_tags_are_no_events() -> None:
    folded = fold([record("m@v1.0.0"), lightweight("m#prod#1"), lightweight("n#prod#1")])
    assert [event.tag.text for event in folded.model("m").events] == ["m@v1.0.0"]
    assert list(folded.models) == ["m"], "a model of lightweight tags only does not exist"
    assert [(finding.code, finding.tag) for finding in folded.findings] == [
        ("lightweight-tag", "m#prod#1"),
        ("lightweight-tag", "n#prod#1"),
    ]
    assert why_not_an_event(lightweight("m#prod#1")) is not None
    assert why_not_an_event(record("m#prod#1")) is None


def test_r19_fields_come_from_the_tag_object() -> None:
    stored = record(
        "m#prod#1",
        "B",
        second=15,
        tagger="Bob",
        email="bob@example.com",
        message="why",
        zone="+0330",
        object_id="f" * 40,
    )
    (event,) = fold([stored]).model("m").events
    assert (event.time, event.commit) == (START + 15, commit("B"))
    assert event.record == stored, "tagger, offset and message are kept"


def test_r20_time_first_then_the_name_as_text() -> None:
    found = model("m#prod#9 A @5", "m#prod#10 A @5", "m#prod#11 A @4")
    assert [event.tag.text for event in found.events] == ["m#prod#11", "m#prod#10", "m#prod#9"]


def test_r20_order_of_the_records_does_not_matter() -> None:
    lines = tags("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A @300", "m#prod#2 B @300", "m#prod!#3 A @301")
    answers = {current(fold(order).model("m")) for order in itertools.permutations(lines)}
    assert answers == {"v2.0.0"}


def test_r21_all_registrations_are_read_before_any_assignment() -> None:
    found = model("m#prod#1 A @1", "m@v1.0.0 A @2", "m#dev#2 A @3")
    assert [version.name for version in found.versions] == ["v1.0.0"]
    assert found.versions[0].registered


def test_r22_version_is_found_by_commit() -> None:
    found = model("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A")
    event = found.event_of("m#prod#1")
    assert event is not None
    version = found.version_of(event)
    assert version is not None
    assert (version.name, version.commit) == ("v1.0.0", commit("A"))


def test_r22_deregistered_versions_are_found_too() -> None:
    found = model("m@v1.0.0 A", "m@v1.0.0! A", "m#prod#1 A")
    event = found.event_of("m#prod#1")
    assert event is not None
    version = found.version_of(event)
    assert version is not None
    assert version.name == "v1.0.0"
    assert not version.is_active()


def test_r23_unregistered_commit_is_a_version_named_by_its_id() -> None:
    found = model("m#dev#1 A")
    assert current(found, "dev") == commit("A")
    assert not found.versions[0].registered
    assert [(finding.code, finding.tag) for finding in registry("m#dev#1 A").findings] == [
        ("unregistered-commit", "m#dev#1")
    ]


def test_r24_later_registration_renames_older_assignments() -> None:
    found = model("m#prod#1 A @1", "m@v1.0.0 A @2")
    event = found.event_of("m#prod#1")
    assert event is not None
    version = found.version_of(event)
    assert version is not None
    assert version.name == current(found) == "v1.0.0"


def test_r24_what_a_stage_had_before_is_known_by_its_later_name() -> None:
    """An assignment counted before its commit was registered, so it is what the next one replaces."""
    found = model("m#prod#1 A @1", "m@v2.0.0 B @2", "m#prod#2 B @3", "m@v1.0.0 A @4")
    event = found.event_of("m#prod#2")
    assert event is not None
    before = found.holder("prod", before=event.order)
    assert before is not None
    assert (before.version.name, before.event.tag.text) == ("v1.0.0", "m#prod#1")


def test_r25_two_versions_on_a_commit_are_fine_until_a_stage_asks() -> None:
    fine = model("m@v1.0.0 A", "m@v1.0.1 A")
    assert (latest(fine), fine.ambiguous) == ("v1.0.1", {})
    torn = model("m@v1.0.0 A", "m@v1.0.1 A", "m#prod#1 A")
    assert torn.ambiguous == {commit("A"): ["v1.0.0", "v1.0.1"]}
    with pytest.raises(Refused, match=r"2 versions on commit a{12} \(v1\.0\.0, v1\.0\.1\)") as refusal:
        torn.holder("prod")
    assert refusal.value.reason is Reason.AMBIGUOUS_VERSION
    event = torn.event_of("m#prod#1")
    assert event is not None
    with pytest.raises(Refused):
        torn.version_of(event)


def test_r25_hint_names_a_tag_that_can_be_deleted() -> None:
    torn = model("a/b=m@v1.0.0 A", "a/b=m@v1.0.1#7 A", "a/b=m#prod#1 A", name="a/b:m")
    with pytest.raises(Refused) as refusal:
        torn.holder("prod")
    deletes = re.search(r"git push --delete origin '([^']+)'", refusal.value.hint)
    assert deletes is not None
    assert deletes[1] == "a/b=m@v1.0.1#7"


def test_r26_one_name_on_two_commits_is_two_versions() -> None:
    found = model("m@v1.0.0 A", "m@v1.0.0! A", "m@v1.0.0#2 B", "m#prod#3 B")
    assert [(version.name, version.commit, version.is_active()) for version in found.versions] == [
        ("v1.0.0", commit("A"), False),
        ("v1.0.0", commit("B"), True),
    ]
    holder = found.holder("prod")
    assert holder is not None
    assert (holder.version.name, holder.version.commit) == ("v1.0.0", commit("B"))
    named = found.find("v1.0.0")
    assert named is not None
    assert named.commit == commit("B"), "by name it is the active one, registered last"


@pytest.mark.parametrize(
    ("lines", "active"),
    [
        (["m@v1.0.0 A @1"], True),
        (["m@v1.0.0 A @1", "m@v1.0.0! A @2"], False),
        (["m@v1.0.0 A @1", "m@v1.0.0! A @2", "m@v1.0.0#3 A @3"], True),
        (["m@v1.0.0 A @1", "m@v1.0.0! A @1"], False),
        (["m@v1.0.0!#1 A @1", "m@v1.0.0#2 A @1"], False),
        (["m#prod#1 A @1"], True),
        (["m#prod#1 A @1", "m#prod!#2 A @2"], True),
    ],
    ids=["registered", "deregistered", "again", "tie", "tie-whatever-the-counter", "bare-commit", "bare-unassigned"],
)
def test_r27_active_versions(lines: list[str], active: bool) -> None:
    assert model(*lines).versions[0].is_active() is active


@pytest.mark.parametrize(
    ("lines", "holds"),
    [
        (["m#prod#1 A @1"], True),
        (["m#prod#1 A @1", "m#prod!#2 A @2"], False),
        (["m#prod#1 A @1", "m#prod!#2 A @2", "m#prod#3 A @3"], True),
        (["m#prod!#1 A @1", "m#prod#2 A @1"], False),
        (["m#prod#1 A @1", "m#prod!#2 A @1"], False),
        (["m#prod!#1 A @1"], False),
    ],
    ids=["assigned", "unassigned", "again", "tie-newer-counter", "tie", "never-assigned"],
)
def test_r28_version_in_stage(lines: list[str], holds: bool) -> None:
    found = model("m@v1.0.0 A @0", *lines)
    assert found.versions[0].is_in("prod") is holds
    assert current(found) == ("v1.0.0" if holds else None)


def test_r29_unassign_acts_on_its_own_commit_only() -> None:
    assert current(model("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A", "m#prod!#2 B")) == "v1.0.0"


def test_r30_deregistering_and_deprecating_unassign_nothing() -> None:
    found = model("m@v1.0.0 A", "m#prod#1 A", "m@v1.0.0! A", "m@deprecated A")
    assert not [event for event in found.events if event.tag.event is Event.UNASSIGNMENT]
    assert found.versions[0].is_in("prod")
    assert current(found) is None, "it is in no stage because it is not active"
    again = model("m@v1.0.0 A", "m#prod#1 A", "m@v1.0.0! A", "m@v1.0.0#5 A")
    assert current(again) == "v1.0.0", "registered again, it is where it was"


def test_unknown_model_names_its_neighbours() -> None:
    with pytest.raises(Refused) as refusal:
        registry("churn@v1.0.0", "segment@v1.0.0").model("chrun")
    assert refusal.value.reason is Reason.UNKNOWN_MODEL
    assert refusal.value.hint == "models that it has: churn"
    with pytest.raises(Refused) as refusal:
        registry().model("churn")
    assert refusal.value.hint == "see what it has: python -m model_stage_deploy show"  # others were perhaps not read


def test_real_registry() -> None:
    """The public registry example-gto, whose facts the package ships."""
    rows = [
        record(tag.name, "A" if tag.commit.startswith("5") else "B", second=tag.when - START, message=tag.message)
        for tag in example_tags()
    ]
    folded = fold(rows)
    churn, segment = folded.model("churn"), folded.model("segment")
    assert {stage: current(churn, stage) for stage in churn.stages} == {
        "dev": "v3.1.0",
        "staging": "v3.1.0",
        "prod": "v3.0.0",
    }
    assert {stage: current(segment, stage) for stage in segment.stages} == {"dev": "v0.4.1"}
    assert {found.name: latest(found) for found in folded} == {
        "churn": "v3.1.0",
        "cv-class": "v0.1.13",
        "segment": "v0.4.1",
    }
    assert folded.findings == ()
