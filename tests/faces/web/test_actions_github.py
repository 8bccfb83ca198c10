"""The dialogs where GitHub has the deployments: which run took a tag, workflows that are started, rollbacks there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from model_stage_deploy.core.redaction import Secret
from tests.faces.command_lines import run
from tests.faces.web.served import Place, Reader, served
from tests.standins.github import GitHubStandIn, Workflow

pytestmark = pytest.mark.thorough  # processes, one after the other

TOKEN = "test-token"


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Git as on a machine where nobody has set anything."""
    for name, value in {"HOME": tmp_path, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place").with_versions()


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    both = Workflow({"tag": False, "command": False, "model": False, "stage": False, "to": False})
    with GitHubStandIn(workflows={"deploy-by-hand.yml": Workflow({"tag": True}), "stages.yml": both}) as standin:
        yield standin
        standin.assert_clean()


def environ(github: GitHubStandIn) -> dict[str, str]:
    return {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}


def test_the_run_that_takes_a_tag_is_shown_with_its_link(place: Place, github: GitHubStandIn) -> None:
    with served(place.clone.path, environ=environ(github), token=Secret(TOKEN)) as address:
        reader = Reader(address)
        done = reader.do("assign", model="churn", stage="staging", version="v2.0.0")
        assert "Deploy it now" not in done.words, "a workflow does that"
        assert 'hx-get="/started?tag=churn%23staging%231"' in done.text
        waiting = reader.get("/started?tag=churn%23staging%231")
        assert "No run took it yet" in waiting.words and "round=1" in waiting.text
        assert "is there a workflow" in reader.get("/started?tag=churn%23staging%231&round=20").words
        assert "hx-get" not in reader.get("/started?tag=churn%23staging%231&round=40").text, "it does not ask for ever"
        job = {"GITHUB_RUN_ID": "77", "GITHUB_RUN_ATTEMPT": "1", "GITHUB_SERVER_URL": "https://github.com"}
        deployed = run(place.clone.path, "deploy", "churn#staging#1", env={**environ(github), **job})
        assert deployed.exit_code == 0, deployed.err
        taken = reader.get("/started?tag=churn%23staging%231")
        assert "ended well" in taken.words and 'href="https://github.com/org/models/actions/runs/77' in taken.text
        assert "hx-get" not in taken.text


def test_a_workflow_is_started_for_the_tag_where_one_was_named(place: Place, github: GitHubStandIn) -> None:
    known = environ(github)
    with served(
        place.clone.path, environ=known, token=Secret(TOKEN), dispatch=".github/workflows/deploy-by-hand.yml"
    ) as address:
        done = Reader(address).do("assign", model="churn", stage="staging", version="v2.0.0")
        assert "churn#staging#1" in done.words, done.words
        [started] = github.dispatches
        assert started.inputs == {"tag": "churn#staging#1"}
        assert f'href="https://github.com/org/models/actions/runs/{started.run_id}"' in done.text


def test_a_rollback_is_the_code_hosts_to_do(place: Place, github: GitHubStandIn) -> None:
    known = environ(github)
    for number in (1, 2):
        place.tag(f"churn#staging#{number}", place.commits[number])
        assert run(place.clone.path, "deploy", f"churn#staging#{number}", env=known).exit_code == 0
    asked = {"model": "churn", "stage": "staging"}
    with served(place.clone.path, environ=known, token=Secret(TOKEN)) as address:
        told = Reader(address).look("rollback", **asked)
        assert "rollback 'churn' 'staging' --to 'v1.0.0'" in told.words and 'id="confirm"' not in told.text
        assert "Deploys v1.0.0 to staging, replacing v2.0.0" in told.words
    with served(place.clone.path, environ=known, token=Secret(TOKEN), dispatch_rollback="stages.yml") as address:
        done = Reader(address).do("rollback", **asked)
        assert "stages.yml was started" in done.words
        [started] = github.dispatches
        assert f'href="https://github.com/org/models/actions/runs/{started.run_id}"' in done.text
        assert started.inputs == {"model": "churn", "stage": "staging", "to": "v1.0.0"}
    assert place.live == ["v1.0.0", "v2.0.0"]
