"""Which run took a tag that was just pushed: its record, asked for again and again for some minutes."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlencode

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.lifecycle import Recorded
from model_stage_deploy.core.tags import parse_tag
from model_stage_deploy.faces.acting import Actor
from model_stage_deploy.faces.hosting import Books
from model_stage_deploy.flows.planning import environment_of, settings_for
from model_stage_deploy.report.html.dialogs import Started

_ROUNDS = 40
_PATIENT = 8  # rounds after which it is said that nothing took it yet
_UNSEEN = (
    "What becomes of it cannot be seen here: set GITHUB_TOKEN and GITHUB_REPOSITORY=OWNER/NAME (of GitLab GITLAB_TOKEN "
    "and CI_PROJECT_PATH) before you serve."
)
_OFTEN, _SELDOM = 4, 12  # seconds


def started(actor: Actor, tag: str, number: int) -> Started:
    """What is known of the deployment of a tag; `number` counts how often that was asked before."""
    again = f"/started?{urlencode({'tag': tag, 'round': number + 1})}" if number < _ROUNDS else ""
    delay = _OFTEN if number < _PATIENT else _SELDOM
    try:
        if actor.books() in (None, Books.LOG):
            return Started(tag, _UNSEEN, "quiet")
        record = _record(actor, tag)
    except ModelStageError as problem:
        return Started(tag, f"Whether a run took it cannot be told: {problem.message}", "quiet")
    if record is None and number < _PATIENT:
        return Started(tag, "No run took it yet.", "busy", again=again, delay=delay)
    if record is None:
        told = "Nothing took it yet: is there a workflow that runs on the push of tags?"
        return Started(tag, told, "warn", again=again, delay=delay)
    if record.under_way:
        return Started(tag, "A run took it, and is at work.", "busy", link=record.log_url, again=again, delay=delay)
    kind: Literal["ok", "bad"] = "ok" if record.outcome == "success" else "bad"
    ended = "The run that took it ended well." if kind == "ok" else "The run that took it failed."
    return Started(tag, f"{ended} {record.summary}".rstrip(), kind, link=record.log_url)


def _record(actor: Actor, tag: str) -> Recorded | None:
    """The newest record of the tag. Raises ModelStageError where nobody can be asked."""
    parsed = parse_tag(tag)
    stage = parsed.stage or ""
    with actor.context("status") as context:
        if context.host is None:
            raise context.hostless or AssertionError("status")
        settings = settings_for(context.configuration(None), parsed.model, stage)
        environment = environment_of(context, settings, parsed.model, stage)
        records = context.host.records(parsed.model, stage, environment, limit=5, past=5)
    return next((record for record in records.newest_first if record.tag == tag), None)
