"""The local log under many writers and sudden ends: what was acknowledged is there, and the file opens."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from model_stage_deploy.adapters.local_log import LocalLog
from model_stage_deploy.adapters.local_log_file import LogFile
from tests.adapters.log_writer import ENVIRONMENT, MODEL, STAGE
from tests.contract.generate import ROOT
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.thorough


def _writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.adapters.log_writer", str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def _written(path: Path) -> set[str]:
    """Every event of the log, as its writer says it."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute("SELECT kind, attempt, summary FROM events").fetchall()
    return {f"{kind} {attempt or summary}" for kind, attempt, summary in rows}


def _half_ended(events: Iterable[str]) -> set[str]:
    """Attempts with an end and no start: none, if nothing is lost."""
    kinds: dict[str, set[str]] = {}
    for kind, attempt in (event.split(" ") for event in events):
        kinds.setdefault(kind, set()).add(attempt)
    return (kinds.get("placed", set()) | kinds.get("ended", set())) - kinds.get("started", set())


def _kill_writers(path: Path, times: int, seed: int) -> set[str]:
    """Kill so many writers, each at some moment of its work; what they had said by then."""
    chance, said = random.Random(seed), set()
    for number in range(times):
        with _writer(path, f"w{number}", 100_000) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.03))
            writer.send_signal(signal.SIGKILL)
            lines = [first, *writer.stdout]
        said |= {line.strip() for line in lines if line.endswith("\n")}
    return said


def _require_all(path: Path, said: set[str]) -> None:
    written = _written(path)
    assert said <= written
    assert _half_ended(written) == set()
    log = LocalLog(path, who="next", clock=FakeClock())
    assert log.records(MODEL, STAGE, ENVIRONMENT, limit=1000, past=1000).newest_first


def test_writers_killed_at_any_moment_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "model-stages" / "deployments.sqlite3"
    _require_all(path, _kill_writers(path, 20, seed=4))


@pytest.mark.long
@pytest.mark.thorough
@pytest.mark.timeout(300)
def test_two_hundred_writers_killed(tmp_path: Path) -> None:
    path = tmp_path / "model-stages" / "deployments.sqlite3"
    _require_all(path, _kill_writers(path, 200, seed=int.from_bytes(os.urandom(4))))


def test_a_writer_killed_while_half_a_transaction_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deployments.sqlite3"
    with _writer(path, "before", 3) as writer:
        assert writer.stdout is not None
        said = {line.strip() for line in writer.stdout}
    size = path.stat().st_size
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom model_stage_deploy.adapters.local_log_file import LogFile\n"
        "with LogFile(Path(sys.argv[1])).writing() as connection:\n"
        "    connection.execute('PRAGMA cache_size = 1')\n"  # so that pages are written before the commit
        "    for number in range(2000):\n"
        "        connection.execute('INSERT INTO events SELECT NULL, ?, 1, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?',"
        " ('placed', *'abcdefg', 'in_progress', 'x' * 500, '', ''))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)

    assert done.returncode == -signal.SIGKILL
    assert path.with_name(path.name + "-journal").stat().st_size > 0
    assert path.stat().st_size > size
    log = LocalLog(path, who="next", clock=FakeClock())
    assert len(log.records(MODEL, STAGE, ENVIRONMENT, limit=9, past=9).newest_first) == 3
    assert {event for event in _written(path) if not event.startswith("retired")} == said


def test_twenty_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "model-stages" / "deployments.sqlite3"
    writers = [_writer(path, f"w{number}", 5) for number in range(20)]
    said: set[str] = set()
    for writer in writers:
        with writer:
            assert writer.stdout is not None
            said |= {line.strip() for line in writer.stdout}
        assert writer.returncode == 0

    assert len(said) == 20 * 5 * 4
    _require_all(path, said)
    records = LocalLog(path, who="", clock=FakeClock()).records(MODEL, STAGE, ENVIRONMENT, limit=200, past=200)
    assert len(records.newest_first) == 100
    with LogFile(path).reading() as connection:
        assert connection is not None
        live = connection.execute("SELECT count(DISTINCT deployment) FROM events WHERE kind = 'retired'").fetchone()[0]
    assert live >= 100 - 20  # each success retired all that were live before it and had begun before it
