"""What was decided beside what is running: every model and stage of the registry, joined with its deployments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model_stage_deploy.core.errors import MachineryFailed, ModelStageError
from model_stage_deploy.core.lifecycle import ENDED_BADLY, Lifecycle, Records, lifecycle, unknown
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.planning import environment_of, settings_for
from model_stage_deploy.ports import CodeHost

LIMIT = 30
"""Deployments of one stage that are looked at, until one settles what runs."""
MOST = 300
"""Of so many can be read at once, where that is asked for."""
_GIVE_UP = 2  # failures in a row: each has been tried for seconds


def decided(models: Sequence[Model]) -> list[Lifecycle]:
    """The decided side alone, where the code host is not asked."""
    return [unknown(model, stage) for model in models for stage in model.stages]


def status(
    context: Context, host: CodeHost, models: Sequence[Model], *, past: int = 0, only: str = ""
) -> list[Lifecycle]:
    """Every stage that tags or the mapping name, with its records; `past` of them at least, where there are so many.

    `only` names one stage. A stage of the mapping that has neither a tag nor a record is left out. Never raises for one
    stage: its row is unknown and says why.
    """
    records = _Records(context, host, past)
    return [row for model in models for row in _rows(records, model, only)]


class _Records:
    """Asks the code host, until it has failed too often."""

    def __init__(self, context: Context, host: CodeHost, past: int) -> None:
        self._context = context
        self._host = host
        self._past = past
        self._failures = 0
        self._last: MachineryFailed | None = None

    def mapped(self, model: Model) -> list[str]:
        """Stages that the mapping names for the model; none where it cannot be read: the rows will say so."""
        try:
            return list(self._context.configuration(None).mapping.mapped_stages(model.name))
        except ModelStageError:
            return []

    def of(self, model: Model, stage: str) -> tuple[Records, str, bool]:
        """Records, environment, whether there are several targets. Raises ModelStageError where they cannot be had."""
        try:
            holder = model.holder(stage)
        except ModelStageError:
            holder = None  # ambiguous tags: what runs can be told all the same
        configuration = self._context.configuration(holder.version.commit if holder else None)
        settings = settings_for(configuration, model.name, stage)
        environment = environment_of(self._context, settings, model.name, stage)
        if self._last is not None and (self._failures >= _GIVE_UP or self._last.reason is Reason.PERMISSION_MISSING):
            raise self._last
        try:
            records = self._host.records(model.name, stage, environment, limit=max(LIMIT, self._past), past=self._past)
        except MachineryFailed as problem:
            self._failures += 1
            self._last = problem
            raise
        self._failures = 0
        return records, environment, bool(settings.targets or settings.targets_from)


def _rows(records: _Records, model: Model, only: str) -> Iterator[Lifecycle]:
    for stage in dict.fromkeys([*model.stages, *records.mapped(model)]):
        if only and stage != only:
            continue
        try:
            found, environment, in_parts = records.of(model, stage)
        except ModelStageError as problem:
            yield unknown(model, stage, problem)
            continue
        if found.newest_first or stage in model.stages:
            row = lifecycle(model, stage, found, environment)
            yield _of_targets(row) if in_parts else row


def _of_targets(row: Lifecycle) -> Lifecycle:
    """A stage of several targets: after an attempt that failed, some may have its version, and others another."""
    newest = row.newest
    if newest is None or newest.settles or newest.state not in ENDED_BADLY:
        return row
    return row._replace(
        running=None,
        running_known=False,
        reason=Reason.TARGETS_FAILED,
        problem=newest.summary or f"{newest.version} did not get to all targets",
        hint=f"which version each target has: python -m model_stage_deploy targets {row.model} {row.stage}",
    )
