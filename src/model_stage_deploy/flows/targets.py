"""What is known of the targets of a stage: those of the mapping, joined with what is kept of each."""

from __future__ import annotations

from model_stage_deploy.core.errors import Invalid, ModelStageError
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stage_targets import StageTargets, joined
from model_stage_deploy.core.targets import waves_of
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.planning import environment_of, settings_for, targets_of


def stage_targets(context: Context, model: Model, stage: str, *, environment: str = "") -> StageTargets:
    """Every target of the stage. `environment` is another one than the mapping's, where its records are wanted.

    Raises Refused, Invalid (mapping-invalid, unmapped-stage, template-error), MachineryFailed (log-failed,
    permission-missing, git-failed).
    """
    try:
        holder = model.holder(stage)
    except ModelStageError:
        holder = None  # ambiguous tags: what the targets have can be told all the same
    configuration = context.configuration(holder.version.commit if holder else None)
    settings = settings_for(configuration, model.name, stage)
    where = environment or environment_of(context, settings, model.name, stage)
    targets = targets_of(context, configuration, settings)
    try:
        waves = waves_of(targets, settings.strategy.waves)
    except ValueError as problem:
        file = configuration.mapping.file
        raise Invalid(Reason.MAPPING_INVALID, f"{file}: strategy.waves: {problem}") from problem
    records = context.targets.read(model.name, stage, where) if context.targets is not None else {}
    decided = holder.version.name if holder else ""
    return StageTargets(model.name, stage, where, decided, joined(waves, records))
