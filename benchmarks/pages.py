"""Measures the pages of a large registry, served by a real `serve` process on loopback, beside `show` on the same one.

`python -m benchmarks.pages [--models N] [--tags N] [--runs N]` prints a Markdown table. A target that is missed is
printed as such; the exit code is 0.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.comparisons import print_table
from benchmarks.measure import Program, environment, measure
from benchmarks.page_registries import build, model_name

OURS = (sys.executable, "-m", "model_stage_deploy")
RELOADS = 20
SLOWER, RELOAD, WEIGHT = 2.0, 0.050, 300 * 1024
"""Targets: the first page against `show`, seconds of a reload, bytes of a page with all that it loads."""
_ASSET = re.compile(rb"""(?:src|href)="(/static/[^"]+)\"""")


class Answer(NamedTuple):
    """An answer, and the seconds until all of it was there."""

    status: int
    body: bytes
    size: int
    seconds: float


class Seen(NamedTuple):
    """Seconds of one server's life, each a list where it was asked more than once; bytes of the first page."""

    started: float
    first: float
    reloads: list[float]
    found: float
    changed: float
    model: float
    model_again: float
    weight: int
    page: int


class Client:
    """One connection that is kept, as a browser does."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def get(self, path: str) -> Answer:
        """Ask for a page as browsers do, compressed."""
        import gzip

        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Accept-Encoding": "gzip", "Accept": "text/html"})
        response = self._connection.getresponse()
        data = response.read()
        seconds = time.perf_counter() - began
        body = gzip.decompress(data) if response.headers.get("Content-Encoding") == "gzip" else data
        if response.status != 200:
            raise RuntimeError(f"{path} was answered {response.status}: {body[:300]!r}")
        return Answer(response.status, body, len(data), seconds)


@contextlib.contextmanager
def served(repository: Path, environ: Mapping[str, str]) -> Iterator[int]:
    """A server of that registry, read only; its port."""
    words = [*OURS, "serve", "--read-only", "--json", "--port", "0", "--repo", str(repository)]
    process = subprocess.Popen(
        words, env=dict(environ), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=repository.parent
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError("the server did not start")
        yield json.loads(line)["port"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def visit(repository: Path, environ: Mapping[str, str]) -> Seen:
    """Start a server, look around, and end it."""
    began = time.perf_counter()
    with served(repository, environ) as port:
        started = time.perf_counter() - began
        client = Client(port)
        first = client.get("/models")
        client.get("/models")  # what was read of the registry a moment ago is kept from now on
        reloads = [client.get("/models").seconds for _ in range(RELOADS)]
        found = client.get("/models?text=7&sort=newest&dir=desc&page=2").seconds
        name = model_name(7)
        model, again = (client.get(f"/m/{name}").seconds for _ in range(2))
        assets = {one.decode() for one in _ASSET.findall(first.body)}
        weight = first.size + sum(client.get(one.replace("&amp;", "&")).size for one in assets)
        tag = ("git", "update-ref", f"refs/tags/{name}#dev#9999", f"refs/tags/{name}#dev#1")
        subprocess.run(tag, cwd=repository, env=dict(environ), check=True)
        changed = client.get("/models").seconds
        subprocess.run((*tag[:2], "-d", tag[2]), cwd=repository, env=dict(environ), check=True)
        return Seen(started, first.seconds, reloads, found, changed, model, again, weight, first.size)


def report(show: float, seen: list[Seen]) -> Iterator[tuple[str, str, str]]:
    """Rows of the table: what, how long, and whether that is as wished."""
    first = statistics.median(one.first for one in seen)
    reload = statistics.median(each for one in seen for each in one.reloads)
    worst = max(each for one in seen for each in one.reloads)
    weight = max(one.weight for one in seen)
    yield "`show`, the whole table", _ms(show), ""
    yield (
        "first page of a server",
        _ms(first),
        f"{first / show:.1f}× `show` (at most {SLOWER:.0f}×): {_ok(first <= show * SLOWER)}",
    )
    yield "reload", _ms(reload), f"at most {_ms(RELOAD)}: {_ok(reload <= RELOAD)}; the slowest was {_ms(worst)}"
    yield "filtered, sorted, second page", _median(seen, "found"), ""
    yield "reload after somebody made a tag", _median(seen, "changed"), ""
    yield "one model's page", _median(seen, "model"), ""
    yield "the same again", _median(seen, "model_again"), ""
    yield "start of the server", _median(seen, "started"), ""
    yield (
        "first page with all it loads, compressed",
        f"{weight / 1024:,.0f} KiB",
        f"at most {WEIGHT // 1024} KiB: {_ok(weight <= WEIGHT)}",
    )
    yield "the page alone, compressed", f"{max(one.page for one in seen) / 1024:,.0f} KiB", ""


def _median(seen: list[Seen], name: str) -> str:
    return _ms(statistics.median(getattr(one, name) for one in seen))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _ok(reached: bool) -> str:
    return "reached" if reached else "missed"


def run(models: int, tags: int, runs: int, directory: Path) -> None:
    """Build the registry, measure, print."""
    environ = environment(directory, directory / "bytecode")
    repository, warm = directory / "registry", directory / "warm-up"
    build(warm, 10, 10 * 40, environ)
    visit(warm, environ)  # leaves the bytecode behind
    build(repository, models, tags, environ)
    shown = measure([Program("show", ((*OURS, "show"),), runs)], repository, environ, runs=runs, timeout=300)["show"]
    if shown.median is None:
        raise RuntimeError(shown.trouble)
    seen = [visit(repository, environ) for _ in range(runs)]
    print(f"{models:,} models, {tags:,} tags; load of the machine afterwards: {os.getloadavg()[0]:.1f}\n")
    print_table(("what", "median", "target"), list(report(shown.median, seen)))


def main(argv: list[str] | None = None) -> int:
    """The command line; 0 whatever was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=1_000)
    parser.add_argument("--tags", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--directory", type=Path, help="where the registry is built and deleted: names the disk")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=given.directory) as directory:
        run(given.models, given.tags, given.runs, Path(directory))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
