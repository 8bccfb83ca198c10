"""A GitLab CI job at the door: its predefined variables become typed facts.

Source: GitLab's "Predefined CI/CD variables reference". There is no file with the event; the pipeline of a tag says
which commit it is for, and keeps that when its job runs again (B17).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.event import Platform, WorkflowEvent, platform_of
from model_stage_deploy.flows.decide import Pushed

_PROJECT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+")
_NAMES = {"merge_request_event": "pull_request", "external_pull_request_event": "pull_request"}
"""Sources of a pipeline that mean what GitHub calls otherwise; `push`, `schedule` are called the same."""
_ASKED_FOR = frozenset({"web", "api", "trigger", "chat", "pipeline", "parent_pipeline", "webide", "ondemand_dast_scan"})
"""Sources of a pipeline that somebody, or a program, asked for: no push is behind it."""


def read_gitlab_event(environ: Mapping[str, str]) -> WorkflowEvent:
    """Read what started this job. Raises Invalid (event-invalid)."""
    project = environ.get("CI_PROJECT_PATH", "")
    if not _PROJECT.fullmatch(project) or ".." in project.split("/"):
        raise Invalid(Reason.EVENT_INVALID, f"CI_PROJECT_PATH is {project[:120]!r}, not GROUP/NAME")
    server = (environ.get("CI_SERVER_URL") or "https://gitlab.com").rstrip("/")
    source, tag = environ.get("CI_PIPELINE_SOURCE", ""), environ.get("CI_COMMIT_TAG", "")
    branch = environ.get("CI_COMMIT_BRANCH", "")
    by_hand = source in _ASKED_FOR
    return WorkflowEvent(
        name=_NAMES.get(source, source),
        ref=f"refs/tags/{tag}" if tag else f"refs/heads/{branch}" if branch else "",
        commit=environ.get("CI_COMMIT_SHA", ""),
        pushed=Pushed(
            object_id=(environ.get("CI_COMMIT_SHA") or None) if tag else None,
            forced=source == "push" and bool(tag) and _is_moved(environ),
        ),
        default_branch=environ.get("CI_DEFAULT_BRANCH") or None,
        repository=project,
        server_url=server,
        api_url=(environ.get("CI_API_V4_URL") or f"{server}/api/v4").rstrip("/"),
        run=_run(environ),
        platform=platform_of(environ),
        by_hand=by_hand,
        home=Platform.GITLAB,
    )


def _is_moved(environ: Mapping[str, str]) -> bool:
    """Whether the tag was on another commit before: GitLab names it, and writes zeros for a new tag (B17)."""
    before = environ.get("CI_COMMIT_BEFORE_SHA", "")
    return before.strip("0") != "" and before != environ.get("CI_COMMIT_SHA", "")


def _run(environ: Mapping[str, str]) -> RunFacts:
    """The job: its page is where people look. A job that is run again has a number of its own, so no attempt."""
    return RunFacts(
        id=environ.get("CI_JOB_ID", ""),
        attempt="1" if environ.get("CI_JOB_ID") else "",
        url=environ.get("CI_JOB_URL") or environ.get("CI_PIPELINE_URL", ""),
        actor=environ.get("GITLAB_USER_LOGIN", ""),
    )
