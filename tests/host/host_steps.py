"""The step of `host/action.yml` as a runner starts it, and small trees that stand for the action's checkout."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.faces.jobs import read_outputs
from tests.standins.registries import isolated_environment

ROOT = Path(__file__).resolve().parents[2]
# Says what a real run would have had in its hands.
ACTION = """\
import json, os, sys

def main():
    import tiny
    inputs = {name: value for name, value in os.environ.items() if name.startswith("INPUT_")}
    print(json.dumps({"pid": os.getpid(), "path": sys.path, "tiny": tiny.VERSION, "inputs": inputs}))
    return 0
"""


def step() -> dict[str, Any]:
    """The one step of the action."""
    [found] = yaml.safe_load((ROOT / "host/action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    return dict(found)


def command(script: Path, python: str = sys.executable) -> tuple[str, ...]:
    """The step's command line, which the runner makes from `shell:` and the file that it writes the script to."""
    script.write_text(step()["run"], encoding="utf-8")
    name, *rest = shlex.split(step()["shell"].replace("{0}", str(script)))
    assert name == "python3"
    return (python, *rest)


def installed(tools: Path) -> Path:
    """A tool cache that has the libraries already: those that run this test. Gives `tools` back."""
    from host.start import LOCK, fingerprint

    place = tools / "model-stage-deploy"
    place.mkdir(parents=True)
    (place / fingerprint(LOCK.read_bytes())).symlink_to(sysconfig.get_path("purelib"))
    return tools


@dataclass(frozen=True)
class Ended:
    """How the step ended."""

    exit_code: int
    log: str
    outputs: Mapping[str, str]
    pid: int

    @property
    def told(self) -> dict[str, Any]:
        """What the action in a `Tree` printed."""
        found: dict[str, Any] = json.loads(self.log.splitlines()[-1])
        return found


class Tree:
    """A checkout of the action whose lock lists one small wheel, with a workspace and directories as on a runner."""

    def __init__(self, path: Path, *, hashed: bool = True) -> None:
        self.path = path
        self.tools, self.temp, self.wheels = path / "tools", path / "temp", path / "wheels"
        self.workspace = path / "workspace"
        for directory in (self.tools, self.temp, self.wheels, self.workspace):
            directory.mkdir(parents=True)
        shutil.copytree(ROOT / "host", path / "action/host", ignore=shutil.ignore_patterns("__pycache__"))
        package = path / "action/src/model_stage_deploy"
        (package / "faces").mkdir(parents=True)
        source = ROOT / "src/model_stage_deploy"
        for name in ("__init__.py", "core", "adapters", "report", "ports.py", "faces/__init__.py", "faces/signals.py"):
            (package / name).symlink_to(source / name)
        (package / "faces/action.py").write_text(ACTION, encoding="utf-8")
        wheel = _wheel()
        (self.wheels / "tiny-1.0-py3-none-any.whl").write_bytes(wheel)
        (path / "action/requirements").mkdir()
        digest = hashlib.sha256(wheel if hashed else b"another file").hexdigest()
        (path / "action/requirements/runtime.lock").write_text(f"tiny==1.0 --hash=sha256:{digest}\n", encoding="utf-8")

    @property
    def environments(self) -> list[str]:
        """What is in the action's place in the tool cache."""
        return sorted(each.name for each in (self.tools / "model-stage-deploy").iterdir())

    def begin(self, *, python: str = sys.executable, **variables: str) -> subprocess.Popen[str]:
        """Start the step in the workspace; a variable with an empty text is not set."""
        environment = isolated_environment(self.path / "home") | {
            "GITHUB_ACTION_PATH": str(self.path / "action/host"),
            "GITHUB_OUTPUT": str(self.path / "output"),
            "RUNNER_TOOL_CACHE": str(self.tools),
            "RUNNER_TEMP": str(self.temp),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "INPUT_DRY-RUN": "true",
        }
        environment = {name: value for name, value in (environment | variables).items() if value}
        return subprocess.Popen(
            command(self.temp / "script", python),
            cwd=self.workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def finish(self, process: subprocess.Popen[str]) -> Ended:
        """How a started step ends."""
        log, _ = process.communicate(timeout=60)
        output = self.path / "output"
        outputs = read_outputs(output.read_text(encoding="utf-8")) if output.exists() else {}
        return Ended(process.returncode, log, outputs, process.pid)

    def run(self, *, python: str = sys.executable, **variables: str) -> Ended:
        """The whole step."""
        return self.finish(self.begin(python=python, **variables))


def _wheel() -> bytes:
    """The wheel of a package `tiny`, byte by byte the same each time."""
    files = {
        "tiny.py": "VERSION = '1.0'\n",
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.0.dist-info/RECORD": "tiny.py,,\n",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()
