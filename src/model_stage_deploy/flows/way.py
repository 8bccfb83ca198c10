"""How the model's stages stand when a run has read tags and records: for whoever shows the run afterwards."""

from __future__ import annotations

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.lifecycle import Records
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.way import Way, way_of
from model_stage_deploy.flows.context import Configuration


def way_for(decision: Decision, records: Records | None, configuration: Configuration) -> Way | None:
    """The way, in the order of the mapping. It asks nobody anything, and is never a reason to fail."""
    try:
        mapped = configuration.mapping.mapped_stages(decision.model)
    except ModelStageError:  # a mistake about another stage
        mapped = []
    return way_of(decision, records, mapped)
