"""Claiming and letting go, by a clock that is turned by hand: waiting, taking over, freezes, trouble."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from model_stage_deploy.core.errors import Cancelled, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.locks import ALL, SKEW, key_of, place_of, unreadable
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.flows.locking import Hold, Wanted, freeze, held, unlock
from tests.fakes.clock import FakeClock
from tests.fakes.lock_store import FakeLockStore

KEY = key_of("churn", "prod")
WANTED = Wanted(KEY, "mine", "Ada", "deploy v2.0.0 (churn#prod#2)", "https://ci.example.com/2", 60.0)


@dataclass
class Scene:
    store: FakeLockStore = field(default_factory=FakeLockStore)
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[str] = field(default_factory=list)

    def hold(self, wait: float = 0.0, **wanted: Any) -> AbstractContextManager[Hold]:
        return held(self.store, self.clock, WANTED._replace(**wanted), wait=wait, tell=self.told.append)

    def other(self, kind: Any = "run", key: str = KEY, **fields: Any) -> LockEntry:
        """Somebody else's lock, there."""
        now = self.clock.now()
        entry = LockEntry("", kind, key, "theirs", "Bob", "deploy v1.0.0", "https://ci.example.com/1", now, now, 60.0)
        if kind == "freeze":
            entry = replace(entry, lease=0.0, reason="incident 42")
        entry = replace(entry, **fields)
        return replace(entry, version=self.store.place(entry))

    def fails(self, wait: float = 0.0, **wanted: Any) -> ModelStageError:
        before = dict(self.store.held)
        with pytest.raises(ModelStageError) as failure, self.hold(wait, **wanted):
            raise AssertionError
        assert self.store.held == before
        return failure.value


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_held_while_inside(scene: Scene) -> None:
    with scene.hold() as hold:
        [entry] = scene.store.held.values()
        assert (entry.kind, entry.key, entry.claim, entry.owner, entry.lease) == ("run", KEY, "mine", "Ada", 60.0)
        assert entry.since == entry.renewed == scene.clock.now()
        hold.require()
        assert not hold.lost
    assert scene.store.held == {}
    assert scene.told == []
    assert scene.clock.slept == []


def test_a_free_stage_costs_no_look_before_the_claim(scene: Scene) -> None:
    with scene.hold() as hold:
        hold.require()
    assert scene.store.calls == ["put", "entries", "entries", "remove"]


def test_without_a_store_there_is_nothing_to_hold(scene: Scene) -> None:
    with held(None, scene.clock, WANTED, wait=0, tell=scene.told.append) as hold:
        hold.require()
    assert (hold.lost, scene.told) == (False, [])


def test_somebody_else_has_it(scene: Scene) -> None:
    scene.other()
    problem = scene.fails()
    assert isinstance(problem, Refused)
    assert problem.reason is Reason.LOCKED
    assert problem.message == (
        "churn in prod is taken: the deployment of Bob since 2027-01-15 08:00:00 UTC (deploy v1.0.0), "
        "https://ci.example.com/1"
    )
    assert "--wait 30m" in problem.hint
    assert problem.hint.endswith("unlock churn prod --run")


def test_another_stage_is_not_in_the_way(scene: Scene) -> None:
    scene.other(key=key_of("churn", "dev"))
    with scene.hold():
        assert len(scene.store.held) == 2
    assert len(scene.store.held) == 1


def renewing(scene: Scene, entry: LockEntry, until: float = 1e12) -> Callable[[str], None]:
    """The other's run: it renews with each look of ours, and lets go at a moment."""
    place = ("run", place_of(KEY))

    def act(operation: str) -> None:
        there = scene.store.held.get(place)
        if operation != "entries" or there is None or there.claim != entry.claim:
            return
        if scene.clock.now() >= until:
            del scene.store.held[place]
        else:
            scene.store.place(replace(there, renewed=scene.clock.now()), replacing=there.version)

    return act


def test_waits_until_it_is_free(scene: Scene) -> None:
    begun = scene.clock.now()
    scene.store.before = renewing(scene, scene.other(), until=begun + 200)
    with scene.hold(wait=600):
        assert begun + 200 <= scene.clock.now() <= begun + 215
    assert max(scene.clock.slept) <= 12.5
    assert scene.clock.slept[0] < 0.5
    assert scene.told[0].startswith("waiting for the deployment of Bob")
    assert 5 <= len(scene.told) <= 7  # once, then every half minute
    assert "for 3" in scene.told[1]


def test_waits_as_long_as_it_may_and_no_longer(scene: Scene) -> None:
    begun = scene.clock.now()
    scene.store.before = renewing(scene, scene.other())
    with pytest.raises(Refused) as refusal, scene.hold(wait=600):
        raise AssertionError
    assert refusal.value.reason is Reason.LOCKED
    assert begun + 600 <= scene.clock.now() <= begun + 601


def test_a_lock_that_does_not_change_for_a_lease_is_taken_over(scene: Scene) -> None:
    begun = scene.clock.now()
    scene.other(renewed=begun + 5000, since=begun - 9)  # its owner's clock is far ahead: no clock tells
    with scene.hold(wait=600):
        assert begun + 60 <= scene.clock.now() <= begun + 73
        [entry] = scene.store.held.values()
        assert entry.claim == "mine"
    assert scene.told[-1].startswith("took over the lock of the deployment of Bob")


def test_a_lease_of_waiting_is_needed(scene: Scene) -> None:
    scene.other(lease=60.0)
    assert scene.fails(wait=59).reason is Reason.LOCKED


def test_a_lock_that_ended_long_ago_by_any_clock_is_taken_over_at_once(scene: Scene) -> None:
    scene.other(renewed=scene.clock.now() - 61 - SKEW)
    with scene.hold():
        pass
    assert scene.clock.slept == []
    assert len(scene.told) == 1


def test_a_retried_claim_is_a_success(scene: Scene) -> None:
    scene.other(claim="mine", since=5.0)
    with scene.hold():
        [entry] = scene.store.held.values()
        assert (entry.claim, entry.since, entry.renewed) == ("mine", 5.0, scene.clock.now())
    assert scene.store.held == {}
    assert scene.told == []


@pytest.mark.parametrize("key", [ALL, key_of("churn"), KEY])
def test_a_freeze_refuses_at_once(scene: Scene, key: str) -> None:
    scene.other("freeze", key)
    problem = scene.fails(wait=600)
    assert (problem.reason, scene.clock.slept) == (Reason.LOCKED, [])
    assert "incident 42" in problem.message
    assert "Bob" in problem.message
    words = {ALL: "--all", key_of("churn"): "churn", KEY: "churn prod"}[key]
    assert problem.hint.endswith(f"python -m model_stage_deploy unlock {words}")


def test_a_freeze_that_comes_with_the_claim_counts(scene: Scene) -> None:
    def act(operation: str) -> None:
        if operation == "put" and len(scene.store.held) == 0:
            scene.other("freeze")

    scene.store.before = act
    with pytest.raises(Refused) as refusal, scene.hold():
        raise AssertionError
    assert refusal.value.reason is Reason.LOCKED
    assert [entry.kind for entry in scene.store.held.values()] == ["freeze"]


@pytest.mark.parametrize("kind", ["run", "freeze"])
def test_what_cannot_be_read_is_never_passed_over(scene: Scene, kind: str) -> None:
    scene.other(kind, unreadable(place_of(KEY)), renewed=0.0, claim="", reason="it is no JSON")
    problem = scene.fails(wait=600)
    assert (problem.reason, scene.clock.slept) == (Reason.LOCKED, [])
    assert "cannot be read" in problem.message
    assert "unlock churn prod" in problem.hint


def test_who_is_quicker_is_waited_for(scene: Scene) -> None:
    def act(operation: str) -> None:
        if operation == "put" and not scene.store.held:
            scene.other()

    scene.store.before = act
    with pytest.raises(Refused), scene.hold():
        raise AssertionError
    [entry] = scene.store.held.values()
    assert entry.claim == "theirs"


def test_a_store_that_never_takes_it_is_broken(scene: Scene) -> None:
    from model_stage_deploy.ports import LockClash

    def act(operation: str) -> None:
        if operation == "put":
            raise LockClash("busy")

    scene.store.before = act
    problem = scene.fails(wait=600)
    assert problem.reason is Reason.LOCK_FAILED
    assert isinstance(problem, MachineryFailed)


def failing(times: int, operations: str, reason: Reason = Reason.LOCK_FAILED) -> Callable[[str], None]:
    left = [times]

    def act(operation: str) -> None:
        if operation in operations and left[0]:
            left[0] -= 1
            raise MachineryFailed(reason, "no answer")

    return act


@pytest.mark.parametrize("operation", ["entries", "put"])
def test_one_failure_is_borne(scene: Scene, operation: str) -> None:
    scene.store.before = failing(2, operation)
    with scene.hold():
        pass
    assert scene.store.held == {}


@pytest.mark.parametrize("operation", ["entries", "put"])
def test_a_dead_remote_is_told(scene: Scene, operation: str) -> None:
    scene.store.before = failing(100, operation)
    assert scene.fails().reason is Reason.LOCK_FAILED


def test_a_missing_permission_is_told_at_once(scene: Scene) -> None:
    scene.store.before = failing(100, "put", Reason.PERMISSION_MISSING)
    assert scene.fails().reason is Reason.PERMISSION_MISSING
    assert scene.clock.slept == []


def test_cancelled_while_claiming_leaves_nothing(scene: Scene) -> None:
    """The claim came through, and the answer did not."""

    def act(operation: str) -> None:
        if operation == "put":
            scene.store.before = lambda _: None
            scene.store.put(replace(scene.other(key="x#y"), key=KEY, claim="mine", version=""), replacing="")
            raise Cancelled("SIGTERM")

    scene.store.before = act
    with pytest.raises(Cancelled), scene.hold():
        raise AssertionError
    assert [entry.key for entry in scene.store.held.values()] == ["x#y"]


@pytest.mark.parametrize(
    "error", [Cancelled("SIGINT"), ValueError("deployer"), MachineryFailed(Reason.GIT_FAILED, "x")]
)
def test_release_never_hides_the_error(scene: Scene, error: BaseException) -> None:
    def act(operation: str) -> None:
        if operation == "remove":
            raise MachineryFailed(Reason.LOCK_FAILED, "the remote is gone")

    scene.store.before = act
    with pytest.raises(type(error)) as failure, scene.hold():
        raise error
    assert failure.value is error
    assert scene.told == ["the lock could not be released, and ends by itself after its lease: the remote is gone"]


def test_a_failure_to_release_is_a_warning(scene: Scene) -> None:
    def act(operation: str) -> None:
        if operation == "remove":
            raise OSError

    scene.store.before = act
    with scene.hold():
        pass
    assert scene.told == ["the lock could not be released, and ends by itself after its lease: OSError"]


def test_what_another_took_is_not_released(scene: Scene) -> None:
    with scene.hold() as hold:
        [entry] = scene.store.held.values()
        scene.store.place(replace(entry, claim="theirs", owner="Bob"), replacing=entry.version)
        with pytest.raises(MachineryFailed) as failure:
            hold.require()
    assert failure.value.reason is Reason.LOCK_LOST
    assert "Bob" in failure.value.message
    assert hold.lost
    assert [entry.claim for entry in scene.store.held.values()] == ["theirs"]


def test_what_another_took_unseen_is_not_released_either(scene: Scene) -> None:
    with scene.hold():
        [entry] = scene.store.held.values()
        scene.store.place(replace(entry, claim="theirs"), replacing=entry.version)
    assert [entry.claim for entry in scene.store.held.values()] == ["theirs"]


def test_require_fails_where_nothing_can_be_known(scene: Scene) -> None:
    with scene.hold() as hold:
        scene.store.before = failing(1, "entries")
        with pytest.raises(MachineryFailed) as failure:
            hold.require()
    assert failure.value.reason is Reason.LOCK_FAILED
    assert not hold.lost


def test_freezing_tells_who_is_at_work(scene: Scene) -> None:
    theirs = scene.other()
    scene.other(key=key_of("other", "prod"))
    wanted = WANTED._replace(key=key_of("churn"), reason="incident 7")
    entry, working = freeze(scene.store, scene.clock, wanted)
    assert (entry.kind, entry.lease, working) == ("freeze", 0, [theirs])
    with pytest.raises(Refused) as refusal:
        freeze(scene.store, scene.clock, wanted._replace(claim="again"))
    assert refusal.value.reason is Reason.LOCKED
    assert "incident 7" in refusal.value.message


def test_unlocking(scene: Scene) -> None:
    freeze(scene.store, scene.clock, WANTED)
    theirs = scene.other()
    assert [entry.kind for entry in unlock(scene.store, scene.clock, KEY, run=False, force=False)] == ["freeze"]
    with pytest.raises(Refused) as refusal:
        unlock(scene.store, scene.clock, KEY, run=False, force=False)
    assert refusal.value.reason is Reason.NOT_LOCKED
    assert refusal.value.hint.endswith("unlock churn prod --run")
    with pytest.raises(Refused) as refusal:
        unlock(scene.store, scene.clock, KEY, run=True, force=False)
    assert refusal.value.reason is Reason.LOCKED
    assert refusal.value.hint.endswith("unlock churn prod --run --force")
    assert unlock(scene.store, scene.clock, KEY, run=True, force=True) == [theirs]
    scene.other()
    scene.clock.time += 61 + SKEW
    assert len(unlock(scene.store, scene.clock, KEY, run=True, force=False)) == 1
    assert scene.store.held == {}


def test_unlocking_a_part_of_what_is_locked(scene: Scene) -> None:
    freeze(scene.store, scene.clock, WANTED._replace(key=ALL))
    with pytest.raises(Refused) as refusal:
        unlock(scene.store, scene.clock, KEY, run=False, force=False)
    assert refusal.value.reason is Reason.NOT_LOCKED
    assert refusal.value.hint.endswith("unlock --all")


def test_unlocking_while_it_changes(scene: Scene) -> None:
    """A freeze, and a run that renews between our look and our change."""
    freeze(scene.store, scene.clock, WANTED)
    theirs = scene.other()
    renewals = [1]

    def act(operation: str) -> None:
        if operation == "remove" and renewals and len(scene.store.held) == 1:
            renewals.pop()
            scene.store.place(theirs, replacing=theirs.version)

    scene.store.before = act
    removed = unlock(scene.store, scene.clock, KEY, run=True, force=True)
    assert [entry.kind for entry in removed] == ["freeze", "run"]
    assert scene.store.held == {}
