"""docs/howto/use-mlflow.md from end to end: its mapping, its script, its commands.

Against the stand-in, and in the long suite against a real server, where the page's script registers the versions.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.contract.consoles import FENCE
from tests.contract.generate import ROOT
from tests.faces.command_lines import Done, environment, run
from tests.mirrors.places import Place
from tests.standins.mlflow import MlflowStandIn
from tests.standins.mlflow_server import PASSWORD, running
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other

TEXT = (ROOT / "docs/howto/use-mlflow.md").read_text(encoding="utf-8")
FILES = {
    note.removeprefix("file: "): fence["text"]
    for fence in FENCE.finditer(TEXT)
    if (note := fence["note"] or "").startswith("file: ")
}
SCRIPTS = {"deploy.sh": "echo deployed\n", "smoke-test.sh": "echo it serves\n"}
COMMANDS = re.findall(r"^\$ python -m model_stage_deploy (.*(?:deploy|mirror) .*)$", TEXT, re.MULTILINE)
SHOWN = [fence["text"] for fence in FENCE.finditer(TEXT) if (fence["note"] or "").startswith("example")]


class Story:
    """The page's repository, with two versions of `fraud`."""

    def __init__(self, tmp_path: Path, place: Place, **variables: str) -> None:
        self.place = place
        self.home = tmp_path
        self.variables = {"MLFLOW_TRACKING_URI": place.url, **variables}
        self.repository = GitRepository(tmp_path / "models")
        mapping = FILES["model-stages.yml"]
        if place.model != "fraud":  # a shared server: this test's own model, as the page says under `Other names`
            mapping = mapping.replace("uses: mlflow", f"uses: mlflow, model: {place.model}").replace(
                f"- uses: mlflow, model: {place.model}\n", f"- uses: mlflow\n        model: {place.model}\n"
            )
        for number in (1, 2):
            self.repository.commit({"model-stages.yml": mapping, **SCRIPTS, "n": str(number)})
            self.repository.tag(f"fraud@v0.{number}.0")
        for script in SCRIPTS:
            (self.repository.path / script).chmod(0o755)

    def cli(self, *arguments: str, **variables: str) -> Done:
        return run(self.repository.path, *arguments, env=environment(self.home, **{**self.variables, **variables}))

    def assign(self, tag: str, version: str) -> str:
        self.repository.tag(tag, at=f"fraud@{version}")
        return tag

    def deploy(self, tag: str, **variables: str) -> Done:
        return self.cli("deploy", tag, "--no-github", **variables)


@pytest.fixture
def registered(place: Place, request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The two versions in MLflow: by the page's own script where MLflow is a real one."""
    if place.model == "fraud":
        return place.make("v0.1.0", "v0.2.0")
    bin_ = Path(request.getfixturevalue("mlflow_bin"))
    script = tmp_path / "register.py"
    script.write_text(FILES["register.py"].replace('"fraud"', f'"{place.model}"'), encoding="utf-8")
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true"}
    for version in ("v0.1.0", "v0.2.0"):
        command = [str(bin_ / "python"), str(script), "s3://bucket/path", version]
        subprocess.run(command, env={**env, "MLFLOW_TRACKING_URI": place.url}, check=True, timeout=300)
    return place


def test_the_page(registered: Place, tmp_path: Path) -> None:
    place, story = registered, Story(tmp_path, registered)
    story.assign("fraud#prod#1", "v0.1.0")
    dry, deploy, mirror = COMMANDS

    shown = story.cli(*dry.replace("'", "").split())
    assert shown.exit_code == 0, shown.out
    for line in SHOWN[0].replace("'fraud'", repr(place.model)).splitlines():
        assert line in shown.out
    assert place.alias("prod") == ""

    done = story.cli(*deploy.replace("'", "").split())
    assert done.exit_code == 0, done.out
    for line in SHOWN[1].splitlines():
        assert line in done.out
    assert place.alias("prod") == "1"
    assert place.tags("1")["deployed_by"] == "fraud#prod#1"

    assert story.deploy(story.assign("fraud#prod#2", "v0.2.0")).exit_code == 0
    assert place.alias("prod") == "2"
    assert story.cli("rollback", "fraud", "prod", "--no-github", "--no-tag").exit_code == 0
    assert place.alias("prod") == "1"
    again = story.cli(*mirror.split())
    assert again.exit_code == 0, again.out
    assert "points to version 1 already" in again.out

    fallen = story.deploy(story.assign("fraud#prod!#3", "v0.2.0"))
    assert fallen.exit_code == 0, fallen.out
    assert place.alias("prod") == "1"


def test_stages_of_mlflow_and_an_alias_of_another_name(registered: Place, tmp_path: Path) -> None:
    place, story = registered, Story(tmp_path, registered)
    assert story.deploy(story.assign("fraud#staging#1", "v0.1.0")).exit_code == 0
    assert story.deploy(story.assign("fraud#staging#2", "v0.2.0")).exit_code == 0
    assert (place.alias("candidate"), place.stage("1"), place.stage("2")) == ("2", "Archived", "Staging")
    taken = story.deploy(story.assign("fraud#staging!#3", "v0.2.0"))
    assert taken.exit_code == 0
    assert taken.out.startswith("mirror mlflow: took the alias candidate away from version 2")
    assert "mirrored" in story.cli("deploy", "fraud#staging!#3", "--no-github", "--json").out
    assert (place.alias("candidate"), place.stage("2")) == ("", "Archived")


def test_a_failure_is_loud_and_a_repeat_heals(registered: Place, tmp_path: Path) -> None:
    place, story = registered, Story(tmp_path, registered)
    tag = story.assign("fraud#prod#1", "v0.1.0")
    done = story.deploy(tag, MLFLOW_TRACKING_URI=f"{place.url}/not/here")
    assert done.exit_code == 4
    assert "mirror-failed (exit code 4)" in done.out
    assert "fraud v0.1.0 deployed to prod" in done.out
    assert "python -m model_stage_deploy mirror fraud prod" in done.out
    assert place.alias("prod") == ""
    healed = story.deploy(tag)
    assert healed.exit_code == 0, healed.out
    assert "already-deployed" in healed.out
    assert place.alias("prod") == "1"


def test_no_password_is_shown(tmp_path: Path) -> None:
    with MlflowStandIn() as server:
        place = Place(server.url, "fraud").make("v0.1.0")
        server.state.users["admin"] = "hunter2 of mine"
        credentials = {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": "hunter2 of mine"}
        story = Story(tmp_path, place, **credentials)
        tag = story.assign("fraud#prod#1", "v0.1.0")
        refused = story.deploy(tag, MLFLOW_TRACKING_PASSWORD="hunter2 of yours")
        assert refused.exit_code == 4
        assert "answered 401" in refused.out
        assert "hunter2" not in refused.out + refused.err
        assert story.deploy(tag).exit_code == 0
        server.state.users["reader"] = "hunter2 of theirs"
        reader = {"MLFLOW_TRACKING_USERNAME": "reader", "MLFLOW_TRACKING_PASSWORD": "hunter2 of theirs"}
        denied = story.deploy(story.assign("fraud#staging#1", "v0.1.0"), **reader)
        assert denied.exit_code == 4
        assert "answered 403 to POST registered-models/alias: Permission denied" in denied.out
        assert "hunter2" not in denied.out + denied.err


@pytest.mark.long
@pytest.mark.xdist_group("mlflow")
def test_a_server_that_asks_for_a_password(mlflow_bin: str, tmp_path: Path) -> None:
    with running(Path(mlflow_bin), tmp_path / "server", auth=True) as url:
        place = Place(url, "fraud", ("admin", PASSWORD)).make("v0.1.0")
        reader = {"username": "reader", "password": "another-horse-88"}
        assert place.call("POST", "users/create", reader)[0] == 200
        story = Story(tmp_path, place)
        tag = story.assign("fraud#prod#1", "v0.1.0")
        nobody = story.deploy(tag)
        assert nobody.exit_code == 4
        assert "answered 401" in nobody.out
        denied = story.deploy(tag, MLFLOW_TRACKING_USERNAME="reader", MLFLOW_TRACKING_PASSWORD=reader["password"])
        assert denied.exit_code == 4
        assert "answered 403" in denied.out
        assert "EDIT" in denied.out
        good = story.deploy(tag, MLFLOW_TRACKING_USERNAME="admin", MLFLOW_TRACKING_PASSWORD=PASSWORD)
        assert good.exit_code == 0, good.out
        assert place.alias("prod") == "1"
        assert all("horse" not in done.out + done.err for done in (nobody, denied, good))
