"""Locks of parts of a stage's targets: those of one plan work side by side, and nothing else crosses them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.locks import SKEW, crossing, key_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.flows.context import Scope
from model_stage_deploy.flows.locking import unlock
from model_stage_deploy.flows.target_scope import part_of
from tests.flows.test_locking import WANTED, Scene

STAGE = key_of("churn", "prod")
ONE, TWO = key_of("churn", "prod", "w1.1of2"), key_of("churn", "prod", "w1.2of2")
REASON = WANTED.reason


def entry(key: str, reason: str = REASON, kind: str = "run") -> LockEntry:
    return LockEntry("v", kind, key, "theirs", "Bob", reason, "", 0.0, 0.0, 60.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "other", "crosses"),
    [
        (STAGE, entry(ONE), True),
        (ONE, entry(STAGE), True),
        (ONE, entry(TWO), False),
        (ONE, entry(TWO, "deploy v1.0.0 (churn#prod#1)"), True),
        (ONE, entry(ONE), False),  # the same key is the same lock
        (STAGE, entry(key_of("churn", "staging", "w1")), False),
        (STAGE, entry(key_of("fraud", "prod", "w1")), False),
        (STAGE, entry(ONE, kind="freeze"), False),
        (ONE, entry(key_of("churn")), False),
    ],
)
def test_what_crosses_what(key: str, other: LockEntry, crosses: bool) -> None:
    assert bool(crossing(key, REASON, [other])) is crosses


@pytest.mark.parametrize(
    ("one", "other", "crosses"),
    [
        (Scope(wave=1), Scope(wave=2), False),
        (Scope(wave=1), Scope(wave=1, shard="1/2"), True),
        (Scope(wave=1, shard="1/2"), Scope(wave=2, shard="1/2"), False),
        (Scope(wave=1, shard="1/2"), Scope(wave=1, shard="2/2"), False),
        (Scope(wave=1, shard="1/2"), Scope(wave=1, shard="2/3"), True),
        (Scope(shard="1/2"), Scope(shard="2/2"), False),
        (Scope(shard="1/2"), Scope(wave=1, shard="2/2"), False),
        (Scope(shard="1/2"), Scope(wave=1), True),
        (Scope(targets=("a",)), Scope(targets=("b", "c")), False),
        (Scope(targets=("a", "b")), Scope(targets=("b", "c")), True),
        (Scope(targets=("a",)), Scope(wave=1, shard="1/2"), True),
        (Scope(targets=("w2",)), Scope(wave=1), True),  # it is called like a wave, and may be in the first one
        (Scope(targets=("1of2",)), Scope(wave=1, shard="2/2"), True),
        (Scope(wave=1, targets=("a",)), Scope(wave=2), True),
        (Scope(), Scope(wave=2), True),
    ],
)
def test_parts_with_a_target_in_common_cross_even_if_they_are_of_one_plan(
    one: Scope, other: Scope, crosses: bool
) -> None:
    keys = [key_of("churn", "prod", part_of(scope)) for scope in (one, other)]
    assert bool(crossing(keys[0], REASON, [entry(keys[1])])) is crosses
    assert bool(crossing(keys[1], REASON, [entry(keys[0])])) is crosses


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_parts_of_one_plan_work_side_by_side(scene: Scene) -> None:
    with scene.hold(key=ONE), scene.hold(key=TWO, claim="another"):
        assert len(scene.store.held) == 2


@pytest.mark.parametrize(("mine", "theirs"), [(STAGE, ONE), (ONE, STAGE)])
def test_a_stage_and_a_part_of_it_never_work_at_once(scene: Scene, mine: str, theirs: str) -> None:
    scene.other(key=theirs, reason=REASON)
    assert scene.fails(key=mine).reason is Reason.LOCKED


def test_parts_of_two_plans_never_work_at_once(scene: Scene) -> None:
    scene.other(key=TWO)
    assert scene.fails(key=ONE).reason is Reason.LOCKED


def test_whoever_comes_second_gives_way_even_if_both_claimed(scene: Scene) -> None:
    def meanwhile(operation: str) -> None:
        if operation == "put":
            scene.store.before = lambda _: None
            scene.other(key=ONE)

    scene.store.before = meanwhile
    with pytest.raises(Refused), scene.hold():
        raise AssertionError
    assert [one.key for one in scene.store.held.values()] == [ONE]


def test_it_waits_for_a_part_to_end(scene: Scene) -> None:
    other = scene.other(key=ONE)

    def after_a_while(operation: str) -> None:
        if operation == "entries" and len(scene.clock.slept) == 3:
            scene.store.before = lambda _: None
            scene.store.remove(other)

    scene.store.before = after_a_while
    with scene.hold(wait=600.0):
        assert len(scene.clock.slept) == 3


def test_the_lock_of_a_dead_part_is_removed_so_that_it_finds_out(scene: Scene) -> None:
    dead = scene.hold(key=ONE, claim="dead")
    hold = dead.__enter__()
    for place, one in list(scene.store.held.items()):
        scene.store.held[place] = replace(one, renewed=one.renewed - SKEW - 61.0)
    with scene.hold():
        assert [one.key for one in scene.store.held.values()] == [STAGE]
        with pytest.raises(MachineryFailed) as lost:
            hold.require()
        assert lost.value.reason is Reason.LOCK_LOST
    dead.__exit__(None, None, None)
    assert any("removed the lock of" in told for told in scene.told)


def test_locks_of_parts_are_removed_with_that_of_the_stage(scene: Scene) -> None:
    """Whoever is refused for the lock of a part is told to unlock the stage."""
    scene.other(key=ONE)
    scene.other(key=TWO)
    with pytest.raises(Refused, match="is taken"):
        unlock(scene.store, scene.clock, STAGE, run=True, force=False)
    assert len(scene.store.held) == 2
    removed = unlock(scene.store, scene.clock, STAGE, run=True, force=True)
    assert {one.key for one in removed} == {ONE, TWO}
    assert not scene.store.held
