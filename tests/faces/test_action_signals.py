"""A cancelled job, wherever it is: within five seconds all is closed, told, and no process is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faces.jobs import Ended, Job
from tests.faces.runner_log import assert_only_ours
from tests.faces.stalling import StallingProxy
from tests.standins.receiver import Stall

pytestmark = pytest.mark.thorough

SECONDS = 5.0
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
STATUSES = r"/deployments/\d+/statuses$"

STUBBORN = """\
version: 1
stages:
  dev:
    deploy:
      run: |
        trap '' TERM INT HUP
        bash -c 'trap "" TERM INT HUP; while :; do sleep 0.2; done' &
        (trap '' TERM; sleep 600 > /dev/null 2>&1) &
        echo working; touch STARTED
        while :; do sleep 0.2; done
  staging:
    deploy: {uses: ./sleeping.py}
"""
SLEEPING = """\
import pathlib, time

class Deployer:
    def describe(self, plan, options):
        return []

    def deploy(self, job, options):
        pathlib.Path("STARTED").touch()
        time.sleep(600)
"""


class Run:
    """A run of the action under way, whose processes can be told from all others by a mark in their environment."""

    def __init__(self, job: Job, tag: str, **inputs: str) -> None:
        self.job = job
        self.mark = f"MSD_TEST_{uuid.uuid4().hex}"
        job.extra[self.mark] = "1"
        self.process, self._finish = job.begin_push(tag, **inputs)

    def when(self, happened: Callable[[], Any]) -> Run:
        """Wait for something outside to have happened."""
        until = time.monotonic() + 30
        while not happened():
            assert time.monotonic() < until, "it never came to that"
            assert self.process.poll() is None, self.process.stdout.read()
            time.sleep(0.01)
        return self

    def cancel(self, *numbers: int, pause: float = 0.3) -> Ended:
        """Send the signals, one after the other; how it ended: in time, with nothing left, saying so."""
        begun = time.monotonic()
        for number in numbers:
            if number != numbers[0]:
                time.sleep(pause)  # what is tested: another signal while the first is being dealt with
            self.process.send_signal(number)
        log, _ = self.process.communicate(timeout=60)
        seconds = time.monotonic() - begun
        ended: Ended = self._finish(log)
        assert list(_marked(self.mark)) == [], "processes are left behind"
        assert seconds < SECONDS, f"{seconds:.1f} s: {log}"
        assert ended.exit_code == 130, log
        assert (ended.outputs["result"], ended.outputs["reason"]) == ("cancelled", "cancelled")
        assert "Traceback" not in log
        assert_only_ours(log)
        assert "Cancelled" in ended.summary
        return ended


def _marked(mark: str) -> Iterator[str]:
    """Processes that carry a mark in their environment."""
    if not Path("/proc/self/environ").exists():
        listed = subprocess.run(["ps", "-axEww", "-o", "command"], capture_output=True, text=True, check=True).stdout
        yield from (line for line in listed.splitlines() if f"{mark}=" in line)
        return
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if f"{mark}=".encode() in (directory / "environ").read_bytes():
                yield (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # gone, or not ours to see


def _last_states(job: Job) -> list[tuple[str, str]]:
    """State and description that each deployment has now, the oldest deployment first."""
    found = []
    for deployment in job.github.deployments:
        statuses = job.github.deployment_statuses(deployment.id)
        found.append((statuses[-1].state, statuses[-1].description) if statuses else ("", ""))
    return found


def _commit_state(job: Job, tag: str) -> str:
    statuses = job.github.commit_statuses(job.repository.tags()[tag])
    return statuses[-1].state if statuses else ""


def _called(job: Job, method: str, ending: str, times: int = 1) -> bool:
    return sum(call.method == method and call.path.endswith(ending) for call in job.github.calls) >= times


@BOTH
def test_while_the_tags_are_fetched(job: Job, number: int) -> None:
    with StallingProxy(job.remote.url, passes=0) as network:
        job.extra["GITHUB_SERVER_URL"] = network.url
        ended = Run(job, "churn#prod#5").when(lambda: network.held).cancel(number)

    assert "cancelled before anything was deployed" in ended.log
    assert job.github.calls == []


def test_while_files_are_fetched(job: Job) -> None:
    with StallingProxy(job.remote.url) as network:
        job.extra["GITHUB_SERVER_URL"] = network.url
        assert job.push("churn#dev#3").exit_code == 0
        total, recorded = network.connections, len(job.github.deployments)
        assert total > 6
        for position in (1, total // 3, total // 2):
            network.connections, network.passes = 0, position
            ended = Run(job, "churn#dev#3").when(lambda: network.held).cancel(signal.SIGTERM)
            assert "cancelled before anything was deployed" in ended.log
    assert len(job.github.deployments) == recorded


@pytest.mark.parametrize("applied", [True, False], ids=["answer-lost", "never-arrived"])
def test_while_the_deployment_is_created(job: Job, applied: bool) -> None:
    job.github.fail_next("POST", "/deployments$", kind="timeout", applied=applied)
    ended = Run(job, "churn#prod#5").when(lambda: _called(job, "POST", "/deployments")).cancel(signal.SIGTERM)

    assert [state for state, _ in _last_states(job)] == (["error"] if applied else [])
    assert all("cancelled" in description for _, description in _last_states(job))
    assert _commit_state(job, "churn#prod#5") == "error"
    assert job.receiver.requests == []
    assert ended.document["ended_as"] is None


@pytest.mark.parametrize(
    ("number", "path"),
    [(signal.SIGINT, STATUSES), (signal.SIGTERM, "/statuses/[0-9a-f]{40}$")],
    ids=["in-progress", "pending"],
)
def test_while_the_start_is_recorded(job: Job, number: int, path: str) -> None:
    job.github.fail_next("POST", path, kind="timeout")
    run = Run(job, "churn#prod#5").when(lambda: job.github.pending_faults == 0)
    run.cancel(number)

    assert _last_states(job) == [("error", "cancelled")]
    assert _commit_state(job, "churn#prod#5") == "error"
    assert job.receiver.requests == []


@BOTH
def test_while_a_script_and_its_children_ignore_everything(job: Job, number: int) -> None:
    started = job.path / "started"
    job.map(STUBBORN.replace("STARTED", str(started)))
    ended = Run(job, "churn#dev#3").when(started.exists).cancel(number)

    assert "working" in ended.log
    assert _last_states(job) == [("error", "cancelled")]
    assert _commit_state(job, "churn#dev#3") == "error"


def test_while_a_script_ignores_it_and_github_says_nothing(job: Job) -> None:
    started = job.path / "started"
    job.map(STUBBORN.replace("STARTED", str(started)))
    job.github.fail_next("*", "", kind="timeout", after=5, times=99)
    ended = Run(job, "churn#dev#3").when(started.exists).cancel(signal.SIGINT, signal.SIGTERM, signal.SIGINT)

    assert "could not be recorded" in ended.document["message"]


@BOTH
def test_while_a_webhooks_receiver_says_nothing(job: Job, number: int) -> None:
    job.receiver.behave(Stall(60))
    Run(job, "churn#prod#5").when(lambda: job.receiver.requests).cancel(number)

    assert _last_states(job) == [("error", "cancelled")]
    assert _commit_state(job, "churn#prod#5") == "error"


def test_while_a_deployer_of_the_users_own_sleeps(job: Job) -> None:
    started = job.path / "started"
    job.map(STUBBORN, {"sleeping.py": SLEEPING.replace("STARTED", str(started))})
    Run(job, "churn#staging#4").when(started.exists).cancel(signal.SIGINT)

    assert _last_states(job) == [("error", "cancelled")]


def test_while_a_webhook_waits_for_its_next_try(job: Job) -> None:
    from tests.standins.receiver import Answer

    job.receiver.behave(Answer(503, headers={"Retry-After": "30"}))
    job.map("version: 1\nstages: {prod: {deploy: {uses: webhook, with: {url: 'RECEIVER/'}, timeout: 2m}}}\n")
    Run(job, "churn#prod#5").when(lambda: job.receiver.requests).cancel(signal.SIGTERM)

    assert _last_states(job) == [("error", "cancelled")]


@pytest.mark.parametrize(
    ("number", "path"),
    [(signal.SIGTERM, STATUSES), (signal.SIGINT, "/statuses/[0-9a-f]{40}$")],
    ids=["deployment", "commit"],
)
def test_while_the_end_is_recorded_what_is_recorded_is_how_the_deployer_ended(job: Job, number: int, path: str) -> None:
    job.github.fail_next("POST", path, kind="timeout", after=1)
    ended = Run(job, "churn#prod#5").when(lambda: job.github.pending_faults == 0).cancel(number)

    assert len(job.receiver.requests) == 1
    assert [state for state, _ in _last_states(job)] == ["success"]
    assert _commit_state(job, "churn#prod#5") == "success"
    assert ended.document["ended_as"] == "deployed"


def test_while_the_failure_is_recorded_the_failure_is_what_is_recorded(job: Job) -> None:
    from tests.standins.receiver import Answer

    job.receiver.behave(Answer(400))
    job.github.fail_next("POST", STATUSES, kind="timeout", after=1)
    Run(job, "churn#prod#5").when(lambda: job.github.pending_faults == 0).cancel(signal.SIGTERM)

    assert [state for state, _ in _last_states(job)] == ["failure"]


def test_while_the_older_deployment_is_retired(job: Job) -> None:
    assert job.push("churn#prod#1", force="true").exit_code == 0
    job.github.fail_next("GET", "/deployments", kind="timeout", times=99)
    begun = len(job.github.calls)
    Run(job, "churn#prod#5").when(lambda: any(c.method == "GET" for c in job.github.calls[begun:])).cancel(
        signal.SIGTERM
    )

    assert [state for state, _ in _last_states(job)][-1] == "success"


def test_more_signals_do_not_disturb_the_closing_of_the_record(job: Job) -> None:
    job.receiver.behave(Stall(60))
    job.github.fail_next("POST", STATUSES, kind="timeout", after=1, seconds=1.2, applied=True)
    run = Run(job, "churn#prod#5").when(lambda: job.receiver.requests)
    run.cancel(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGTERM)

    assert _last_states(job) == [("error", "cancelled")]


def test_a_signal_while_the_outcome_is_told_changes_nothing(job: Job) -> None:
    pipe = job.path / "pipe"
    os.mkfifo(pipe)
    job.extra["GITHUB_OUTPUT"] = str(pipe)
    process, _ = job.begin_push("churn#prod#5")
    for line in process.stdout:
        if line.startswith("Deployed"):
            break
    for number in (signal.SIGINT, signal.SIGTERM):
        process.send_signal(number)
    told = pipe.read_text(encoding="utf-8")  # only now the process gets on: nobody had opened the pipe to read
    rest, _ = process.communicate(timeout=20)

    assert process.returncode == 0, rest
    assert "reason<<" in told
    assert "Traceback" not in rest
