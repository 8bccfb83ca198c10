"""Finds gates by name. One line per gate; none is imported before it is used."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, cast

from model_stage_deploy.core.policy import Gates
from model_stage_deploy.gates.contract import Gate

GATES: Mapping[str, str] = {
    "needs": "model_stage_deploy.gates.needs:Needs",
    "metrics": "model_stage_deploy.gates.metrics:Metrics",
    "signed": "model_stage_deploy.gates.signed:Signed",
    "people": "model_stage_deploy.gates.people:People",
    "checks": "model_stage_deploy.gates.checks:Checks",
    "reachable-from": "model_stage_deploy.gates.reachable:ReachableFrom",
    "window": "model_stage_deploy.gates.window:Window",
    "approval": "model_stage_deploy.gates.approval:Approval",
}
"""Names as in `gates:` of the mapping, in the order in which they are asked (`Gates.asked`)."""


def load(name: str) -> type[Gate]:
    """The class of a gate. `name` is a key of GATES; the mapping's shape allows no other."""
    module, _, attribute = GATES[name].partition(":")
    return cast("type[Gate]", getattr(importlib.import_module(module), attribute))


def build(gate: type[Gate], ports: Mapping[str, object]) -> Gate:
    """An instance, given just those of `ports` that its constructor names; all of those must be there."""
    parameters = inspect.signature(gate).parameters.values()
    return gate(**{one.name: ports[one.name] for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD})


def rule_of(gates: Gates, name: str) -> Any:
    """The part of `gates:` that a gate judges by. `needs` is given all of it, as `soak` belongs to it."""
    return gates if name == "needs" else getattr(gates, name.replace("-", "_"))
