"""Where the targets of a stage do not have what the stage's own record says that they have."""

from __future__ import annotations

from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.targets import TargetRecord, TargetState, digest_for
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.flows.planning import digest_of, is_spread, targets_of

_IN_DOUBT = (TargetState.STARTED, TargetState.ERROR)


def targets_without(
    context: Context, configuration: Configuration, settings: StageSettings, place: tuple[str, str, str], live: Recorded
) -> dict[str, bool]:
    """Targets whose newest record is not of that deployment, by the settings of now; none without a log. For each its
    name, and whether somebody wanted it so: what a person rolled back there stands.

    `place` is model, stage and environment. Raises Invalid (mapping-invalid), MachineryFailed (log-failed, git-failed,
    permission-missing).
    """
    if context.targets is None:
        return {}
    model, stage, environment = place
    kept = context.targets.read(model, stage, environment)
    digest = digest_of(settings, environment)
    return {
        target.name: _is_on_purpose(kept.get(target.name))
        for target in targets_of(context, configuration, settings)
        if not _has(kept.get(target.name), live, digest_for(digest, target))
    }


def _is_on_purpose(record: TargetRecord | None) -> bool:
    """Beside a success of the whole stage: after an automatic rollback there is none of the version that was left."""
    return record is not None and record.rollback and record.state is TargetState.SUCCESS


def versions_at_targets(
    context: Context, configuration: Configuration, settings: StageSettings, place: tuple[str, str, str]
) -> frozenset[str]:
    """Versions that some target of the stage has, or may have, as a run that was at work there never told its end.

    The stage's record does not say that: a version that did not get to all targets is not what the stage has. Empty for
    a stage without targets, and without a log. Raises as `targets_without`.
    """
    if context.targets is None or not is_spread(settings):
        return frozenset()
    kept = context.targets.read(*place)
    found = set()
    for target in targets_of(context, configuration, settings):
        record = kept.get(target.name)
        if record is not None:
            found |= {record.now, record.version if record.state in _IN_DOUBT else ""}
    return frozenset(found - {""})


def _has(record: TargetRecord | None, live: Recorded, digest: str) -> bool:
    if record is None or record.state is not TargetState.SUCCESS:
        return False
    return (record.version, record.commit, record.digest) == (live.version, live.commit, digest)
