"""What was taken away: the tag that took what a stage runs from it, and what the mapping says about such tags. Pure."""

from __future__ import annotations

from model_stage_deploy.core.lifecycle import Recorded, is_of
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.model import Holder, Model, RegistryEvent
from model_stage_deploy.core.tags import Event


def taken_away(model: Model, stage: str, holder: Holder | None, running: Recorded | None) -> RegistryEvent | None:
    """The newest tag since the holder's own that took away what runs, or where nothing runs any version.

    None where none did. A deprecation that holds takes away whatever the stage has (R40).
    """
    if holder is not None and model.deprecated:
        return model.events[-1]
    for event in reversed(model.events):
        if holder is not None and event.order <= holder.event.order:
            break
        if event.tag.event in (Event.UNASSIGNMENT, Event.DEREGISTRATION) and event.tag.stage in (None, stage):
            version = model.version_of(event)
            if version is None or (running is not None and not is_of(running, version)):
                continue
            before = model.holder(stage, before=event.order)
            if before is not None and before.version is version:
                return event
    return None


def policy_on(settings: StageSettings, taken: RegistryEvent | None) -> str:
    """What the mapping says about a tag that took something away; "" for none."""
    if taken is None:
        return ""
    kind, events = taken.tag.event, settings.events
    if kind is Event.DEPRECATION:
        # There is nothing to fall back to: the stage has what it has.
        return "undeploy" if events.deprecate == "undeploy" else "ignore"
    return events.unassign if kind is Event.UNASSIGNMENT else events.deregister
