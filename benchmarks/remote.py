"""Measures getting what one model's answer needs from a remote that has 10,000 tags, out of a depth-1 checkout.

`python -m benchmarks.remote [--tags N] [--runs N]`. The remote is `git http-backend` over HTTP on loopback: no TLS, no
distance. Ours answers the question; gto-action's fetch, as its entrypoint makes it, only brings the tags.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.comparisons import print_table
from benchmarks.measure import Measured, Program, environment, run_once
from benchmarks.registries import STANDING, TAG, build
from tests.standins.git_remote import GitRemote

NAME = "org/models"
OURS = Program("which churn prod", ((sys.executable, "-m", "model_stage_deploy", "which", "churn", "prod"),), 1)
THEIRS = Program("gto-action's fetch", (("sh", "-c", "git tag | xargs git tag -d; git fetch --all --prune --tags"),), 1)
FASTER, FEWER = 20, 400  # what is to be reached


def checkout(url: str, directory: Path, environ: Mapping[str, str]) -> None:
    """What actions/checkout leaves after a pushed tag: that tag, one commit and its files."""
    directory.mkdir()
    for words in (
        ("init", "--quiet"),
        ("remote", "add", "origin", url),
        ("fetch", "--quiet", "--no-tags", "--depth=1", "origin", f"+refs/tags/{TAG}:refs/tags/{TAG}"),
        ("checkout", "--quiet", "--detach", f"refs/tags/{TAG}"),
    ):
        subprocess.run(["git", *words], cwd=directory, env=dict(environ), check=True)


def run(tags: int, runs: int, directory: Path, *, timeout: float) -> None:
    """Measure both by turns, each in a fresh copy of the checkout, and print the tables."""
    environ = environment(directory, directory / "bytecode") | {"TMPDIR": str(directory), "NO_PROXY": "127.0.0.1"}
    source, fresh = directory / "source", directory / "checkout"
    build(source, tags, environ, files=True)
    bare = directory / f"{NAME}.git"
    subprocess.run(["git", "clone", "--quiet", "--mirror", source, bare], env=environ, check=True)
    found = {program: Measured() for program in (OURS, THEIRS)}
    received: dict[Program, list[int]] = {OURS: [], THEIRS: []}
    with GitRemote(directory) as remote:
        checkout(remote.repository_url(NAME), fresh, environ)
        for number in range(runs + 1):
            for program in (OURS, THEIRS):
                copy = directory / "copy"
                shutil.copytree(fresh, copy, symlinks=True)
                remote.forget()
                run_once(program, found[program], copy, environ, timeout)
                received[program].append(remote.bytes_sent)
                shutil.rmtree(copy)
                if number == 0:  # leaves the bytecode behind, and is not counted
                    found[program].seconds.clear()
                    received[program].clear()
    if found[OURS].printed.strip() != STANDING:
        print(f"\n`which churn prod` is not {STANDING}: {found[OURS].trouble or found[OURS].printed}")
    report(tags, directory, found, received)


def report(
    tags: int, directory: Path, found: Mapping[Program, Measured], received: Mapping[Program, list[int]]
) -> None:
    """Print what was measured, and the ratios."""
    print(f"\n{tags:,} tags, HTTP on loopback, directories on {disk(directory)}")
    print_table(
        ("program", "median", "received", "runs"),
        [
            (
                program.label,
                measured.trouble or f"{(measured.median or 0) * 1000:,.0f} ms",
                f"{statistics.median(received[program] or [0]) / 1000:,.0f} kB",
                str(len(measured.seconds)),
            )
            for program, measured in found.items()
        ],
    )
    ours, theirs = found[OURS].median, found[THEIRS].median
    if ours and theirs:
        time = theirs / ours
        size = statistics.median(received[THEIRS]) / statistics.median(received[OURS])
        print_table(
            ("what", "measured", "target", "result"),
            [
                ("time", f"{time:.0f}× faster", f"{FASTER}× faster", "reached" if time >= FASTER else "missed"),
                ("bytes", f"{size:,.0f}× fewer", f"{FEWER}× fewer", "reached" if size >= FEWER else "missed"),
            ],
        )


def disk(directory: Path) -> str:
    """The kind of file system that a directory is on (tmpfs is memory), as Linux tells it; "?" elsewhere."""
    mounts = Path("/proc/self/mounts")
    kinds = (
        {line.split(" ")[1]: line.split(" ")[2] for line in mounts.read_text().splitlines()} if mounts.exists() else {}
    )
    places = (str(place) for place in (directory.resolve(), *directory.resolve().parents))
    return next((kinds[place] for place in places if place in kinds), "?")


def main(argv: list[str] | None = None) -> int:
    """The command line; 0 whatever was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one command")
    parser.add_argument("--directory", type=Path, help="where everything is built and deleted: names the disk")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        run(given.tags, given.runs, Path(directory), timeout=given.timeout)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
