"""MLEM itself deploys, as docs/howto/use-mlem.md says: its false successes are made, and found by our checks.

Needs what a real workflow run needs: a container engine (DOCKER_HOST) that can install from PyPI while it builds.
Without one these tests skip, or fail if MSD_REQUIRE_RUNNER=1, as those of tests/acceptance do. Two to six minutes, most
of them for installing MLEM and building the first image.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.mlem import NO_PROOF, NOTHING_ASKS, Mlem
from model_stage_deploy.deployers.mlem_options import MlemOptions
from tests.acceptance.runner import engine
from tests.contract.consoles import FENCE
from tests.contract.generate import ROOT
from tests.faces.command_lines import Done, environment, run
from tests.fakes.plans import a_plan
from tests.standins.installed import install
from tests.standins.registries import GitRepository, artifacts_file

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("mlem")]

PAGE = ROOT / "docs/howto/use-mlem.md"
BASE_IMAGE = "docker.io/library/python:3.13-slim"  # the one that the engine of a real workflow run has
SAVE = """\
import sys, numpy
from mlem.api import save
from sklearn.tree import DecisionTreeRegressor
X = numpy.array([[1.0], [2.5]])
save(DecisionTreeRegressor().fit(X, X.ravel() * float(sys.argv[1])), "models/iris", sample_data=X)
"""
HTTP = """\
    verify:
      - name: predicts
        http:
          url: "{url}"
          method: POST
          body: '{{"data": [[1.0]]}}'
          json: {{"$[0]": "{{{{ version[1:4] }}}}"}}
          deadline: 5s
"""


def _files() -> dict[str, str]:
    """The files that the page shows, by name."""
    found = FENCE.finditer(PAGE.read_text(encoding="utf-8"))
    return {
        note[len("file: ") :]: fence["text"] for fence in found if (note := fence["note"] or "").startswith("file: ")
    }


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@dataclass
class World:
    """A repository with two versions of a model, MLEM, and an engine."""

    repository: GitRepository
    bin_: Path
    port: int
    container: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        return environment(self.repository.path.parent, PATH=f"{self.bin_}:{os.environ['PATH']}")

    def mlem(self, *arguments: str) -> tuple[int, str]:
        """MLEM itself, in the working tree: exit code and output."""
        done = subprocess.run(
            [str(self.bin_ / "mlem"), *arguments],
            cwd=self.repository.path,
            env=self.env | {"ITERATIVE_DO_NOT_TRACK": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        return done.returncode, done.stdout + done.stderr

    def status(self, declaration: str) -> str:
        return self.mlem("deployment", "status", declaration)[1].split()[-1]

    def save(self, factor: float) -> None:
        subprocess.run(
            [str(self.bin_ / "python"), "-c", SAVE, str(factor)], cwd=self.repository.path, env=self.env, check=True
        )

    def deploy(self, tag: str, *more: str) -> Done:
        return run(self.repository.path, "deploy", tag, "--no-github", *more, env=self.env)

    def mapping(self, text: str) -> None:
        (self.repository.path / "model-stages.yml").write_text(text, encoding="utf-8")

    def predicted(self, deadline: float = 30) -> Any:
        """What the service predicts for [[1.0], [2.5]], as soon as it answers."""
        request = urllib.request.Request(
            f"{self.url}/predict", b'{"data": [[1.0], [2.5]]}', {"Content-Type": "application/json"}
        )
        end = time.monotonic() + deadline
        while True:
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)
            except urllib.error.URLError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything as the page says, but for the engine's place, the ports and the base image."""
    container_engine = engine()
    if container_engine is None or not container_engine.has_image(BASE_IMAGE):
        words = "no MLEM on containers: no engine answers (DOCKER_HOST)" if container_engine is None else BASE_IMAGE
        if os.environ.get("MSD_REQUIRE_RUNNER") == "1":
            pytest.fail(f"{words}, and MSD_REQUIRE_RUNNER=1 asks for the run")
        pytest.skip(words)
    scratch, prefix = tmp_path_factory.mktemp("mlem"), f"msd-mlem-{uuid.uuid4().hex[:8]}"
    found = World(
        GitRepository(scratch / "models"),
        install(scratch / "venv", *re.findall(r"'([^']+)'", _fence("console"))),
        _free_port(),
        f"{prefix}-prod",
    )
    (scratch / "state/.mlem.state/deploy").mkdir(parents=True)
    there = {
        "file:///var/lib/mlem-state": f"file://{scratch / 'state'}",
        "unix:///var/run/docker.sock": container_engine.address,
        "http://127.0.0.1:8085": found.url,
        "iris-prod": found.container,
        'ports: ["127.0.0.1:8085:8080"]': "params: {network_mode: host}",
        "port: 8080": f"port: {found.port}",
        # No Docker Hub, and no Debian packages, are needed this way.
        "args: {": f'args: {{base_image: "{BASE_IMAGE}", package_install_cmd: "true", package_clean_cmd: "", ',
    }
    for name, text in _files().items():
        for old, new in there.items():
            text = text.replace(old, new)  # noqa: PLW2901 - one after another
        path = found.repository.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    found.save(1)
    found.repository.commit({"dvc.yaml": artifacts_file(["iris"]).replace(".pkl", "")})
    found.repository.tag("iris@v1.0.0")
    found.repository.tag("iris#prod#1")
    try:
        yield found
    finally:
        container_engine.clear(prefix)
        for stage in ("prod", "crash"):
            container_engine.ask("DELETE", f"/images/{prefix}-{stage}:latest?force=true", timeout=60)


def _fence(language: str) -> str:
    return next(fence["text"] for fence in FENCE.finditer(PAGE.read_text("utf-8")) if fence["language"] == language)


def test_as_the_page_says(world: World) -> None:
    """Deploys, is believed where it must not be, is caught, and is cured: one story, as each image takes its time."""
    whole = (world.repository.path / "model-stages.yml").read_text(encoding="utf-8")
    careless = whole.replace("        remove-first: true\n", "")
    trusting = careless[: careless.index("    verify:")]

    done = world.deploy("iris#prod#1")
    assert (done.exit_code, "verification predicts as tagged: passed" in done.out + done.err) == (0, True), done
    assert world.predicted() == [1.0, 2.5]

    world.save(2)
    world.repository.commit()
    world.repository.tag("iris@v2.0.0")
    world.repository.tag("iris#prod#2")

    # The name of the container is in use: MLEM fails, and the old version serves on.
    world.mapping(trusting)
    done = world.deploy("iris#prod#2", "--json")
    assert (done.exit_code, done.json["reason"]) == (1, "deployer-failed"), done
    assert "`mlem deployment status` then says running, which may be what ran before" in done.json["message"]
    assert world.predicted() == [1.0, 2.5]

    # The same once more: MLEM says that all is well, and the old version serves on. Nothing was proven, as we say.
    done = world.deploy("iris#prod#2", "--force")
    assert done.exit_code == 0, done
    assert f"[{NO_PROOF}; {NOTHING_ASKS}]" in done.out + done.err
    assert world.status("deploy/prod-iris") == "running"
    assert world.predicted() == [1.0, 2.5]

    # Whoever asks the service finds out: by one prediction, or by the model of the tagged commit.
    world.mapping(trusting + HTTP.format(url=f"{world.url}/predict"))
    done = world.deploy("iris#prod#2", "--force", "--json")
    assert (done.exit_code, done.json["reason"]) == (1, "verification-failed"), done
    assert '$[0] is 1.0, wanted "2.0"' in done.json["message"]
    world.mapping(careless)
    done = world.deploy("iris#prod#2", "--force", "--json")
    assert (done.exit_code, done.json["reason"]) == (1, "verification-failed"), done
    assert "served [1.0, 2.5], tagged [2.0, 5.0]" in done.json["message"]

    # `remove-first` cures it.
    world.mapping(whole)
    done = world.deploy("iris#prod#2", "--force")
    assert done.exit_code == 0, done
    assert world.predicted() == [2.0, 5.0]


def test_a_container_that_crashes(world: World) -> None:
    """Deployed once more, it is up, says MLEM. Its status says crashed; so do we."""
    path = world.repository.path
    declared = (path / "deploy/prod-iris.mlem").read_text(encoding="utf-8")
    crash = "params: {network_mode: host, command: \"sh -c 'echo broken >&2; exit 3'\"}"
    declared = declared.replace("params: {network_mode: host}", crash).replace("-prod", "-crash")
    (path / "deploy/crash-iris.mlem").write_text(declared, encoding="utf-8")
    asked = ("deployment", "run", "--load", "deploy/crash-iris", "--model", "models/iris")
    assert world.mlem(*asked)[0] == 1
    code, said = world.mlem(*asked)
    assert (code, "is up" in said, world.status("deploy/crash-iris")) == (0, True, "crashed")

    world.repository.commit({"model-stages.yml": _only_stage("crash")})
    world.repository.tag("iris@v3.0.0")
    world.repository.tag("iris#crash#3")
    done = world.deploy("iris#crash#3", "--json")
    assert (done.exit_code, done.json["reason"]) == (1, "deployer-failed"), done
    assert "exited with 0, but `mlem deployment status` says crashed" in done.json["message"]

    job = Job(a_plan(), "try-1", world.env, 60, lambda _: None, path, path)
    options = MlemOptions.model_validate({"load": "deploy/crash-iris", "model": "x", "allow-remove": True})
    deployer = Mlem(Subprocesses())
    assert deployer.status(job, options).state == "failed"
    deployer.undeploy(job, options)
    assert deployer.status(job, options).state == "absent"
    assert deployer.undeploy(job, options).facts == {"mlem_status": "not_deployed"}


def _only_stage(stage: str) -> str:
    return f"""\
version: 1
stages:
  {stage}:
    environment: {stage}
    deploy: {{uses: mlem, with: {{load: "deploy/{{{{ stage }}}}-iris", model: "{{{{ model.path }}}}"}}}}
"""
