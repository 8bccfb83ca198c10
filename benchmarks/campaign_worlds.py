"""Where the campaign's deployments happen: a registry, its remote over HTTP, GitHub, and a place where models are live.

What a world holds itself (`live`, the deployer's journal) is the truth that records and locks are compared with.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_records import GitHubRecords
from model_stage_deploy.core.lifecycle import Records
from model_stage_deploy.core.redaction import Secret
from tests.faces.jobs import REPOSITORY, TOKEN, Ended, Job
from tests.standins.git_remote import GitRemote
from tests.standins.github import GitHubStandIn
from tests.standins.receiver import Receiver
from tests.standins.registries import GitRepository

LEASE = 5.0  # seconds, the shortest there is a point in: a campaign mostly waits for locks to go stale
_DEPLOY = """\
      run: |
        echo "begin $MSD_VERSION $MSD_ATTEMPT" >> "$PLACE/journal"
        sleep 0.05
        printf %s "$MSD_VERSION" > "$PLACE/live.new" && mv "$PLACE/live.new" "$PLACE/live"
        sleep 0.05
        echo "end $MSD_VERSION $MSD_ATTEMPT" >> "$PLACE/journal"
    verify:
      - run: '[ "$(cat "$PLACE/live")" = "$MSD_VERSION" ]'
"""
KILLED = f"""\
version: 1
stages:
  prod:
    deploy:
{_DEPLOY}\
    lock: {{lease: {LEASE:.0f}s, wait: 20m}}
"""
TOGETHER = f"""\
version: 1
stages:
  prod:
    deploy:
{_DEPLOY}\
    lock: {{wait: 20m}}
"""
LOCKED = """\
version: 1
stages:
  prod:
    deploy: {run: 'printf %s "$MSD_VERSION" > "$PLACE/live"'}
"""
UNLOCKED = (
    LOCKED
    + """\
    lock: {use: none}
"""
)
VERIFIED = (
    LOCKED
    + """\
    verify:
      - run: '[ "$(cat "$PLACE/live")" = "$MSD_VERSION" ]'
    on-failure: rollback
"""
)
GUARDED = (
    VERIFIED
    + """\
    gates: {window: {days: mon-sun}, people: {pushers: [ada]}}
"""
)
_GRACE = 900.0  # seconds for a run that must end


class Place:
    """One world: `versions` of the model `m` (v1.0.0, v2.0.0, …), and a mapping for its stage `prod`."""

    def __init__(self, path: Path, mapping: str, versions: int = 2) -> None:
        path.mkdir(parents=True)
        self._path = path
        self._live = path / "live"
        self._journal = path / "journal"
        self._commits: dict[str, str] = {}
        self._tags = 0
        self.repository = GitRepository(path / "source")
        for number in range(1, versions + 1):
            self.repository.commit({"model.txt": f"weights {number}\n"}, message=f"Train {number}")
            self.repository.tag(f"m@v{number}.0.0")
            self._commits[f"v{number}.0.0"] = self.repository.git("rev-parse", "HEAD")
        self.repository.commit({".github/model-stages.yml": mapping}, message="Say how to deploy")

    @property
    def versions(self) -> list[str]:
        """All there are, the oldest first."""
        return list(self._commits)

    @property
    def live(self) -> str:
        """The version that is live, "" before there is one."""
        return self._live.read_text(encoding="utf-8") if self._live.exists() else ""

    @property
    def journal(self) -> list[list[str]]:
        """What deployers wrote: `begin` or `end`, the version, the attempt."""
        text = self._journal.read_text(encoding="utf-8") if self._journal.exists() else ""
        return [line.split() for line in text.splitlines()]

    @contextmanager
    def job(self) -> Iterator[Job]:
        """The world at work."""
        with (
            GitRemote(self._path / "remotes", token=TOKEN) as remote,
            GitHubStandIn(repository=REPOSITORY, token=TOKEN) as github,
            Receiver() as receiver,
        ):
            remote.add(REPOSITORY, self.repository)
            job = Job(self._path / "jobs", self.repository, remote, github, receiver)
            job.extra["PLACE"] = str(self._path)
            yield job

    def assign(self, job: Job, version: str) -> str:
        """Push a tag that gives prod to a version, leaving every other ref of the remote as it is; its name."""
        self._tags += 1
        tag = f"m#prod#{self._tags}"
        self.repository.tag(tag, at=self._commits[version])
        bare = job.remote.directory(*REPOSITORY.split("/"))
        self.repository.git("push", "--quiet", str(bare), f"refs/tags/{tag}")
        return tag


def finished(job: Job, tag: str, **inputs: str) -> Ended:
    """One run to its end."""
    process, finish = job.begin_push(tag, **inputs)
    ended: Ended = finish(process.communicate(timeout=_GRACE)[0])
    return ended


def locks_of(job: Job) -> list[str]:
    """Locks that are on the remote."""
    bare = GitRepository(job.remote.directory(*REPOSITORY.split("/")), bare=True)
    return bare.git("for-each-ref", "--format=%(refname)", "refs/model-stages/locks").split()


def records_of(job: Job) -> Records:
    """What GitHub says of the stage, read as our own commands read it."""
    client = GitHubClient(job.github.url, REPOSITORY, Secret(TOKEN))
    return GitHubRecords(client).records("m", "prod", "prod", limit=10, past=10)


def payload_of(deployment: Any) -> Mapping[str, Any]:
    """The payload of one of GitHub's deployments."""
    payload = json.loads(deployment.payload) if isinstance(deployment.payload, str) else deployment.payload
    return payload if isinstance(payload, Mapping) else {}


def kill_tree(pid: int) -> None:
    """SIGKILL to a process and all that it started: nobody is told, nothing is tidied up.

    They are stopped first, until no new one appears, so that none of them sees another die, as when the power goes.
    """
    stopped: list[int] = []
    while fresh := [each for each in _tree(pid) if each not in stopped]:
        for each in fresh:
            _signal(each, signal.SIGSTOP)
        stopped += fresh
    for each in stopped:
        _signal(each, signal.SIGKILL)


def _tree(pid: int) -> list[int]:
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:
                continue  # gone
            below.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += below.get(found[-1], [])
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
