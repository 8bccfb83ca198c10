"""The way that a run shows: made of what it has read, and never a reason to fail."""

from __future__ import annotations

from model_stage_deploy.core.lifecycle import State
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.way import Spot
from tests.flows.delivery_world import World

MAPPING = """
version: 1
stages:
  staging: {deploy: {uses: fake}}
  prod: {deploy: {uses: fake}}
"""
CONTRADICTING = """
models:
  "chu*": {stages: {canary: {deploy: {uses: fake}}}}
  "*urn": {stages: {canary: {deploy: {uses: fake}}}}
"""


def test_a_deployment_shows_the_stages_of_the_mapping_and_of_the_tags() -> None:
    world = World(MAPPING)
    world.tag("churn@v1.0.0")
    world.tag("churn#dev#1")
    outcome = world.run(world.tag("churn#staging#2"))
    assert outcome is not None and outcome.way is not None
    assert outcome.way.spots == (
        Spot("staging", State.APPROVED, "v1.0.0", ""),
        Spot("prod", State.UNKNOWN, "", None),
        Spot("dev", State.UNKNOWN, "v1.0.0", None),
    )


def test_a_mistake_about_another_stage_is_no_reason_to_fail() -> None:
    world = World(MAPPING + CONTRADICTING)
    world.tag("churn@v1.0.0")
    outcome = world.run(world.tag("churn#prod#1"))
    assert outcome is not None and outcome.reason is Reason.DEPLOYED
    assert outcome.way is not None
    assert [spot.stage for spot in outcome.way.spots] == ["prod"]


def test_what_is_refused_before_it_began_has_its_way_too() -> None:
    world = World(MAPPING.replace("prod: {", "prod: {gates: {checks: [test]}, "))
    world.closed.add("checks")
    world.tag("churn@v1.0.0")
    outcome = world.run(world.tag("churn#prod#1"))
    assert outcome is not None and outcome.reason is Reason.GATES_REFUSED
    assert outcome.way is not None and outcome.way.spot("prod") == Spot("prod", State.APPROVED, "v1.0.0", "")
