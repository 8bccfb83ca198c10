"""Kills deployments at random moments, runs many at once, and times what safety costs.

`python -m benchmarks.campaign [--kills N] [--together N] [--runs N]` prints Markdown. Each world has a real Git remote
over HTTP, the stateful GitHub stand-in, and a deployer that writes down what is live; a kill is SIGKILL of the
whole process tree, as when a runner loses power. What is promised and was not kept is printed as such; the exit code
is then 1. Needs Linux, for it finds a run's processes in /proc.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.campaign_kills import Campaign, Tally, after_a_run
from benchmarks.campaign_worlds import GUARDED, LEASE, LOCKED, TOGETHER, UNLOCKED, VERIFIED, Place, finished, locks_of
from benchmarks.comparisons import print_table
from tests.faces.jobs import Ended, Job

AT_ONCE = 6  # worlds side by side: most of the time of a kill is waiting for its lock to go stale
_GRACE = 1800.0  # seconds for all runs that were started together
_BATCH = 5  # runs of one tag, where tags come one after the other
_GOOD = ("deployed", "already-deployed", "superseded")
PARTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "none of the safety path": (UNLOCKED, {"force": "true"}),
    "with newest wins": (UNLOCKED, {}),
    "and a lock": (LOCKED, {}),
    "and verification and rollback": (VERIFIED, {}),
    "and two gates": (GUARDED, {}),
}


class Cost(NamedTuple):
    """What a deployment took: seconds, and requests of the last one timed."""

    what: str
    seconds: float
    git: int
    github: int


@dataclass
class Together:
    """What many runs at once came to."""

    ends: Counter[str] = field(default_factory=Counter)
    had_the_lock: int = 0
    deployers: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)


def kills(path: Path, count: int, seed: int, at_once: int = AT_ONCE) -> Tally:
    """Kill `count` runs in `at_once` worlds side by side."""
    shares = [share for share in (len(range(at, count, at_once)) for at in range(at_once)) if share]
    worlds = [Campaign(path / f"kills-{at}", share, seed + at) for at, share in enumerate(shares)]
    with ThreadPoolExecutor(at_once) as pool:
        return sum(pool.map(Campaign.run, worlds), Tally())


def together(path: Path, count: int) -> Together:
    """`count` runs at once, one for each of as many tags, which are all there when the first run begins."""
    place = Place(path, TOGETHER, versions=count)
    with place.job() as job:
        tags = [place.assign(job, version) for version in place.versions]
        shuffled = random.Random(count).sample(tags, count)
        begun = time.monotonic()
        return _gathered(place, job, [job.begin_push(tag) for tag in shuffled], begun)


def overlapping(path: Path, count: int) -> Together:
    """`count` runs at once, five for each tag. The next tag comes while those of the one before are under way.

    By turns: once one of them has decided to deploy, so that they meet at the lock, and learn only there that they are
    late; and once a deployer is at work.
    """
    place = Place(path, TOGETHER, versions=-(-count // _BATCH))
    with place.job() as job:
        begun, runs = time.monotonic(), list[Any]()
        for number, version in enumerate(place.versions):
            tag, calls, lines = place.assign(job, version), len(job.github.calls), len(place.journal)
            runs += [job.begin_push(tag) for _ in range(min(_BATCH, count - len(runs)))]
            # The first call to GitHub asks what is live.
            while len(job.github.calls) == calls or (number % 2 and len(place.journal) == lines):
                if all(process.poll() is not None for process, _ in runs):
                    break
                time.sleep(0.005)
        return _gathered(place, job, runs, begun)


def _gathered(place: Place, job: Job, runs: list[Any], begun: float) -> Together:
    """How they all ended, and what was not kept."""
    with ThreadPoolExecutor(len(runs)) as pool:
        ended: list[Ended] = list(pool.map(lambda run: run[1](run[0].communicate(timeout=_GRACE)[0]), runs))
    found = Together(seconds=time.monotonic() - begun)
    found.ends = Counter(run.outputs.get("reason", "?") for run in ended)
    found.had_the_lock = sum(_steps(run).get("last look") is not None for run in ended)
    found.deployers = sum(line[0] == "begin" for line in place.journal)
    for run in ended:
        if run.outputs.get("reason") not in _GOOD or run.exit_code:
            found.broken.append(f"a run ended as {run.outputs.get('reason')}: {run.log[-400:]}")
    found.broken += overlaps(place.journal)
    good = next((run for run in ended if run.outputs.get("reason") == "deployed"), ended[0])
    found.broken += [f"a lock stays: {lock}" for lock in locks_of(job)]
    found.broken += after_a_run(place, job, good, place.versions[-1])
    return found


def overlaps(journal: list[list[str]]) -> Iterator[str]:
    """Deployers that were at work at the same time, by what they wrote."""
    for one, other in zip(journal[::2], [*journal[1::2], ["nothing"]], strict=False):
        if (one[0], other[0]) != ("begin", "end") or one[1:] != other[1:]:
            yield f"two deployers at once, or one that never ended: {one} {other}"


def costs(path: Path, runs: int) -> list[Cost]:
    """What a deployment costs with none of the safety path, and with one part more each time; by turns."""
    places = {name: Place(path / str(at), mapping) for at, (name, (mapping, _)) in enumerate(PARTS.items())}
    taken: dict[str, list[float]] = {name: [] for name in PARTS}
    asked: dict[str, tuple[int, int]] = {}
    with ExitStack() as stack:
        jobs = {name: stack.enter_context(place.job()) for name, place in places.items()}
        for number in range(runs + 1):
            for name, (_, inputs) in PARTS.items():
                place, job = places[name], jobs[name]
                tag = place.assign(job, place.versions[number % 2])
                begun, before = time.monotonic(), (len(job.remote.requests), len(job.github.calls))
                ended = finished(job, tag, **inputs)
                took = time.monotonic() - begun
                if ended.exit_code:
                    raise SystemExit(ended.log)
                if number:  # the first one warms up
                    taken[name].append(took)
                    asked[name] = len(job.remote.requests) - before[0], len(job.github.calls) - before[1]
    return [Cost(name, statistics.median(seconds), *asked[name]) for name, seconds in taken.items()]


def _steps(ended: Ended) -> dict[str, float]:
    """Seconds of each step of a run."""
    return {step["name"]: step["seconds"] for step in ended.document.get("steps", ())}


def show_kills(tally: Tally) -> None:
    """Print what the kills came to."""
    rows: list[tuple[object, object]] = [
        ("runs that were killed", tally.killed),
        *((f"… when {where[2:]}", count) for where, count in sorted(tally.struck.items())),
        ("runs that had ended before", tally.survived),
        ("kills after which a lock was there", tally.locks_left),
        ("kills after which a deployment was in progress", tally.orphans_left),
        ("locks of dead runs that a next run had no need to take", tally.locks_passed),
        *((f"right after a kill the records told: {what}", count) for what, count in tally.told.most_common()),
        *((f"the next run ended as `{reason}`", count) for reason, count in tally.after.most_common()),
        ("… and GitHub showed an older deployment as active, too", tally.also_active),
        (f"longest next run, with the wait for a lease of {LEASE:.0f} s", f"{tally.longest:.0f} s"),
        ("promises broken", len(tally.broken)),
    ]
    _print("fault campaign", rows)


def show_together(title: str, found: Together) -> None:
    """Print what many runs at once came to."""
    rows: list[tuple[object, object]] = [(f"`{reason}`", count) for reason, count in found.ends.most_common()]
    rows += [
        ("of them, had the lock once", found.had_the_lock),
        ("deployers that worked, one after the other", found.deployers),
        ("promises broken", len(found.broken)),
        ("time for all", f"{found.seconds:.0f} s"),
    ]
    _print(title, rows)


def show_costs(found: Sequence[Cost]) -> None:
    """Print what the safety path adds, part by part."""
    none = found[0].seconds
    rows = [
        (one.what, f"{one.seconds * 1000:,.0f} ms", f"{one.seconds / none:.2f}×", str(one.git), str(one.github))
        for one in found
    ]
    rows.append(("added by all of it", f"{(found[-1].seconds - none) * 1000:,.0f} ms", "", "", ""))
    print_table(("one deployment on loopback", "median", "", "requests to Git's remote", "to GitHub"), rows)


def _print(title: str, rows: Iterable[tuple[object, object]]) -> None:
    print_table((title, "count"), [tuple(map(str, row)) for row in rows])
    print(flush=True)


def report(arguments: argparse.Namespace, directory: Path) -> list[str]:
    """Run all, print all; what was not kept."""
    broken: list[str] = []
    if arguments.kills:
        tally = kills(directory, arguments.kills, arguments.seed)
        show_kills(tally)
        broken += tally.broken
    if arguments.together:
        ways = {
            "runs at once, of as many tags that are all there": together,
            "runs at once, while tags come one after the other": overlapping,
        }
        for title, way in ways.items():
            found = way(directory / way.__name__, arguments.together)
            show_together(f"{arguments.together} {title}", found)
            broken += found.broken
    if arguments.runs:
        show_costs(costs(directory / "costs", arguments.runs))
    for complaint in broken:
        print(f"\nNOT KEPT: {complaint}")
    return broken


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, metavar="N", help="deployments to kill (default: 200)")
    parser.add_argument("--together", type=int, default=50, metavar="N", help="runs at once (default: 50)")
    parser.add_argument("--runs", type=int, default=9, metavar="N", help="runs of each to time (default: 9)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default: 1)")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="msd-campaign-") as directory:
        return 1 if report(given, Path(directory)) else 0


if __name__ == "__main__":
    raise SystemExit(main())
