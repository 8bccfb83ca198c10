"""Why a run's token may only read, and what a command takes: said where a permission is missing.

Source: GitHub's pages "Automatic token authentication" (pull requests from forks) and "Restrictions when Dependabot
triggers events".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.permissions import as_yaml, needed_by
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.opening import is_on_gitlab
from model_stage_deploy.faces.settings import Settings

_FORKS = ("pull_request", "pull_request_review", "pull_request_review_comment")
_DEPENDABOTS = (*_FORKS, "push", "create", "deployment", "deployment_status")
_DEPENDABOT = "dependabot[bot]"
_PAGE = "docs/reference/permissions.md"


def why_read_only(event: str, body: Mapping[str, Any], actor: str) -> str:
    """Why GitHub gave this run a token that may only read, "" where it did not for a reason of its own.

    `event` is the event's name, `body` its JSON, `actor` GITHUB_ACTOR: who started the first attempt of the run.
    """
    if event in _FORKS:
        head, base = (_repository(body, side) for side in ("head", "base"))
        if base and head != base:
            whose = f"the fork {one_line(head, 200)}" if head else "a fork that is gone"
            return f"a pull request from {whose} started it"
    if event in _DEPENDABOTS and actor == _DEPENDABOT:
        return "Dependabot started it"
    return ""


def explained(outcome: Outcome, settings: Settings | None, environ: Mapping[str, str]) -> Outcome:
    """The outcome; where a permission is missing, with all that the command takes, or why it cannot be had."""
    if outcome.reason is not Reason.PERMISSION_MISSING or settings is None or is_on_gitlab(environ):
        return outcome
    needs = needed_by(settings.command, dry_run=settings.dry_run, apply=settings.apply)
    why = why_read_only(environ.get("GITHUB_EVENT_NAME", ""), _body(environ), environ.get("GITHUB_ACTOR", ""))
    if not why:
        whole = f"{settings.command} takes `{as_yaml(needs)}`; " if needs else ""
        return replace(outcome, hint=f"{outcome.hint}; {whole}see {_PAGE}")
    way = (
        f"Dependabot's runs get more only by `{as_yaml(needs)}` in the workflow"
        if why.startswith("Dependabot")
        else "deploy on pushed tags, which no fork can make; for pull requests there are `check`, `plan` and `dry-run`"
    )
    return replace(
        outcome,
        message=f"this run's token may only read, because {why}: {outcome.message}",
        hint=f"{way}; see {_PAGE}",
    )


def _repository(body: Mapping[str, Any], side: str) -> str:
    found: Any = body
    for key in ("pull_request", side, "repo", "full_name"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _body(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The event file, once more: it was read before, so what cannot be read now says nothing."""
    try:
        body = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}
