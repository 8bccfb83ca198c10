"""Checks of what stages come to: versions that are in none though a tag says so, and in one though none does."""

from __future__ import annotations

from collections.abc import Iterator

from model_stage_deploy.core.health import HealthFinding, found, listed, new_tag, next_stage_tag
from model_stage_deploy.core.health_tags import stage_events
from model_stage_deploy.core.model import Holder, Model, ModelVersion, RegistryEvent
from model_stage_deploy.core.registry import Registry
from model_stage_deploy.core.tags import Event, tag_artifact


def misleading_stages(registry: Registry) -> Iterator[HealthFinding]:
    """Silent falls, assignments without effect, and deprecated models that are not gone (R36-R41, T53, T56)."""
    for model in registry:
        if not model.ambiguous:  # else no stage of it has a meaning, and that is a finding of its own
            yield from _stages(model)
            yield from _deprecated(model)
        yield from _revived(model)


def held_stages(registry: Registry) -> Iterator[tuple[str, str, Holder]]:
    """Model, stage and holder of every stage that has a version; models without one meaning are passed over."""
    for model in registry:
        if not model.ambiguous:
            for stage in model.stages:
                holder = model.holder(stage)
                if holder is not None:
                    yield model.name, stage, holder


def _stages(model: Model) -> Iterator[HealthFinding]:
    for stage, events in stage_events(model).items():
        holder = model.holder(stage)
        for event in reversed(events):
            if event.tag.event is not Event.ASSIGNMENT:
                continue
            if holder is not None and event.time <= holder.event.time:
                break
            [version] = model.at(event.commit)
            if version.is_active(event.order):  # it had the stage, and has it no more
                if holder is not None:
                    yield _fell_back(model, stage, version, holder)
                break
            if not version.is_active() and version.is_in(stage):
                yield _dead(model, stage, event, version, holder)
                break


def _dead(
    model: Model, stage: str, event: RegistryEvent, version: ModelVersion, holder: Holder | None
) -> HealthFinding:
    what = f"it still has {holder.version.name}" if holder else "it is empty"
    return found(
        "dead-assignment",
        f"{version.name} was given {stage}, but was deregistered ({_deregistered(version)}), so it does not have it: "
        f"{what}",
        f"register it again: {new_tag(_again(model, version), version.commit)}; or end the assignment: "
        + new_tag(next_stage_tag(model, stage, negated=True), version.commit),
        tag=event.tag.text,
        model=model.name,
    )


def _fell_back(model: Model, stage: str, version: ModelVersion, holder: Holder) -> HealthFinding:
    taken = _unassigned(version, stage) if version.is_active() else _deregistered(version)
    return found(
        "fell-back",
        f"{version.name} was taken out of {stage} by {taken}, so {stage} has {holder.version.name} again, "
        f"by the old tag {holder.event.tag.text}; nothing was deployed for that",
        f"if {holder.version.name} shall be in {stage}, say so: "
        f"{new_tag(next_stage_tag(model, stage), holder.version.commit)}; if not, end that too: "
        + new_tag(next_stage_tag(model, stage, negated=True), holder.version.commit),
        tag=taken,
        model=model.name,
    )


def _deregistered(version: ModelVersion) -> str:
    """The tag that deregistered the version."""
    events = reversed(version.direct)
    return next((event.tag.text for event in events if event.tag.event is Event.DEREGISTRATION), "a tag")


def _unassigned(version: ModelVersion, stage: str) -> str:
    events = reversed(version.assignments.get(stage, []))
    return next((event.tag.text for event in events if event.tag.event is Event.UNASSIGNMENT), "a tag")


def _again(model: Model, version: ModelVersion) -> str:
    number = 1 + max(event.tag.counter or 0 for event in model.events)
    return f"{tag_artifact(model.name)}@{version.name}#{number}"


def _deprecated(model: Model) -> Iterator[HealthFinding]:
    if not model.deprecated:
        return
    held = [(stage, holder) for stage in model.stages if (holder := model.holder(stage)) is not None]
    if held:
        where = listed(f"{holder.version.name} in {stage}" for stage, holder in held)
        stage, holder = held[0]
        yield found(
            "deprecated-in-stage",
            f"the model is deprecated and still has {where}",
            "end each assignment and then deprecate it again (any later tag undoes a deprecation): "
            + new_tag(next_stage_tag(model, stage, negated=True), holder.version.commit),
            tag=model.events[-1].tag.text,
            model=model.name,
        )


def _revived(model: Model) -> Iterator[HealthFinding]:
    """A deprecation that was undone by what nobody would take for a new beginning (R40)."""
    since = []
    for event in reversed(model.events):
        if event.tag.event is Event.DEPRECATION:
            break
        since.append(event)
    else:
        return
    if since and all(event.tag.event in (Event.UNASSIGNMENT, Event.DEREGISTRATION) for event in since):
        number = 1 + max(event.tag.counter or 0 for event in model.events)
        yield found(
            "revived",
            f"{event.tag.text} deprecated the model; {listed(one.tag.text for one in reversed(since))} came later, and "
            "any later tag makes a model active again",
            f"deprecate it again: {new_tag(f'{tag_artifact(model.name)}@deprecated#{number}', since[0].commit)}",
            tag=since[-1].tag.text,
            model=model.name,
        )
