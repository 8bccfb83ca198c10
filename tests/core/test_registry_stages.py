"""What a stage has now: rules R31–R42, a test each; and check-ref: rules R43–R46."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.tags import Event
from model_stage_deploy.report import registry as view
from tests.core.tag_records import START, commit, current, latest, lightweight, model, record, registry, tags

TWO = ("m@v1.0.0 A", "m@v2.0.0 B")
BACK = (*TWO, "m#prod#1 B", "m#prod#2 A")
"""v2 is assigned, then v1 again: a rollback by tag."""


def test_r31_newest_assignment_wins() -> None:
    assert current(model(*TWO, "m#prod#1 A", "m#prod#2 B")) == "v2.0.0"
    assert current(model(*BACK)) == "v1.0.0"
    assert current(model(*TWO, "m#prod#1 A", "m#prod#2 B", "m#prod#3 A")) == "v1.0.0", "the same version again"


def test_r31_holder_names_the_tag_that_put_it_there() -> None:
    holder = model(*BACK).holder("prod")
    assert holder is not None
    assert (holder.event.tag.text, holder.version.commit) == ("m#prod#2", commit("A"))


def test_r31_counters_do_not_order() -> None:
    assert current(model(*TWO, "m#prod#9 A @500", "m#prod#2 B @501")) == "v2.0.0"


def test_r32_tie_goes_to_the_version_registered_first() -> None:
    assert current(model(*TWO, "m#prod#1 A @500", "m#prod#2 B @500")) == "v1.0.0"
    assert current(model(*TWO, "m#prod#1 B @500", "m#prod#2 A @500")) == "v1.0.0"
    assert current(model("m@v2.0.0 B", "m@v1.0.0 A", "m#prod#1 A @500", "m#prod#2 B @500")) == "v2.0.0"


def test_r32_a_version_is_as_old_as_its_newest_registration() -> None:
    """As in GTO, which looks at a version's last registration."""
    again = model(*TWO, "m@v1.0.0#3 A @400", "m#prod#4 A @500", "m#prod#5 B @500")
    assert current(again) == "v2.0.0"


def test_r32_bare_commits_lose_ties_against_registered_versions() -> None:
    assert current(model("m#dev#1 A @1", "m@v2.0.0 B @2", "m#prod#2 A @9", "m#prod#3 B @9")) == "v2.0.0"


def test_r33_semver_order() -> None:
    assert current(model(*BACK), sort="semver") == "v2.0.0"
    numbers = ("m@v10.0.0 A", "m@v9.0.0 B", "m#prod#1 A", "m#prod#2 B")
    assert current(model(*numbers), sort="semver") == latest(model(*numbers)) == "v10.0.0", "by number, not by letter"
    bare = model("m#prod#1 B @1", "m#prod#2 A @2")
    assert current(bare, sort="semver") == commit("B"), "bare commits by their ids, the greatest first"
    assert current(bare) == commit("A")
    mixed = model("m@v0.0.1 A", "m#prod#1 A", "m#prod#2 F")
    assert current(mixed, sort="semver") == "v0.0.1", "bare commits are below all versions"


def test_r34_time_is_the_order_unless_asked() -> None:
    found = model(*BACK)
    assert (current(found), current(found, sort="semver")) == ("v1.0.0", "v2.0.0")
    holder = found.holder("prod")
    assert holder is not None
    assert view.held(holder)["version"] == "v1.0.0"


def test_r35_one_version_a_stage_many_stages_a_version() -> None:
    found = model(*TWO, "m#dev#1 B", "m#staging#2 B", "m#prod#3 A", "m#prod#4 B")
    assert {stage: current(found, stage) for stage in found.stages} == dict.fromkeys(
        ["dev", "prod", "staging"], "v2.0.0"
    )
    versions = view.shown(registry("m@v1.0.0 A", "m@v2.0.0 B", "m#dev#1 B", "m#prod#2 A", "m#prod#3 B"))
    assert [entry["stages"] for entry in versions["models"]["m"]["versions"]] == [[], ["dev", "prod"]]


def test_r36_unassigning_falls_back_to_the_previous_holder() -> None:
    found = model(*TWO, "m#prod#1 A", "m#prod#2 B", "m#prod!#3 B")
    assert current(found) == "v1.0.0"
    assert current(model(*TWO, "m#prod#1 A", "m#prod!#2 A", "m#prod#3 B", "m#prod!#4 B")) is None


def test_r37_deregistering_falls_back_too() -> None:
    found = model(*TWO, "m#prod#1 A", "m#prod#2 B", "m@v2.0.0! B")
    assert current(found) == "v1.0.0"
    event = found.event_of("m#prod#2")
    assert event is not None
    version = found.version_of(event)
    assert version is not None
    assert version.name == "v2.0.0", "the tag still says what it said"


def test_r38_deleted_tags_change_the_answer() -> None:
    lines = (*TWO, "m#prod#1 A", "m#prod#2 B")
    assert current(model(*lines)) == "v2.0.0"
    assert current(model(*lines[:-1])) == "v1.0.0"


def test_r39_assigning_a_deregistered_version_shows_nothing() -> None:
    found = model("m@v1.0.0 A", "m@v1.0.0! A", "m#prod#1 A")
    assert found.event_of("m#prod#1") is not None
    assert current(found) is None


@pytest.mark.parametrize(
    ("lines", "deprecated"),
    [
        (["m@deprecated A @5"], True),
        (["m@deprecated#3 A @5"], True),
        (["m@deprecated A @5", "m#prod!#2 A @6"], False),
        (["m@deprecated A @5", "m@v1.0.1 B @6"], False),
        (["m@deprecated A @5", "m#dev#2 A @6"], False),
        (["m@deprecated A @5", "m@v1.0.0! A @6"], False),
        (["m@deprecated A @5", "m#dev#2 A @5"], False),
        (["m@deprecated A @5", "m#dev#2 A @6", "m@deprecated#3 A @7"], True),
        ([], False),
    ],
    ids=["last", "counter", "unassign", "register", "assign", "deregister", "tie", "again", "never"],
)
def test_r40_deprecated(lines: list[str], deprecated: bool) -> None:
    assert model("m@v1.0.0 A @1", "m#prod#1 A @2", *lines).deprecated is deprecated


def test_r41_deprecation_hides_no_stage() -> None:
    folded = registry("m@v1.0.0 A", "m#prod#1 A", "m@deprecated A")
    assert current(folded.model("m")) == "v1.0.0"
    assert view.shown(folded)["models"]["m"]["deprecated"] is True
    assert view.show_rows(folded)[1] == ("m (deprecated)", "v1.0.0", "v1.0.0"), "shown, and marked"


def test_r42_latest() -> None:
    assert latest(model("m@v1.9.9 A", "m@v2.0.0-alpha.1 B")) == "v2.0.0-alpha.1", "prereleases count"
    assert latest(model("m@v2.0.0 A", "m@v1.5.0 B")) == "v2.0.0", "not the one registered last"
    assert latest(model("m@v2.0.0 A", "m@v1.5.0 B", "m@v2.0.0! A")) == "v1.5.0"
    assert latest(model("m@v0.0.1 A", "m#prod#1 F")) == "v0.0.1", "bare commits only if nothing else"
    assert latest(model("m#prod#1 B", "m#prod#2 A")) == commit("B")
    assert view.show_rows(registry("m#prod#1 B"))[1][1] == "-"
    assert latest(model("m@v1.0.0 A", "m@v1.0.0! A")) is None


def test_r43_a_tag_has_one_event() -> None:
    found = model("m@v1.0.0 A", "m#prod#1 A", "m#prod#10 A")
    event = found.event_of("m#prod#1")
    assert event is not None
    assert (event.tag.event, event.tag.stage, event.commit) == (Event.ASSIGNMENT, "prod", commit("A"))


def test_r44_unknown_foreign_and_lightweight_tags_have_none() -> None:
    found = fold([*tags("m@v1.0.0 A"), lightweight("m#prod#1"), record("nope")]).model("m")
    assert [found.event_of(name) for name in ("nope", "m#prod#1", "m#prod#2", "m")] == [None] * 4


def test_r45_events_are_history() -> None:
    found = model("m@v1.0.0 A", "m#prod#1 A", "m@v1.0.0! A")
    (assigned,) = view.history([event for event in found.events if event.tag.stage], {"m": found})
    assert (assigned["event"], assigned["version"], assigned["stage"]) == ("assignment", "v1.0.0", "prod")
    assert current(found) is None


def test_r46_names_and_keys() -> None:
    lines = ("m@v1.0.0 A @1", "m#prod#1 A @2", "m#prod!#2 A @3", "m@v1.0.0!#3 A @4", "m@deprecated#4 A @5")
    found = model(*lines)
    entries = view.history(found.events, {"m": found})
    assert [entry["event"] for entry in entries] == [
        "registration",
        "assignment",
        "unassignment",
        "deregistration",
        "deprecation",
    ]
    assert entries[1] == {
        "time": "2023-11-14T22:13:22+00:00",
        "model": "m",
        "event": "assignment",
        "version": "v1.0.0",
        "stage": "prod",
        "commit": commit("A"),
        "tag": "m#prod#1",
        "author": "Ada Model",
        "author_email": "ada@example.com",
        "message": "m#prod#1",
    }
    assert [entry["version"] for entry in entries] == ["v1.0.0"] * 4 + [None], "a deprecation has no version"
    assert [entry["stage"] for entry in entries] == [None, "prod", "prod", None, None]
    parsed = view.parsed(found.events[1].tag)
    assert parsed == {
        "event": "assignment",
        "model": "m",
        "stage": "prod",
        "version": None,
        "counter": 1,
        "tag": "m#prod#1",
    }


@pytest.mark.parametrize(
    ("second", "zone", "shown"),
    [
        (-START, "+0000", "1970-01-01T00:00:00+00:00"),
        (0, "+0530", "2023-11-15T03:43:20+05:30"),
        (0, "-0800", "2023-11-14T14:13:20-08:00"),
        (4_102_444_800 - START, "+0000", "2100-01-01T00:00:00+00:00"),
        (0, "+9999", "2023-11-14T22:13:20+00:00"),
        (0, "garbage", "2023-11-14T22:13:20+00:00"),
        (10**15, "+0000", f"@{10**15 + START}"),
    ],
)
def test_times_keep_the_taggers_offset(second: int, zone: str, shown: str) -> None:
    (event,) = fold([record("m#prod#1", second=second, zone=zone)]).model("m").events
    assert view.when(event) == shown


def test_b14_a_version_shows_all_its_stages_not_the_oldest() -> None:
    found = registry("m@v1.0.0", "m#dev#1", "m#prod#2", "m#staging#3")
    [version] = view.shown(found)["models"]["m"]["versions"]
    assert version["stages"] == ["dev", "prod", "staging"]
