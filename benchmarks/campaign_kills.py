"""Killing deployments: when, where it struck them, and what must hold after the next run."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.campaign_worlds import (
    KILLED,
    LEASE,
    Place,
    finished,
    kill_tree,
    locks_of,
    payload_of,
    records_of,
)
from model_stage_deploy.core.lifecycle import ENDED_BADLY, UNDER_WAY, now_running
from tests.faces.jobs import Ended, Job

_TWICE = 0.2  # of the kills are followed by another one, not by a run that may end
_BY_TIME, _BY_REQUEST = 0.3, 0.4
"""Parts of the kills whose moment is one in time, and the arrival of a request; that of the rest is the deployer's."""
_AT_WORK = 0.5  # seconds from the deployer's beginning to the end of its run, about
_GOOD = ("deployed", "already-deployed")
_LOOK_EVERY = 0.001  # seconds


@dataclass
class Tally:
    """What happened in one world, or in all."""

    killed: int = 0
    survived: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    """Where in the deployment a kill struck."""
    told: Counter[str] = field(default_factory=Counter)
    """What the records said right after a kill, before any other run."""
    after: Counter[str] = field(default_factory=Counter)
    """How the next run ended."""
    locks_left: int = 0
    orphans_left: int = 0
    locks_passed: int = 0
    """Locks that stayed because the next run found nothing to do before it came to the lock."""
    also_active: int = 0
    """Times that an older deployment was still shown as active, for its successor's run died right after its success,
    and the next run found nothing to do."""
    longest: float = 0.0
    """Seconds that the longest of the next runs took."""
    broken: list[str] = field(default_factory=list)

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.killed + other.killed,
            self.survived + other.survived,
            self.struck + other.struck,
            self.told + other.told,
            self.after + other.after,
            self.locks_left + other.locks_left,
            self.orphans_left + other.orphans_left,
            self.locks_passed + other.locks_passed,
            self.also_active + other.also_active,
            max(self.longest, other.longest),
            self.broken + other.broken,
        )


class Campaign:
    """One world in which `count` runs are killed at moments that follow from `seed`."""

    def __init__(self, path: Path, count: int, seed: int) -> None:
        self.tally = Tally()
        self._seed = seed
        self._count = count
        self._dice = random.Random(seed)
        self._place = Place(path, KILLED, versions=3)
        self._usual = (0.0, 0)
        """Seconds and requests of a run that nobody disturbs."""
        self._ever: dict[int, bool] = {}
        """Deployments that GitHub ever had, and whether they were a success."""

    def run(self) -> Tally:
        """Kill, look, run again, look; as often as asked."""
        with self._place.job() as job:
            self._measure(job)
            while self.tally.killed < self._count:
                version = self._another(self._place.live)
                tag = self._place.assign(job, version)
                while self._disturbed(job, tag) and self.tally.killed < self._count and self._dice.random() < _TWICE:
                    pass
                if self._dice.random() < 0.5:  # else the killed run's job is run again
                    version = self._another(version)
                    tag = self._place.assign(job, version)
                self._finish(job, tag, version)
            version = self._another(self._place.live)  # so that no lock is passed by in the end
            self._finish(job, self._place.assign(job, version), version)
        return self.tally

    def _finish(self, job: Job, tag: str, version: str) -> None:
        """The next run, and all that must hold after it."""
        begun = time.monotonic()
        ended = finished(job, tag)
        self.tally.longest = max(self.tally.longest, time.monotonic() - begun)
        self.tally.after[ended.outputs.get("reason", "?")] += 1
        if "last look" in ended.outputs.get("json", ""):
            self._complain(f"a lock stays: {lock}" for lock in locks_of(job))
        else:
            self.tally.locks_passed += len(locks_of(job))
        self.tally.also_active += len(active(job)) > 1
        self._complain(after_a_run(self._place, job, ended, version))
        self._complain(self._lost(job))

    def _measure(self, job: Job) -> None:
        begun, requests = time.monotonic(), _requests(job)
        ended = finished(job, self._place.assign(job, self._place.versions[0]))
        if ended.exit_code:
            raise SystemExit(ended.log)
        self._usual = time.monotonic() - begun, _requests(job) - requests

    def _disturbed(self, job: Job, tag: str) -> bool:
        """One run that is killed at a random moment, unless it ends before that; whether it was killed."""
        deployments, lines = len(job.github.deployments), len(self._place.journal)
        process, _ = job.begin_push(tag)
        in_time = self._await(process, job)
        if in_time:
            kill_tree(process.pid)
        process.communicate()
        if not in_time:
            self.tally.survived += 1
            return False
        self.tally.killed += 1
        left = bool(locks_of(job))
        self.tally.locks_left += left
        self.tally.orphans_left += any(_is_open(job, each.id) for each in job.github.deployments)
        words = [line[0] for line in self._place.journal[lines:]]
        news = [_states(job, each.id) for each in job.github.deployments[deployments:]]
        self.tally.struck[where(words, news, locked=left)] += 1
        told = what_is_told(self._place, job)
        self.tally.told[told] += 1
        if told == WRONG:
            self._complain([f"after a kill the records said nothing of {self._place.live}, which is live"])
        self._complain(self._lost(job))
        return True

    def _await(self, process: subprocess.Popen[str], job: Job) -> bool:
        """Wait for the moment of the kill; False where the run ended before.

        By the dice: a moment in time; one of the requests to Git's remote or to GitHub, so that also the short ways
        between two records are hit; or a moment after the deployer has begun, which most of the time is not at work.
        """
        (seconds, requests), way = self._usual, self._dice.random()
        begun, before, lines = time.monotonic(), _requests(job), len(self._place.journal)
        limit = seconds * self._dice.uniform(0, 1.1)
        if locks_of(job):
            limit += self._dice.choice((0.0, LEASE))  # it waits first
        nth, later = self._dice.randint(1, requests + 1), self._dice.uniform(0, _AT_WORK)
        while process.poll() is None:
            if way < _BY_TIME:
                now = time.monotonic() - begun >= limit
            elif way < _BY_TIME + _BY_REQUEST:
                now = _requests(job) - before >= nth
            else:
                now = len(self._place.journal) > lines
            if now:
                time.sleep(later if way >= _BY_TIME + _BY_REQUEST else 0)
                return process.poll() is None
            time.sleep(_LOOK_EVERY)
        return False

    def _another(self, version: str) -> str:
        return self._dice.choice([each for each in self._place.versions if each != version])

    def _lost(self, job: Job) -> Iterator[str]:
        """Records, and successes in records, that are not there any more; deployers without a record."""
        there = {each.id: "success" in _states(job, each.id) for each in job.github.deployments}
        for identity, succeeded in self._ever.items():
            if identity not in there or (succeeded and not there[identity]):
                yield f"deployment {identity} or its success is lost"
        self._ever |= there
        recorded = {payload_of(each).get("attempt") for each in job.github.deployments}
        for line in self._place.journal:
            if line[2] not in recorded:
                yield f"a deployer of {line[1]} began in attempt {line[2]}, of which there is no record"

    def _complain(self, complaints: Iterable[str]) -> None:
        self.tally.broken += [f"world {self._seed}, kill {self.tally.killed}: {each}" for each in complaints]


RIGHT, OPEN, BAD, WRONG = (
    "the version that is live",
    "a deployment under way",
    "a deployment that ended in error, to be looked at",
    "something wrong",
)


def what_is_told(place: Place, job: Job) -> str:
    """What the records say of what is live: rightly, or that it is being changed or to be looked at."""
    records = records_of(job)
    running, newest = now_running(records), next(iter(records.newest_first), None)
    if (running.version if running else "") == place.live:
        return RIGHT
    if newest is not None and newest.state in UNDER_WAY:
        return OPEN
    return BAD if newest is not None and newest.state in ENDED_BADLY else WRONG


def where(words: list[str], news: list[list[str]], *, locked: bool) -> str:
    """Where a kill struck, by what the run had done: its deployer's words, its records' states, its lock."""
    if any("success" in states for states in news):
        return "6 a success was recorded, and the lock held" if locked else "7 all was done"
    if "end" in words:
        return "5 the deployer had ended, and no success was recorded"
    if "begin" in words:
        return "4 the deployer was at work"
    if news:
        return "3 the start was being recorded, or was just recorded"
    return "2 a lock was there, and no record" if locked else "1 there was no lock yet"


def after_a_run(place: Place, job: Job, ended: Ended, version: str) -> Iterator[str]:
    """Promises that do not hold after a run that nobody disturbed."""
    reason = ended.outputs.get("reason")
    if reason not in _GOOD:
        yield f"the next run ended as {reason}: {ended.log[-400:]}"
    if place.live != version:
        yield f"{place.live} is live, not {version}"
    for each in job.github.deployments:
        if _is_open(job, each.id):
            yield f"deployment {each.id} is left in progress"
    running = now_running(records_of(job))
    if running is None or running.version != place.live:
        yield f"the records say that {running.version if running else 'nothing'} is live, and it is {place.live}"
    shown = active(job)
    if shown[-1:] != [place.live] or (reason == "deployed" and len(shown) > 1):
        yield f"GitHub shows as active: {shown}"


def active(job: Job) -> list[str]:
    """Versions whose deployments GitHub shows as active, the newest last."""
    return [payload_of(each)["version"] for each in job.github.deployments if _last(job, each.id) == "success"]


def _states(job: Job, deployment: int) -> list[str]:
    return [status.state for status in job.github.deployment_statuses(deployment)]


def _last(job: Job, deployment: int) -> str:
    return (_states(job, deployment) or [""])[-1]


def _is_open(job: Job, deployment: int) -> bool:
    return _last(job, deployment) in UNDER_WAY


def _requests(job: Any) -> int:
    return len(job.remote.requests) + len(job.github.calls)
