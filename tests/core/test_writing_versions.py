"""Registering, deregistering, deprecating: each rule by its own case (R48–R53, R56, R63)."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import Invalid, ModelStageError, Refused
from model_stage_deploy.core.ledger import FARTHEST_AHEAD, Ledger
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.writing import LONGEST_MESSAGE, How
from model_stage_deploy.core.writing_stages import Promote
from model_stage_deploy.core.writing_versions import Deprecate, Deregister, Register
from model_stage_deploy.flows.change import Asked
from tests.core.ledgers import NOW, after, change, ledger, names
from tests.core.tag_records import START, commit, current, latest, lightweight, record

FORCE = How(force=True)


def refusal(asked: Asked, *lines: str, at: str = "A", on: Ledger | None = None) -> ModelStageError:
    """The refusal of a change; it says what, where and what to do."""
    with pytest.raises((Refused, Invalid)) as caught:
        change(asked, *lines, at=at, on=on)
    assert caught.value.message
    assert caught.value.hint or caught.value.reason is Reason.USAGE
    return caught.value


def test_r48_the_counter_is_one_more_than_the_greatest_of_all_tags() -> None:
    on = ledger("m@v1.0.0 A", "m#prod#41 A", also=[lightweight("m#dev#43"), record("other#prod#99", second=9)])
    assert names(change(Promote("m", "dev", version="v1.0.0"), on=on)) == ["m#dev#44"]
    assert names(change(Promote("m", "dev", version="v1.0.0"), "m@v1.0.0 A", "m@v1.0.0!#6 B")) == ["m#dev#7"]
    assert names(change(Promote("m", "dev", version="v1.0.0"), "m@v1.0.0 A", "m#dev#007 B")) == ["m#dev#8"]


def test_r48_tags_of_the_clone_that_were_not_pushed_count_as_well() -> None:
    on = Ledger("m", [record("m@v1.0.0")], now=NOW, elsewhere=["m#prod#7", "m#prod#nonsense"])
    assert names(change(Promote("m", "prod", version="v1.0.0"), on=on)) == ["m#prod#8"]


@pytest.mark.parametrize(
    ("asked", "simple", "counted"),
    [
        (Register("m", ref="x"), "m@v1.0.1", "m@v1.0.1#5"),
        (Deregister("m", version="v1.0.0"), "m@v1.0.0!", "m@v1.0.0!#5"),
        (Deprecate("m"), "m@deprecated", "m@deprecated#5"),
        (Promote("m", "dev", version="v1.0.0"), "m#dev", "m#dev#5"),
    ],
    ids=["register", "deregister", "deprecate", "promote"],
)
def test_r49_names_are_simple_or_counted(asked: Asked, simple: str, counted: str) -> None:
    lines = ("m@v1.0.0 A", "m#prod#4 A")
    usual = counted if isinstance(asked, Promote) else simple
    assert names(change(asked, *lines, at="B")) == [usual]
    for habit, name in ((True, simple), (False, counted)):
        given = asked._replace(how=How(simple=habit))  # type: ignore[attr-defined]
        assert names(change(given, *lines, at="B")) == [name]


def test_r50_a_name_that_exists_is_never_reused() -> None:
    for taken in ("m#dev", "m#dev/x#1", "m#dev/x/y"):
        made = change(Promote("m", "dev", version="v1.0.0", how=How(simple=True)), "m@v1.0.0 A", f"{taken} B")
        assert names(made) == [f"m#dev#{2 if taken.endswith('1') else 1}"]
        assert "taken" in made.notes[0]


def test_r50_a_name_that_git_cannot_store_beside_another_is_refused() -> None:
    refused = refusal(Promote("m", "eu/prod", version="v1.0.0"), "m@v1.0.0 A", "m#eu A")
    assert refused.reason is Reason.TAG_EXISTS
    assert "'m#eu'" in refused.message + refused.hint


def test_b13_b17_what_is_taken_is_passed_over() -> None:
    gone = ("m@v1.0.0 A", "m@v1.0.1 B", "m@v1.0.1! B")
    assert names(change(Register("m", ref="x"), *gone, at="C")) == ["m@v1.0.2"]
    assert names(change(Register("m", ref="x"), *gone, at="B")) == ["m@v1.0.1#1"]
    assert names(change(Register("m", ref="x", bump="major"), *gone, "m@v2.0.0#7 D", "m@v2.0.0!#8 D", at="C")) == [
        "m@v3.0.0"
    ]
    on = ledger("m@v1.0.0 A", also=[lightweight("m@v1.0.1", "B")])
    assert names(change(Register("m", ref="x"), on=on, at="C")) == ["m@v1.0.2"]


def test_r51_a_commit_with_an_active_version_is_refused() -> None:
    refused = refusal(Register("m", ref="x"), "m@v1.0.0 A")
    assert refused.reason is Reason.ALREADY_REGISTERED
    assert "v1.0.0" in refused.message

    assert names(change(Register("m", ref="x", how=FORCE), "m@v1.0.0 A")) == ["m@v1.0.0#1"]
    other = refusal(Register("m", ref="x", version="v2.0.0", how=FORCE), "m@v1.0.0 A")
    assert other.reason is Reason.ALREADY_REGISTERED
    assert "no other version" in other.message


def test_r51_a_deregistered_version_may_be_registered_again_and_no_other_there() -> None:
    lines = ("m@v1.0.0 A", "m@v1.0.0! A")
    assert names(change(Register("m", ref="x"), *lines)) == ["m@v1.0.0#1"]
    assert refusal(Register("m", ref="x", version="v2.0.0"), *lines).reason is Reason.ALREADY_REGISTERED
    assert refusal(Register("m", ref="x", bump="minor"), *lines).reason is Reason.ALREADY_REGISTERED


def test_r51_a_version_of_another_commit_is_taken_while_it_is_active() -> None:
    refused = refusal(Register("m", ref="x", version="v1.0.0"), "m@v1.0.0 A", at="B")
    assert refused.reason is Reason.VERSION_TAKEN
    moved = change(Register("m", ref="x", version="v1.0.0"), "m@v1.0.0 A", "m@v1.0.0! A", at="B")
    assert names(moved) == ["m@v1.0.0#1"]
    assert "GTO" in moved.notes[0]


def test_r25_a_commit_with_two_versions_takes_no_third() -> None:
    two = ("m@v1.0.0 A", "m@v1.0.1 A")
    for asked in (
        Register("m", ref="x"),
        Deregister("m", ref="x"),
        Promote("m", "prod", ref="x"),
        Promote("m", "prod", version="v1.0.0"),
    ):
        assert refusal(asked, *two).reason is Reason.AMBIGUOUS_VERSION
    assert names(change(Register("m", ref="x"), *two, "m#prod#1 A", at="B")) == ["m@v1.0.2"], "elsewhere it is safe"


@pytest.mark.parametrize(
    ("there", "bump", "expected"),
    [
        ((), None, "v0.0.1"),
        (("m#dev#1 B",), None, "v0.0.1"),
        (("m@v1.0.0 B", "m@v2.0.0 C", "m@v1.5.0 D"), None, "v2.0.1"),
        (("m@v1.0.0 B", "m@v2.0.0 C", "m@v2.0.0! C"), None, "v1.0.1"),
        (("m@v1.2.3 B",), "major", "v2.0.0"),
        (("m@v1.2.3 B",), "minor", "v1.3.0"),
        (("m@v1.2.3+b B",), "patch", "v1.2.4"),
        (("m@v0.0.1 B", "m@v0.0.1! B"), None, "v0.0.2"),
    ],
)
def test_r52_the_next_version(there: tuple[str, ...], bump: str | None, expected: str) -> None:
    made = change(Register("m", ref="x", bump=bump), *there)  # type: ignore[arg-type]
    assert made.version == expected
    assert made.chosen
    assert latest(after(made, *there)) == expected or there[0].startswith("m@v2")


def test_r52_there_is_nothing_to_raise_for_the_first() -> None:
    assert refusal(Register("m", ref="x", bump="minor")).reason is Reason.USAGE
    assert refusal(Register("m", ref="x", bump="patch"), "m@v1.0.0 B", "m@v1.0.0! B").reason is Reason.USAGE


def test_r53_t57_a_prerelease_is_followed_as_in_gto_and_we_say_what_is_skipped() -> None:
    made = change(Register("m", ref="x"), "m@v1.0.0-rc.1 B")
    assert made.version == "v1.0.1"
    assert "v1.0.0 is skipped" in made.notes[0]
    assert "--version v1.0.0" in made.notes[0]
    assert not change(Register("m", ref="x"), "m@v1.0.0 C", "m@v1.0.1 B").notes


def test_r56_deregister_wants_an_active_version() -> None:
    lines = ("m@v1.0.0 A", "m@v1.0.0! A")
    assert refusal(Deregister("m", version="v1.0.0"), *lines).reason is Reason.INACTIVE_VERSION
    assert names(change(Deregister("m", version="v1.0.0", how=FORCE), *lines)) == ["m@v1.0.0!#1"]
    assert refusal(Deregister("m", version="v9.0.0"), *lines).reason is Reason.UNKNOWN_VERSION
    assert refusal(Deregister("m", ref="x"), *lines, at="B").reason is Reason.UNKNOWN_VERSION
    assert refusal(Deregister("m", version="v1.0.0")).reason is Reason.UNKNOWN_MODEL
    made = change(Deregister("m", ref="x"), "m@v1.0.0 A")
    assert (names(made), made.version) == (["m@v1.0.0!"], "v1.0.0")


def test_r56_the_active_one_of_two_commits_is_deregistered() -> None:
    lines = ("m@v1.0.0 A", "m@v1.0.0! A", "m@v1.0.0#3 B")
    assert change(Deregister("m", version="v1.0.0"), *lines).commit == commit("B")
    both = ("m@v1.0.0 A", "m@v1.0.0#3 B")
    refused = refusal(Deregister("m", version="v1.0.0"), *both)
    assert refused.reason is Reason.AMBIGUOUS_VERSION
    assert f"--ref {commit('B')}" in refused.hint


def test_r37_deregistering_says_what_a_stage_falls_back_to() -> None:
    lines = ("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B")
    made = change(Deregister("m", version="v2.0.0"), *lines)
    [move] = made.moves
    assert move.before is not None
    assert move.after is not None
    assert (move.stage, move.before.version, move.after.version) == ("prod", "v2.0.0", "v1.0.0")
    assert "prod falls back to v1.0.0" in made.notes[0]
    assert "unassign m --stage prod --all" in made.notes[0]
    assert current(after(made, *lines)) == "v1.0.0"


def test_r37_registering_again_says_which_stages_come_back() -> None:
    lines = ("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B", "m#prod#2 B", "m@v2.0.0! B")
    made = change(Register("m", ref="x"), *lines, at="B")
    assert names(made) == ["m@v2.0.0#3"]
    assert "prod has v2.0.0 now" in made.notes[-1]
    assert current(after(made, *lines)) == "v2.0.0"


def test_r56_deprecate_wants_a_model_that_is_not() -> None:
    lines = ("m@v1.0.0 A", "m@deprecated B")
    assert refusal(Deprecate("m"), *lines).reason is Reason.ALREADY_DEPRECATED
    assert refusal(Deprecate("m")).reason is Reason.UNKNOWN_MODEL
    assert refusal(Deprecate("m", how=How(force=True, simple=True)), *lines).reason is Reason.USAGE
    again = change(Deprecate("m", how=FORCE), *lines)
    assert (names(again), again.commit) == (["m@deprecated#1"], commit("B"))
    first = change(Deprecate("m"), lines[0])
    assert (names(first), first.commit) == (["m@deprecated"], commit("A"))
    assert after(first, lines[0]).deprecated
    assert change(Deprecate("m", ref="x"), lines[0], at="C").commit == commit("C")


def test_r40_t56_any_later_change_takes_a_deprecation_back_and_says_so() -> None:
    lines = ("m@v1.0.0 A", "m@deprecated A")
    made = change(Promote("m", "prod", version="v1.0.0"), *lines)
    assert not after(made, *lines).deprecated
    assert any("was deprecated" in note for note in made.notes)


@pytest.mark.parametrize(
    ("text", "hint"),
    [("3.1.0", "v3.1.0"), ("V3.1.0", "v3.1.0"), ("v1", "strict SemVer"), ("v01.0.0", "v1.2.3"), ("v1.0.0\n", "v1.2.3")],
)
def test_r63_versions_that_are_none(text: str, hint: str) -> None:
    for asked in (Register("m", version=text), Deregister("m", version=text), Promote("m", "prod", version=text)):
        refused = refusal(asked)
        assert refused.reason is Reason.USAGE
        assert hint in refused.hint


@pytest.mark.parametrize("name", ["", "_m", "my.model", "m#prod", "m@v1.0.0", "a=b", "-m", "m;rm", "a//b"])
def test_r63_names_that_are_none(name: str) -> None:
    assert refusal(Register(name)).reason is Reason.USAGE
    assert refusal(Promote("m", name, version="v1.0.0")).reason is Reason.USAGE


def test_r63_a_version_and_a_bump_are_too_much() -> None:
    assert refusal(Register("m", version="v1.0.0", bump="major")).reason is Reason.USAGE
    assert refusal(Deregister("m")).reason is Reason.USAGE
    assert refusal(Deregister("m", version="v1.0.0", ref="HEAD")).reason is Reason.USAGE


def test_messages_are_kept_as_they_are_but_for_what_git_cannot_store() -> None:
    assert change(Register("m", ref="x")).tags[0].message == "Register m v0.0.1"
    hostile = "  # not a comment\n\x1b[31m$(touch x)\n::set-output\n-----BEGIN PGP SIGNATURE-----  "
    made = change(Register("m", ref="x", how=How(message=hostile)))
    assert made.tags[0].message == hostile.strip()
    for bad in ("a\0b", "x" * (LONGEST_MESSAGE + 1), "\udc80"):
        assert refusal(Register("m", how=How(message=bad))).reason is Reason.USAGE


def test_b11_a_tag_is_later_than_all_before_it() -> None:
    for ahead in (0, 1, FARTHEST_AHEAD):
        on = ledger("m@v1.0.0 A @50", now=START + 50 - ahead)
        made = change(Promote("m", "prod", version="v1.0.0"), on=on)
        assert made.tags[0].time == START + 51
    assert change(Promote("m", "prod", version="v1.0.0"), "m@v1.0.0 A @50").tags[0].time == NOW
    two = change(Promote("m", "prod", ref="x"), on=ledger(now=NOW))
    assert [tag.time for tag in two.tags] == [NOW - 1, NOW]
    crowded = change(Promote("m", "prod", ref="x"), on=ledger("m@v1.0.0 B @50", now=START + 50.9), at="A")
    assert [tag.time for tag in crowded.tags] == [START + 51, START + 52]


@pytest.mark.parametrize("when", [START + FARTHEST_AHEAD + 1, 4_102_444_800, 2**62])
def test_b12_a_clock_that_is_far_behind_refuses_and_names_the_tag(when: int) -> None:
    on = Ledger("m", [record("m@v1.0.0", time=when)], now=START)
    for force in (False, True):
        refused = refusal(Promote("m", "prod", version="v1.0.0", how=How(force=force)), on=on)
        assert refused.reason is Reason.CLOCK_SKEW
        assert "'m@v1.0.0'" in refused.message


def test_a_new_model_is_said_to_be_one() -> None:
    assert "new model" in change(Register("m", ref="x")).notes[0]
    assert not change(Register("m", ref="x"), "m@v1.0.0 B").notes


def test_directories_are_written_as_gto_does() -> None:
    assert names(change(Register("a/b:m", ref="x"))) == ["a/b=m@v0.0.1"]
