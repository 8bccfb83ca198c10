"""Runs programs in turns and keeps how long they took and their peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LAUNCH = Path(__file__).with_name("launch.py")
NOWHERE = "/dev/null"
Words = tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """What is measured: one or more command lines, run one after another, `runs` times at most."""

    label: str
    steps: tuple[Words, ...]
    runs: int
    keeps: bool = True  # whether what it prints is kept: of large outputs, writing them is not the question


@dataclass
class Measured:
    """What came of it: seconds of each run (by the clock, and of CPU), the largest peak, what the last run printed,
    and what went wrong.
    """

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: float = 0.0  # MiB
    printed: str = ""
    trouble: str = ""

    @property
    def median(self) -> float | None:
        """Seconds; None where there was trouble."""
        return statistics.median(self.seconds) if self.seconds and not self.trouble else None


def environment(home: Path, bytecode: Path) -> dict[str, str]:
    """Nobody's settings, nothing sent to anybody, and bytecode kept as an installed package keeps it.

    PYTHONPATH goes through: it may name another copy of ours to measure.
    """
    passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {
        **passed,
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "ITERATIVE_DO_NOT_TRACK": "1",
        "DVC_NO_ANALYTICS": "1",
        "PYTHONPYCACHEPREFIX": str(bytecode),
    }


def measure(
    programs: Sequence[Program], directory: Path, environ: Mapping[str, str], *, runs: int, timeout: float
) -> dict[str, Measured]:
    """Run all in `directory`, one run of each in turn, `runs` rounds: whatever else the machine does hits all alike."""
    found = {program.label: Measured() for program in programs}
    for number in range(runs):
        for program in programs:
            if number < program.runs and not found[program.label].trouble:
                run_once(program, found[program.label], directory, environ, timeout)
    return found


def run_once(program: Program, so_far: Measured, directory: Path, environ: Mapping[str, str], timeout: float) -> None:
    """One run, added to what is known. A step that fails or takes longer than `timeout` seconds is noted as trouble."""
    total, busy, printed = 0.0, 0.0, []
    with tempfile.NamedTemporaryFile("w+") as output:
        for step in program.steps:
            done = subprocess.run(
                [sys.executable, "-I", "-S", _LAUNCH, str(timeout), output.name if program.keeps else NOWHERE, *step],
                cwd=directory,
                env=dict(environ),
                check=False,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
            *complaints, figures = done.stderr.splitlines() or [""]
            if done.returncode != 0:
                so_far.trouble = f"not started: {figures}"
                return
            seconds, cpu, peak, code = figures.split()
            if int(code) != 0:
                last = complaints[-1][:100] if complaints else ""
                so_far.trouble = f"over {timeout:.0f} s" if int(code) == -1 else f"exit code {code} {last}".strip()
                return
            total += float(seconds)
            busy += float(cpu)
            so_far.peak = max(so_far.peak, int(peak) / 1024)
            printed.append(Path(output.name).read_text(encoding="utf-8") if program.keeps else "")
    so_far.seconds.append(total)
    so_far.cpu.append(busy)
    so_far.printed = "".join(printed)
