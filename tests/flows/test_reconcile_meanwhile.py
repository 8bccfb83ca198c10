"""Reconciling while others act: what they do between the look and the lock is seen, kept, and never called healed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.stored import LockEntry
from tests.flows.delivery_world import MAPPING, World
from tests.flows.test_reconcile import STOP, TWO, a_world, kinds, seen


def _meanwhile(world: World, act: Callable[[], Any]) -> None:
    """Somebody acts just before the next lock is taken."""
    put = world.locks.put

    def first_they(entry: LockEntry, *, replacing: str) -> str:
        world.locks.put = put  # type: ignore[method-assign]
        act()
        return put(entry, replacing=replacing)

    world.locks.put = first_they  # type: ignore[method-assign]


def test_what_changes_while_we_wait_is_looked_at_again_under_the_lock() -> None:
    world = a_world(MAPPING)
    for name, letter in (("m#prod#1", "A"), ("m#prod#2", "B")):
        world.run(world.tag(name, letter))
    world.tag("m#prod#3", "A")
    world.run("m#prod#3")
    world.tag("m#prod#4", "B")  # its event is lost
    _meanwhile(world, lambda: world.run("m#prod#1", force=True))
    before = len(world.history)
    found = seen(world, apply=True)
    [part] = found.parts
    assert (part.reason, part.result) == (Reason.SUPERSEDED, Result.NOTHING_TO_DO)
    assert (found.reason, len(found.left)) == (Reason.DRIFT, 1)  # as whoever looks now is told
    assert (world.live, len(world.history)) == ("v1.0.0", before + 1)
    assert kinds(seen(world)) == {"m prod": "overruled"}


def test_who_was_quicker_with_the_same_leaves_nothing_to_do() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    _meanwhile(world, lambda: seen(world, apply=True))
    found = seen(world, apply=True)
    assert (found.parts[0].reason, found.reason, world.history) == (Reason.SUPERSEDED, Reason.RECONCILED, ["v1.0.0"])


def test_who_was_quicker_and_failed_leaves_drift() -> None:
    world = a_world(STOP, ("m#prod#1", "A"))
    world.broken.add("v1.0.0")
    for _ in range(2):
        seen(world, apply=True)
    _meanwhile(world, lambda: seen(world, apply=True))
    found = seen(world, apply=True)
    assert (found.parts[0].reason, found.reason, found.reason.exit_code) == (Reason.SUPERSEDED, Reason.DRIFT, 3)
    assert len(world.records().newest_first) == 3


def test_what_cannot_be_known_after_somebody_was_quicker_is_drift() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    log: Any = world.log
    asked = log.records

    def strange(*rest: Any, **named: Any) -> Any:
        found = asked(*rest, **named)
        return found._replace(newest_first=tuple(one._replace(state="odd") for one in found.newest_first))

    def act() -> None:
        world.run("m#prod#1")
        log.records = strange

    _meanwhile(world, act)
    found = seen(world, apply=True)
    assert (found.parts[0].reason, found.reason) == (Reason.SUPERSEDED, Reason.DRIFT)


def test_what_a_person_does_while_a_removal_waits_is_not_undone() -> None:
    world = a_world(MAPPING)
    for name, letter in (("m#prod#1", "A"), ("m#prod#2", "B")):
        world.run(world.tag(name, letter))
    world.tag("m@v3.0.0", "C")
    world.tag("m#prod#3", "C")
    world.tag("m#prod!#4", "C")  # nothing of v3.0.0 was ever deployed
    world.tag("m#prod!#5", "B")  # its event is lost: `fallback` wants v1.0.0 back
    _meanwhile(world, lambda: world.run("m#prod#3", force=True))
    found = seen(world, apply=True)
    assert (found.parts[0].reason, found.reason, world.live) == (Reason.SUPERSEDED, Reason.DRIFT, "v3.0.0")


def test_a_cancellation_between_two_heals_forgets_neither() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))

    def cancel(text: str) -> None:
        if text.startswith("healing m in prod"):
            raise Cancelled("SIGTERM")

    found = seen(world, apply=True, hear=cancel)
    assert found.reason is Reason.CANCELLED
    assert {part.subject.stage: part.reason for part in found.parts} == {
        "staging": Reason.DEPLOYED,
        "prod": Reason.CANCELLED,
    }


def test_a_newer_tag_that_comes_while_we_wait_is_not_overtaken() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    _meanwhile(world, lambda: world.tag("m#prod#2", "B"))
    found = seen(world, apply=True, force=True)
    assert (found.parts[0].reason, found.reason, world.history) == (Reason.SUPERSEDED, Reason.DRIFT, [])
    assert seen(world, apply=True).reason is Reason.RECONCILED
    assert world.live == "v2.0.0"


def test_who_cancels_means_all_that_is_left() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))

    def cancel() -> None:
        raise Cancelled("SIGINT")

    world.before_deploying = cancel
    found = seen(world, apply=True)
    assert (found.reason, found.reason.exit_code) == (Reason.CANCELLED, 130)
    assert [part.subject.stage for part in found.parts] == ["staging"]
    assert [record.state for record in world.log.records("m", "staging", "staging", limit=9).newest_first] == ["error"]
    world.before_deploying = lambda: None
    assert seen(world, apply=True).reason is Reason.RECONCILED
