"""Workflows of the stand-in's repository that can be started by hand, and what was started."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standins.github_state import Refusal

FIRST_RUN_ID = 20_000_000_001
DEPLOY_BY_HAND = "deploy-by-hand.yml"


@dataclass(frozen=True)
class Workflow:
    """A workflow file on the default branch: its inputs (name -> required), and whether it starts by hand at all."""

    inputs: Mapping[str, bool] = field(default_factory=dict)
    by_hand: bool = True


@dataclass(frozen=True)
class Dispatch:
    """A run that was started by hand."""

    run_id: int
    workflow: str
    ref: str
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Asked:
    """What a program asked for by a `repository_dispatch`."""

    event_type: str
    payload: Mapping[str, Any]


@dataclass
class Workflows:
    """The files by name, and the runs in the order of their starts; not safe for threads by itself."""

    files: dict[str, Workflow]
    dispatches: list[Dispatch] = field(default_factory=list)
    events: list[Asked] = field(default_factory=list)

    def start(self, name: str, body: Mapping[str, Any]) -> Dispatch:
        """Start a workflow.

        Raises: Refusal 404 for an unknown file, 422 for one that does not start by hand or takes other inputs.
        (GitHub's own words, as users reported them.)
        """
        workflow = self.files.get(name)
        if workflow is None:
            raise Refusal(404, "Not Found")
        if not workflow.by_hand:
            raise Refusal(422, "Workflow does not have 'workflow_dispatch' trigger")
        inputs = body.get("inputs", {})
        unexpected = [each for each in inputs if each not in workflow.inputs]
        if unexpected:
            raise Refusal(422, f"Unexpected inputs provided: {json.dumps(unexpected)}")
        for each, required in workflow.inputs.items():
            if required and each not in inputs:
                raise Refusal(422, f"Required input '{each}' not provided")
        started = Dispatch(FIRST_RUN_ID + len(self.dispatches), name, body["ref"], dict(inputs))
        self.dispatches.append(started)
        return started
