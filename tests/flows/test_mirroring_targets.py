"""A registry that follows a stage with many targets: told of the stage as a whole, never of a part of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.flows.context import Context, Scope, Wishes
from model_stage_deploy.mirrors.contract import Mirror
from tests.flows.delivery_world import Life
from tests.flows.mirror_worlds import FakeMirror
from tests.flows.target_world import ALL, TargetWorld, mapping


@dataclass
class World(TargetWorld):
    """With one mirror."""

    mirror: FakeMirror = field(default_factory=FakeMirror)

    def context(self, life: Life, wishes: Wishes) -> Context:
        return replace(super().context(life, wishes), mirror=lambda _name: cast("Mirror", self.mirror))


def world(strategy: str = "") -> World:
    """A world where v1.0.0 is everywhere, and v2.0.0 about to come."""
    made = World(mapping=mapping(strategy, stage="mirrors: [{uses: mlflow}]"))
    made.tag("m@v1.0.0", "A")
    assert made.deploy(made.tag("m#prod#1", "A")).result is Result.DEPLOYED
    made.tag("m@v2.0.0", "B")
    made.tag("m#prod#2", "B")
    return made


def test_once_for_the_whole_stage() -> None:
    made = world()
    assert made.mirror.told == [("live", "v1.0.0")]
    done = made.deploy("m#prod#2")
    assert done.reason is Reason.DEPLOYED
    assert made.mirror.told[1:] == [("live", "v2.0.0")]
    assert [told.ok for told in done.mirrors] == [True]


def test_not_where_some_failed() -> None:
    made = world()
    made.broken.add("u1@v2.0.0")
    assert made.deploy("m#prod#2").result is Result.FAILED
    assert made.mirror.says == {"prod": "v1.0.0"}


def test_not_by_a_part_and_then_by_what_joins_the_parts() -> None:
    made = world()
    done = made.deploy("m#prod#2", scope=Scope(targets=ALL[:3]))
    assert done.reason is Reason.TARGETS_DEPLOYED
    made.deploy("m#prod#2", scope=Scope(targets=ALL[3:]))
    assert made.mirror.says == {"prod": "v1.0.0"}
    joined = made.deploy("m#prod#2", scope=Scope(finish=True))
    assert joined.result is Result.DEPLOYED
    assert made.mirror.says == {"prod": "v2.0.0"}


def test_a_repeat_heals() -> None:
    made = world()
    made.deploy("m#prod#2")
    made.mirror.says = {}
    calls = list(made.calls)
    assert made.deploy("m#prod#2").reason is Reason.ALREADY_DEPLOYED
    assert made.mirror.says == {"prod": "v2.0.0"}
    assert made.calls == calls
