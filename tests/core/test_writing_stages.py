"""Giving and taking stages: each rule by its own case (R54, R55, R61, T54, R36)."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid, ModelStageError, Refused
from model_stage_deploy.core.ledger import Ledger
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.writing import How
from model_stage_deploy.core.writing_stages import Archive, Promote, Unassign
from model_stage_deploy.flows.change import Asked
from tests.core.ledgers import after, change, ledger, names
from tests.core.tag_records import commit, current

FORCE = How(force=True)
ONE = ("m@v1.0.0 A", "m#prod#1 A")
TWO = (*ONE, "m@v2.0.0 B", "m#prod#2 B")


def refusal(asked: Asked, *lines: str, at: str = "A", on: Ledger | None = None) -> ModelStageError:
    """The refusal of a change; it says what to do."""
    with pytest.raises((Refused, Invalid)) as caught:
        change(asked, *lines, at=at, on=on)
    return caught.value


def test_r54_by_version() -> None:
    made = change(Promote("m", "prod", version="v2.0.0"), *TWO[:3])
    assert names(made) == ["m#prod#2"]
    assert (made.version, made.stage, made.commit) == ("v2.0.0", "prod", commit("B"))
    assert made.replaced is not None
    assert (made.replaced.version, made.replaced.tag) == ("v1.0.0", "m#prod#1")
    assert made.tags[0].message == "Promote m v2.0.0 to prod"
    assert current(after(made, *TWO[:3])) == "v2.0.0"


def test_r54_by_commit_registers_first() -> None:
    made = change(Promote("m", "prod", ref="x"), *ONE, at="B")
    assert names(made) == ["m@v1.0.1", "m#prod#2"]
    assert [tag.message for tag in made.tags] == ["Register m v1.0.1", "Promote m v1.0.1 to prod"]
    assert made.chosen
    named = change(Promote("m", "prod", ref="x", register_as="v3.0.0"), *ONE, at="B")
    assert (names(named), named.chosen) == (["m@v3.0.0", "m#prod#2"], False)
    assert names(change(Promote("m", "dev", ref="x"), *ONE)) == ["m#dev#2"], "it has a version"
    assert names(change(Promote("m", "dev", ref="x", register_as="v1.0.0"), *ONE)) == ["m#dev#2"]


def test_r54_by_commit_without_registration() -> None:
    made = change(Promote("m", "prod", ref="x", bare=True), *ONE, at="B")
    assert (names(made), made.version) == (["m#prod#2"], commit("B"))
    assert current(after(made, *ONE)) == commit("B")


def test_r24_registering_names_what_other_stages_have() -> None:
    lines = (*ONE, "m#dev#2 B")
    made = change(Promote("m", "prod", ref="x"), *lines, at="B")
    assert names(made) == ["m@v1.0.1", "m#prod#3"]
    assert any("dev has v1.0.1 now" in note for note in made.notes)
    from_stage = change(Promote("m", "prod", source="dev"), *lines)
    assert names(from_stage) == names(made)


def test_r54_from_another_stage() -> None:
    lines = (*ONE, "m@v2.0.0 B", "m#staging#2 B")
    assert change(Promote("m", "prod", source="staging"), *lines).version == "v2.0.0"
    assert refusal(Promote("m", "prod", source="qa"), *lines).reason is Reason.NEVER_IN_STAGE
    assert refusal(Promote("m", "prod", source="prod"), *lines).reason is Reason.USAGE


def test_r54_nothing_is_guessed() -> None:
    refused = refusal(Promote("m", "prod"), *ONE, "m@v2.0.0 B", "m#staging#2 B")
    assert refused.reason is Reason.USAGE
    for way in ("--version v2.0.0", "--ref HEAD", "--from staging"):
        assert way in refused.hint
    assert "--from" not in refusal(Promote("m", "prod")).hint
    for two in (
        Promote("m", "prod", version="v1.0.0", ref="x"),
        Promote("m", "prod", ref="x", source="dev"),
        Promote("m", "prod", register_as="v1.0.0"),
    ):
        assert refusal(two, *ONE).reason is Reason.USAGE
    assert refusal(Promote("m", "prod", ref="x", bare=True, register_as="v1.0.0")).reason is Reason.USAGE


def test_r54_what_the_stage_has_is_refused_but_forced() -> None:
    refused = refusal(Promote("m", "prod", version="v2.0.0"), *TWO)
    assert refused.reason is Reason.ALREADY_IN_STAGE
    assert "'m#prod#2'" in refused.message
    again = change(Promote("m", "prod", version="v2.0.0", how=FORCE), *TWO)
    assert names(again) == ["m#prod#3"]
    assert again.moves == ()


def test_t54_going_back_needs_no_force() -> None:
    made = change(Promote("m", "prod", version="v1.0.0"), *TWO)
    assert names(made) == ["m#prod#3"]
    assert current(after(made, *TWO)) == "v1.0.0"


def test_r39_a_deregistered_version_is_refused() -> None:
    lines = (*ONE, "m@v1.0.0! A")
    for asked in (Promote("m", "dev", version="v1.0.0"), Promote("m", "dev", ref="x")):
        refused = refusal(asked, *lines)
        assert refused.reason is Reason.INACTIVE_VERSION
        assert "register m" in refused.hint


def test_r63_versions_and_models_that_are_not_there() -> None:
    unknown = refusal(Promote("m", "prod", version="v9.0.0"), *TWO)
    assert unknown.reason is Reason.UNKNOWN_VERSION
    assert "v1.0.0, v2.0.0" in unknown.hint
    for asked in (Promote("m", "prod", version="v1.0.0"), Promote("m", "prod", source="dev"), Unassign("m", "prod")):
        assert refusal(asked).reason is Reason.UNKNOWN_MODEL
    other = refusal(Promote("m", "prod", ref="x", register_as="v7.0.0"), *ONE)
    assert other.reason is Reason.ALREADY_REGISTERED


def test_r26_the_active_one_of_a_name_is_meant() -> None:
    lines = ("m@v1.0.0 A", "m@v1.0.0! A", "m@v1.0.0#3 B")
    assert change(Promote("m", "prod", version="v1.0.0"), *lines).commit == commit("B")
    both = ("m@v1.0.0 A", "m@v1.0.0#3 B")
    assert refusal(Promote("m", "prod", version="v1.0.0"), *both).reason is Reason.AMBIGUOUS_VERSION
    assert change(Promote("m", "prod", ref="x"), *both).commit == commit("A")


def test_r25_an_ambiguous_model_gets_no_stage() -> None:
    lines = ("m@v1.0.0 A", "m@v1.0.1 A", "m#dev#1 A", "m@v2.0.0 B")
    for asked in (
        Promote("m", "prod", version="v2.0.0"),
        Unassign("m", "dev"),
        Archive("m", "v2.0.0"),
        Promote("m", "prod", ref="x"),
    ):
        assert refusal(asked, *lines, at="B").reason is Reason.AMBIGUOUS_VERSION


def test_archive_existing_ends_all_others_in_the_same_push_old_before_new() -> None:
    lines = (*TWO, "m@v3.0.0 C", "m#dev#3 B")
    made = change(Promote("m", "prod", version="v3.0.0", archive=True, how=How(message="why")), *lines)
    assert names(made) == ["m#prod!#4", "m#prod!#5", "m#prod#6"]
    assert [tag.commit for tag in made.tags] == [commit("A"), commit("B"), commit("C")]
    assert [tag.message for tag in made.tags][1:] == ["Take m v2.0.0 out of prod: v3.0.0 replaces it", "why"]
    model = after(made, *lines)
    assert [held.version.name for held in model.holders("prod")] == ["v3.0.0"]
    assert current(model, "dev") == "v2.0.0"


def test_r36_without_it_the_one_before_stays_behind_and_we_say_so() -> None:
    made = change(Promote("m", "prod", version="v2.0.0"), *TWO[:3])
    assert "v1.0.0 stays assigned to prod" in made.notes[0]
    assert "--archive-existing" in made.notes[0]


def test_r55_unassign_takes_what_the_stage_has() -> None:
    made = change(Unassign("m", "prod"), *TWO)
    assert (names(made), made.version) == (["m#prod!#3"], "v2.0.0")
    assert "prod falls back to v1.0.0" in made.notes[0]
    assert "--all" in made.notes[0]
    assert current(after(made, *TWO)) == "v1.0.0"


def test_r55_unassign_by_version_commit_or_all() -> None:
    older = change(Unassign("m", "prod", version="v1.0.0"), *TWO)
    assert [tag.commit for tag in older.tags] == [commit("A")]
    assert (older.moves, older.notes) == ((), ())
    assert change(Unassign("m", "prod", ref="x"), *TWO, at="A").version == "v1.0.0"
    everything = change(Unassign("m", "prod", every=True), *TWO)
    assert names(everything) == ["m#prod!#3", "m#prod!#4"]
    assert current(after(everything, *TWO)) is None
    assert refusal(Unassign("m", "prod", version="v1.0.0", every=True), *TWO).reason is Reason.USAGE


def test_r55_what_is_not_in_the_stage_is_refused_but_forced() -> None:
    for asked in (
        Unassign("m", "dev"),
        Unassign("m", "dev", every=True),
        Unassign("m", "dev", version="v1.0.0"),
        Unassign("m", "dev", ref="x"),
        Archive("m", "v3.0.0"),
    ):
        refused = refusal(asked, *TWO, "m@v3.0.0 C")
        assert refused.reason is Reason.NOT_IN_STAGE, asked
        assert refused.hint
    gone = (*ONE, "m#prod!#2 A")
    assert refusal(Unassign("m", "prod", version="v1.0.0"), *gone).reason is Reason.NOT_IN_STAGE
    assert names(change(Unassign("m", "prod", version="v1.0.0", how=FORCE), *gone)) == ["m#prod!#3"]
    assert refusal(Unassign("m", "prod", ref="x"), *ONE, at="C").reason is Reason.UNKNOWN_VERSION


def test_a_deregistered_version_can_leave_its_stage() -> None:
    lines = (*ONE, "m@v1.0.0! A")
    assert names(change(Unassign("m", "prod", version="v1.0.0"), *lines)) == ["m#prod!#2"]


def test_b04_taking_a_bare_commit_out_says_that_gto_does_not_see_it() -> None:
    made = change(Unassign("m", "prod"), "m#prod#1 A")
    assert names(made) == ["m#prod!#2"]
    assert "GTO" in made.notes[0]
    assert current(after(made, "m#prod#1 A")) is None


def test_archive_takes_a_version_out_of_every_stage() -> None:
    lines = (*TWO, "m#dev#3 A", "m#qa#4 A", "m#qa!#5 A")
    made = change(Archive("m", "v1.0.0"), *lines)
    assert names(made) == ["m#dev!#6", "m#prod!#7"]
    assert current(after(made, *lines), "dev") is None
    assert after(made, *lines).find("v1.0.0") is not None
    full = change(Archive("m", "v1.0.0", deregister=True), *lines)
    assert names(full) == ["m#dev!#6", "m#prod!#7", "m@v1.0.0!"]
    assert names(change(Archive("m", "v3.0.0", deregister=True), *lines, "m@v3.0.0 C")) == ["m@v3.0.0!"]
    assert refusal(Archive("m", ""), *lines).reason is Reason.USAGE


@pytest.mark.parametrize(("stages", "allowed"), [(None, True), (("dev", "prod"), True), (("dev",), False), ((), False)])
def test_r61_stages_limit_assigning_and_unassigning_alone(stages: tuple[str, ...] | None, allowed: bool) -> None:
    for asked in (Promote("m", "prod", version="v2.0.0"), Unassign("m", "prod"), Archive("m", "v1.0.0")):
        on = ledger(*TWO[:3], stages=stages)
        if allowed:
            assert change(asked, on=on).made
        else:
            refused = refusal(asked, on=on)
            assert refused.reason is Reason.STAGE_NOT_ALLOWED
            assert ("allows dev" if stages else "allows none") in refused.message


def test_b02_other_models_do_not_matter() -> None:
    made = change(Promote("m", "prod", version="v2.0.0"), on=ledger(*TWO[:3], "n@v1.0.0 A", "n@v2.0.0 A", "n#prod#9 A"))
    assert names(made) == ["m#prod#2"]


def test_b19_the_order_of_stages_is_not_enforced() -> None:
    assert names(change(Promote("m", "prod", version="v1.0.0"), "m@v1.0.0 A")) == ["m#prod#1"], "never in staging"


def test_what_a_tag_says_is_told_beside_it() -> None:
    made = change(Promote("m", "prod", ref="x", archive=True), *ONE, at="B").made
    assert [(tag.event, tag.version, tag.stage) for tag in made] == [
        (Event.REGISTRATION, "v1.0.1", None),
        (Event.UNASSIGNMENT, "v1.0.0", "prod"),
        (Event.ASSIGNMENT, "v1.0.1", "prod"),
    ]
