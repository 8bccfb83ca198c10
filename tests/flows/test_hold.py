"""Keeping a lock: renewals by hand, and the thread with a lease of half a second in real time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import Cancelled, MachineryFailed
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.flows.locking import Hold, Wanted, held
from tests.fakes.clock import FakeClock
from tests.fakes.lock_store import FakeLockStore

KEY = key_of("churn", "prod")
WANTED = Wanted(KEY, "mine", "Ada", "deploy", "", 60.0)


class Bench:
    """A hold without its thread."""

    def __init__(self) -> None:
        self.store, self.clock = FakeLockStore(), FakeClock()
        self.told: list[str] = []
        self.interruptions = 0
        self.hold = Hold(self.store, self.clock, "mine", self.told.append, self._interrupt)
        now = self.clock.now()
        entry = LockEntry("", "run", KEY, "mine", "Ada", "deploy", "", now, now, 60.0)
        self.hold.may_be_there(entry)
        self.hold.may_be_there(replace(entry, version=self.store.place(entry)))

    def _interrupt(self) -> None:
        self.interruptions += 1

    @property
    def entry(self) -> LockEntry:
        [entry] = self.store.held.values()
        return entry

    def taken_by(self, claim: str) -> None:
        self.store.place(replace(self.entry, claim=claim, owner="Bob"), replacing=self.entry.version)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_renewal_is_a_sign_of_life(bench: Bench) -> None:
    before = bench.entry
    bench.clock.time += 20
    bench.hold.renew()
    assert bench.entry.renewed == before.renewed + 20
    assert (bench.entry.since, bench.entry.claim) == (before.since, "mine")
    assert bench.entry.version != before.version
    bench.hold.end()
    assert bench.store.held == {}


@pytest.mark.parametrize("how", ["taken", "removed"])
def test_a_renewal_finds_the_lock_lost(bench: Bench, how: str) -> None:
    if how == "taken":
        bench.taken_by("theirs")
    else:
        bench.store.held.clear()
    bench.hold.renew()
    bench.hold.renew()
    assert (bench.hold.lost, bench.interruptions) == (True, 1)
    assert ("Bob" if how == "taken" else "removed") in bench.told[0]
    with pytest.raises(MachineryFailed) as failure:
        bench.hold.require()
    assert failure.value.reason is Reason.LOCK_LOST
    before = dict(bench.store.held)
    bench.hold.end()
    assert bench.store.held == before


def test_a_renewal_whose_answer_was_lost_is_found_again(bench: Bench) -> None:
    bench.store.place(replace(bench.entry, renewed=5.0), replacing=bench.entry.version)
    bench.hold.renew()
    assert not bench.hold.lost
    bench.hold.renew()
    assert bench.entry.renewed == bench.clock.now()


def test_failures_are_borne_for_most_of_a_lease(bench: Bench) -> None:
    def refuse(_operation: str) -> None:
        raise MachineryFailed(Reason.LOCK_FAILED, "no answer")

    bench.store.before = refuse
    bench.clock.time += 49
    bench.hold.renew()
    assert not bench.hold.lost
    bench.clock.time += 1
    bench.hold.renew()
    assert (bench.hold.lost, bench.interruptions) == (True, 1)
    assert bench.told == ["the lock of this deployment is lost: it could not be renewed: no answer"]


@pytest.mark.parametrize("problem", [MachineryFailed(Reason.LOCK_FAILED, "no answer"), OSError("no more processes")])
def test_what_could_not_be_kept_is_let_go_all_the_same(bench: Bench, problem: Exception) -> None:
    def refuse(_operation: str) -> None:
        raise problem

    bench.store.before = refuse
    bench.clock.time += 51
    bench.hold.renew()
    assert bench.hold.lost
    bench.store.before = lambda _: None
    bench.hold.end()
    assert bench.store.held == {}


def test_nobody_listens(bench: Bench) -> None:
    def deaf(_text: str) -> None:
        raise BrokenPipeError

    bench.hold._tell = deaf
    bench.taken_by("theirs")
    bench.hold.renew()
    assert (bench.hold.lost, bench.interruptions) == (True, 1)


def test_a_success_begins_the_lease_anew(bench: Bench) -> None:
    def refuse(_operation: str) -> None:
        raise MachineryFailed(Reason.LOCK_FAILED, "no answer")

    bench.clock.time += 40
    bench.hold.renew()
    bench.store.before = refuse
    bench.clock.time += 40
    bench.hold.renew()
    assert not bench.hold.lost


def test_nothing_is_lost_after_the_end(bench: Bench) -> None:
    bench.hold.end()
    bench.hold.renew()
    assert (bench.interruptions, bench.told, bench.store.held) == (0, [], {})


def test_in_a_hurry_a_slow_store_is_left_to_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model_stage_deploy.flows.hold._HURRY", 0.05)
    gate = threading.Event()

    def wait(_operation: str) -> None:
        gate.wait(10)

    bench.store.before = wait
    bench.hold.hurry = True
    bench.hold.end()
    assert "in the time that was left" in bench.told[0]
    gate.set()


def test_cancelled_while_letting_go(bench: Bench) -> None:
    def cancel(operation: str) -> None:
        bench.store.before = lambda _: None
        raise Cancelled("SIGTERM")

    bench.store.before = cancel
    with pytest.raises(Cancelled):
        bench.hold.end()
    assert bench.store.held == {}


def inside(
    store: FakeLockStore,
    act: Callable[[Hold], None],
    *,
    interrupt: Callable[[], None] = lambda: None,
    lease: float = 0.3,
) -> list[str]:
    told: list[str] = []
    wanted = WANTED._replace(lease=lease)
    with held(store, SystemClock(), wanted, wait=0, tell=told.append, interrupt=interrupt) as hold:
        act(hold)
    return told


def test_the_thread_renews() -> None:
    store, renewals, enough = FakeLockStore(), [], threading.Event()

    def count(operation: str) -> None:
        renewals.append(operation)
        if renewals.count("put") >= 4:
            enough.set()

    store.before = count
    told = inside(store, lambda _: None if enough.wait(10) else pytest.fail("it did not renew"))
    assert (store.held, told) == ({}, [])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lock re")]


def test_the_thread_interrupts_once() -> None:
    store, interrupted = FakeLockStore(), threading.Event()
    calls: list[int] = []

    def interrupt() -> None:
        calls.append(1)
        interrupted.set()

    def act(hold: Hold) -> None:
        [entry] = store.held.values()
        with_another = replace(entry, claim="theirs")
        store.held = {place: replace(with_another, version="other") for place in store.held}
        assert interrupted.wait(10)
        assert hold.lost

    told = inside(store, act, interrupt=interrupt)
    assert calls == [1]
    assert [entry.claim for entry in store.held.values()] == ["theirs"]
    assert told[0].startswith("the lock of this deployment is lost: now it is that of")


def test_a_renewal_that_hangs_does_not_hide_the_end_of_the_lease() -> None:
    store, interrupted, gate = FakeLockStore(), threading.Event(), threading.Event()

    def hang(operation: str) -> None:
        if operation == "put":
            gate.wait(10)

    def act(hold: Hold) -> None:
        store.before = hang
        assert interrupted.wait(10)
        assert hold.lost
        gate.set()

    assert inside(store, act, interrupt=interrupted.set) == [
        "the lock of this deployment is lost: no renewal of it came through in time"
    ]


@pytest.mark.thorough
def test_the_thread_bears_failures() -> None:
    store, again = FakeLockStore(), threading.Event()
    failures = [3]

    def act_up(operation: str) -> None:
        if operation == "put" and failures[0]:
            failures[0] -= 1
            raise MachineryFailed(Reason.LOCK_FAILED, "no answer")
        if operation == "put":
            again.set()

    def act(hold: Hold) -> None:
        store.before = act_up
        assert again.wait(10)
        assert not hold.lost

    assert inside(store, act, lease=3.0) == []
