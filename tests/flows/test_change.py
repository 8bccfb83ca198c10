"""Changing the registry while others do the same, with and without a push, and what a person is told then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from model_stage_deploy.adapters.gto_config_yaml import parse_config
from model_stage_deploy.core.errors import Invalid, MachineryFailed, Refused
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold
from model_stage_deploy.core.writing import Change, How, Written
from model_stage_deploy.core.writing_stages import Archive, Promote, Unassign
from model_stage_deploy.core.writing_versions import Register
from model_stage_deploy.flows.change import PATIENCE, TRIES, Asked, Start, World, carry_out
from model_stage_deploy.report.changes import document, page
from tests.core.tag_records import START, commit, current, record, tags
from tests.fakes.clock import FakeClock
from tests.fakes.tag_store import FakeTagStore

TWO = ("m@v1.0.0 A", "m#prod#1 A", "m@v2.0.0 B")
PROMOTE = Promote("m", "prod", version="v2.0.0")


@dataclass
class FakeStarter:
    """Fulfils ports.WorkflowStarter."""

    broken: bool = False
    started: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def start(self, workflow: str, inputs: Mapping[str, str]) -> str:
        if self.broken:
            raise MachineryFailed(Reason.DISPATCH_FAILED, "GitHub says no", hint="actions: write")
        self.started.append((workflow, inputs))
        return "https://github.com/o/r/actions/runs/1"


def world(store: FakeTagStore, clock: FakeClock | None = None, environ: Mapping[str, str] | None = None) -> World:
    return World(store, clock or FakeClock(), environ or {}, parse_config, random=lambda: 0.5)


def store(*lines: str, rivals: list[Callable[[FakeTagStore], None]] | None = None, **more: Any) -> FakeTagStore:
    return FakeTagStore(tags(*lines), rivals=rivals or [], **more)


def somebody(*new: TagRecord) -> Callable[[FakeTagStore], None]:
    """A rival who makes tags just before ours."""
    return lambda kept: kept.records.extend(new)


def lines_of(written: Written) -> list[str]:
    return [str(block) for block in page(written)]


def names(written: Written) -> list[str]:
    return [tag.name for tag in written.change.tags]


def refusal(asked: Asked, kept: FakeTagStore, **how: Any) -> Refused:
    before = list(kept.records)
    with pytest.raises(Refused) as caught:
        carry_out(world(kept), asked, **how)
    assert kept.records == before
    return caught.value


def test_tags_are_made_and_the_command_to_push_them_is_given() -> None:
    kept = store(*TWO)
    written = carry_out(world(kept), PROMOTE)
    assert (written.reason, written.pushed, written.dry_run) == (Reason.PROMOTED, False, False)
    assert names(written) == ["m#prod#2"]
    assert current(fold(kept.records).model("m")) == "v2.0.0"
    assert written.notes[-1].endswith("git push --atomic origin 'refs/tags/m#prod#2'")
    assert kept.signed == [False]


def test_the_page_says_what_became_of_the_version_and_of_the_one_before() -> None:
    [headline, before, tag, *notes] = lines_of(carry_out(world(store(*TWO)), PROMOTE, push=True))
    assert headline == f"m v2.0.0 is in prod now (commit {commit('B')[:12]})"
    assert before == "  before: v1.0.0, by m#prod#1; still assigned, behind the new one"
    assert tag == "  made and pushed: m#prod#2  assignment v2.0.0"
    assert all(note.startswith("note: ") for note in notes)
    archived = lines_of(carry_out(world(store(*TWO)), PROMOTE._replace(archive=True), push=True))
    assert "taken out of prod" in archived[1]


def test_the_document_has_the_promised_keys() -> None:
    written = carry_out(world(store(*TWO)), PROMOTE, push=True)
    told = document(written)
    assert told["schema"] == "model-stage-deploy/change/v1"
    assert (told["result"], told["reason"], told["exit_code"]) == ("written", "promoted", 0)
    assert told["tags"] == [
        {
            "name": "m#prod#2",
            "event": "assignment",
            "version": "v2.0.0",
            "stage": "prod",
            "commit": commit("B"),
            "pushed": True,
        }
    ]
    assert told["replaced"] == {"version": "v1.0.0", "commit": commit("A"), "tag": "m#prod#1"}
    assert told["stages"]["prod"]["after"]["tag"] == "m#prod#2"
    assert (told["pushed"], told["dry_run"], told["dispatched"]) == (True, False, None)


def test_a_dry_run_makes_nothing() -> None:
    kept = store(*TWO)
    written = carry_out(world(kept), PROMOTE, dry_run=True, push=True)
    assert (written.reason, names(written)) == (Reason.DRY_RUN, ["m#prod#2"])
    assert len(kept.records) == len(TWO)
    assert lines_of(written)[0].startswith("Dry run: m v2.0.0 would be in prod")
    assert document(written)["result"] == "planned"
    assert not any("push" in note for note in written.notes)


def test_b16_when_somebody_is_quicker_it_is_decided_anew() -> None:
    clock = FakeClock()
    kept = store(
        *TWO,
        rivals=[
            somebody(record("m#prod#2", "A", time=int(clock.now()) + 5)),
            somebody(record("m#prod#3", "A", time=int(clock.now()) + 9)),
        ],
    )
    written = carry_out(world(kept, clock), PROMOTE, push=True)
    assert names(written) == ["m#prod#4"]
    assert current(fold(kept.records).model("m")) == "v2.0.0", "and later than what the others made"
    assert len(clock.slept) == 2
    assert clock.slept[0] < clock.slept[1]


def test_b16_a_change_that_is_no_longer_right_is_refused_with_the_reason() -> None:
    kept = store(*TWO, rivals=[somebody(record("m#prod#2", "B", second=900))])
    with pytest.raises(Refused) as caught:
        carry_out(world(kept), PROMOTE, push=True)
    assert caught.value.reason is Reason.ALREADY_IN_STAGE
    assert "'m#prod#2'" in caught.value.message

    gone = store(*TWO, rivals=[somebody(record("m@v2.0.0!", "B", second=900), record("m#prod#2", "A", second=950))])
    with pytest.raises(Refused) as refused:
        carry_out(world(gone), PROMOTE)
    assert refused.value.reason is Reason.INACTIVE_VERSION


def test_what_is_decided_anew_must_still_be_what_was_meant() -> None:
    asked: list[str | None] = []

    def stands(change: Change) -> None:
        asked.append(change.stage_tag)
        if change.stage_tag != "m#prod#2":
            raise Refused(Reason.SUPERSEDED, "not what was shown")

    kept = store(*TWO, rivals=[somebody(record("m#prod#2", "A", second=900))])
    with pytest.raises(Refused) as caught:
        carry_out(world(kept), PROMOTE, push=True, stands=stands)
    assert (caught.value.reason, asked) == (Reason.SUPERSEDED, ["m#prod#2", "m#prod#3"])
    assert kept.signed == [], "nothing was made"
    asked.clear()
    carry_out(world(store(*TWO)), PROMOTE, dry_run=True, stands=stands)
    assert asked == [], "who only looks is asked nothing"


def test_b16_two_who_register_at_once_get_two_versions() -> None:
    kept = store("m@v1.0.0 A", rivals=[somebody(record("m@v1.0.1", "B", second=900))])
    kept.refs["HEAD"] = commit("C")
    assert names(carry_out(world(kept), Register("m"))) == ["m@v1.0.2"]


def test_who_is_always_slower_is_told_so_in_the_end() -> None:
    clock = FakeClock()

    def quicker(kept: FakeTagStore) -> None:
        number = len(kept.records)
        kept.records.append(record(f"m#prod#{number - 1}", "A", time=int(clock.now())))

    kept = store(*TWO, rivals=[quicker] * 100)
    begun = clock.now()
    with pytest.raises(Refused) as caught:
        carry_out(world(kept, clock), PROMOTE, push=True)
    assert caught.value.reason is Reason.PUSH_CLASH
    assert "m#prod#" in caught.value.message
    assert kept.looks <= TRIES
    assert clock.now() - begun <= PATIENCE + 2


def test_two_who_wait_do_not_wait_alike() -> None:
    waits = []
    for luck in (0.0, 1.0):
        clock = FakeClock()
        kept = store(*TWO, rivals=[somebody(record("m#prod#2", "A", second=900))])
        carry_out(World(kept, clock, {}, parse_config, random=lambda luck=luck: luck), PROMOTE)  # type: ignore[misc]
        waits += clock.slept
    assert waits[0] != waits[1]
    assert all(0 < wait < 2 for wait in waits)


@pytest.mark.parametrize(
    ("asked", "there", "here"),
    [
        (PROMOTE, TWO[:2], ["m@v2.0.0"]),
        (PROMOTE, (), ["m@v2.0.0"]),
        (Promote("m", "prod", source="staging"), TWO, ["m#staging#4"]),
        (Unassign("m", "staging"), TWO, ["m#staging#4"]),
        (Archive("m", "v3.0.0"), TWO, ["m@v3.0.0"]),
        (Promote("m", "prod", ref="C"), TWO, ["m@v3.0.0"]),
        (Register("m", ref="C"), (), ["m@v0.0.1"]),
        (Register("m", ref="C", version="v3.0.0"), TWO, ["m@v3.0.0"]),
    ],
)
def test_what_is_in_the_clone_only_must_be_pushed_first(asked: Asked, there: tuple[str, ...], here: list[str]) -> None:
    kept = store(*there, here=here, refs={"C": commit("C")})
    refused = refusal(asked, kept, push=True)
    assert refused.reason is Reason.NOT_PUSHED
    assert f"git push --atomic origin 'refs/tags/{here[0]}'" in refused.hint


def test_other_tags_of_the_clone_are_told_and_their_names_kept_free() -> None:
    kept = store(*TWO, here=["m#prod#2"])
    written = carry_out(world(kept), PROMOTE, push=True)
    assert names(written) == ["m#prod#3"]
    assert any("'m#prod#2'" in note and "do not count" in note for note in written.notes)
    assert names(carry_out(world(store(*TWO, here=["m@v3.0.0"])), PROMOTE, push=True)) == ["m#prod#2"]
    free = carry_out(
        world(store(*TWO, here=["m@v3.0.0"], refs={"C": commit("C")})),
        Register("m", ref="C", version="v4.0.0"),
        push=True,
    )
    assert names(free) == ["m@v4.0.0"]


def test_t20_a_workflow_is_told_that_its_tags_start_none() -> None:
    on_actions = {"GITHUB_ACTIONS": "true"}
    written = carry_out(world(store(*TWO), environ=on_actions), PROMOTE, push=True)
    assert any("GITHUB_TOKEN start no workflow" in note and "--dispatch" in note for note in written.notes)
    nothing: dict[str, str] = {}
    for push, environ in ((False, on_actions), (True, nothing)):
        told = carry_out(world(store(*TWO), environ=environ), PROMOTE, push=push).notes
        assert not any("GITHUB_TOKEN" in note for note in told)


def test_t18_more_than_three_tags_start_none() -> None:
    many = [f"m@v1.0.{number} {letter}" for number, letter in enumerate("ABCD")]
    held = [f"m#prod#{number} {letter}" for number, letter in enumerate("ABC", start=1)]
    asked = Promote("m", "prod", version="v1.0.3", archive=True)
    written = carry_out(world(store(*many, *held)), asked, push=True)
    assert len(names(written)) == 4
    assert any("more than three tags" in note for note in written.notes)


def test_a_workflow_is_started_for_the_stage_tag_once_it_is_pushed() -> None:
    starter = FakeStarter()
    kept = store(*TWO[:2], refs={"C": commit("C")})
    written = carry_out(
        world(kept, environ={"GITHUB_ACTIONS": "true"}),
        Promote("m", "prod", ref="C"),
        push=True,
        start=Start("deploy-by-hand.yml", starter),
    )
    assert starter.started == [("deploy-by-hand.yml", {"tag": "m#prod#2"})]
    assert document(written)["dispatched"] == written.started == "https://github.com/o/r/actions/runs/1"
    assert not any("--dispatch" in note for note in written.notes)
    twice = carry_out(world(store(*TWO)), PROMOTE, push=True, start=Start("x.yml", starter))
    assert any("may have started the workflow as well" in note for note in twice.notes)


def test_a_workflow_that_cannot_be_started_is_no_reason_to_hide_the_tags() -> None:
    kept = store(*TWO)
    written = carry_out(world(kept), PROMOTE, push=True, start=Start("x.yml", FakeStarter(broken=True)))
    told = document(written)
    assert (told["reason"], told["exit_code"], told["message"]) == ("dispatch-failed", 4, "GitHub says no")
    assert told["tags"][0]["pushed"] is True
    assert told["hint"] == "actions: write"
    assert kept.records[-1].name == "m#prod#2"


def test_what_others_pushed_in_the_same_moment_is_told() -> None:
    kept = store(*TWO, rivals=[somebody(record("m#prod", "A", time=2_000_000_000))])
    written = carry_out(world(kept), PROMOTE, push=True)
    assert any("somebody else changed prod" in note and "'m#prod'" in note for note in written.notes)
    ambiguous = store(*TWO, rivals=[somebody(record("m@v9.0.0", "B", second=1), record("m#dev#9", "B", second=2))])
    written = carry_out(world(ambiguous), PROMOTE, push=True)
    assert any("cannot be told" in note for note in written.notes)


@pytest.mark.parametrize(
    ("files", "environ", "reason"),
    [
        ({".gto": b"stages: [dev]\n"}, {}, Reason.STAGE_NOT_ALLOWED),
        ({".gto": b"stages: [prod]\n"}, {"GTO_STAGES": "[]"}, Reason.STAGE_NOT_ALLOWED),
        ({}, {"GTO_STAGES": '["dev"]'}, Reason.STAGE_NOT_ALLOWED),
        ({".gto": b"foo: 1\n"}, {}, Reason.GTO_CONFIG_INVALID),
        ({}, {"GTO_STAGES": "dev"}, Reason.GTO_CONFIG_INVALID),
    ],
)
def test_r61_the_configuration_is_honoured(files: dict[str, bytes], environ: dict[str, str], reason: Reason) -> None:
    with pytest.raises((Refused, Invalid)) as caught:
        carry_out(world(store(*TWO, files=files), environ=environ), PROMOTE)
    assert caught.value.reason is reason


def test_r59_r61_it_concerns_stages_alone() -> None:
    kept = store(*TWO, files={".gto": b"stages: []\n"}, refs={"HEAD": commit("C")})
    assert names(carry_out(world(kept), Register("m"))) == ["m@v2.0.1"]


def test_r50_a_commit_that_is_not_there_is_refused() -> None:
    assert refusal(Register("m", ref="nowhere"), store(*TWO)).reason is Reason.UNKNOWN_REF


def test_nothing_is_read_for_a_question_that_makes_no_sense() -> None:
    kept = store(*TWO)
    with pytest.raises(Invalid):
        carry_out(world(kept), Promote("m", "prod", version="2.0.0"))
    assert kept.looks == 0


def test_signing_is_asked_of_who_makes_the_tags() -> None:
    kept = store(*TWO)
    carry_out(world(kept), PROMOTE._replace(how=How(message="why")), sign=True)
    assert kept.signed == [True]


def test_r58_one_change_is_one_making() -> None:
    kept = store(*TWO, refs={"HEAD": commit("C")})
    written = carry_out(world(kept), Promote("m", "prod", ref="HEAD", archive=True), push=True)
    assert names(written) == ["m@v2.0.1", "m#prod!#2", "m#prod#3"]
    assert kept.signed == [False], "made once, all together"


def test_the_clock_is_the_port() -> None:
    kept = store(*TWO)
    written = carry_out(world(kept, FakeClock(START + 10_000.9)), PROMOTE)
    assert written.change.tags[0].time == START + 10_000
