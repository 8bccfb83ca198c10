"""Measures a stage with many targets: webhooks in one process against the ideal and a plain loop, memory, and a plan.

`python -m benchmarks.fanout [--targets N] [--answer SECONDS] [--parallel N] [--runs N] [--size N]… [--plan N]` prints
Markdown tables. Everything is the real command line on a throw-away registry; the receiver is a process of its own on
loopback (no TLS, no distance), and is measured first, for it must not be what is slow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.answering import Answering, answering
from benchmarks.comparisons import print_table
from benchmarks.measure import Measured, Program, environment, run_once
from tests.standins.registries import GitRepository

OURS = (sys.executable, "-m", "model_stage_deploy")
TAG = "churn#prod#1"
BODY = {"model": "churn", "version": "v1.0.0", "stage": "prod"}
PLAIN = """
import sys, requests
for number in range(int(sys.argv[2])):
    requests.post(f"{sys.argv[1]}/t{number}", json=BODY, timeout=30).raise_for_status()
""".replace("BODY", repr(BODY))
POOLED = """
import sys, requests
from concurrent.futures import ThreadPoolExecutor
def post(number):
    requests.post(f"{sys.argv[1]}/t{number}", json=BODY, timeout=30).raise_for_status()
with ThreadPoolExecutor(int(sys.argv[3])) as pool:
    list(pool.map(post, range(int(sys.argv[2]))))
""".replace("BODY", repr(BODY))
HEAD = ("what", "seconds", "times the ideal", "ms of CPU for each target", "peak memory")
FEW_WAVES = ["1%", "49%", "rest"]
JOBS = 400


class Asked(NamedTuple):
    """What is to be measured."""

    targets: int
    answer: float
    parallel: int
    runs: int

    @property
    def ideal(self) -> float:
        """Seconds in which the receiver can have answered all, so many at a time."""
        return math.ceil(self.targets / self.parallel) * self.answer


@contextmanager
def registry(directory: Path, targets: int, url: str, parallel: int, waves: Sequence[str] = ()) -> Iterator[Path]:
    """A registry whose stage prod has so many targets, each a webhook below `url`; gone afterwards."""
    made = GitRepository(directory / f"registry-{targets}")
    strategy: dict[str, Any] = {"max-parallel": parallel, **({"waves": list(waves)} if waves else {})}
    mapping = {
        "version": 1,
        "stages": {
            "prod": {
                "environment": "production",
                "targets": {"from": "targets.json"},
                "strategy": strategy,
                "deploy": {"uses": "webhook", "with": {"url": f"{url}/{{{{ vars.path }}}}"}},
            }
        },
    }
    listed = [{"name": f"t{number}", "vars": {"path": f"t{number}"}} for number in range(targets)]
    made.commit({"model-stages.yml": json.dumps(mapping), "targets.json": json.dumps(listed)})
    made.tag("churn@v1.0.0")
    made.tag(TAG)
    try:
        yield made.path
    finally:
        shutil.rmtree(made.path)


def deployed(
    repository: Path, asked: Asked, server: Answering, environ: Mapping[str, str], runs: int
) -> tuple[Measured, float]:
    """`runs` deployments to all targets, each in a fresh copy: the whole command, and seconds for the targets alone.

    Raises AssertionError where not every target was asked just once.
    """
    program = Program("deploy", ((*OURS, "deploy", TAG, "--no-github", "--json"),), runs)
    found, alone = Measured(), []
    for _ in range(runs):
        copy = repository.with_name("copy")
        shutil.copytree(repository, copy, symlinks=True)
        server.heard()
        run_once(program, found, copy, environ, 3600)
        shutil.rmtree(copy)
        heard = server.heard()
        assert not found.trouble, found.trouble
        assert heard.requests == asked.targets, f"{heard.requests} requests for {asked.targets} targets"
        steps = {step["name"]: step["seconds"] for step in json.loads(found.printed)["steps"]}
        alone.append(steps["targets"])
    return found, statistics.median(alone)


async def bare(url: str, asked: Asked) -> float:
    """Seconds in which the receiver answers so many bare requests, each over a connection of its own."""
    parts, waiting = urlsplit(url), iter(range(asked.targets))
    body = json.dumps(BODY).encode()
    head = f"POST /t HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: {len(body)}\r\n\r\n".encode()

    async def ask() -> None:
        for _ in waiting:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.write(head + body)
            await reader.readuntil(b"}")
            writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(asked.parallel)))
    return time.perf_counter() - begun


def against_the_ideal(asked: Asked, directory: Path, environ: Mapping[str, str]) -> None:
    """The first table: all targets, in one process."""
    with answering(asked.answer) as server, answering(asked.answer) as other:
        alone = statistics.median(asyncio.run(bare(other.url, asked)) for _ in range(asked.runs))
        with registry(directory, 1, server.url, asked.parallel) as one:
            start, _ = deployed(one, asked._replace(targets=1), server, environ, asked.runs)
        with registry(directory, asked.targets, server.url, asked.parallel) as many:
            ours, targets = deployed(many, asked, server, environ, asked.runs)
        most = other.heard().at_once
        size = (str(asked.targets), str(asked.parallel))
        plain, pooled = (
            _measured(Program(name, ((sys.executable, "-c", text, server.url, *size),), 1), directory, environ)
            for name, text in (("plain", PLAIN), ("pooled", POOLED))
        )
    print(f"\n### {asked.targets:,} webhooks that answer in {asked.answer * 1000:g} ms, {asked.parallel} at a time\n")
    print(f"load of the machine afterwards: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    rows = [
        ("ideal", f"{asked.ideal:.2f}", "1.0", "", ""),
        (f"the receiver, asked by bare sockets ({most} at once)", *_timed(alone, asked), "", ""),
        ("deploy, the targets alone", *_timed(targets, asked), "", ""),
        ("deploy, the whole command", *_timed(_seconds(ours), asked), _cpu(ours, asked, start), _peak(ours)),
        ("deploy with one target", f"{_seconds(start):.2f}", "", "", _peak(start)),
        (
            f"`requests.post` in {asked.parallel} threads",
            *_timed(_seconds(pooled), asked),
            _cpu(pooled, asked),
            _peak(pooled),
        ),
        ("`requests.post`, one after another", *_timed(_seconds(plain), asked), _cpu(plain, asked), _peak(plain)),
    ]
    print_table(HEAD, rows)


def memory(sizes: Sequence[int], asked: Asked, directory: Path, environ: Mapping[str, str]) -> None:
    """The second table: what more targets cost, with a receiver that answers in a millisecond."""
    rows: list[tuple[float, int, float, float, float | None]] = []
    with answering(0.001) as server:
        for size in sizes:
            with registry(directory, size, server.url, asked.parallel) as repository:
                found, alone = deployed(repository, asked._replace(targets=size), server, environ, 1)
            each = (found.peak * 1024 - rows[0][0]) / (size - sizes[0]) if rows and size > sizes[0] else None
            rows.append((found.peak * 1024, size, _seconds(found), alone, each))
    print("\n### More targets\n")
    head = ("targets", "seconds", "of these for the targets", "peak memory", "KiB more for each target")
    print_table(
        head,
        [
            (
                f"{size:,}",
                f"{seconds:.1f}",
                f"{alone:.1f}",
                f"{peak / 1024:,.0f} MiB",
                "" if each is None else f"{each:.1f}",
            )
            for peak, size, seconds, alone, each in rows
        ],
    )


def planned(targets: int, asked: Asked, directory: Path, environ: Mapping[str, str]) -> None:
    """The third table: a plan for the jobs of a workflow."""
    with registry(directory, targets, "http://127.0.0.1:9", asked.parallel, FEW_WAVES) as repository:
        words = (*OURS, "plan", TAG, "--no-github", "--spread", str(len(FEW_WAVES) + 1), "--json")
        found = Measured()
        for _ in range(asked.runs):
            run_once(Program("plan", (words,), asked.runs), found, repository, environ, 3600)
        assert not found.trouble, found.trouble
    waves = json.loads(found.printed)["waves"]
    parts = [entry for wave in waves for entry in wave["include"]]
    assert sum(entry["targets"] for entry in parts) == targets, "not every target is in the plan"
    print(f"\n### A plan of {targets:,} targets\n")
    head = ("waves", "jobs", "most jobs of a wave", "seconds", "peak memory", "characters")
    shown = sum(len(json.dumps(wave)) for wave in waves)
    most = max(len(wave["include"]) for wave in waves)
    print_table(
        head, [(str(len(waves)), str(len(parts)), str(most), f"{_seconds(found):.1f}", _peak(found), f"{shown:,}")]
    )


def _measured(program: Program, directory: Path, environ: Mapping[str, str]) -> Measured:
    found = Measured()
    run_once(program, found, directory, environ, 3600)
    assert not found.trouble, found.trouble
    return found


def _seconds(found: Measured) -> float:
    return statistics.median(found.seconds)


def _timed(seconds: float, asked: Asked) -> tuple[str, str]:
    return f"{seconds:.2f}", f"{seconds / asked.ideal:.1f}"


def _cpu(found: Measured, asked: Asked, start: Measured | None = None) -> str:
    """Milliseconds of CPU for a target, without what one target costs all the same."""
    base = statistics.median(start.cpu) if start is not None else 0.0
    return f"{(statistics.median(found.cpu) - base) / max(1, asked.targets - bool(base)) * 1000:.2f}"


def _peak(found: Measured) -> str:
    return f"{found.peak:,.0f} MiB"


def main(argv: list[str] | None = None) -> int:
    """The command line; 0 whatever was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=1000, help="how many targets")
    parser.add_argument("--answer", type=float, default=0.05, help="seconds that the receiver takes for each")
    parser.add_argument("--parallel", type=int, default=64, help="how many at a time (`max-parallel`)")
    parser.add_argument("--runs", type=int, default=3, help="runs of what is not a matter of minutes")
    parser.add_argument("--size", type=int, action="append", help="targets, for memory; may be given several times")
    parser.add_argument("--plan", type=int, default=100_000, help="targets of the plan")
    parser.add_argument("--directory", type=Path, help="where the registries are built and deleted: names the disk")
    given = parser.parse_args(argv)
    asked = Asked(given.targets, given.answer, given.parallel, given.runs)
    with tempfile.TemporaryDirectory(dir=given.directory) as made:
        directory = Path(made)
        environ = environment(directory, directory / "bytecode") | {"TMPDIR": made, "NO_PROXY": "127.0.0.1"}
        with answering(0) as server, registry(directory, 1, server.url, 1) as warm:
            deployed(warm, asked._replace(targets=1), server, environ, 1)  # leaves the bytecode behind
        against_the_ideal(asked, directory, environ)
        memory(given.size or (100, 1_000, 10_000), asked, directory, environ)
        planned(given.plan, asked, directory, environ)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
