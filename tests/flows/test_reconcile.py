"""Reconciling, case by case: what was lost is found and done, the way of a pushed tag, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from model_stage_deploy.core.drift import Consent, Kind
from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.evidence import Evidence
from model_stage_deploy.core.locks import ALL, key_of
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.reconciled import Reconciled
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.flows.context import Wishes
from model_stage_deploy.flows.reconcile import Wanted, reconcile
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.plans import a_plan
from tests.flows.delivery_world import MAPPING, Killed, Life, World

TWO = """
version: 1
defaults: {deploy: {uses: fake}, verify: [{name: serves, run: "true"}]}
stages:
  prod: {gates: {needs: [staging]}}
  staging: {}
"""
STOP = MAPPING.replace("on-failure: rollback", "on-failure: stop")
IGNORE = MAPPING.replace("unassign: fallback, deregister: fallback, deprecate: undeploy", "unassign: ignore")


def a_world(mapping: str = MAPPING, *tags: tuple[str, str]) -> World:
    """Two versions, and stage tags whose events were all lost."""
    world = World(mapping)
    for version, letter in (("v1.0.0", "A"), ("v2.0.0", "B")):
        world.tag(f"m@{version}", letter)
    for name, letter in tags:
        world.tag(name, letter)
    return world


def seen(
    world: World,
    *,
    stage: str = "",
    life: Life | None = None,
    dry_run: bool = False,
    hear: Callable[[str], None] | None = None,
    **consent: bool,
) -> Reconciled:
    """Reconcile the world; `hear` is told each line."""
    from dataclasses import replace

    context = replace(world.context(life or Life(), Wishes()), dry_run=dry_run)
    if hear is not None:
        context = replace(context, announcer=Heard(hear))
    assert context.host is not None
    return reconcile(context, context.host, Wanted("", stage, Consent(**consent)))


class Heard(FakeAnnouncer):
    """Hands each line on."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        super().__init__()
        self._hear = hear

    def say(self, text: str) -> None:
        self._hear(text)


def kinds(found: Reconciled) -> dict[str, str]:
    return {f"{one.row.life.model} {one.row.life.stage}": one.row.kind.value for one in found.seen}


def freeze(key: str) -> LockEntry:
    return LockEntry("", "freeze", key, "c", "bob", "incident 42", "", 0.0, 0.0, 0.0)


def test_a_lost_event_is_found_and_nothing_is_done() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    found = seen(world)
    assert (kinds(found), found.reason, found.reason.exit_code) == ({"m prod": "missing"}, Reason.DRIFT, 3)
    assert (world.history, len(found.drifted), len(found.waiting)) == ([], 1, 1)


def test_t18_t20_t28_lost_events_are_healed_the_way_of_a_pushed_tag_and_once() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"), ("m#prod#2", "B"))
    found = seen(world, apply=True)
    assert (found.reason, found.reason.exit_code, world.history) == (Reason.RECONCILED, 0, ["v2.0.0"])
    [part] = found.parts
    assert (part.reason, part.verified, part.subject.tag) == (Reason.DEPLOYED, True, "m#prod#2")
    assert world.records().newest_first[0].verified
    assert list(world.locks.entries()) == []
    again = seen(world, apply=True)
    assert (again.reason, again.parts, kinds(again)) == (Reason.IN_SYNC, (), {"m prod": "in-sync"})
    assert world.history == ["v2.0.0"]


def test_a_stage_is_healed_after_those_that_it_needs() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    found = seen(world, apply=True)
    assert found.reason is Reason.RECONCILED
    assert [record.version for record in world.log.records("m", "staging", "staging", limit=9).newest_first]
    assert world.asked == ["needs"]
    asked = [one.end.subject.stage for one in found.seen if one.end]
    assert sorted(asked) == ["prod", "staging"]
    staging, prod = (world.log.records("m", stage, stage, limit=1).newest_first[0] for stage in ("staging", "prod"))
    assert int(staging.id) < int(prod.id)


def test_one_stage_alone() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    found = seen(world, stage="staging", apply=True)
    assert (kinds(found), world.history) == ({"m staging": "missing"}, ["v1.0.0"])
    with pytest.raises(Refused) as refused:
        seen(world, stage="attic")
    assert refused.value.reason is Reason.NEVER_IN_STAGE


def test_what_a_gate_refuses_stays_drift() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    world.closed.add("needs")
    found = seen(world, apply=True)
    assert (found.reason, found.reason.exit_code) == (Reason.DRIFT, 3)
    assert {part.subject.stage: part.reason for part in found.parts} == {
        "staging": Reason.DEPLOYED,
        "prod": Reason.GATES_REFUSED,
    }
    assert [one.row.life.stage for one in found.left] == ["prod"]


def test_one_failure_hinders_no_other_stage() -> None:
    world = a_world(TWO, ("m#prod#1", "B"), ("m#staging#2", "A"))
    world.broken.add("v1.0.0")
    found = seen(world, apply=True)
    assert (found.reason, found.reason.exit_code) == (Reason.NOT_RECONCILED, 1)
    assert (world.live, {part.reason for part in found.parts}) == ("v2.0.0", {Reason.DEPLOYER_FAILED, Reason.DEPLOYED})


def test_what_fails_each_time_is_left_after_three_tries() -> None:
    world = a_world(STOP, ("m#prod#1", "A"))
    world.broken.add("v1.0.0")
    assert [seen(world, apply=True).reason for _ in range(5)] == [Reason.NOT_RECONCILED] * 3 + [Reason.DRIFT] * 2
    assert len(world.records().newest_first) == 3
    world.broken.clear()
    assert seen(world, apply=True, force=True).reason is Reason.RECONCILED


def test_what_failed_here_is_held_until_somebody_forces_it() -> None:
    world = a_world(MAPPING)
    world.run(world.tag("m#prod#1", "A"))
    world.bad.add("v2.0.0")
    world.run(world.tag("m#prod#2", "B"))
    assert world.live == "v1.0.0"
    found = seen(world, apply=True)
    assert (kinds(found), found.reason, found.parts) == ({"m prod": "held"}, Reason.DRIFT, ())
    world.bad.clear()
    forced = seen(world, apply=True, force=True)
    assert (forced.reason, world.live) == (Reason.RECONCILED, "v2.0.0")
    assert world.records().newest_first[0].forced


def test_a_rollback_by_hand_is_shown_and_not_undone() -> None:
    world = a_world(MAPPING)
    for name, letter in (("m#prod#1", "A"), ("m#prod#2", "B")):
        world.run(world.tag(name, letter))
    world.roll_back()
    found = seen(world, apply=True)
    assert (kinds(found), found.reason, world.live) == ({"m prod": "rolled-back"}, Reason.DRIFT, "v1.0.0")
    assert seen(world, apply=True, force=True).reason is Reason.RECONCILED
    assert world.live == "v2.0.0"


def test_t24_a_deleted_tag_takes_nothing_away_and_brings_nothing_back() -> None:
    world = a_world(MAPPING)
    for name, letter in (("m#prod#1", "A"), ("m#prod#2", "B")):
        world.run(world.tag(name, letter))
    del world.shelf.records[-1]
    found = seen(world, apply=True)
    assert (kinds(found), found.reason, world.live) == ({"m prod": "leftover"}, Reason.DRIFT, "v2.0.0")


def test_other_settings_are_a_note_unless_somebody_asks() -> None:
    world = a_world(MAPPING)
    world.run(world.tag("m#prod#1", "A"))
    world.mapping = MAPPING.replace("version: 1", "version: 1\nvars: {size: 2}")
    assert (kinds(seen(world, apply=True)), seen(world).reason) == ({"m prod": "changed"}, Reason.IN_SYNC)
    assert seen(world, settings=True).reason is Reason.DRIFT
    assert seen(world, apply=True, settings=True).reason is Reason.RECONCILED
    assert kinds(seen(world)) == {"m prod": "in-sync"}


def test_a_lost_removal_falls_back_as_mapped_or_is_left_alone() -> None:
    for mapping, live, reason in ((MAPPING, "v1.0.0", Reason.RECONCILED), (IGNORE, "v2.0.0", Reason.IN_SYNC)):
        world = a_world(mapping)
        for name, letter in (("m#prod#1", "A"), ("m#prod#2", "B")):
            world.run(world.tag(name, letter))
        world.tag("m#prod!#3", "B")
        assert (seen(world, apply=True).reason, world.live) == (reason, live)
        assert seen(world).reason is Reason.IN_SYNC


def test_a_lost_deprecation_undeploys_as_mapped() -> None:
    world = a_world(MAPPING)
    world.run(world.tag("m#prod#1", "A"))
    world.tag("m@deprecated", "A")
    found = seen(world, apply=True)
    assert (found.reason, found.parts[0].result, world.live) == (Reason.RECONCILED, Result.UNDEPLOYED, "")
    assert kinds(seen(world)) == {"m prod": "undeployed"}
    assert seen(world).reason is Reason.IN_SYNC


def test_only_the_stage_of_a_removal_that_is_asked_for_is_touched() -> None:
    world = a_world(TWO.replace("uses: fake}", "uses: fake}, events: {deregister: undeploy}"))
    for stage in ("staging", "prod"):
        world.run(world.tag(f"m#{stage}#{len(world.shelf.records)}", "A"))
    world.tag("m@v1.0.0!", "A")
    found = seen(world, stage="staging", apply=True)
    assert (found.reason, world.history) == (Reason.RECONCILED, ["v1.0.0", "v1.0.0", ""])
    assert kinds(seen(world)) == {"m prod": "leftover", "m staging": "in-sync"}


@pytest.mark.parametrize("key", [key_of("m", "prod"), key_of("m"), ALL])
def test_a_locked_stage_is_shown_and_left_alone(key: str) -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    world.locks.put(freeze(key), replacing="")
    found = seen(world, apply=True, force=True)
    assert (found.reason, found.parts, world.history) == (Reason.DRIFT, (), [])
    frozen = found.seen[0].row.frozen
    assert frozen is not None
    assert frozen.reason == "incident 42"


def _killed(world: World) -> None:
    """A run of m#prod#1 that died while it deployed."""
    life = Life()

    def die() -> None:
        life.dead = True
        raise Killed

    world.before_deploying = die
    assert world.run("m#prod#1", life) is None
    world.before_deploying = lambda: None


def test_who_is_at_work_is_left_alone_and_who_died_is_not() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    _killed(world)
    assert (kinds(seen(world, apply=True)), world.history) == ({"m prod": "under-way"}, [])
    assert seen(world).reason is Reason.IN_SYNC
    world.clock.time += 3600
    found = seen(world, apply=True)
    assert (kinds(found), found.reason, world.history) == ({"m prod": "interrupted"}, Reason.RECONCILED, ["v1.0.0"])
    assert [record.state for record in world.records().newest_first] == ["success", "error"]


def test_what_cannot_be_known_is_never_in_sync_and_hides_no_other() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    whole = world.log.records

    def records(model: str, stage: str, *rest: Any, **named: Any) -> Any:
        if stage == "prod":
            raise MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 502")
        return whole(model, stage, *rest, **named)

    world.log.records = records  # type: ignore[method-assign]
    found = seen(world, apply=True)
    assert (kinds(found), found.reason) == ({"m prod": "unknown", "m staging": "missing"}, Reason.GITHUB_FAILED)
    assert (found.reason.exit_code, world.history) == (4, ["v1.0.0"])


def test_locks_that_cannot_be_read_are_told_and_the_deployment_says_no() -> None:
    world = a_world(MAPPING, ("m#prod#1", "A"))
    world.locks.entries = _down  # type: ignore[method-assign]
    found = seen(world)
    assert (kinds(found), found.reason) == ({"m prod": "missing"}, Reason.DRIFT)
    assert found.warnings == ("who has a lock is not known: no answer",)
    applied = seen(world, apply=True)
    assert (applied.reason, world.history) == (Reason.LOCK_FAILED, [])


def _down() -> Any:
    raise MachineryFailed(Reason.LOCK_FAILED, "no answer")


def test_a_dry_run_shows_plans_and_gates_and_touches_nothing() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    found = seen(world, apply=True, dry_run=True)
    assert (found.reason, found.reason.exit_code, world.history) == (Reason.DRY_RUN, 0, [])
    assert all(part.plan is not None and part.actions for part in found.parts)
    world.closed.add("needs")
    refused = seen(world, apply=True, dry_run=True)
    assert (refused.reason, [part.reason for part in refused.parts]) == (
        Reason.DRIFT,
        [Reason.GATES_REFUSED, Reason.DRY_RUN],
    )
    assert world.records().newest_first == ()


@pytest.mark.parametrize("calls", range(20, 110, 9))
def test_a_run_that_is_killed_between_two_heals_is_taken_up_by_the_next(calls: int) -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    try:
        seen(world, life=Life(left=calls), apply=True)
    except Killed:
        world.clock.time += 7200
    for _ in range(2):
        seen(world, apply=True)
    assert kinds(seen(world)) == {"m prod": "in-sync", "m staging": "in-sync"}
    assert list(world.locks.entries()) == []


def test_each_stage_is_asked_about_once_and_the_tags_are_read_once() -> None:
    world = a_world(TWO, ("m#prod#1", "A"), ("m#staging#2", "A"))
    counted: dict[str, int] = {"records": 0, "tags": 0, "entries": 0}

    def count(what: Any, name: str) -> None:
        method = getattr(what, name)

        def call(*arguments: Any, **named: Any) -> Any:
            counted[name] += 1
            return method(*arguments, **named)

        setattr(what, name, call)

    for what, name in ((world.log, "records"), (world.shelf, "tags"), (world.locks, "entries")):
        count(what, name)
    seen(world)
    assert counted == {"records": 2, "tags": 1, "entries": 1}


def test_a_mapped_stage_that_nothing_was_ever_given_to_is_left_out() -> None:
    world = a_world(TWO, ("m#staging#1", "A"), ("m#attic#2", "A"))
    assert kinds(seen(world)) == {"m staging": "missing", "m attic": "unmapped"}
    host: Any = world.log
    host.start(a_plan(), "a", Evidence())  # of another model, which changes nothing
    assert seen(world).seen[0].row.kind is Kind.UNMAPPED
