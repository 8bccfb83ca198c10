"""BentoML and `mlflow models serve` deploy for real, with the mappings and the scripts of their pages in docs/howto.

Both are installed from PyPI, each into an environment of its own, and serve on loopback.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.contract.consoles import FENCE
from tests.contract.generate import ROOT
from tests.faces.command_lines import Done, environment, run
from tests.standins.installed import install
from tests.standins.registries import GitRepository

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("serving")]


def page_files(name: str) -> dict[str, str]:
    """The files that a page shows, by name, and its first mapping as `model-stages.yml`."""
    found = list(FENCE.finditer((ROOT / "docs/howto" / name).read_text(encoding="utf-8")))
    mapping = next(fence["text"] for fence in found if fence["text"].startswith("version: 1"))
    named = {note[6:]: fence["text"] for fence in found if (note := fence["note"] or "").startswith("file: ")}
    return {"model-stages.yml": mapping, **named}


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@dataclass
class World:
    """A repository whose model is deployed on this machine; the home directory is beside it."""

    repository: GitRepository
    bin_: Path
    port: str
    pids: list[int] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.repository.path.parent

    @property
    def env(self) -> dict[str, str]:
        quiet = {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true"}
        pypi = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"))
        }
        return environment(self.home, PATH=f"{self.bin_}:{os.environ['PATH']}", **quiet, **pypi)

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.repository.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(0o755 if name.endswith(".sh") else 0o644)

    def cli(self, *arguments: str) -> Done:
        done = run(self.repository.path, *arguments, env=self.env)
        pid = self.home / ".serving" / "churn" / "pid"
        if pid.exists():
            self.pids.append(int(pid.read_text()))
        return done

    def deploy(self, tag: str) -> Done:
        return self.cli("deploy", tag, "--no-github")

    def release(self, number: int, files: dict[str, str] | None = None) -> str:
        """Commits a version, assigns it to prod, and gives the tag that says so."""
        self.repository.commit(files)
        self.repository.tag(f"churn@v{number}.0.0")
        self.repository.tag(f"churn#prod#{number}")
        return f"churn#prod#{number}"

    def ask(self, path: str, body: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def listening(self) -> bool:
        with socket.socket() as asking:
            return asking.connect_ex(("127.0.0.1", int(self.port))) == 0

    def close(self) -> None:
        """Ends every server that was started, with its whole session."""
        for pid in set(self.pids):
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(pid, number)
                    time.sleep(1)
                except ProcessLookupError:
                    break


def world_of(tmp_path: Path, bin_: Path, page: str, port: str) -> World:
    """A repository with the files of the page; its port is one that is free here."""
    world = World(GitRepository(tmp_path / "models"), bin_, free_port())
    world.write({name: text.replace(port, world.port) for name, text in page_files(page).items()})
    return world


@pytest.fixture(scope="module")
def bentoml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("bentoml") / "venv", "bentoml>=1.4,<2", "uv")


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("mlflow") / "venv", "mlflow>=3,<4")


@pytest.fixture
def bento_world(tmp_path: Path, bentoml: Path) -> Iterator[World]:
    world = world_of(tmp_path, bentoml, "use-bentoml.md", "3000")
    yield world
    world.close()


@pytest.fixture
def mlflow_world(tmp_path: Path, mlflow: Path) -> Iterator[World]:
    world = world_of(tmp_path, mlflow, "use-mlflow-models-serve.md", "5001")
    yield world
    world.close()


@pytest.mark.timeout(900)
def test_bentoml_builds_serves_and_replaces_as_its_page_says(bento_world: World) -> None:
    world = bento_world
    tag = world.release(1, {"model.json": '{"weights": [1.0, 2.0]}'})
    # What is tagged is what is built, whatever lies in the working tree.
    world.write({"model.json": "no model at all"})

    planned = world.cli("deploy", tag, "--no-github", "--dry-run")
    build = '["bentoml", "build", "--name=churn", "--version=v1.0.0", "--label=model-stage-deploy-commit='
    assert build in planned.out
    assert not (world.home / "bentoml").exists()

    first = world.deploy(tag)
    assert first.exit_code == 0, first.out + first.err
    assert world.ask("version", {}) == {"version": "v1.0.0"}
    assert world.ask("predict", {"rows": [[1, 2]]}) == [5.0]

    second = world.deploy(world.release(2, {"model.json": '{"weights": [10.0, 20.0]}'}))
    assert second.exit_code == 0, second.out + second.err
    assert "verification version: passed" in second.out + second.err
    assert world.ask("version", {}) == {"version": "v2.0.0"}
    assert world.ask("predict", {"rows": [[1, 2]]}) == [50.0]

    # The way back needs no second build: the bento is there, and is looked for first.
    back = world.cli("rollback", "churn", "prod", "--no-github")
    assert back.exit_code == 0, back.out + back.err
    assert "it is there" in back.out + back.err
    assert "Successfully built" not in back.out + back.err
    assert world.ask("predict", {"rows": [[1, 2]]}) == [5.0]

    gone = world.cli("unassign", "churn", "--stage", "prod")
    assert gone.exit_code == 0, gone.out + gone.err
    tag = next(name for name in world.repository.tags() if "!" in name)
    removed = world.deploy(tag)
    assert removed.exit_code == 0, removed.out + removed.err
    assert not world.listening()


@pytest.mark.timeout(900)
def test_a_bento_that_is_not_what_it_should_be_is_a_failure_and_the_old_one_comes_back(bento_world: World) -> None:
    world = bento_world
    mapping = (world.repository.path / "model-stages.yml").read_text(encoding="utf-8")
    world.write({"model-stages.yml": mapping.replace("deadline: 1m", "deadline: 5s")})
    assert world.deploy(world.release(1, {"model.json": '{"weights": [1.0, 2.0]}'})).exit_code == 0

    program = (world.repository.path / "service.py").read_text(encoding="utf-8")
    lying = program.replace('{"version": bento["version"]}', '{"version": "v1.0.0"}')
    assert lying != program
    wrong = world.deploy(world.release(2, {"service.py": lying}))
    assert wrong.exit_code == 1
    assert '$.version is "v1.0.0", wanted "v2.0.0"' in wrong.out + wrong.err, wrong.out
    assert "churn:v1.0.0" in " ".join(_serving(world))

    dead = world.deploy(world.release(3, {"service.py": "raise SystemExit('no such luck')\n"}))
    assert dead.exit_code == 1
    assert "step 2 of 3 (build it)" in dead.out + dead.err
    assert world.ask("version", {}) == {"version": "v1.0.0"}

    # Somebody's own build has the name of the next version: it would serve, and say that it is v4.0.0.
    world.write({"service.py": program, "model.json": '{"weights": [0.0, 0.0]}'})
    own = ["bentoml", "build", "--name=churn", "--version=v4.0.0"]
    subprocess.run(own, cwd=world.repository.path, env=world.env, check=True, capture_output=True, timeout=300)
    taken = world.deploy(world.release(4, {"model.json": '{"weights": [1.0, 2.0]}'}))
    assert taken.exit_code == 1
    assert "already exists" in taken.out + taken.err
    assert world.ask("version", {}) == {"version": "v1.0.0"}


@pytest.mark.timeout(900)
def test_mlflow_models_serve_serves_and_replaces_as_its_page_says(mlflow_world: World) -> None:
    world = mlflow_world
    program = page_files("use-mlflow-models-serve.md")["churn.py"]
    for number, factor in enumerate(("2.0", "20.0"), 1):
        world.write({"churn.py": program.replace("2.0 *", f"{factor} *")})
        _save(world)
        done = world.deploy(world.release(number))
        assert done.exit_code == 0, done.out + done.err
        answer = {"version": f"v{number}.0.0", "churn": float(factor)}
        assert world.ask("invocations", {"inputs": [1.0]}) == {"predictions": [answer]}

    back = world.cli("rollback", "churn", "prod", "--no-github")
    assert back.exit_code == 0, back.out + back.err
    assert world.ask("invocations", {"inputs": [1.0]}) == {"predictions": [{"version": "v1.0.0", "churn": 2.0}]}

    assert world.cli("unassign", "churn", "--stage", "prod").exit_code == 0
    removed = world.deploy(next(name for name in world.repository.tags() if "!" in name))
    assert removed.exit_code == 0, removed.out + removed.err
    assert not world.listening()


def _serving(world: World) -> list[str]:
    """The command line of the server, as the page's pid file names it."""
    pid = (world.home / ".serving" / "churn" / "pid").read_text(encoding="utf-8").strip()
    return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").split("\0")


def _save(world: World) -> None:
    """Saves the model of churn.py to models/churn, as the page says."""
    program = 'import mlflow; mlflow.pyfunc.save_model("models/churn", python_model="churn.py")'
    path = world.repository.path
    shutil.rmtree(path / "models", ignore_errors=True)
    subprocess.run(
        [str(world.bin_ / "python"), "-c", program],
        cwd=path,
        env=world.env,
        check=True,
        capture_output=True,
        timeout=120,
    )
