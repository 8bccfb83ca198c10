"""Resolving a tag without deploying: what iterative/gto-action tells a workflow, but closed."""

from __future__ import annotations

from dataclasses import replace

from model_stage_deploy.core.outcome import Journal, Outcome
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.decide import Pushed
from model_stage_deploy.flows.meaning import meaning_of
from model_stage_deploy.flows.variables import facts_of


def resolve_tag(context: Context, ref: str, pushed: Pushed, journal: Journal, *, by_hand: bool) -> Outcome:
    """Event, model, version, stage and annotation of a tag. Raises what `meaning_of` raises."""
    outcome = meaning_of(context.repository, ref, pushed, journal, by_hand=by_hand)
    subject = outcome.subject
    with journal.step("read the annotation"):
        model = facts_of(context, subject.model, subject.commit)
    for note in outcome.warnings:
        context.announcer.note("warning", note)
    return replace(outcome, model=model, steps=tuple(journal.steps))
