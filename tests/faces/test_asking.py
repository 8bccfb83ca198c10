"""Inputs and event as one request: the author's word stands, a contradiction is refused, what means nothing is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid, ModelStageError, NothingToDo
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.asking import is_rollback, tag_asked_for, with_asked
from model_stage_deploy.faces.event import Asked, WorkflowEvent, read_event
from model_stage_deploy.faces.event_payloads import ASKABLE
from model_stage_deploy.faces.settings import ACTION_COMMANDS, Settings

TAG, OTHER = "churn#prod#4", "churn#prod#3"
NOTHING = read_event({})


def event(name: str = "repository_dispatch", asked: Asked | None = None, **given: Any) -> WorkflowEvent:
    return replace(NOTHING, name=name, asked=asked or Asked(), by_hand=True, **given)


def settings(command: str = "deploy", **given: Any) -> Settings:
    return Settings(command=command, **given)


def test_where_the_event_asks_for_nothing_the_inputs_stay_as_they_are() -> None:
    for command in ACTION_COMMANDS:
        whole = settings(command, tag=TAG, model="churn", stage="prod", force=True, apply=True)
        assert with_asked(whole, event("push")) == whole


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("deploy", Asked(tag=TAG, force=True, override="x", dry_run=True)),
        ("rollback", Asked(model="churn", stage="prod", to="v1.0.0", force=True, override="x", dry_run=True)),
        ("resolve", Asked(tag=TAG)),
        ("promote", Asked(model="churn", stage="prod", to="v1.0.0", dry_run=True)),
        ("reconcile", Asked(model="churn", stage="prod", dry_run=True)),
    ],
)
def test_the_event_asks_where_the_inputs_say_nothing(command: str, asked: Asked) -> None:
    """With `command: deploy`, which is the default and cannot be told from none, and with the command itself."""
    by_event = with_asked(settings(), event(asked=replace(asked, command=command)))
    by_input = with_asked(settings(command), event(asked=asked))
    assert by_event == by_input
    assert by_event.command == command
    for name in ("tag", "model", "stage", "to", "force", "override", "dry_run"):
        assert getattr(by_event, name) == getattr(asked, name)


@pytest.mark.parametrize(
    ("given", "asked", "says"),
    [
        (
            {"tag": OTHER},
            Asked(tag=TAG),
            "the event asks for the tag 'churn#prod#4', but the workflow's input `tag` is ",
        ),
        (
            {"command": "rollback", "model": "a"},
            Asked(model="b"),
            "the model 'b', but the workflow's input `model` is 'a'",
        ),
        ({"command": "rollback", "stage": "a"}, Asked(stage="b"), "the stage 'b'"),
        ({"command": "rollback", "to": "v1.0.0"}, Asked(to="v2.0.0"), "the to 'v2.0.0'"),
        ({"override": "a"}, Asked(override="b"), "the override 'b'"),
        ({"command": "rollback"}, Asked(command="deploy", tag=TAG), "the command 'deploy'"),
        ({"command": "resolve"}, Asked(command="rollback"), "the command 'rollback'"),
        (
            {"command": "sweep"},
            Asked(command="deploy"),
            "the command 'deploy', but the workflow's input `command` is 'sweep'",
        ),
        ({"command": "check"}, Asked(command="rollback"), "the command 'rollback'"),
        ({"command": "plan"}, Asked(command="reconcile"), "the command 'reconcile'"),
    ],
)
def test_an_input_and_an_event_that_differ_are_refused(given: dict[str, Any], asked: Asked, says: str) -> None:
    with pytest.raises(Invalid) as caught:
        with_asked(settings(**given), event(asked=asked))
    assert caught.value.reason is Reason.USAGE
    assert says in caught.value.message
    assert caught.value.hint


def test_the_same_said_twice_is_no_contradiction() -> None:
    asked = Asked(command="deploy", tag=f"refs/tags/{TAG}")
    assert with_asked(settings(tag=TAG), event(asked=asked)).tag == TAG


def test_a_switch_that_the_workflow_turns_on_stays_on() -> None:
    found = with_asked(settings(force=True, dry_run=True, apply=True, tag=TAG), event(asked=Asked(tag=TAG)))
    assert (found.force, found.dry_run, found.apply) == (True, True, True)


@pytest.mark.parametrize(
    ("command", "asked", "key"),
    [
        ("deploy", Asked(tag=TAG, to="v1.0.0"), "to"),
        ("deploy", Asked(model="churn", stage="prod"), "model"),
        ("rollback", Asked(tag=TAG, model="churn", stage="prod"), "tag"),
        ("resolve", Asked(tag=TAG, force=True), "force"),
        ("promote", Asked(model="churn", stage="prod", to="v1.0.0", force=True), "force"),
        ("reconcile", Asked(override="x"), "override"),
    ],
)
def test_what_means_nothing_to_the_command_is_refused(command: str, asked: Asked, key: str) -> None:
    for inputs, said in ((settings(command), asked), (settings(), replace(asked, command=command))):
        with pytest.raises(Invalid, match=f"`{key}`, which means nothing to the command {command}") as caught:
            with_asked(inputs, event(asked=said))
        assert caught.value.reason is Reason.EVENT_INVALID


def test_a_payload_that_is_not_understood_stops_only_who_would_do_what_it_says() -> None:
    wrong = event(asked=Asked(wrong="'x' is not a key"))
    for command in ACTION_COMMANDS:
        if command in ("check", "sweep"):
            assert with_asked(settings(command), wrong) == settings(command)
            continue
        with pytest.raises(
            Invalid, match="the client payload of this repository_dispatch is not understood: 'x'"
        ) as caught:
            with_asked(settings(command), wrong)
        assert caught.value.reason is Reason.EVENT_INVALID


def test_the_step_after_a_promotion_deploys_the_tag_that_it_made() -> None:
    """It has the same event, whose payload was for the step before."""
    asked = Asked(command="promote", model="churn", stage="prod", to="v1.0.0")
    whole = settings(tag=TAG, override="x")
    assert with_asked(whole, event(asked=asked)) == whole
    for wrong in (replace(asked, model="fraud"), replace(asked, stage="dev")):
        with pytest.raises(Invalid, match="of its tag is") as caught:
            with_asked(whole, event(asked=wrong))
        assert caught.value.reason is Reason.USAGE
    with pytest.raises(Invalid, match="the command 'promote'"):
        with_asked(settings("rollback", tag=TAG), event(asked=asked))


def test_a_plan_is_of_a_deployment_or_of_a_rollback() -> None:
    assert with_asked(settings("plan"), event(asked=Asked(tag=TAG))).tag == TAG
    rollback = with_asked(settings("plan"), event(asked=Asked(command="rollback", model="churn", stage="prod")))
    assert (rollback.command, rollback.model, rollback.stage) == ("plan", "churn", "prod")
    with pytest.raises(Invalid, match="`tag`, which means nothing to the command rollback"):
        with_asked(settings("plan"), event(asked=Asked(command="rollback", tag=TAG)))


def test_t37_nothing_is_changed_for_the_echo_of_a_record_of_ours() -> None:
    echo = event("deployment", echo=True, idle="the Deployment '5' is the record of a run of this tool")
    for command in ("deploy", "rollback", "promote", "reconcile"):
        with pytest.raises(NothingToDo, match="is the record of a run of this tool; nothing was deployed") as caught:
            with_asked(settings(command, tag=TAG), echo)
        assert caught.value.reason is Reason.EVENT_IGNORED
    for command in ("check", "resolve", "sweep"):
        assert with_asked(settings(command), echo) == settings(command)


def test_the_tag_is_the_inputs_before_the_events() -> None:
    ref = f"refs/tags/{TAG}"
    assert tag_asked_for(settings(tag=OTHER), event("push", ref=ref)) == (OTHER, True)
    assert tag_asked_for(settings(tag=OTHER), event("release", ref=ref, idle="a draft")) == (OTHER, True)
    assert tag_asked_for(settings(), replace(event("push", ref=ref), by_hand=False)) == (ref, False)
    assert tag_asked_for(settings(), event("workflow_dispatch", ref=ref)) == (ref, True)


def test_an_event_that_asks_for_nothing_ends_well() -> None:
    with pytest.raises(NothingToDo, match="a draft; nothing was deployed") as caught:
        tag_asked_for(settings(), event("release", ref=f"refs/tags/{TAG}", idle="the release is a draft"))
    assert (caught.value.reason, caught.value.doubtful) == (Reason.EVENT_IGNORED, False)
    for name in ("push", "create", "delete"):
        with pytest.raises(NothingToDo, match="refs/heads/x is not a tag") as caught:
            tag_asked_for(settings(), event(name, ref="refs/heads/x"))
        assert caught.value.reason is Reason.NOT_A_STAGE_TAG


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("schedule", "`command: reconcile`"),
        ("repository_dispatch", "docs/reference/events.md"),
        ("workflow_dispatch", "run the workflow on a tag"),
        ("pull_request", "`command: check`"),
        ("pull_request_target", "`command: check`"),
        ("workflow_run", "the gate `checks`"),
        ("deployment_status", "name one, such as churn#prod#4"),
        ("merge_group", "name one, such as churn#prod#4"),
        ("", "an argument on the command line"),
    ],
)
def test_a_run_that_names_no_tag_is_told_what_to_do(name: str, hint: str) -> None:
    with pytest.raises(Invalid, match="deploy needs a tag") as caught:
        tag_asked_for(settings(), event(name, ref="refs/heads/main"))
    assert caught.value.reason is Reason.USAGE
    assert hint in caught.value.hint


def test_the_command_line_reads_no_client_payload_and_says_so() -> None:
    with pytest.raises(Invalid, match="deploy needs a tag") as caught:
        tag_asked_for(settings(), event(asked=Asked(tag=TAG)))
    assert "the command line reads no client payload" in caught.value.hint


_WORD = st.sampled_from(["", "a", "b"])
_ASKED = st.builds(
    Asked,
    command=st.sampled_from(["", *ASKABLE]),
    tag=st.sampled_from(["", TAG, OTHER, f"refs/tags/{TAG}"]),
    model=_WORD,
    stage=_WORD,
    to=_WORD,
    force=st.booleans(),
    override=_WORD,
    dry_run=st.booleans(),
)
_GIVEN = st.builds(
    Settings,
    command=st.sampled_from(ACTION_COMMANDS),
    tag=st.sampled_from(["", TAG, OTHER]),
    model=_WORD,
    stage=_WORD,
    to=_WORD,
    force=st.booleans(),
    override=_WORD,
    dry_run=st.booleans(),
    apply=st.booleans(),
    no_lock=st.booleans(),
)


@given(given=_GIVEN, asked=_ASKED)
def test_the_author_of_the_workflow_has_the_last_word(given: Settings, asked: Asked) -> None:
    try:
        found = with_asked(given, event(asked=asked))
    except ModelStageError as problem:
        assert problem.reason in (Reason.USAGE, Reason.EVENT_INVALID)
        return
    for name in ("tag", "model", "stage", "to", "override"):
        if getattr(given, name):
            assert getattr(found, name) == getattr(given, name)
    assert found.command == given.command or given.command == "deploy"
    assert (found.force, found.dry_run) == (
        given.force or asked.force,
        given.dry_run or asked.dry_run,
    ) or found == given
    assert (found.apply, found.no_lock, found.write_tag) == (given.apply, given.no_lock, given.write_tag)
    assert with_asked(found, event(asked=asked)) == found


def test_to_finish_is_of_what_the_event_asks_for() -> None:
    deploy = with_asked(settings("finish", tag=TAG, stage="prod"), event(asked=Asked(command="deploy", tag=TAG)))
    assert (deploy.command, deploy.tag, is_rollback(deploy)) == ("finish", TAG, False)
    asked = Asked(command="rollback", model="churn", stage="prod", force=True)
    back = with_asked(settings("finish", model="churn", stage="prod", to="v1.0.0"), event(asked=asked))
    assert (back.command, back.to, back.force, is_rollback(back)) == ("finish", "v1.0.0", True, True)
    with pytest.raises(Invalid, match="the event asks for the command rollback") as wrong:
        with_asked(settings("finish", tag=TAG), event(asked=asked))
    assert wrong.value.reason is Reason.USAGE
