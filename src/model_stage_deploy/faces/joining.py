"""Whether deployments can be joined with tags, and by whose records: for `status`, and for the pages."""

from __future__ import annotations

from collections.abc import Sequence

from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.event import WorkflowEvent
from model_stage_deploy.faces.hosting import Books, books_of
from model_stage_deploy.faces.opening import is_url
from model_stage_deploy.faces.settings import AUTO, Settings


def books_to_ask(settings: Settings, event: WorkflowEvent) -> Books | None:
    """Where one who looks reads records; None where nobody can be asked. Raises Invalid (usage)."""
    books = books_of(settings, event)
    if books is Books.LOG:
        # A job's own log is gone when the job ends.
        return None if is_url(settings.repo) or event.in_job else books
    if books is not Books.GIT and settings.token is None and settings.records == AUTO:
        return None
    return books


def has_told(books: Books, rows: Sequence[Lifecycle]) -> bool:
    """Whether those records say anything: a log without one of these models is nobody to ask, for they may be deployed
    elsewhere.
    """
    return books is not Books.LOG or any(row.records or row.reason is Reason.LOG_FAILED for row in rows)
