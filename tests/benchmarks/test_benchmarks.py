"""The benchmarks run and say what they measured. How fast anything was is not asserted: machines differ."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.answering import answering
from benchmarks.comparisons import Row, across, compared, faster
from benchmarks.fanout import Asked, bare
from benchmarks.measure import Measured
from benchmarks.registries import STANDING, TAG, build
from benchmarks.registry import _told, gto_action, same_fields
from tests.contract.generate import ROOT
from tests.standins.registries import isolated_environment

pytestmark = pytest.mark.thorough


def bench(name: str, *arguments: str) -> str:
    """What a benchmark prints; it ends with 0."""
    words = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, encoding="utf-8").stdout


def test_the_registry_benchmark_prints_its_tables(tmp_path: Path) -> None:
    out = bench("registry", "--tags", "60", "--tags", "80", "--runs", "1", "--no-gto", "--directory", str(tmp_path))

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if line.startswith("| 60")]
    measured = {row[1]: row[2] for row in rows if len(row) in (5, 6)}
    assert {"python", "git", "which", "resolve", "parse", "show", "event"} <= set(measured)
    assert [told for told in measured.values() if not told.endswith((" ms", " MiB", "×"))] == []
    assert "`which`, time against that at 60" in out
    assert "do not print the same" not in out
    assert f"is not {STANDING}" not in out
    assert list(tmp_path.iterdir()) == []


def test_the_remote_benchmark_prints_its_tables(tmp_path: Path) -> None:
    out = bench("remote", "--tags", "60", "--runs", "1", "--directory", str(tmp_path))

    assert "| which churn prod |" in out
    assert "| bytes |" in out
    assert f"is not {STANDING}" not in out
    assert list(tmp_path.iterdir()) == []


def test_a_registry_has_as_many_tags_as_asked_for(tmp_path: Path) -> None:
    environ = isolated_environment(tmp_path)
    build(tmp_path / "registry", 47, environ, files=True)

    done = subprocess.run(
        ["git", "tag"], cwd=tmp_path / "registry", env=environ, check=True, capture_output=True, text=True
    )
    assert len(done.stdout.split()) == 47
    assert TAG in done.stdout.split()
    assert (tmp_path / "registry/models/churn/metrics.json").is_file()


def test_bare_git_is_asked_for_what_ours_asks() -> None:
    git, command, form, where = same_fields()
    assert (git, command, where) == ("git", "for-each-ref", "refs/tags")
    assert "%(taggerdate:raw)" in form


def test_gto_action_runs_eight_commands() -> None:
    assert len(gto_action(TAG, "churn")) == 8


@pytest.mark.parametrize(
    ("ours", "theirs", "result", "measured"),
    [
        (Measured([0.1]), Measured([2.0]), "reached", "20× faster"),
        (Measured([0.1]), Measured([0.5]), "missed", "5.0× faster"),
        (Measured([0.1]), Measured(trouble="over 900 s"), "", "over 9,000× faster (gto: time was up)"),
        (Measured(trouble="exit code 4"), Measured([0.5]), "", "not measured"),
    ],
)
def test_a_target_is_reached_missed_or_not_known(ours: Measured, theirs: Measured, result: str, measured: str) -> None:
    row = faster(100, {"which": ours, "gto": theirs}, "which", "gto", 8)
    assert (row.result, row.measured, row.target) == (result, measured, "8× faster")


def test_every_target_has_its_row() -> None:
    names = ("python", "git", "which", "resolve", "parse", "show", "event", "event, whole history")
    found = {name: Measured([0.1], peak=10) for name in (*names, "gto question", "gto show", "gto event")}
    rows: list[Row] = [row for tags in (100, 10_000, 100_000) for row in compared(tags, found)]
    asked = {f"{name} {tags}": Measured([0.1]) for name in ("which", "resolve") for tags in (100, 100_000)}
    rows += across(100_000, 100, asked)

    targets = {(row.tags, row.what): row.target for row in rows}
    assert targets["100", "`which` against `gto question`"] == "8× faster"
    assert targets["100", "`show` against `git`"] == "its time + 60 ms"
    assert targets["10,000", "`event` against `gto event`"] == "300× faster"
    assert targets["10,000", "`show`, peak memory"] == "at most 40 MiB"
    assert targets["100,000", "`show` against `git`"] == "at most 2×"
    assert targets["100,000", "`resolve`, time against that at 100"] == "at most 1.5×"


def test_frames_and_headings_do_not_count() -> None:
    assert _told("╒══╕\n│ name │ #dev │\n╞══╡\n│ churn │ v1.0.0 │\n╘══╛\n") == [["churn", "v1.0.0"]]
    assert _told("v1.4.0\n") == [["v1.4.0"]]


def test_the_fanout_benchmark_prints_its_tables(tmp_path: Path) -> None:
    sizes = ("--targets", "40", "--parallel", "8", "--answer", "0.01", "--size", "5", "--size", "20", "--plan", "300")
    out = bench("fanout", *sizes, "--runs", "1", "--directory", str(tmp_path))

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if line.startswith("| ")]
    measured = {row[0]: row[1:] for row in rows}
    assert measured["ideal"][:2] == ["0.05", "1.0"]
    assert "the receiver, asked by bare sockets (8 at once)" in measured
    assert float(measured["deploy, the targets alone"][0]) < float(measured["deploy, the whole command"][0])
    assert measured["20"][2].endswith(" MiB")
    assert ["3", "39", "19"] in [row[:3] for row in rows]
    assert list(tmp_path.iterdir()) == []


def test_the_receiver_of_the_fanout_benchmark_counts_what_comes() -> None:
    with answering(0.1) as server:
        seconds = asyncio.run(bare(server.url, Asked(targets=60, answer=0.1, parallel=30, runs=1)))
        heard = server.heard()
        assert server.heard() == (0, 0, 0)

    assert seconds >= 0.2
    assert (heard.requests, heard.at_once, heard.connections) == (60, 30, 60)
