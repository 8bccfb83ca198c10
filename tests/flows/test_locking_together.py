"""Many who want one lock on a real bare remote; holders that are killed, or asleep for too long."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_locks import open_lock_store
from model_stage_deploy.adapters.git_source import GitSource
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.flows.locking import Wanted, held
from tests.adapters.lock_places import bare_remote, isolated, refs
from tests.flows.lock_users import KEY, journal, start, until

pytestmark = pytest.mark.thorough


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    isolated(monkeypatch, tmp_path / "home")
    bare_remote(tmp_path)
    return tmp_path


def one_at_a_time(told: list[tuple[str, str]]) -> bool:
    """Whether nobody had it while another did."""
    pairs = zip(told[::2], told[1::2], strict=True)
    return all(first == second and (did, done) == ("has it", "lets go") for (first, did), (second, done) in pairs)


def users(room: Path, number: int) -> list[str]:
    """Threads that all want the lock at once, each through a store of its own; what they did, in order."""
    inside, told, counting = [0], [], threading.Lock()

    def use(name: int) -> None:
        wanted = Wanted(KEY, f"claim-{name}", str(name), "deploy", "", 60.0)
        with (
            GitSource(None, [(str(room / "remote.git"), None)]) as source,
            held(open_lock_store(source), SystemClock(), wanted, wait=100.0, tell=lambda _: None) as hold,
        ):
            hold.require()
            with counting:
                inside[0] += 1
                told.append(f"{name} {inside[0]}")
            with counting:
                inside[0] -= 1

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(use, range(number)))
    return told


def test_one_at_a_time_among_six(room: Path) -> None:
    assert sorted(users(room, 6)) == [f"{name} 1" for name in range(6)]
    assert refs(room, "clone") == {}


@pytest.mark.long
@pytest.mark.thorough
def test_one_at_a_time_among_fifty_processes(room: Path) -> None:
    everybody = [start(room, f"n{number}", wait=110.0, lease=30.0) for number in range(50)]
    said = [user.communicate(timeout=115)[0] for user in everybody]
    told = journal(room)
    assert [user.returncode for user in everybody] == [0] * 50, said
    assert len(told) == 100
    assert one_at_a_time(told)
    assert not [text for text in said if "took over" in text]
    assert refs(room, "clone") == {}


def test_the_lock_of_a_killed_run_is_taken_over_after_its_lease(room: Path) -> None:
    dead = start(room, "dead", lease=2.0, work=60.0)
    until(room, ("dead", "has it"))
    dead.kill()
    dead.wait()
    killed = time.monotonic()
    impatient = start(room, "impatient", lease=2.0, wait=0.5)
    impatient.communicate()
    heir = start(room, "heir", lease=2.0, wait=30.0)
    until(room, ("heir", "has it"))
    waited = time.monotonic() - killed
    said = heir.communicate()[0]
    assert journal(room)[1:] == [("impatient", "locked"), ("heir", "has it"), ("heir", "lets go")]
    assert waited >= 2.0
    assert "took over the lock of the deployment of dead" in said
    assert refs(room, "clone") == {}
    if dead.stdout:
        dead.stdout.close()


@pytest.mark.thorough
def test_a_run_that_slept_too_long_finds_its_lock_lost(room: Path) -> None:
    sleeper = start(room, "sleeper", lease=2.0, work=6.0)
    until(room, ("sleeper", "has it"))
    sleeper.send_signal(signal.SIGSTOP)
    heir = start(room, "heir", lease=2.0, wait=30.0, work=0.5)
    until(room, ("heir", "has it"))
    sleeper.send_signal(signal.SIGCONT)
    said = sleeper.communicate()[0]
    heir.communicate()
    assert ("sleeper", "interrupted") in journal(room)
    assert ("sleeper", "lost it") in journal(room)
    assert ("heir", "lets go") in journal(room)
    assert "the lock of this deployment is lost" in said
    assert refs(room, "clone") == {}


@pytest.mark.long
@pytest.mark.thorough
def test_a_run_that_works_for_several_leases_keeps_its_lock(room: Path) -> None:
    worker = start(room, "worker", lease=4.0, work=10.0)
    until(room, ("worker", "has it"))
    other = start(room, "other", lease=4.0, wait=60.0)
    worker.communicate()
    said = other.communicate()[0]
    assert journal(room) == [("worker", "has it"), ("worker", "lets go"), ("other", "has it"), ("other", "lets go")]
    assert "took over" not in said
