"""The way of one version through the stages: each step by a tag or by a deployment's record. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from model_stage_deploy.core.lifecycle import (
    ENDED_BADLY,
    INACTIVE,
    SUCCESS,
    Lifecycle,
    Recorded,
    is_of,
    seconds,
)
from model_stage_deploy.core.model import Model, ModelVersion
from model_stage_deploy.core.tags import Event


class StepKind(StrEnum):
    """What happened to a version: by its tags (the first four), or by a deployment."""

    REGISTERED = "registered"
    DEREGISTERED = "deregistered"
    APPROVED = "approved"
    UNASSIGNED = "unassigned"
    DEPLOYING = "deploying"
    DEPLOYED = "deployed"
    FAILED = "failed"
    REMOVED = "removed"


_BY_TAG = {
    Event.REGISTRATION: StepKind.REGISTERED,
    Event.DEREGISTRATION: StepKind.DEREGISTERED,
    Event.ASSIGNMENT: StepKind.APPROVED,
    Event.UNASSIGNMENT: StepKind.UNASSIGNED,
}


class Step(NamedTuple):
    """One step: `stage` is empty for a registration; `time` in unix seconds, by the tagger's or the host's clock.

    Of `tag` and `deployment` (the host's id) one is set. `ok` is False for a failed deployment.
    """

    kind: StepKind
    stage: str
    time: float
    tag: str = ""
    deployment: str = ""
    rollback: bool = False

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return self.kind is not StepKind.FAILED


class Journey(NamedTuple):
    """The way of one version through the stages: steps in the order of their times."""

    model: str
    version: str
    commit: str
    steps: tuple[Step, ...]


def journeys(model: Model, rows: Sequence[Lifecycle], *, newest: int) -> list[Journey]:
    """The ways of the `newest` versions, and of those that a stage has or that run; the one first seen last first."""
    mine = [row for row in rows if row.model == model.name]
    recent = {id(version) for version in model.versions[-newest:]}
    found = []
    for version in reversed(model.versions):
        held = any(row.holder is not None and row.holder.version is version for row in mine)
        runs = any(row.running is not None and is_of(row.running, version) for row in mine)
        if id(version) in recent or held or runs:
            found.append(journey(model, version, mine))
    return found


def journey(model: Model, version: ModelVersion, rows: Iterable[Lifecycle]) -> Journey:
    """The way of one version, by its tags and by the records in `rows`."""
    steps = [*_tag_steps(version)]
    for row in rows:
        for record in reversed(row.records):
            if is_of(record, version):
                steps += _record_steps(record, row.stage)
    return Journey(model.name, version.name, version.commit, tuple(sorted(steps, key=lambda step: step.time)))


def _tag_steps(version: ModelVersion) -> Iterator[Step]:
    for events in (version.direct, *version.assignments.values()):
        for event in events:
            yield Step(_BY_TAG[event.tag.event], event.tag.stage or "", event.time, tag=event.tag.text)


def _record_steps(record: Recorded, stage: str) -> Iterator[Step]:
    started = seconds(record.created) or 0.0
    ended = seconds(record.ended) or started
    undeploys = record.action != "deploy"
    if record.under_way:
        if not undeploys:
            yield Step(StepKind.DEPLOYING, stage, started, deployment=record.id, rollback=record.rollback)
    elif record.outcome == SUCCESS or (not record.outcome and record.state == INACTIVE and not undeploys):
        yield Step(StepKind.DEPLOYED, stage, ended, deployment=record.id, rollback=record.rollback)
    elif record.outcome or record.state in ENDED_BADLY:
        yield Step(StepKind.FAILED, stage, ended, deployment=record.id, rollback=record.rollback)
    if record.state == INACTIVE:
        yield Step(StepKind.REMOVED, stage, seconds(record.updated) or ended, deployment=record.id)
