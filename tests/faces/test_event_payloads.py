"""The client payload of a `repository_dispatch`: typed strictly, hostile values refused in one line."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.tags import parse_ref
from model_stage_deploy.faces.event import Asked
from model_stage_deploy.faces.event_payloads import ASKABLE, CLIENT_PAYLOAD, asked_by
from model_stage_deploy.faces.settings import ACTION_COMMANDS, INPUTS


def test_the_keys_are_inputs_of_the_action_and_no_more_than_github_allows() -> None:
    names = [key.name for key in CLIENT_PAYLOAD]
    assert set(names) <= {entry.name for entry in INPUTS}
    assert len(names) <= 10
    assert set(ASKABLE) <= set(ACTION_COMMANDS)
    assert all(set(key.commands) <= set(ASKABLE) for key in CLIENT_PAYLOAD)


def test_what_is_asked_is_typed() -> None:
    whole = {
        "command": "rollback",
        "tag": "refs/tags/churn#prod#4",
        "model": "a/b:churn",
        "stage": "eu/prod",
        "to": "v1.0.0",
        "force": True,
        "override": "the night shift said so",
        "dry-run": False,
    }
    assert asked_by(whole) == Asked(
        command="rollback",
        tag="refs/tags/churn#prod#4",
        model="a/b:churn",
        stage="eu/prod",
        to="v1.0.0",
        force=True,
        override="the night shift said so",
        dry_run=False,
    )


@pytest.mark.parametrize("payload", [None, {}, {"tag": "", "model": "", "force": False}])
def test_nothing_asked_is_nothing(payload: Any) -> None:
    assert asked_by(payload) == Asked()


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        ([], "it must be an object with keys, not a list"),
        ("churn#prod#4", "it must be an object with keys, not a text"),
        (7.5, "not a number"),
        (
            {"Tag": "churn#prod#4"},
            "'Tag' is not a key (keys: command, tag, model, stage, to, force, override, dry-run)",
        ),
        ({"dry_run": True}, "'dry_run' is not a key"),
        ({"token": "x"}, "'token' is not a key"),
        ({"apply": True}, "'apply' is not a key"),
        ({"tag": 4}, "`tag` must be a text, not a number"),
        ({"tag": None}, "`tag` must be a text, not null"),
        ({"tag": ["churn#prod#4"]}, "`tag` must be a text, not a list"),
        ({"tag": "churn"}, "`tag` is wrong: 'churn' is not a GTO tag"),
        ({"tag": "churn#prod#4\n::set-output name=x::y"}, "`tag` holds a character that cannot be printed"),
        ({"tag": "$(id)"}, "`tag` is wrong"),
        ({"model": "../../etc"}, "`model` is '../../etc', which is not a model name"),
        ({"model": "-x"}, "which is not a model name"),
        ({"stage": "prod; rm -rf /"}, "which is not a stage name"),
        ({"override": "line\nline"}, "`override` holds a character that cannot be printed, such as a line break"),
        ({"override": "\x1b[2J"}, "cannot be printed"),
        ({"override": "\ud800"}, "cannot be printed"),
        ({"override": "\u202egnol"}, "cannot be printed"),
        ({"override": "x" * 1025}, "`override` has 1025 characters; 1024 are the most"),
        ({"force": "true"}, "`force` must be true or false, without quotes, not a text"),
        ({"force": 1}, "`force` must be true or false, without quotes, not a number"),
        ({"command": "sweep"}, "`command` is 'sweep'; it must be one of deploy, rollback, resolve, promote, reconcile"),
        ({"command": {"deploy": 1}}, "`command` must be a text, not an object"),
        ({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "force": 0}, "; and 2 more"),
    ],
)
def test_what_is_not_understood_is_said_and_nothing_is_asked(payload: Any, says: str) -> None:
    asked = asked_by(payload)
    assert says in asked.wrong
    assert asked == Asked(wrong=asked.wrong)
    assert asked.wrong.isprintable()


_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.sampled_from(["churn#prod#4", "churn", "prod", *ASKABLE]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@given(payload=_VALUE | st.dictionaries(st.sampled_from([key.name for key in CLIENT_PAYLOAD]) | st.text(), _VALUE))
def test_any_value_is_typed_or_refused(payload: Any) -> None:
    asked = asked_by(payload)
    assert asked.wrong.isprintable()
    texts = (asked.command, asked.tag, asked.model, asked.stage, asked.to, asked.override)
    assert all(isinstance(text, str) and text.isprintable() for text in texts)
    assert isinstance(asked.force, bool) and isinstance(asked.dry_run, bool)
    assert asked.command in ("", *ASKABLE)
    if asked.tag:
        assert parse_ref(asked.tag).text == asked.tag.removeprefix("refs/tags/")
    if not isinstance(payload, dict) and payload is not None:
        assert asked.wrong
