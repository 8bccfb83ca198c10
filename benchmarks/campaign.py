"""Kills deployments at random moments, runs many at once, and times what safety costs.

`python -m benchmarks.campaign [--kills N] [--together N] [--runs N]` prints Markdown. Each world has a real Git remote
over HTTP, the stateful GitHub stand-in, and a deployer that writes down what is live; a kill is SIGKILL of the
whole process tree, as when a runner loses power. What is promised and was not kept is printed as such; the exit code
is then 1.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a file
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from benchmarks.comparisons import print_table
from tests.faces.jobs import REPOSITORY, TOKEN, Ended, Job
from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn
from tests.standins.receiver import Receiver
from tests.standins.registries import GitRepository

MAPPING = """\
version: 1
stages:
  prod:
    deploy:
      run: |
        echo "begin $MSD_VERSION" >> "$PLACE/journal"
        sleep 0.05
        printf %s "$MSD_VERSION" > "$PLACE/live.new" && mv "$PLACE/live.new" "$PLACE/live"
        sleep 0.05
        echo "end $MSD_VERSION" >> "$PLACE/journal"
    verify:
      - run: '[ "$(cat "$PLACE/live")" = "$MSD_VERSION" ]'
    lock: {lease: 5s, wait: 20m}
"""
PLAIN = """\
version: 1
stages:
  prod:
    deploy: {run: 'printf %s "$MSD_VERSION" > "$PLACE/live"'}
    lock: {use: none}
"""
SAFE = """\
version: 1
stages:
  prod:
    deploy: {run: 'printf %s "$MSD_VERSION" > "$PLACE/live"'}
    gates: {window: {days: mon-sun}, people: {pushers: [ada]}}
    verify:
      - run: '[ "$(cat "$PLACE/live")" = "$MSD_VERSION" ]'
    on-failure: rollback
"""
AT_ONCE = 6  # worlds side by side: most of the time of a kill is waiting for its lock to go stale
LONGEST = 2.5  # seconds into a run at which it is killed, at the latest
GRACE = 600.0  # seconds for a run that must end


@dataclass
class Tally:
    """What happened in one world, or in all."""

    killed: int = 0
    survived: int = 0
    after: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.killed + other.killed,
            self.survived + other.survived,
            self.after + other.after,
            self.broken + other.broken,
        )


class Place:
    """One world: a registry, its remote, GitHub, and a place where models are live."""

    def __init__(self, path: Path, mapping: str, versions: int = 2) -> None:
        path.mkdir(parents=True)
        self.path = path
        self.live = path / "live"
        self.journal = path / "journal"
        self.repository = GitRepository(path / "source")
        self.commits = []
        for number in range(1, versions + 1):
            self.repository.commit({"model.txt": f"weights {number}\n"}, message=f"Train {number}")
            self.repository.tag(f"m@v{number}.0.0")
            self.commits.append(self.repository.git("rev-parse", "HEAD"))
        self.repository.commit({".github/model-stages.yml": mapping}, message="Say how to deploy")

    @contextmanager
    def job(self) -> Iterator[Job]:
        """The world at work."""
        with (
            GitRemote(self.path / "remotes", token=TOKEN) as remote,
            GitHubStandIn(repository=REPOSITORY, token=TOKEN) as github,
            Receiver() as receiver,
        ):
            remote.add(REPOSITORY, self.repository)
            job = Job(self.path / "jobs", self.repository, remote, github, receiver)
            job.extra["PLACE"] = str(self.path)
            yield job

    def assign(self, job: Job, number: int, version: int) -> str:
        """Push a stage tag that gives prod to a version, leaving every other ref of the remote as it is."""
        tag = f"m#prod#{number}"
        self.repository.tag(tag, at=self.commits[version - 1])
        bare = job.remote.directory(*REPOSITORY.split("/"))
        self.repository.git("push", "--quiet", str(bare), f"refs/tags/{tag}")
        return tag

    def locks(self, job: Job) -> list[str]:
        """Locks that are on the remote."""
        bare = GitRepository(job.remote.directory(*REPOSITORY.split("/")), bare=True)
        return bare.git("for-each-ref", "--format=%(refname)", "refs/model-stages/locks").split()


def kills(path: Path, count: int, seed: int) -> Tally:
    """Kill `count` deployments at random moments; after each, run the same tag again and look at everything."""
    dice, tally = random.Random(seed), Tally()
    place = Place(path, MAPPING)
    with place.job() as job:
        for number in range(1, count + 1):
            version = 1 + number % 2
            tag = place.assign(job, number, version)
            process, _ = job.begin_push(tag)
            try:
                process.communicate(timeout=dice.uniform(0.0, LONGEST))
                tally.survived += 1
            except subprocess.TimeoutExpired:
                kill_tree(process.pid)
                process.communicate()
                tally.killed += 1
            ended = finished(job, tag)
            tally.after[ended.outputs.get("reason", "?")] += 1
            tally.broken += [
                f"kill {seed}/{number}: {complaint}" for complaint in complaints(place, job, ended, version)
            ]
    return tally


def complaints(place: Place, job: Job, ended: Ended, version: int) -> Iterator[str]:
    """Promises that do not hold after the run that followed a kill."""
    reason = ended.outputs.get("reason")
    if reason not in ("deployed", "already-deployed"):
        yield f"the next run ended as {reason}: {ended.log[-300:]}"
    if place.live.read_text(encoding="utf-8") != f"v{version}.0.0":
        yield f"v{version}.0.0 is not live"
    if place.locks(job):
        yield f"a lock stays: {place.locks(job)}"
    states = {each.id: job.github.deployment_statuses(each.id) for each in job.github.deployments}
    for identity, statuses in states.items():
        if not statuses or statuses[-1].state in ("in_progress", "queued", "pending"):
            yield f"deployment {identity} is left in progress"
    good = [each for each in job.github.deployments if states[each.id] and states[each.id][-1].state == "success"]
    told = [dict(each.payload)["version"] for each in good if isinstance(each.payload, Mapping)]
    if told != [f"v{version}.0.0"]:
        yield f"GitHub shows as live: {told}"


def together(path: Path, count: int) -> tuple[Counter[str], list[str], float]:
    """Run `count` deployments of one stage at once, of `count` tags; how they ended, and what was not kept."""
    place = Place(path, MAPPING, versions=count)
    with place.job() as job:
        tags = [place.assign(job, number, number) for number in range(1, count + 1)]
        begun = time.monotonic()
        shuffled = random.Random(count).sample(tags, count)
        runs = [job.begin_push(tag) for tag in shuffled]
        with ThreadPoolExecutor(count) as pool:
            ended = list(pool.map(lambda run: run[1](run[0].communicate(timeout=GRACE)[0]), runs))
        took = time.monotonic() - begun
        broken = [] if place.live.read_text(encoding="utf-8") == f"v{count}.0.0" else ["the newest is not live"]
        words = [line.split() for line in place.journal.read_text(encoding="utf-8").splitlines()]
        for one, other in zip(words[::2], words[1::2], strict=True):
            if (one[0], other[0]) != ("begin", "end") or one[1] != other[1]:
                broken.append(f"two deployers at once: {one} {other}")
        ends = Counter(run.outputs.get("reason", "?") for run in ended)
        broken += [f"a run ended as {end}" for end in ends if end not in ("deployed", "already-deployed", "superseded")]
        broken += [f"a lock stays: {lock}" for lock in place.locks(job)]
        return ends, broken, took


def costs(path: Path, runs: int) -> list[tuple[str, float]]:
    """Median seconds of a deployment with the whole safety path, and with all of it off, by turns."""
    worlds = {"all of it": (SAFE, {}), "none of it": (PLAIN, {"force": "true", "no_lock": "true"})}
    found: dict[str, list[float]] = {name: [] for name in worlds}
    places = {name: Place(path / str(at), mapping) for at, (name, (mapping, _)) in enumerate(worlds.items())}
    with places["all of it"].job() as safe, places["none of it"].job() as plain:
        jobs: dict[str, Job] = {"all of it": safe, "none of it": plain}
        for number in range(1, runs + 2):
            for name, (_, inputs) in worlds.items():
                tag = places[name].assign(jobs[name], number, 1 + number % 2)
                begun = time.monotonic()
                ended = finished(jobs[name], tag, **inputs)
                took = time.monotonic() - begun
                if ended.exit_code:
                    raise SystemExit(ended.log)
                if number > 1:
                    found[name].append(took)
    return [(name, statistics.median(seconds)) for name, seconds in found.items()]


def finished(job: Job, tag: str, **inputs: str) -> Ended:
    """One run to its end."""
    process, finish = job.begin_push(tag, **inputs)
    ended: Ended = finish(process.communicate(timeout=GRACE)[0])
    return ended


def kill_tree(pid: int) -> None:
    """SIGKILL to a process and all that it started, wherever they are: nobody is told, nothing is tidied up."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:
                continue
            below.setdefault(parent, []).append(int(entry.name))
    doomed, waiting = [], [pid]
    while waiting:
        doomed.append(waiting.pop())
        waiting += below.get(doomed[-1], [])
    for each in doomed:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            continue


def report(arguments: argparse.Namespace, directory: Path) -> list[str]:
    """Run all, print all; what was not kept."""
    broken: list[str] = []
    if arguments.kills:
        shares = [len(range(at, arguments.kills, AT_ONCE)) for at in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            tallies = list(
                pool.map(lambda at: kills(directory / f"kills-{at}", shares[at], arguments.seed + at), range(AT_ONCE))
            )
        total = sum(tallies, Tally())
        rows: list[tuple[Any, ...]] = [
            ("runs that were killed", total.killed),
            ("runs that had ended before", total.survived),
            *((f"the next run ended as `{reason}`", count) for reason, count in total.after.most_common()),
            ("promises broken", len(total.broken)),
        ]
        print_table(("fault campaign", "count"), [tuple(map(str, row)) for row in rows])
        broken += total.broken
    if arguments.together:
        ends, wrong, took = together(directory / "together", arguments.together)
        rows = [(f"`{reason}`", count) for reason, count in ends.most_common()]
        rows += [("promises broken", len(wrong)), ("seconds for all", f"{took:.0f}")]
        print_table((f"{arguments.together} runs at once", "count"), [tuple(map(str, row)) for row in rows])
        broken += wrong
    if arguments.runs:
        (_, safe), (_, plain) = costs(directory / "costs", arguments.runs)
        rows = [
            ("gates, newest wins, lock, verification", f"{safe * 1000:,.0f} ms", f"{safe / plain:.2f}×"),
            ("all of it off", f"{plain * 1000:,.0f} ms", "1×"),
            ("added", f"{(safe - plain) * 1000:,.0f} ms", ""),
        ]
        print_table(("one deployment on loopback", "median", "ratio"), rows)
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
