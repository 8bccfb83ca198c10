"""Processes that want one lock: each notes in a file when it has it, and when it lets go.

Run as `python -m tests.flows.lock_users REMOTE JOURNAL NAME LEASE WAIT WORK`, seconds each.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from model_stage_deploy.adapters.git_locks import open_lock_store
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.flows.locking import Wanted, held
from tests.standins.registries import isolated_environment

ROOT = Path(__file__).parents[2]
KEY = key_of("churn", "prod")


def start(
    room: Path, name: str, *, lease: float = 60.0, wait: float = 60.0, work: float = 0.0
) -> subprocess.Popen[str]:
    """One user in a process of its own."""
    words = [str(room / "remote.git"), str(room / "journal"), name, str(lease), str(wait), str(work)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.flows.lock_users", *words],
        cwd=ROOT,
        env=isolated_environment(room) | {"TMPDIR": str(room), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def journal(room: Path) -> list[tuple[str, str]]:
    """What was noted so far: names and what each did."""
    path = room / "journal"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [(name, what) for name, _, what in (line.partition(" ") for line in lines)]


def until(room: Path, entry: tuple[str, str], seconds: float = 60.0) -> None:
    """Wait until something is noted."""
    deadline = time.monotonic() + seconds
    while entry not in journal(room):
        assert time.monotonic() < deadline, (entry, journal(room))
        time.sleep(0.02)


def _note(path: str, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{text}\n".encode())  # one write: no line is torn
    os.close(handle)


def main() -> int:
    """Take the lock, work, let go."""
    remote, path, name, lease, wait, work = sys.argv[1:]
    wanted = Wanted(KEY, f"claim-{name}", name, "deploy", "", float(lease))

    def tell(text: str) -> None:
        print(text, flush=True)

    def interrupt() -> None:
        _note(path, f"{name} interrupted")

    with GitSource(None, [(remote, None)]) as source:
        try:
            with held(
                open_lock_store(source), SystemClock(), wanted, wait=float(wait), tell=tell, interrupt=interrupt
            ) as hold:
                hold.require()
                _note(path, f"{name} has it")
                time.sleep(float(work))
                _note(path, f"{name} {'lost it' if hold.lost else 'lets go'}")
        except ModelStageError as problem:
            _note(path, f"{name} {problem.reason.value}")
            return problem.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
