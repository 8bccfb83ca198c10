"""Which targets of a stage do not have what the stage's own record says that they have."""

from __future__ import annotations

from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.targets import TargetRecord, TargetState, digest_for
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.planning import digest_of, targets_of


def targets_without(
    context: Context, configuration: Configuration, settings: StageSettings, place: tuple[str, str, str], live: Recorded
) -> list[str]:
    """Names of targets whose newest record is not of that deployment, by the settings of now; none without a log.

    `place` is model, stage and environment. Raises Invalid (mapping-invalid), MachineryFailed (log-failed, git-failed,
    permission-missing).
    """
    if context.targets is None:
        return []
    model, stage, environment = place
    kept = context.targets.read(model, stage, environment)
    digest = digest_of(settings, environment)
    return [
        target.name
        for target in targets_of(context, configuration, settings)
        if not _has(kept.get(target.name), live, digest_for(digest, target))
    ]


def _has(record: TargetRecord | None, live: Recorded, digest: str) -> bool:
    if record is None or record.state is not TargetState.SUCCESS:
        return False
    return (record.version, record.commit, record.digest) == (live.version, live.commit, digest)
