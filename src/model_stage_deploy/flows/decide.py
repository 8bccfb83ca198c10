"""From a tag to a decision: which version of which model the tag puts into which stage, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from model_stage_deploy.core.errors import ModelStageError, NothingToDo, Refused
from model_stage_deploy.core.model import Holder, Model, RegistryEvent, TagRecord
from model_stage_deploy.core.plan import Decision, Previous
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import fold, why_not_an_event
from model_stage_deploy.core.tags import Event, GtoTag, NotGtoTag, parse_ref
from model_stage_deploy.flows.context import Wishes
from model_stage_deploy.ports import Repository

_NO_WISHES = Wishes()
_CLOCK_SLACK = 300.0  # seconds that two clocks may differ (B12)
_OTHER_EVENTS = {
    Event.REGISTRATION: (Reason.REGISTRATION, "registers a version"),
    Event.DEREGISTRATION: (Reason.DEREGISTRATION, "deregisters a version"),
    Event.UNASSIGNMENT: (Reason.UNASSIGNMENT, "takes a version out of a stage"),
    Event.DEPRECATION: (Reason.DEPRECATION, "deprecates a model"),
}


@dataclass(frozen=True, slots=True)
class Pushed:
    """What the event said of the tag: the object it pointed at when it was pushed, and how it was pushed.

    `object_id` is GitHub's `after`: the tag object for an annotated tag (T23), None where no push is behind this run.
    """

    object_id: str | None = None
    forced: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """A tag's event and what it means today."""

    tag: GtoTag
    model: Model
    event: RegistryEvent
    version: str
    registered: bool
    notes: tuple[str, ...] = ()


def read_tag(ref: str, *, by_hand: bool) -> GtoTag:
    """Parse a tag or ref. Raises NothingToDo (not-a-stage-tag), or Invalid for a near miss that a person typed."""
    try:
        return parse_ref(ref)
    except NotGtoTag as problem:
        near_miss = "#" in ref
        if near_miss and by_hand:
            raise
        raise NothingToDo(
            Reason.NOT_A_STAGE_TAG,
            problem.message,
            hint="nothing was deployed" + (": GTO ignores this tag; push one like churn#prod#4" if near_miss else ""),
            doubtful=near_miss,
        ) from problem


def require_assignment(tag: GtoTag) -> None:
    """Raise NothingToDo unless the tag assigns a stage."""
    if tag.event is not Event.ASSIGNMENT:
        reason, does = _OTHER_EVENTS[tag.event]
        raise NothingToDo(reason, f"{tag.text} {does}; only a tag that assigns a stage deploys")


def resolve(tag: GtoTag, repository: Repository, pushed: Pushed) -> Resolved:
    """Read the model's tags and find what this one means.

    Raises Refused (incomplete-tags, tag-not-found, lightweight-tag, mismatched-tag, unusable-tag, moved-tag,
    ambiguous-version), MachineryFailed (git-failed).
    """
    if pushed.forced:
        raise Refused(
            Reason.MOVED_TAG,
            f"{tag.text} was moved by a forced push: what it meant before is lost (B17)",
            hint="assign the stage with a new tag (the next counter) instead of moving an old one",
        )
    records = repository.tags(tag.model, wanted=tag.text)
    _require_as_pushed(_record(tag, records), pushed)
    resolved = _meaning(tag, records)
    if not resolved.registered:
        # The registration may exist where the assignment was made, and not be here yet.
        resolved = _meaning(tag, repository.tags(tag.model, wanted=tag.text, fresh=True))
    return resolved


def decide(
    tag: GtoTag, repository: Repository, pushed: Pushed, *, now: float, wishes: Wishes = _NO_WISHES
) -> tuple[Decision, tuple[str, ...]]:
    """The decision behind an assignment tag, and notes for a person. `now` is unix time in seconds.

    Raises what `resolve` raises, Refused (inactive-version), and for a tag that does not decide its stage any more
    NothingToDo or, where a person asked, Refused (superseded), unless it is forced.
    """
    require_assignment(tag)
    resolved = resolve(tag, repository, pushed)
    model, event, stage = resolved.model, resolved.event, str(tag.stage)
    version = model.version_of(event)
    if version is not None and not version.is_active():
        raise Refused(
            Reason.INACTIVE_VERSION,
            f"{tag.model} {resolved.version} was deregistered, so it is not deployed",
            hint="assign another version, or register this one again",
        )
    notes = list(resolved.notes)
    replaced = model.holder(stage, before=event.order)
    if (newer := superseded_by(model, stage, tag.text)) is not None:
        if not wishes.force:
            raise superseded(tag.text, newer, by_hand=wishes.by_hand)
        notes.append(newer)
        replaced = model.holder(stage) or replaced
    if event.time > now + _CLOCK_SLACK:
        ahead = (event.time - now) / 60
        notes.append(
            f"{tag.text} is dated {ahead:.0f} minutes ahead of this clock: until then it outranks every newer tag"
        )
    if model.deprecated:
        notes.append(f"{tag.model} is deprecated")
    decision = Decision(
        model=tag.model,
        version=resolved.version,
        stage=stage,
        tag=tag.text,
        commit=event.commit,
        previous=previous_of(replaced),
        registered=resolved.registered,
        proof=event.record,
        registry=model,
    )
    return decision, tuple(notes)


def superseded_by(model: Model, stage: str, tag: str) -> str | None:
    """Why a tag does not decide its stage any more, None where it does (T27)."""
    holder = model.holder(stage)
    if holder is None:
        return f"{tag} was undone: by the tags of {model.name}, nothing is in {stage} now"
    decides = holder.event.tag.text
    return None if decides == tag else f"a newer tag, {decides}, gives {stage} to {holder.version.name}"


def superseded(tag: str, why: str, *, by_hand: bool) -> ModelStageError:
    """The end of a run whose tag does not decide its stage any more: a late or repeated one, or out of order (T27)."""
    message = f"{tag} is not deployed: {why}"
    if by_hand:
        hint = "assign the version again (python -m model_stage_deploy promote), roll back, or use --force"
        return Refused(Reason.SUPERSEDED, message, hint=hint)
    return NothingToDo(Reason.SUPERSEDED, message, hint="what is live was left alone", doubtful=True)


def require_newest(repository: Repository, decision: Decision, wishes: Wishes) -> None:
    """Ask the remote, just before acting, whether the tag still decides its stage.

    Raises NothingToDo or Refused (superseded), Refused (incomplete-tags, ambiguous-version), MachineryFailed.
    """
    if wishes.force:
        return
    records = repository.tags(decision.model, wanted=decision.tag, fresh=True)
    newer = superseded_by(fold(records).model(decision.model), decision.stage, decision.tag)
    if newer is not None:
        raise superseded(decision.tag, newer, by_hand=wishes.by_hand)


def previous_of(holder: Holder | None) -> Previous | None:
    """A stage's holder as the version that is replaced."""
    if holder is None:
        return None
    return Previous(holder.version.name, holder.event.tag.text, holder.version.commit)


def _record(tag: GtoTag, records: Sequence[TagRecord]) -> TagRecord:
    found = next((record for record in records if record.name == tag.text), None)
    if found is None:
        newest = sorted(records, key=lambda record: record.time or 0)[-3:]
        near = ", ".join(record.name for record in reversed(newest)) or "none"
        raise Refused(
            Reason.TAG_NOT_FOUND,
            f"there is no tag {tag.text}",
            hint=f"push it first (git push origin '{tag.text}'); the model's newest tags: {near}",
        )
    return found


def _require_as_pushed(record: TagRecord, pushed: Pushed) -> None:
    refusal = why_not_an_event(record)
    if refusal is not None:
        reason, why = refusal
        raise Refused(
            reason,
            f"{record.name} cannot be deployed: {why}",
            hint="make an annotated tag: git tag -a NAME -m MESSAGE COMMIT (or `python -m model_stage_deploy promote`)",
        )
    if pushed.object_id is not None and pushed.object_id not in (record.object_id, record.commit):
        raise Refused(
            Reason.MOVED_TAG,
            f"{record.name} was {pushed.object_id[:12]} when it was pushed and is {record.object_id[:12]} now",
            hint="somebody moved the tag; assign the stage with a new one",
        )


def _meaning(tag: GtoTag, records: Sequence[TagRecord]) -> Resolved:
    registry = fold(records)
    model = registry.model(tag.model)
    event = model.event_of(tag.text)
    if event is None:
        raise Refused(Reason.TAG_NOT_FOUND, f"there is no tag {tag.text}", hint="somebody may just have deleted it")
    version = model.version_of(event)
    notes = tuple(f"{finding.tag}: {finding.message}" for finding in registry.findings if finding.tag == tag.text)
    return Resolved(
        tag=tag,
        model=model,
        event=event,
        version="" if version is None else version.name,
        registered=version is None or version.registered,
        notes=notes,
    )
