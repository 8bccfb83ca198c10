"""What every verifier promises, asked of each of them. A new one needs a bench, and is then asked too."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.ports import Command, WebProblem, WebRequest
from model_stage_deploy.verifiers.catalogue import VERIFIERS, build, load
from model_stage_deploy.verifiers.contract import Verifier
from tests.fakes.clock import FakeClock
from tests.fakes.plans import HOSTILE
from tests.standins.prometheus import scalar
from tests.standins.receiver import Answer, Receiver, Stall
from tests.verifiers import checks

SECRET = "hunter2' \"correct\\horse"
GRACE = 0.5


class Bench:
    """How to bring one verifier into each of the situations that are asked about. The server is there for all."""

    def __init__(self, receiver: Receiver, files: Path) -> None:
        self.receiver = receiver
        self.files = files

    def check(self, finding: Finding) -> Check:
        """One that ends so."""
        raise NotImplementedError

    def hanging(self) -> Check:
        raise NotImplementedError

    def answering(self, hostile: str) -> Check:
        """Whatever is asked says `hostile`, which is not what is wanted."""
        raise NotImplementedError

    def secretive(self) -> Check:
        """Has SECRET in its settings, and gets an answer that it does not want."""
        raise NotImplementedError


class HttpBench(Bench):
    """`http`, with a receiver on loopback."""

    def check(self, finding: Finding) -> Check:
        status = {Finding.PASSED: 200, Finding.FAILED: 500, Finding.INCONCLUSIVE: 401}
        self.receiver.behave(Answer(status[finding]))
        return checks.http(self.receiver.url, deadline=0.05, interval=0.01)

    def hanging(self) -> Check:
        self.receiver.behave(Stall(60))
        return checks.http(self.receiver.url, request_timeout=60)

    def answering(self, hostile: str) -> Check:
        self.receiver.behave(Answer(200, json.dumps({"version": hostile}).encode()))
        return checks.http(self.receiver.url, json={"$.version": "v0"}, deadline=0.05, interval=0.01)

    def secretive(self) -> Check:
        self.receiver.behave(Answer(200, b"no"))
        headers = {"Authorization": SECRET, "X-Odd": SECRET}
        url = f"{self.receiver.url}/hunter2?token=horse"
        return checks.http(url, headers=headers, method="POST", body=SECRET, contains="x", deadline=0.05, interval=0.01)


class RunBench(Bench):
    """`run`, with small scripts."""

    def check(self, finding: Finding) -> Check:
        return checks.run({Finding.PASSED: "true", Finding.FAILED: "exit 1", Finding.INCONCLUSIVE: "exit 75"}[finding])

    def hanging(self) -> Check:
        return checks.run("trap '' TERM; echo hello; sleep 60 & sleep 60; sleep 60")

    def answering(self, hostile: str) -> Check:
        (self.files.parent / "answer").write_text(hostile)
        return checks.run(f"cat {self.files.parent}/answer; exit 1")

    def secretive(self) -> Check:
        return checks.run("exit 1")  # its text is no template: no secret gets into it


class MetricBench(Bench):
    """`metric`, with a receiver that answers as Prometheus does."""

    def check(self, finding: Finding) -> Check:
        number = {Finding.PASSED: "0", Finding.FAILED: "1", Finding.INCONCLUSIVE: "NaN"}
        self.receiver.behave(Answer(200, json.dumps(scalar(number[finding])).encode()))
        return checks.metric(self.receiver.url, deadline=0.05, interval=0.01)

    def hanging(self) -> Check:
        self.receiver.behave(Stall(60))
        return checks.metric(self.receiver.url, request_timeout=60)

    def answering(self, hostile: str) -> Check:
        body = {"status": "error", "errorType": hostile, "error": hostile, "warnings": [hostile]}
        self.receiver.behave(Answer(422, json.dumps(body).encode()))
        return checks.metric(self.receiver.url, deadline=0.05, interval=0.01)

    def secretive(self) -> Check:
        headers = {"Authorization": SECRET, "X-Odd": SECRET}
        url = f"{self.receiver.url}/hunter2/horse"
        return checks.metric(url, headers=headers, query=SECRET, deadline=0.05, interval=0.01)


BENCHES = {"http": HttpBench, "run": RunBench, "metric": MetricBench}


@pytest.fixture(params=list(VERIFIERS))
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of every verifier of the catalogue."""
    return str(request.param)


@pytest.fixture
def bench(kind: str, tmp_path: Path) -> Iterator[Bench]:
    files = tmp_path / "files"
    files.mkdir()
    with Receiver() as receiver:
        yield BENCHES[kind](receiver, files)


def _verifier(kind: str, **ports: object) -> Verifier:
    return build(load(kind), {"process": Subprocesses(GRACE), "web": RequestsWeb(), "clock": SystemClock(), **ports})


def _job(bench: Bench, said: list[str]) -> Job:
    return checks.a_job(bench.files, said, PATH=os.environ["PATH"])


def _sound(verified: Verified) -> str:
    """All that may be shown of an answer, after a look at its shape."""
    facts = json.dumps(verified.facts)
    assert verified.sentence
    assert verified.sentence.isprintable()
    return verified.sentence + facts


class _Untouchable:
    """A port that must not be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def test_it_is_built_with_what_it_names(kind: str) -> None:
    assert _verifier(kind).kind == kind


@pytest.mark.parametrize("finding", Finding)
def test_each_finding(kind: str, bench: Bench, finding: Finding) -> None:
    verified = _verifier(kind).verify(_job(bench, []), bench.check(finding))
    assert (verified.check, verified.finding) == (kind, finding)
    _sound(verified)


@pytest.mark.parametrize("finding", Finding)
def test_its_own_name_is_told(kind: str, bench: Bench, finding: Finding) -> None:
    check = bench.check(finding).model_copy(update={"name": "smoke"})
    assert _verifier(kind).verify(_job(bench, []), check).check == "smoke"


def test_describing_touches_nothing(kind: str, bench: Bench) -> None:
    ports = {name: _Untouchable() for name in ("process", "web", "clock")}
    lines = _verifier(kind, **ports).describe(bench.check(Finding.PASSED))
    assert lines
    assert all(isinstance(line, str) and line.isprintable() for line in lines)
    assert bench.receiver.requests == []


def test_a_description_shows_no_secret_once_scrubbed(kind: str, bench: Bench) -> None:
    text = Scrubber([SECRET, "hunter2", "horse"]).text("\n".join(_verifier(kind).describe(bench.secretive())))
    assert "hunter2" not in text
    assert "horse" not in text


def test_no_secret_is_told(kind: str, bench: Bench) -> None:
    said: list[str] = []
    verified = _verifier(kind).verify(_job(bench, said), bench.secretive())
    assert verified.finding is not Finding.PASSED
    shown = _sound(verified) + "".join(said)
    assert "hunter2" not in shown
    assert "horse" not in shown


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_answers_are_inert(kind: str, bench: Bench, hostile: str) -> None:
    verified = _verifier(kind).verify(_job(bench, []), bench.answering(hostile))
    assert verified.finding is not Finding.PASSED
    _sound(verified)
    assert list(bench.files.iterdir()) == []


def test_a_cancelled_run_goes_on_as_cancelled_within_three_seconds(kind: str, bench: Bench) -> None:
    def stop(_number: int, _frame: object) -> None:
        raise Cancelled("told to stop")

    verifier, check = _verifier(kind), bench.hanging()
    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGUSR1])
    begun = time.monotonic()
    try:
        with pytest.raises(Cancelled):
            timer.start()
            verifier.verify(_job(bench, []), check)
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - begun < 3


class _Broken:
    """A web and a process that give nothing."""

    def send(self, request: WebRequest) -> Any:
        raise WebProblem("reset", f"{request.method} broke off", retryable=True)

    def run(self, command: Command, output: object) -> Any:
        raise OSError(7, "Argument list too long")


def test_it_never_raises_for_what_it_finds(kind: str, bench: Bench) -> None:
    verifier = _verifier(kind, web=_Broken(), process=_Broken(), clock=FakeClock())
    verified = verifier.verify(_job(bench, []), bench.check(Finding.PASSED))
    assert verified.finding is not Finding.PASSED
    _sound(verified)
