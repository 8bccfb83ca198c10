"""Recording that somebody says yes to a version in a stage. Whether that is enough is the gate's to say."""

from __future__ import annotations

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.mapping import unmapped_stage
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.shortcuts import Shortcut, find
from model_stage_deploy.core.upkeep import Approval
from model_stage_deploy.flows.context import Context
from model_stage_deploy.ports import CodeHost


def approve(context: Context, host: CodeHost, model: Model, version: str, stage: str, message: str) -> Approval:
    """Record the approval.

    Raises Refused (unknown-version, inactive-version), Invalid (unmapped-stage: nobody would ever ask for it) and what
    the host raises.
    """
    found = find(Shortcut(f"{model.name}@{version}", model.name, version=version), model).version
    configuration = context.configuration(found.commit)
    settings = configuration.mapping.settings(model.name, stage)
    if settings is None:
        raise unmapped_stage(configuration.mapping, model.name, stage)
    by = host.approve(model.name, found.name, stage, found.commit, message)
    asked = settings.gates.approval is not None
    return Approval(model.name, found.name, stage, found.commit, by, message, asked, _tag(model, found.name, stage))


def _tag(model: Model, version: str, stage: str) -> str:
    try:
        holder = model.holder(stage)
    except ModelStageError:
        return ""  # ambiguous tags: whoever deploys is told
    return holder.event.tag.text if holder is not None and holder.version.name == version else ""
