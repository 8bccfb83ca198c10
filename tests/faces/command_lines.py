"""The command line as a process, with everything that holds of every end of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.standins.registries import isolated_environment

COMMAND = (sys.executable, "-m", "model_stage_deploy")
COMMANDS = (
    "deploy",
    "rollback",
    "finish",
    "resolve",
    "parse",
    "show",
    "which",
    "versions",
    "history",
    "status",
    "targets",
    "serve",
    "report",
    "doctor",
    "register",
    "promote",
    "unassign",
    "archive",
    "deregister",
    "deprecate",
    "import-mlflow",
    "relay-mlflow",
    "plan",
    "approve",
    "sweep",
    "reconcile",
    "lock",
    "unlock",
    "locks",
    "check",
    "schema",
    "init",
    "demo",
)
COMPLAINT = {"result", "reason", "exit_code", "message", "hint"}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


def environment(home: Path, **extra: str) -> dict[str, str]:
    """An environment in which nothing of this machine, or of a workflow that we may run in, has a say."""
    return isolated_environment(home) | {"TMPDIR": str(home), "NO_PROXY": "127.0.0.1"} | extra


def run(cwd: Path, *arguments: str, env: Mapping[str, str] | None = None, home: Path | None = None) -> Done:
    """One command, run to its end. It never shows a traceback, nor a warning of Python's."""
    whole = environment(home or cwd.parent, **(env or {}))
    encoding = whole.get("PYTHONIOENCODING", "utf-8").partition(":")[0]
    done = subprocess.run(
        [*COMMAND, *arguments], check=False, cwd=cwd, env=whole, stdin=subprocess.DEVNULL, capture_output=True
    )
    found = Done(done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding))
    assert_civil(found)
    return found


def assert_civil(done: Done) -> None:
    """No traceback, no internal error, no exit code that is not ours, and one line for each complaint."""
    text = done.out + done.err
    assert "Traceback" not in text, text
    assert "Exception ignored" not in text, text
    assert "a defect in model-stage-deploy" not in text, text
    assert "Warning:" not in done.err, done.err
    assert done.exit_code in (0, 1, 2, 3, 4, 130), (done.exit_code, text)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) <= 1, done.err


def tree(directory: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a directory, `.git` included, with its mode and content."""
    return {
        str(path.relative_to(directory)): (
            path.lstat().st_mode,
            str(path.readlink()).encode() if path.is_symlink() else path.read_bytes(),
        )
        for path in sorted(directory.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
