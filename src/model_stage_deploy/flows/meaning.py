"""What one tag means, by tags alone: event, model, version, stage, commit. Annotations: next door, in resolve.py."""

from __future__ import annotations

from model_stage_deploy.core.errors import NothingToDo, Refused
from model_stage_deploy.core.outcome import Journal, Outcome, Subject
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.flows.decide import Pushed, read_tag, resolve
from model_stage_deploy.ports import Repository


def meaning_of(repository: Repository, ref: str, pushed: Pushed, journal: Journal, *, by_hand: bool) -> Outcome:
    """Event, model, version and stage of a tag; `journal.subject` says so, too.

    Raises NothingToDo (not-a-stage-tag, tag-deleted), Refused (what `resolve` refuses; unregistered-commit).
    """
    tag = read_tag(ref, by_hand=by_hand)
    if pushed.deleted:
        raise NothingToDo(Reason.TAG_DELETED, f"{tag.text} was deleted")
    with journal.step("resolve the version"):
        found = resolve(tag, repository, pushed)
    if not found.registered:
        raise Refused(
            Reason.UNREGISTERED_COMMIT,
            f"{tag.text} is on commit {found.event.commit[:12]}, where no version of {tag.model} is registered",
            hint=f"register it: python -m model_stage_deploy register {tag.model} {found.event.commit[:12]}",
        )
    journal.subject = Subject(
        tag=tag.text,
        event=tag.event.value,
        model=tag.model,
        version=found.version,
        stage=tag.stage or "",
        commit=found.event.commit,
    )
    named = f" {found.version}" if found.version else ""
    return Outcome(
        reason=Reason.RESOLVED,
        message=f"{tag.text} is the {tag.event.value} of {tag.model}{named}{f' in {tag.stage}' if tag.stage else ''}",
        subject=journal.subject,
        steps=tuple(journal.steps),
        warnings=found.notes,
    )
