"""A run that is cancelled reaches what works in other threads: signals themselves come to the main thread only."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.web_requests import RequestsWeb
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.ports import Command, WebRequest
from tests.standins.receiver import Receiver, Stall


def stopped(work: Callable[[], object], stop: threading.Event, *, after: float = 0.3) -> BaseException | None:
    """What `work`, in a thread of its own, raises when it is stopped; it takes no longer than a moment."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - looked at below
            raised.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    time.sleep(after)
    assert thread.is_alive()
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()
    return raised[0] if raised else None


def test_a_command_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    stop = threading.Event()
    process = Subprocesses(grace=0.2, stop=stop)
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    command = Command(("sh", "-c", script), tmp_path, dict(os.environ), 60.0)
    assert isinstance(stopped(lambda: process.run(command, lambda _: None), stop), Cancelled)
    child = int((tmp_path / "child").read_text())
    until = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and "Z" not in Path(f"/proc/{child}/stat").read_text().split()[2]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_exchange_is_given_up() -> None:
    stop = threading.Event()
    with Receiver(Stall(30.0)) as receiver:
        request = WebRequest("POST", receiver.url, body=b"{}", timeout=30.0)
        assert isinstance(stopped(lambda: RequestsWeb(stop=stop).send(request), stop), Cancelled)


def test_a_pause_ends() -> None:
    stop = threading.Event()
    assert isinstance(stopped(lambda: SystemClock(stop).sleep(60.0), stop), Cancelled)


def test_without_a_stop_they_wait_as_ever() -> None:
    begun = time.monotonic()
    SystemClock(threading.Event()).sleep(0.05)
    SystemClock().sleep(0.05)
    assert time.monotonic() - begun >= 0.1


@pytest.mark.parametrize("seconds", [-1.0, 0.0])
def test_no_pause_is_no_pause(seconds: float) -> None:
    SystemClock(threading.Event()).sleep(seconds)
