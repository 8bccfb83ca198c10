"""Threads that work on many things: order, bounds, halting, and the ends that come from elsewhere."""

from __future__ import annotations

import threading
import time

import pytest

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.flows import crew
from model_stage_deploy.flows.crew import Crew


class Heard:
    """What the asking thread hears, and in which thread that was."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: dict[int, int | BaseException] = {}
        self.threads: set[int] = set()

    def begin(self, thing: int) -> None:
        self.threads.add(threading.get_ident())
        self.begun.append(thing)

    def hear(self, thing: int, result: int | BaseException) -> None:
        self.threads.add(threading.get_ident())
        self.ended[thing] = result


def run(the_crew: Crew[int, int], things: range, work: object, heard: Heard, *, halts: object = None) -> list[int]:
    return the_crew.run(
        things,
        work,  # type: ignore[arg-type]
        halts=halts or (lambda _: False),  # type: ignore[arg-type]
        begun=heard.begin,
        heard=heard.hear,
        idle=lambda: None,
    )


def test_all_is_done_in_order_and_heard_in_the_asking_thread() -> None:
    heard = Heard()
    assert run(Crew(3, threading.Event()), range(20), lambda n: n * n, heard) == []
    assert heard.begun == list(range(20))
    assert heard.ended == {n: n * n for n in range(20)}
    assert heard.threads == {threading.get_ident()}


def test_nothing_to_do() -> None:
    heard = Heard()
    assert run(Crew(3, threading.Event()), range(0), lambda n: n, heard) == []
    assert heard.begun == []


def test_no_more_than_its_size_at_once() -> None:
    at_work, most, gate = 0, 0, threading.Lock()

    def work(thing: int) -> int:
        nonlocal at_work, most
        with gate:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.01)
        with gate:
            at_work -= 1
        return thing

    run(Crew(4, threading.Event()), range(24), work, Heard())
    assert 1 < most <= 4


def test_after_a_result_that_halts_nothing_is_begun() -> None:
    heard = Heard()
    left = run(Crew(1, threading.Event()), range(5), lambda n: n, heard, halts=lambda n: n == 2)
    assert left == [3, 4]
    assert list(heard.ended) == [0, 1, 2]


@pytest.mark.parametrize("problem", [Cancelled("SIGTERM"), KeyError("a defect")])
def test_what_work_raises_stops_all_and_goes_up(problem: BaseException) -> None:
    stop, heard = threading.Event(), Heard()

    def work(thing: int) -> int:
        if thing == 1:
            raise problem
        stop.wait(5)
        return thing

    with pytest.raises(type(problem)):
        run(Crew(2, stop), range(9), work, heard)
    assert stop.is_set()
    assert heard.begun == [0, 1]
    assert heard.ended[1] is problem
    assert heard.ended[0] == 0  # it was told to stop, and its last words were heard


def test_a_signal_in_the_asking_thread_stops_all() -> None:
    stop, heard = threading.Event(), Heard()

    def idle() -> None:
        raise Cancelled("SIGTERM")

    def work(thing: int) -> int:
        assert stop.wait(5)
        return thing

    begun = time.monotonic()
    with pytest.raises(Cancelled):
        Crew[int, int](2, stop).run(
            range(9), work, halts=lambda _: False, begun=heard.begin, heard=heard.hear, idle=idle
        )
    assert time.monotonic() - begun < 3
    assert set(heard.ended) == {0, 1}


def test_a_cancellation_while_the_threads_are_started_stops_those_that_were() -> None:
    """Else they would go on with all that waits, and nobody would hear of it."""
    stop, done = threading.Event(), list[int]()
    gate = threading.Event()

    def work(number: int) -> int:
        gate.wait(30)
        done.append(number)
        return number

    started = threading.Thread.start

    def start(self: threading.Thread) -> None:
        if self.name == "target 1":
            raise Cancelled("SIGTERM")
        started(self)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Cancelled):
        patch.setattr(threading.Thread, "start", start)
        patch.setattr(crew, "_LAST_WORDS", 0.05)
        run(Crew(3, stop), range(6), work, Heard())
    assert stop.is_set()
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("target "):
            thread.join(30)
    assert done == [0]
