"""Deployments that a page starts: their words are kept and capped, one for a stage, and none outlives the server."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.faces.web.runs import MOST_KEPT, Run, Runs


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def started(runs: Runs, text: str, place: str = "m#prod") -> Run:
    return runs.start(script(text), place=place, title="Deploying m v1 in prod")


def test_words_and_the_document_are_told_apart() -> None:
    runs = Runs(os.environ, lambda text: text.replace("s3cret", "***"))
    run = started(runs, 'import sys; print("s3cret at work", file=sys.stderr); print(\'{"message": "with s3cret"}\')')
    until(lambda: run.exit_code is not None)
    assert (run.exit_code, run.log, dict(run.outcome)) == (0, "*** at work\n", {"message": "with ***"})
    assert runs.get(run.id) is run and runs.get("other") is None


def test_only_the_end_of_many_words_is_kept() -> None:
    run = started(Runs(os.environ), 'import sys\nfor n in range(40000): print("line", n, file=sys.stderr)')
    until(lambda: run.exit_code is not None)
    assert run.cut and len(run.log) <= MOST_KEPT
    assert run.log.endswith("line 39999\n") and run.log.startswith("line ")


def test_one_at_a_time_for_a_stage() -> None:
    runs = Runs(os.environ)
    first = started(runs, "import time; time.sleep(60)")
    with pytest.raises(Refused) as caught:
        started(runs, "")
    assert first.id in caught.value.hint
    other = started(runs, "", place="m#staging")
    until(lambda: other.exit_code is not None)
    runs.end()
    assert first.exit_code not in (0, None)


def test_the_whole_group_ends_with_the_server(tmp_path: Path) -> None:
    """SIGTERM first, so that records are closed; what the run started ends, too."""
    child, closed = tmp_path / "child", tmp_path / "closed"
    text = (
        "import signal, subprocess, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(closed)!r}, 'w').close(), sys.exit(3)))\n"
        f"pid = subprocess.Popen(['sleep', '60']).pid; open({str(child)!r}, 'w').write(str(pid) + '.')\n"
        "time.sleep(60)"
    )
    runs = Runs(os.environ)
    run = started(runs, text)
    until(lambda: child.exists() and child.read_text().endswith("."))
    runs.end()
    assert run.exit_code == 3 and closed.exists()
    number = int(child.read_text().rstrip("."))
    until(lambda: not Path(f"/proc/{number}").exists() or "Z" in Path(f"/proc/{number}/stat").read_text().split()[2])
    with pytest.raises(MachineryFailed):
        started(runs, "")


def test_what_cannot_be_started_is_told() -> None:
    with pytest.raises(MachineryFailed):
        Runs(os.environ).start(["/nonexistent/program"], place="p", title="t")


def test_the_command_is_shown_as_a_person_types_it() -> None:
    argv = [
        sys.executable,
        "-m",
        "model_stage_deploy",
        "deploy",
        "m#prod#1",
        "--json",
        "--repo",
        "a b",
        "--planned",
        "{}",
    ]
    run = Run(argv, place="p", title="t", back="", scrub=str)
    assert run.command == "python -m model_stage_deploy deploy 'm#prod#1' --repo 'a b'"
