"""Records of targets are kept together, in time, and not lost where keeping them fails for a while."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import TargetRecord, TargetState
from model_stage_deploy.flows.target_book import TargetBook
from tests.fakes.clock import FakeClock
from tests.fakes.plans import a_plan
from tests.fakes.target_log import FakeTargetLog


def a_record(name: str, version: str = "v1", time: float = 1.0) -> TargetRecord:
    return TargetRecord(name, version, "c" * 40, "m#prod#1", "d", "a", TargetState.SUCCESS, time)


@pytest.fixture
def log() -> FakeTargetLog:
    return FakeTargetLog()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def book(log: FakeTargetLog, clock: FakeClock) -> TargetBook:
    return TargetBook(log, clock, a_plan(), "part")


def kept(log: FakeTargetLog) -> dict[str, str]:
    (parts,) = log.parts.values()
    return {name: record.version for name, record in parts["part"].items()}


def test_many_records_are_few_writes(book: TargetBook, log: FakeTargetLog, clock: FakeClock) -> None:
    for number in range(100):
        clock.time += 0.01
        book.keep(a_record(f"t{number}"))
    assert log.calls.count("add") == 2
    book.settle()
    assert len(kept(log)) == 100


def test_a_failure_is_told_once_and_tried_again(log: FakeTargetLog, clock: FakeClock) -> None:
    told: list[str] = []
    book = TargetBook(log, clock, a_plan(), "part", told.append)

    def fail(operation: str) -> None:
        if operation == "add":
            raise MachineryFailed(Reason.LOG_FAILED, "the remote is away")

    log.before = fail
    for number in range(5):
        clock.time += 10
        book.keep(a_record(f"t{number}"))
    assert len(told) == 1
    with pytest.raises(MachineryFailed):
        book.settle()
    log.before = lambda _: None
    book.settle()
    assert len(kept(log)) == 5


def test_the_newest_record_of_a_target_counts(book: TargetBook, log: FakeTargetLog) -> None:
    book.keep(a_record("t", "v1"))
    book.keep(a_record("t", "v2", 2.0))
    book.settle()
    assert kept(log) == {"t": "v2"}
    assert book.known["t"].version == "v2"


def test_what_others_kept_is_known(log: FakeTargetLog, clock: FakeClock) -> None:
    TargetBook(log, clock, a_plan(), "other").begin([a_record("t")])
    assert TargetBook(log, clock, a_plan(), "part").known["t"].version == "v1"


def test_without_a_log_nothing_is_kept(clock: FakeClock) -> None:
    book = TargetBook(None, clock, a_plan(), "part")
    book.begin([a_record("t")])
    book.join()
    assert book.known["t"].version == "v1"
