"""Resolving a tag without deploying: what iterative/gto-action tells a workflow, but closed."""

from __future__ import annotations

from model_stage_deploy.core.errors import NothingToDo, Refused
from model_stage_deploy.core.outcome import Journal, Outcome, Subject
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed, read_tag, resolve
from model_stage_deploy.flows.planning import facts_of


def resolve_tag(context: Context, ref: str, pushed: Pushed, journal: Journal, *, by_hand: bool) -> Outcome:
    """Event, model, version, stage and annotation of a tag.

    Raises NothingToDo (not-a-stage-tag, tag-deleted), Refused (what `resolve` refuses; unregistered-commit).
    """
    tag = read_tag(ref, by_hand=by_hand)
    if pushed.deleted:
        raise NothingToDo(Reason.TAG_DELETED, f"{tag.text} was deleted")
    with journal.step("resolve the version"):
        found = resolve(tag, context.repository, pushed)
    if not found.registered:
        raise Refused(
            Reason.UNREGISTERED_COMMIT,
            f"{tag.text} is on commit {found.event.commit[:12]}, where no version of {tag.model} is registered",
            hint=f"register it: gto register {tag.model} {found.event.commit[:12]}",
        )
    journal.subject = Subject(
        tag=tag.text,
        event=tag.event.value,
        model=tag.model,
        version=found.version,
        stage=tag.stage or "",
        commit=found.event.commit,
    )
    with journal.step("read the annotation"):
        model = facts_of(context, tag.model, found.event.commit)
    for note in found.notes:
        context.announcer.note("warning", note)
    named = f" {found.version}" if found.version else ""
    return Outcome(
        reason=Reason.RESOLVED,
        message=f"{tag.text} is the {tag.event.value} of {tag.model}{named}{f' in {tag.stage}' if tag.stage else ''}",
        subject=journal.subject,
        model=model,
        steps=tuple(journal.steps),
        warnings=found.notes,
    )
