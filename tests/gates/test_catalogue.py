"""Gates by name: the table, what each is built with, and which part of the rule it is given."""

from __future__ import annotations

import pytest

from model_stage_deploy.core.policy import Gates
from model_stage_deploy.gates.catalogue import GATES, build, load, rule_of
from model_stage_deploy.gates.needs import Needs

EVERYTHING = Gates.model_validate(
    {
        "needs": ["staging"],
        "soak": "1h",
        "metrics": ["a > 1"],
        "signed": {"allowed-signers": "f"},
        "people": {"pushers": ["ada"]},
        "checks": ["test"],
        "reachable-from": "main",
        "window": {"days": "mon"},
        "approval": {"by": ["ada"]},
        "override": {"by": ["ada"]},
    }
)
PORTS = dict.fromkeys(("repository", "host", "forge", "signatures", "trusted", "documents"))


def test_every_gate_of_the_mapping_is_there_in_the_order_in_which_they_are_asked() -> None:
    assert EVERYTHING.asked == tuple(GATES)


@pytest.mark.parametrize("name", GATES)
def test_each_is_built_with_the_ports_that_it_names(name: str) -> None:
    gate = build(load(name), PORTS)
    assert gate.name == name
    assert rule_of(EVERYTHING, name)


def test_needs_is_given_the_soak_as_well() -> None:
    assert rule_of(EVERYTHING, "needs") is EVERYTHING
    assert rule_of(EVERYTHING, "reachable-from") == ["main"]


def test_a_port_that_is_not_there_is_a_defect() -> None:
    with pytest.raises(KeyError):
        build(Needs, {})
