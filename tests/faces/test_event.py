"""Event files and the runner's environment, good, odd and hostile, as typed facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.flows.decide import Pushed

OBJECT = "a1" * 20
BY_COMMIT = Pushed(object_id="c" * 40)  # by GITHUB_SHA, where the event names no object
PUSH = {"ref": "refs/tags/churn#prod#4", "after": OBJECT, "deleted": False, "forced": False}


def _environ(path: Path, body: Any = None, **extra: str) -> dict[str, str]:
    file = path / "event.json"
    if body is not None:
        file.write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
    return {
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_REF": "refs/tags/churn#prod#4",
        "GITHUB_SHA": "c" * 40,
        "GITHUB_REPOSITORY": "org/models",
        "GITHUB_RUN_ID": "77",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_ACTOR": "ada",
    } | extra


def test_a_tag_push_is_understood(tmp_path: Path) -> None:
    event = read_event(_environ(tmp_path, PUSH | {"repository": {"default_branch": "trunk"}}))

    assert (event.name, event.ref, event.commit) == ("push", "refs/tags/churn#prod#4", "c" * 40)
    assert event.pushed == Pushed(object_id=OBJECT, forced=False, deleted=False)
    assert (event.default_branch, event.repository) == ("trunk", "org/models")
    assert (event.server_url, event.api_url) == ("https://github.com", "https://api.github.com")
    assert event.run.url == "https://github.com/org/models/actions/runs/77"
    assert (event.run.id, event.run.attempt, event.run.actor) == ("77", "1", "ada")


def test_outside_of_a_workflow_nothing_is_known() -> None:
    event = read_event({})
    assert (event.name, event.ref, event.commit, event.repository) == ("", "", "", "")
    assert event.pushed == Pushed()
    assert event.default_branch is None
    assert event.run.url == ""


@pytest.mark.parametrize(
    ("changes", "pushed"),
    [
        ({"deleted": True, "after": "0" * 40}, Pushed(deleted=True)),
        ({"after": "0" * 40}, Pushed(deleted=True)),
        ({"after": "0" * 64}, Pushed(deleted=True)),
        ({"forced": True}, Pushed(object_id=OBJECT, forced=True)),
        ({"after": "b2" * 32}, Pushed(object_id="b2" * 32)),
        ({"after": ""}, BY_COMMIT),
        ({"after": None}, BY_COMMIT),
        ({"after": "main"}, BY_COMMIT),
        ({"after": OBJECT.upper()}, BY_COMMIT),
        ({"after": f"{OBJECT}\n"}, BY_COMMIT),
        ({"after": "--upload-pack=x"}, BY_COMMIT),
        ({"after": [OBJECT]}, BY_COMMIT),
        ({"forced": "true", "deleted": 1}, Pushed(object_id=OBJECT)),
    ],
)
def test_what_a_push_says_of_its_tag(tmp_path: Path, changes: dict[str, Any], pushed: Pushed) -> None:
    assert read_event(_environ(tmp_path, PUSH | changes)).pushed == pushed


@pytest.mark.parametrize("name", ["workflow_dispatch", "create", "release", "schedule", ""])
def test_only_a_push_says_how_a_tag_was_pushed(tmp_path: Path, name: str) -> None:
    """A run on a tag is held to the tag's commit, at least; a schedule is about none."""
    body = PUSH | {"forced": True, "deleted": True}
    expected = Pushed() if name == "schedule" else BY_COMMIT
    assert read_event(_environ(tmp_path, body, GITHUB_EVENT_NAME=name)).pushed == expected
    branch = read_event(_environ(tmp_path, {}, GITHUB_EVENT_NAME=name, GITHUB_REF="refs/heads/main"))
    assert branch.pushed == Pushed()


def test_the_ref_is_the_environments_before_the_files(tmp_path: Path) -> None:
    body = PUSH | {"ref": "refs/tags/other"}
    assert read_event(_environ(tmp_path, body)).ref == "refs/tags/churn#prod#4"
    assert read_event(_environ(tmp_path, body, GITHUB_REF="")).ref == "refs/tags/other"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe\xfa", b"[" * 100_000, b'{"a": 1} x', b"\x00", b"nul", b'{"a": NaN'],
)
def test_a_file_that_is_no_json_is_one_clear_complaint(tmp_path: Path, body: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        read_event(_environ(tmp_path, body))
    assert caught.value.reason is Reason.EVENT_INVALID
    assert "cannot be read" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("body", [[], "text", 7, None, True, {"repository": []}, {"repository": {"default_branch": 7}}])
def test_json_of_another_shape_says_nothing(tmp_path: Path, body: Any) -> None:
    event = read_event(_environ(tmp_path, json.dumps(body).encode()))
    assert event.default_branch is None
    assert event.pushed == BY_COMMIT


def test_an_event_larger_than_github_sends_is_refused_unread(tmp_path: Path) -> None:
    environ = _environ(tmp_path)
    with Path(environ["GITHUB_EVENT_PATH"]).open("wb") as file:
        file.truncate(33 * 1024 * 1024)
    with pytest.raises(Invalid) as caught:
        read_event(environ)
    assert caught.value.reason is Reason.EVENT_INVALID
    assert "larger" in caught.value.message


def test_a_missing_file_or_a_directory_is_no_event(tmp_path: Path) -> None:
    assert read_event(_environ(tmp_path)).pushed == BY_COMMIT
    assert read_event(_environ(tmp_path, GITHUB_EVENT_PATH=str(tmp_path))).pushed == BY_COMMIT


@pytest.mark.parametrize(
    "repository",
    ["models", "org/models/x", "org/", "/models", "org /models", "org/mo dels", "o\nrg/models", "org/модель"],
)
def test_a_repository_is_owner_and_name(tmp_path: Path, repository: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_event(_environ(tmp_path, PUSH, GITHUB_REPOSITORY=repository))
    assert caught.value.reason is Reason.EVENT_INVALID
    assert caught.value.message.isprintable()


def test_ghes_addresses_are_honoured(tmp_path: Path) -> None:
    event = read_event(
        _environ(
            tmp_path,
            PUSH,
            GITHUB_SERVER_URL="https://git.example.com/",
            GITHUB_API_URL="https://git.example.com/api/v3/",
            GITHUB_RUN_ATTEMPT="3",
        )
    )
    assert (event.server_url, event.api_url) == ("https://git.example.com", "https://git.example.com/api/v3")
    assert event.run.url == "https://git.example.com/org/models/actions/runs/77/attempts/3"


@pytest.mark.parametrize("run", [{"GITHUB_RUN_ID": "7/../x"}, {"GITHUB_RUN_ID": ""}, {"GITHUB_REPOSITORY": ""}])
def test_no_page_of_a_run_is_made_up(tmp_path: Path, run: dict[str, str]) -> None:
    assert read_event(_environ(tmp_path, PUSH, **run)).run.url == ""


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PUSH, "repository", "x"]), inner),
    max_leaves=8,
)


@given(body=_JSON)
def test_no_json_is_a_crash(tmp_path_factory: pytest.TempPathFactory, body: Any) -> None:
    event = read_event(_environ(tmp_path_factory.mktemp("event"), json.dumps(body).encode()))
    assert isinstance(event.pushed.forced, bool)
    assert event.pushed.object_id is None or len(event.pushed.object_id) in (40, 64)
