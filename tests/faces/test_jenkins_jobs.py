"""The example for Jenkins as Jenkins would run it: its variables, a credential helper, and the record in Git."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.generate import ROOT
from tests.faces.command_lines import Done, run
from tests.standins.git_remote import GitRemote
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough

TOKEN = "OnlyForTests0123456789"
EXAMPLE = (ROOT / "workflows-examples" / "Jenkinsfile").read_text(encoding="utf-8")
MAPPING = """\
version: 1
stages:
  prod: {environment: production, deploy: {run: 'echo "deploying $MSD_VERSION"'}, verify: [{run: 'true'}]}
"""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[GitRemote]:
    """Model churn: v1.0.0 is for prod."""
    made = GitRepository(tmp_path / "models")
    made.commit({"model-stages.yml": MAPPING})
    made.tag("churn@v1.0.0")
    made.tag("churn#prod#1")
    with GitRemote(tmp_path / "remotes", token=TOKEN) as server:
        server.add("ml/models", made)
        yield server


def _settings() -> dict[str, str]:
    """What `withEnv` of the example sets."""
    block = EXAMPLE[EXAMPLE.index("withEnv(") :]
    return dict(found.split("=", 1) for found in re.findall(r"^ +'(GIT_CONFIG_.*)',?$", block, re.MULTILINE))


def _job(remote: GitRemote, room: Path, *arguments: str) -> Done:
    """A job in a workspace of its own, with the tag checked out."""
    room.mkdir()
    workspace = GitRepository(room / "workspace")
    workspace.git("remote", "add", "origin", remote.repository_url("ml/models"))
    bare = remote.directory("ml", "models")
    workspace.git("fetch", "--quiet", f"file://{bare}", "+refs/tags/*:refs/tags/*")
    workspace.git("checkout", "--quiet", "--detach", "refs/tags/churn#prod#1^{commit}")
    jenkins = {
        "JENKINS_URL": "https://ci.example.com/",
        "BUILD_URL": "https://ci.example.com/job/models/12/",
        "BUILD_NUMBER": "12",
        "TAG_NAME": "churn#prod#1",
        "WORKSPACE": str(workspace.path),
        "GIT_USERNAME": "x-access-token",
        "GIT_PASSWORD": TOKEN,
    }
    done = run(workspace.path, *arguments, env=jenkins | _settings(), home=room)
    assert TOKEN not in done.out + done.err
    return done


def test_the_example_runs_the_command() -> None:
    assert "sh 'model-stage-deploy deploy'" in EXAMPLE
    assert set(_settings()) == {"GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"}


def test_a_job_deploys_and_the_next_one_knows(remote: GitRemote, tmp_path: Path) -> None:
    done = _job(remote, tmp_path / "first", "deploy")
    assert done.exit_code == 0, done.out + done.err
    assert "deploying v1.0.0" in done.out
    again = _job(remote, tmp_path / "second", "deploy", "--json")
    assert (again.exit_code, again.json["reason"]) == (0, "already-deployed")
    told = _job(remote, tmp_path / "third", "history", "churn", "prod", "--deployments", "--json").json
    assert told["recorded_in"] == "git"
    [deployment] = told["deployments"]
    assert (deployment["version"], deployment["result"]) == ("v1.0.0", "verified")
    assert deployment["log"] == "https://ci.example.com/job/models/12/"


def test_somebody_at_a_terminal_can_look(remote: GitRemote, tmp_path: Path) -> None:
    assert _job(remote, tmp_path / "first", "deploy").exit_code == 0
    clone = GitRepository(tmp_path / "clone")
    clone.git("remote", "add", "origin", f"file://{remote.directory('ml', 'models')}")
    clone.git("fetch", "--quiet", "--tags", "origin")
    clone.git("checkout", "--quiet", "--detach", "refs/tags/churn#prod#1^{commit}")
    done = run(clone.path, "status", "--records", "git", "--json")
    assert (done.json["recorded_in"], done.json["stages"][0]["state"]) == ("git", "deployed")
