"""From a pushed tag to a decision: each way in which it is refused, and what a person is told besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.core.errors import Invalid, ModelStageError, NothingToDo, Refused
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.plan import Decision, Previous
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import NotGtoTag, parse_tag, require_model_name, require_stage_name
from model_stage_deploy.faces.arguments import parse
from model_stage_deploy.flows.context import Wishes
from model_stage_deploy.flows.decide import (
    Pushed,
    decide,
    read_tag,
    require_assignment,
    require_newest,
    resolve,
)
from tests.core.tag_records import commit, lightweight, record, tags

NO_WISHES = Wishes()
NOW = 2_000_000_000.0  # after every tag here
BOTH = ("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A", "m#prod#2 B")


@dataclass
class Shelf:
    """The Repository port, as far as deciding needs it: the tags of a clone, and those of its remote."""

    here: list[TagRecord]
    remote: list[TagRecord] | None = None
    asked: list[tuple[str | None, str | None, bool]] = field(default_factory=list)

    def tags(self, model: str | None, *, wanted: str | None = None, fresh: bool = False) -> Sequence[TagRecord]:
        self.asked.append((model, wanted, fresh))
        return self.remote if fresh and self.remote is not None else self.here

    def commit_of(self, ref: str | None) -> str:
        raise AssertionError("deciding reads tags only")

    def read_file(self, commit: str, path: str) -> bytes | None:
        raise AssertionError("deciding reads tags only")

    def read_files(self, asked: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], bytes | None]:
        raise AssertionError("deciding reads tags only")

    def checkout(self, commit: str) -> Path:
        raise AssertionError("deciding reads tags only")

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        raise AssertionError("deciding reads tags only")


FORCED = Wishes(force=True)


def decided(
    name: str, *lines: str, pushed: Pushed | None = None, wishes: Wishes = NO_WISHES
) -> tuple[Decision, tuple[str, ...]]:
    return decide(parse_tag(name), Shelf(tags(*lines)), pushed or Pushed(), now=NOW, wishes=wishes)


def refusal(name: str, records: list[TagRecord], pushed: Pushed | None = None) -> Refused:
    with pytest.raises(Refused) as caught:
        decide(parse_tag(name), Shelf(records), pushed or Pushed(), now=NOW)
    assert caught.value.exit_code == 3
    assert caught.value.hint, "a refusal says what to do"
    return caught.value


def test_decision() -> None:
    decision, notes = decided("m#prod#2", *BOTH)
    assert decision == Decision(
        model="m",
        version="v2.0.0",
        stage="prod",
        tag="m#prod#2",
        commit=commit("B"),
        previous=Previous("v1.0.0", "m#prod#1", commit("A")),
    )
    assert notes == ()


def test_first_of_a_stage_replaces_nothing() -> None:
    decision, _ = decided("m#prod#1", "m@v1.0.0 A", "m#dev#2 A", "m#prod#1 A")
    assert decision.previous is None


def test_one_look_at_the_models_tags_is_enough() -> None:
    shelf = Shelf(tags(*BOTH))
    decide(parse_tag("m#prod#2"), shelf, Pushed(), now=NOW)
    assert shelf.asked == [("m", "m#prod#2", False)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("m@v1.0.0", Reason.REGISTRATION),
        ("m@v1.0.0!#4", Reason.DEREGISTRATION),
        ("m#prod!#4", Reason.UNASSIGNMENT),
        ("m@deprecated", Reason.DEPRECATION),
    ],
)
def test_other_events_deploy_nothing(name: str, reason: Reason) -> None:
    with pytest.raises(NothingToDo) as nothing:
        decided(name, *BOTH)
    assert (nothing.value.reason, nothing.value.exit_code) == (reason, 0)
    require_assignment(parse_tag("m#prod"))


@pytest.mark.parametrize("pushed", [Pushed(), Pushed(object_id="1" * 40), Pushed(object_id=commit("A"))])
def test_tag_as_it_was_pushed(pushed: Pushed) -> None:
    records = [*tags("m@v1.0.0 A"), record("m#prod#1", "A", second=99, object_id="1" * 40)]
    decision, _ = decide(parse_tag("m#prod#1"), Shelf(records), pushed, now=NOW)
    assert decision.version == "v1.0.0"


def test_b17_moved_tag_by_what_was_pushed() -> None:
    """`after` of the push is neither the tag object that is there now nor its commit (T4, T23)."""
    records = [*tags("m@v1.0.0 A"), record("m#prod#1", "A", second=99, object_id="1" * 40)]
    refused = refusal("m#prod#1", records, Pushed(object_id="2" * 40))
    assert refused.reason is Reason.MOVED_TAG
    assert refused.message == "m#prod#1 was 222222222222 when it was pushed and is 111111111111 now"


def test_b17_moved_tag_by_force() -> None:
    shelf = Shelf(tags(*BOTH))
    with pytest.raises(Refused, match="forced push") as refused:
        decide(parse_tag("m#prod#2"), shelf, Pushed(forced=True), now=NOW)
    assert refused.value.reason is Reason.MOVED_TAG
    assert shelf.asked == [], "nothing needs to be read to say no"


def test_lightweight_tag() -> None:
    refused = refusal("m#prod#1", [*tags("m@v1.0.0 A"), lightweight("m#prod#1")])
    assert refused.reason is Reason.LIGHTWEIGHT_TAG
    assert "git tag -a" in refused.hint


def test_b06_mismatched_tag() -> None:
    refused = refusal("m#prod#1", [*tags("m@v1.0.0 A"), record("m#prod#1", inner_name="n#prod#1")])
    assert refused.reason is Reason.MISMATCHED_TAG
    assert "'n#prod#1'" in refused.message


@pytest.mark.parametrize("broken", [{"commit": None}, {"time": None}])
def test_b07_unusable_tag(broken: dict[str, Any]) -> None:
    assert refusal("m#prod#1", [*tags("m@v1.0.0 A"), record("m#prod#1", **broken)]).reason is Reason.UNUSABLE_TAG


def test_r44_tag_that_is_not_there() -> None:
    refused = refusal("m#prod#9", tags(*BOTH))
    assert refused.reason is Reason.TAG_NOT_FOUND
    assert "git push origin 'm#prod#9'" in refused.hint
    assert "m#prod#2" in refused.hint, "the newest tags of the model are named"
    assert refusal("m#prod#9", []).reason is Reason.TAG_NOT_FOUND


@pytest.mark.parametrize("ref", ["nope", "refs/tags/v1.0.0", "refs/heads/main", ""])
@pytest.mark.parametrize("by_hand", [True, False])
def test_r44_tags_that_are_not_ours(ref: str, by_hand: bool) -> None:
    with pytest.raises(NothingToDo) as nothing:
        read_tag(ref, by_hand=by_hand)
    assert (nothing.value.reason, nothing.value.exit_code) == (Reason.NOT_A_STAGE_TAG, 0)
    assert not nothing.value.doubtful


def test_near_misses_are_doubtful_and_mistakes_when_typed() -> None:
    with pytest.raises(NothingToDo) as nothing:
        read_tag("refs/tags/m_#prod", by_hand=False)
    assert nothing.value.doubtful
    with pytest.raises(NotGtoTag) as mistake:
        read_tag("m_#prod", by_hand=True)
    assert mistake.value.exit_code == 2
    assert read_tag("refs/tags/m#prod#1", by_hand=False) == parse_tag("m#prod#1")


@pytest.mark.parametrize("flags", [["--name"], ["--name", "--version"]])
def test_r47_one_answer_not_one_flag_each(flags: list[str]) -> None:
    """GTO breaks on two output flags; ours has none: one answer (or document) tells everything."""
    with pytest.raises(Invalid) as wrong:
        parse(["resolve", "m#prod#1", *flags])
    assert (wrong.value.reason, wrong.value.exit_code) == (Reason.USAGE, 2)
    assert parse(["resolve", "m#prod#1", "--json"]).json


def test_unregistered_commit_that_the_remote_knows_better() -> None:
    shelf = Shelf(tags("m#prod#1 A"), tags("m@v1.0.0 A", "m#prod#1 A"))
    decision, notes = decide(parse_tag("m#prod#1"), shelf, Pushed(), now=NOW)
    assert (decision.version, decision.registered, notes) == ("v1.0.0", True, ())
    assert [fresh for _, _, fresh in shelf.asked] == [False, True]


def test_unregistered_commit_stays_so() -> None:
    decision, notes = decided("m#prod#1", "m#prod#1 A")
    assert (decision.version, decision.registered) == (commit("A"), False), (
        "planning refuses it, or not: the mapping says"
    )
    assert any("no registered version" in note for note in notes)


def test_tag_deleted_between_two_looks() -> None:
    shelf = Shelf(tags("m#prod#1 A"), tags("m@v1.0.0 A"))
    with pytest.raises(Refused) as refused:
        decide(parse_tag("m#prod#1"), shelf, Pushed(), now=NOW)
    assert refused.value.reason is Reason.TAG_NOT_FOUND
    with pytest.raises(Refused) as refused:
        decide(parse_tag("m#prod#1"), Shelf(tags("m#prod#1 A"), []), Pushed(), now=NOW)
    assert refused.value.reason in (Reason.TAG_NOT_FOUND, Reason.UNKNOWN_MODEL)


def test_r25_ambiguous_version() -> None:
    assert refusal("m#prod#1", tags("m@v1.0.0 A", "m@v1.0.1 A", "m#prod#1 A")).reason is Reason.AMBIGUOUS_VERSION


def test_r39_inactive_version() -> None:
    refused = refusal("m#prod#1", tags("m@v1.0.0 A", "m@v1.0.0! A", "m#prod#1 A"))
    assert refused.reason is Reason.INACTIVE_VERSION
    assert "v1.0.0 was deregistered" in refused.message
    resolved = resolve(parse_tag("m#prod#1"), Shelf(tags("m@v1.0.0 A", "m@v1.0.0! A", "m#prod#1 A")), Pushed())
    assert resolved.version == "v1.0.0", "what it means can still be asked (R45)"


def test_t27_a_superseded_tag_is_nothing_to_do_and_refused_where_a_person_asked() -> None:
    with pytest.raises(NothingToDo) as late:
        decided("m#prod#1", *BOTH)
    assert (late.value.reason, late.value.exit_code, late.value.doubtful) == (Reason.SUPERSEDED, 0, True)
    assert "a newer tag, m#prod#2, gives prod to v2.0.0" in late.value.message
    with pytest.raises(Refused) as asked:
        decided("m#prod#1", *BOTH, wishes=Wishes(by_hand=True))
    assert (asked.value.reason, asked.value.exit_code) == (Reason.SUPERSEDED, 3)
    assert "--force" in asked.value.hint


def test_t27_a_tag_that_was_undone_is_superseded_too() -> None:
    with pytest.raises(NothingToDo) as undone:
        decided("m#prod#1", "m@v1.0.0 A", "m#prod#1 A", "m#prod!#2 A")
    assert undone.value.reason is Reason.SUPERSEDED
    assert "nothing is in prod now" in undone.value.message


def test_r36_an_old_tag_decides_again_once_the_newer_ones_are_undone() -> None:
    decision, _ = decided("m#prod#1", *BOTH, "m#prod!#3 B")
    assert decision.version == "v1.0.0"


@pytest.mark.parametrize("fresh", [(), ("m#prod#3 A",), ("m#prod!#3 B",), ("m@v2.0.0!#3 B",)])
def test_t27_the_remote_is_asked_again_just_before_acting(fresh: tuple[str, ...]) -> None:
    shelf = Shelf(tags(*BOTH), remote=tags(*BOTH, *fresh))
    decision, _ = decide(parse_tag("m#prod#2"), shelf, Pushed(), now=NOW)
    if not fresh:
        require_newest(shelf, decision, NO_WISHES)
        return
    with pytest.raises(NothingToDo) as late:
        require_newest(shelf, decision, NO_WISHES)
    assert late.value.reason is Reason.SUPERSEDED
    require_newest(shelf, decision, FORCED)


def test_a_forced_superseded_tag_says_so_and_names_what_it_really_replaces() -> None:
    decision, notes = decided("m#prod#1", *BOTH, wishes=FORCED)
    assert decision.version == "v1.0.0"
    assert notes == ("a newer tag, m#prod#2, gives prod to v2.0.0",)
    assert decision.previous == Previous("v2.0.0", "m#prod#2", commit("B"))


def test_b11_same_second_is_told() -> None:
    lines = ("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A @500", "m#prod#2 B @500")
    _, notes = decided("m#prod#2", *lines, wishes=FORCED)
    assert len(notes) == 2
    assert "same second as m#prod#1" in notes[0]
    assert "m#prod#1, gives prod to v1.0.0" in notes[1]


def test_b12_back_dated_and_future_dated_tags_are_told() -> None:
    """The tagger's clock decides what is live, as in GTO; a tag that loses to an older push says to which one."""
    late = ("m@v1.0.0 A", "m@v2.0.0 B", "m#prod#1 A @9999999", "m#prod#2 B @900")
    decision, notes = decided("m#prod#2", *late, wishes=FORCED)
    assert decision.version == "v2.0.0"
    assert notes == ("a newer tag, m#prod#1, gives prod to v1.0.0",)


def test_b05_nested_tag_is_told() -> None:
    records = [*tags("m@v1.0.0 A"), record("m#prod#1", "A", second=99, nested=True)]
    decision, notes = decide(parse_tag("m#prod#1"), Shelf(records), Pushed(), now=NOW)
    assert decision.version == "v1.0.0"
    assert ["tags another tag" in note for note in notes] == [True]


def test_deprecated_model_is_told() -> None:
    _, notes = decided("m#prod#1", "m@v1.0.0 A", "m#prod#1 A", "m@deprecated A")
    assert notes == ("m is deprecated",)


def test_previous_is_what_counted_just_before() -> None:
    lines = (*BOTH, "m#prod!#3 B", "m#prod#4 B")
    decision, _ = decided("m#prod#4", *lines)
    assert decision.previous == Previous("v1.0.0", "m#prod#1", commit("A")), "v2 had been taken out"
    again, _ = decided("m#prod#5", *BOTH, "m#prod#5 B")
    assert again.previous == Previous("v2.0.0", "m#prod#2", commit("B")), "the same version, deployed again"


def test_what_happens_to_other_tags_of_the_model_does_not_matter() -> None:
    """One bad tag hides nothing: only the tag that is asked for must be right."""
    records = [*tags(*BOTH), lightweight("m#prod#7", "A"), record("m#prod#8", "A", second=999, inner_name="x")]
    decision, notes = decide(parse_tag("m#prod#2"), Shelf(records), Pushed(), now=NOW)
    assert (decision.version, notes) == ("v2.0.0", ())


@pytest.mark.parametrize(
    ("model", "stage", "right"),
    [
        ("churn", "prod", True),
        ("a/b:churn", "eu/prod", True),
        ("", "prod", False),
        ("m", "", False),
        ("m#x", "prod", False),
        ("../m", "prod", False),
        ("m", "$(id)", False),
        ("m\n", "prod", False),
    ],
)
def test_names_that_a_person_types(model: str, stage: str, right: bool) -> None:
    if right:
        assert (require_model_name(model), require_stage_name(stage)) == (model, stage)
        return
    with pytest.raises(ModelStageError) as wrong:
        require_model_name(model)
        require_stage_name(stage)
    assert wrong.value.reason is Reason.USAGE


def test_b12_a_tag_from_a_clock_that_runs_ahead_is_warned_about() -> None:
    records = tags("m@v1.0.0 A", "m#prod#1 A")
    made = max(found.time or 0 for found in records)

    _, ahead = decide(parse_tag("m#prod#1"), Shelf(records), Pushed(), now=made - 3600)
    assert [note for note in ahead if "60 minutes ahead" in note]
    _, on_time = decide(parse_tag("m#prod#1"), Shelf(records), Pushed(), now=made - 60)
    assert on_time == ()
