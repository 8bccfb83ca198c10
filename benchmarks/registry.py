"""Measures reading a registry: ours, GTO's command and bare git side by side on the same repository.

`python -m benchmarks.registry [--tags N]… [--runs N] [--no-gto]` prints Markdown tables. A target that is missed is
printed as such; the exit code is 0.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.comparisons import Row, across, compared, print_table
from benchmarks.measure import Measured, Program, environment, measure
from benchmarks.registries import STANDING, TAG, build
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_repository import GitRepository

SIZES = (100, 1_000, 10_000, 100_000)
FEW = 3  # runs of what takes seconds
LONG = 50_000  # tags from which on a run of gto takes minutes: once is enough
EVENT_UP_TO = 20_000  # tags up to which gto-action's eight commands are measured
WARM_UP = 40  # tags
RAW = ("tags", "program", "median", "median of CPU", "peak memory", "runs")
OURS = (sys.executable, "-m", "model_stage_deploy")
GTO = (sys.executable, str(Path(sys.executable).with_name("gto")))


class _Overheard(Git):
    """Takes down what is asked of git, and answers nothing."""

    asked: Sequence[str] = ()

    def stream(self, arguments: Sequence[str], **_limits: Any) -> Iterator[str]:
        self.asked = arguments
        return iter(())


def same_fields() -> tuple[str, ...]:
    """The git command that gives the same fields of all tags, as ours asks for them of one model."""
    overheard = _Overheard(".")
    list(GitRepository(overheard).read_tags("m", details=False))
    asked = [word for word in overheard.asked if not word.startswith("refs/")]
    return ("git", *asked, "refs/tags")


def programs(tags: int, runs: int, *, gto: bool) -> list[Program]:
    """What is measured at this size."""
    few = 1 if tags >= LONG else min(runs, FEW)
    event = (*OURS, "resolve", TAG, "--show", "--history")
    found = [
        Program("python", ((sys.executable, "-c", "pass"),), runs),
        Program("git", (same_fields(),), runs, keeps=False),
        Program("which", ((*OURS, "which", "churn", "prod"),), runs),
        Program("resolve", ((*OURS, "resolve", "churn#prod"),), runs),
        Program("parse", ((*OURS, "parse", TAG),), runs),
        Program("show", ((*OURS, "show"),), runs),
        Program("event", (event,), runs),
        Program("event, whole history", (event, (*OURS, "history")), min(runs, FEW)),
    ]
    if gto:
        found += [
            Program("gto question", ((*GTO, "show", "churn#prod", "--version"),), few),
            Program("gto show", ((*GTO, "show"),), few),
        ]
        if tags <= EVENT_UP_TO:
            found.append(Program("gto event", gto_action(TAG, "churn"), 1))
    return found


def growth(least: int, most: int, runs: int) -> list[Program]:
    """Questions to the smallest and the largest registry, to be asked in turns."""
    return [
        Program(f"{words[0]} {tags}", ((*OURS, *words, "--repo", f"registry-{tags}"),), runs)
        for words in (("which", "churn", "prod"), ("resolve", "churn#prod"))
        for tags in (least, most)
    ]


def gto_action(tag: str, model: str) -> tuple[tuple[str, ...], ...]:
    """The gto commands of gto-action's entrypoint for an assignment: event, show and history.

    Its three `gto describe` are left out, for they read a file rather than the registry.
    """
    asked = ((*GTO, "check-ref", f"refs/tags/{tag}", part) for part in ("--name", "--version", "--event", "--stage"))
    told = ((*GTO, *words) for words in (("show", model), ("history", model), ("show",), ("history",)))
    return (*asked, *told)


def disagreements(found: Mapping[str, Measured]) -> Iterator[str]:
    """Where ours and gto printed different things."""
    for ours, theirs in (("which", "gto question"), ("resolve", "gto question"), ("show", "gto show")):
        if ours in found and theirs in found and not found[ours].trouble and not found[theirs].trouble:
            told = [_told(found[name].printed) for name in (ours, theirs)]
            if told[0] != told[1]:
                yield f"`{ours}` and `{theirs}` do not print the same"
    if not found["which"].trouble and found["which"].printed.strip() != STANDING:
        yield f"`which churn prod` is not {STANDING}"


def _told(text: str) -> list[list[str]]:
    """The words of each line without frames; the headings differ in case."""
    rows = (re.findall(r"[\w.#-]+", line) for line in text.splitlines())
    told = [row for row in rows if row]
    return told[1:] if len(told) > 1 else told


def raw(tags: int, found: Mapping[str, Measured]) -> list[Sequence[str]]:
    """A row for each program: medians and peak as measured."""
    rows: list[Sequence[str]] = []
    for label, measured in found.items():
        took = measured.median
        told = measured.trouble if took is None else f"{took * 1000:,.0f} ms"
        cpu = f"{statistics.median(measured.cpu or [0]) * 1000:,.0f} ms"
        rows.append((f"{tags:,}", label, told, cpu, f"{measured.peak:,.0f} MiB", str(len(measured.seconds))))
    return rows


def run(sizes: Sequence[int], runs: int, directory: Path, *, gto: bool, timeout: float) -> None:
    """Measure all sizes, printing each when it is done, then the comparisons."""
    environ = environment(directory, directory / "bytecode")
    warm = directory / "warm-up"
    build(warm, WARM_UP, environ)
    measure(programs(WARM_UP, 1, gto=gto), warm, environ, runs=1, timeout=timeout)  # leaves the bytecode behind
    rows: list[Row] = []
    for tags in sizes:
        repository = directory / f"registry-{tags}"
        build(repository, tags, environ)
        found = measure(programs(tags, runs, gto=gto), repository, environ, runs=runs, timeout=timeout)
        print(f"\nload of the machine afterwards: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        print_table(RAW, raw(tags, found))
        rows += compared(tags, found)
        for complaint in disagreements(found):
            print(f"\nat {tags:,} tags: {complaint}")
    if len(sizes) > 1:
        least, most = min(sizes), max(sizes)
        rows += across(most, least, measure(growth(least, most, runs), directory, environ, runs=runs, timeout=timeout))
    print_table(Row._fields, rows)


def main(argv: list[str] | None = None) -> int:
    """The command line; 0 whatever was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", type=int, action="append", help="a size; may be given several times")
    parser.add_argument("--runs", type=int, default=7, help="runs of what is quick; gto runs 3 times at most")
    parser.add_argument("--no-gto", action="store_true", help="leave out gto: it takes minutes at 100,000 tags")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one command")
    parser.add_argument("--directory", type=Path, help="where the registries are built and deleted: names the disk")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        run(given.tags or SIZES, given.runs, Path(directory), gto=not given.no_gto, timeout=given.timeout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
