"""Each event of GitHub that may start us, from environment and event file: GitHub's own examples, and ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.records import PAYLOAD_SCHEMA
from model_stage_deploy.core.tags import is_tag_ref
from model_stage_deploy.faces.event import Asked, read_event
from model_stage_deploy.flows.decide import Pushed
from tests.faces.runner_events import BRANCH, EXAMPLES, documented_ref, environ, read

TAG = "churn#prod#4"
REF = f"refs/tags/{TAG}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example['event']}-{example['source']}")
def test_every_example_of_github_is_read(tmp_path: Path, example: dict[str, Any]) -> None:
    name, payload = example["event"], example["payload"]

    event = read(tmp_path, name, payload, documented_ref(name, payload))

    assert event.default_branch == payload["repository"]["default_branch"]
    assert event.asked == Asked()
    assert event.by_hand is (name in ("workflow_dispatch", "repository_dispatch", "deployment"))
    if name in ("push", "create", "delete") and "master" not in payload["ref"]:
        assert event.ref == "refs/tags/simple-tag"
        assert event.pushed.deleted is (name == "delete" or payload.get("deleted", False))
        assert (event.pushed.object_id is None) is event.pushed.deleted
    elif name == "release":
        assert event.ref == f"refs/tags/{payload['release']['tag_name']}"
        assert bool(event.idle) is (payload["action"] in ("created", "edited", "deleted"))
    else:
        assert not is_tag_ref(event.ref)
        assert bool(event.idle) is (name == "deployment")


def test_the_examples_are_of_every_event_that_can_start_us() -> None:
    assert {example["event"] for example in EXAMPLES} >= {
        *("push", "create", "delete", "workflow_dispatch", "repository_dispatch", "release", "deployment"),
        *("deployment_status", "pull_request", "workflow_run"),
    }


def test_t25_a_created_tag_is_known_by_its_short_name(tmp_path: Path) -> None:
    body = {"ref": TAG, "ref_type": "tag"}
    for ref, pushed in ((REF, Pushed("c" * 40)), ("", Pushed())):
        event = read(tmp_path, "create", body, ref)
        assert (event.ref, event.by_hand, event.pushed) == (REF, False, pushed)
    assert read(tmp_path, "create", {"ref": TAG, "ref_type": "branch"}).ref == f"refs/heads/{TAG}"


@pytest.mark.parametrize("kind", ["repository", "", None, 7, "Tag"])
def test_what_is_neither_branch_nor_tag_is_no_ref(tmp_path: Path, kind: Any) -> None:
    for name in ("create", "delete"):
        assert read(tmp_path, name, {"ref": TAG, "ref_type": kind}).ref == ""


def test_t24_a_deletion_says_in_its_file_what_is_gone(tmp_path: Path) -> None:
    deleted = read(tmp_path, "delete", {"ref": TAG, "ref_type": "tag"}, BRANCH)
    assert (deleted.ref, deleted.pushed) == (REF, Pushed(deleted=True))
    pushed = read(tmp_path, "push", {"ref": REF, "after": "0" * 40, "deleted": True}, BRANCH)
    assert (pushed.ref, pushed.pushed) == (REF, Pushed(deleted=True))
    branch = read(tmp_path, "delete", {"ref": "x", "ref_type": "branch"}, BRANCH)
    assert (branch.ref, branch.pushed) == ("refs/heads/x", Pushed())


def test_a_dispatch_on_a_tag_asks_for_it_by_hand(tmp_path: Path) -> None:
    event = read(tmp_path, "workflow_dispatch", {"ref": REF, "inputs": None}, REF)
    assert (event.ref, event.by_hand, event.pushed) == (REF, True, Pushed("c" * 40))


@pytest.mark.parametrize("action", ["published", "released", "prereleased"])
def test_a_published_release_asks_for_its_tag(tmp_path: Path, action: str) -> None:
    body = {"action": action, "release": {"tag_name": TAG, "draft": False}}
    for ref in (REF, ""):
        event = read(tmp_path, "release", body, ref)
        assert (event.ref, event.idle, event.by_hand) == (REF, "", False)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"action": "created"}, "the release of 'churn#prod#4' was 'created', not published"),
        ({"action": "edited"}, "was 'edited'"),
        ({"action": "deleted"}, "was 'deleted'"),
        ({"action": "unpublished"}, "was 'unpublished'"),
        ({"action": 7}, "is not known to be published"),
        ({"release": {"tag_name": TAG, "draft": True}}, "is a draft"),
    ],
)
def test_any_other_release_asks_for_nothing(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    body = {"action": "published", "release": {"tag_name": TAG}} | changes
    assert says in read(tmp_path, "release", body, REF).idle


@pytest.mark.parametrize(
    ("deployment", "ref"),
    [
        ({"payload": {"tag": TAG}, "ref": "c" * 40}, ""),
        ({"payload": json.dumps({"tag": REF}), "ref": "main"}, BRANCH),
        ({"payload": {"schema": PAYLOAD_SCHEMA, "tag": TAG, "rollback": False}}, ""),
        ({"payload": {}, "ref": TAG}, REF),
        ({"payload": "", "ref": TAG}, ""),
        ({"payload": None, "ref": REF}, ""),
    ],
)
def test_a_deployment_asks_for_the_tag_in_it(tmp_path: Path, deployment: dict[str, Any], ref: str) -> None:
    body = {"action": "created", "deployment": {"id": 5, "task": "deploy"} | deployment, "workflow_run": None}
    event = read(tmp_path, "deployment", body, ref)
    assert (event.ref, event.by_hand, event.idle, event.echo) == (REF, True, "", False)


@pytest.mark.parametrize(
    ("body", "ref", "says"),
    [
        ({"deployment": {"id": 5, "ref": "main"}}, BRANCH, "the Deployment '5' names no tag"),
        ({"deployment": {"id": 5, "ref": TAG}}, f"refs/heads/{TAG}", "names no tag"),
        ({"deployment": {"ref": "c" * 40}}, "", "names no tag"),
        ({"deployment": {"ref": "my.model#prod"}}, "", "is for no GTO tag"),
        ({"deployment": {"payload": {"tag": "v1.2.3"}}}, "", "is for no GTO tag"),
        ({"deployment": {"payload": {"tag": 7}, "ref": TAG}}, REF, "names no tag"),
        ({"deployment": {"task": "migrate", "payload": {"tag": TAG}}}, "", "has the task 'migrate', not 'deploy'"),
        ({"deployment": {"ref": TAG}, "workflow_run": {"id": 1}}, REF, "for the `environment:` of a job"),
        ({"deployment": []}, "", "names no tag"),
        ({}, "", "names no tag"),
    ],
)
def test_other_peoples_deployments_ask_for_nothing(tmp_path: Path, body: dict[str, Any], ref: str, says: str) -> None:
    event = read(tmp_path, "deployment", body, ref)
    assert says in event.idle
    assert (event.ref, event.echo) == ("", False)


@pytest.mark.parametrize("schema", [PAYLOAD_SCHEMA, "model-stage-deploy/deployment/v2"])
@pytest.mark.parametrize("as_text", [False, True])
def test_t37_a_deployment_of_our_own_is_an_echo(tmp_path: Path, as_text: bool, schema: str) -> None:
    payload: Any = {"schema": schema, "attempt": "a-1", "tag": TAG}
    body = {"deployment": {"id": 5, "task": "deploy", "payload": json.dumps(payload) if as_text else payload}}
    event = read(tmp_path, "deployment", body)
    assert (event.ref, event.echo) == ("", True)
    assert event.idle == "the Deployment '5' is the record of a run of this tool"


@pytest.mark.parametrize(
    "name",
    ["schedule", "pull_request", "pull_request_target", "workflow_run", "deployment_status", "merge_group", "new"],
)
def test_events_that_are_about_no_tag_have_none_whatever_their_ref(tmp_path: Path, name: str) -> None:
    event = read(tmp_path, name, {"ref": REF, "client_payload": {"tag": TAG}}, REF)
    assert (event.name, event.ref, event.by_hand, event.asked) == (name, "", False, Asked())


_NAMES = st.sampled_from(
    [*{example["event"] for example in EXAMPLES}, "schedule", "workflow_call", "merge_group", "", "x\n"]
)
_KEYS = [
    *("ref", "ref_type", "after", "deleted", "forced", "action", "release", "tag_name", "draft", "deployment", "task"),
    *("payload", "schema", "attempt", "tag", "workflow_run", "client_payload", "command", "force", "repository"),
    *("default_branch", "full_name", "id", "model", "stage", "dry-run"),
]
_TEXTS = st.text(max_size=20) | st.sampled_from(
    [TAG, REF, "tag", "branch", "published", "deploy", "rollback", PAYLOAD_SCHEMA, "0" * 40, '{"tag": 1}', "[" * 9999]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS) | _TEXTS, inner, max_size=8),
    max_leaves=20,
)


@given(name=_NAMES, body=_JSON, ref=st.sampled_from(["", REF, BRANCH, "refs/pull/1/merge", "x"]))
def test_any_json_is_an_event_or_invalid(
    tmp_path_factory: pytest.TempPathFactory, name: str, body: Any, ref: str
) -> None:
    try:
        event = read_event(environ(tmp_path_factory.getbasetemp(), name, body, ref))
    except Invalid as problem:
        assert problem.reason is Reason.EVENT_INVALID
        assert problem.message.isprintable()
        return
    assert event.idle == "" or name in ("release", "deployment")
    assert event.idle.isprintable()
    assert event.asked == Asked() or name == "repository_dispatch"
    assert isinstance(event.ref, str)
    assert event.echo is False or name == "deployment"


@given(changes=st.dictionaries(st.sampled_from(_KEYS), _JSON, max_size=3), example=st.sampled_from(EXAMPLES))
def test_an_example_with_anything_in_it_is_an_event_or_invalid(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any], example: dict[str, Any]
) -> None:
    name, payload = example["event"], example["payload"]
    try:
        event = read(tmp_path_factory.getbasetemp(), name, payload | changes, documented_ref(name, payload))
    except Invalid as problem:
        assert problem.reason is Reason.EVENT_INVALID
        return
    assert event.name == name
