"""Where deployments are recorded and people are asked about: GitHub, or the log of this repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import WorkflowEvent
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import CodeHost, Forge, WorkflowStarter

if TYPE_CHECKING:
    from model_stage_deploy.adapters.git_source import GitSource
    from model_stage_deploy.adapters.github_client import GitHubClient

_RECORDING = ("deploy", "rollback", "check")
_LOOKING = ("status", "history", "sweep", "approve")


def host_of(
    settings: Settings, event: WorkflowEvent, source: GitSource, scrubber: Scrubber
) -> tuple[CodeHost | None, Invalid | None]:
    """Where deployments are recorded, or why nowhere: GitHub, or with `--no-github` the log of this repository."""
    if settings.command not in _RECORDING + _LOOKING:
        return None, None
    has_github = settings.token is not None and bool(event.repository)
    if settings.no_github or (settings.command in _LOOKING and not has_github):
        return open_log(source, event, scrubber), None
    try:
        client = _github(
            settings,
            event,
            "the deployment cannot be recorded on GitHub",
            or_else=", or deploy with a record in this repository's own log: --no-github",
        )
    except Invalid as missing:
        return None, missing
    from model_stage_deploy.adapters.github_deployments import GitHubDeployments

    return GitHubDeployments(client, scrubber.text, event.run.url), None


def open_log(source: GitSource, event: WorkflowEvent, scrubber: Scrubber) -> CodeHost:
    """The deployment log beside the repository's own data; in memory where there is no clone."""
    from model_stage_deploy.adapters.local_log import PLACE, LocalLog
    from model_stage_deploy.adapters.system_clock import SystemClock

    local = source.local
    path = local.common_directory / PLACE if local is not None else None
    return LocalLog(path, who=event.run.actor or source.identity(), clock=SystemClock(), scrub=scrubber.text)


def forge_of(settings: Settings, event: WorkflowEvent) -> Forge | None:
    if settings.token is None or not event.repository:
        return None
    from model_stage_deploy.adapters.github_client import GitHubClient
    from model_stage_deploy.adapters.github_forge import GitHubForge

    return GitHubForge(GitHubClient(event.api_url, event.repository, settings.token))


def workflow_starter(settings: Settings, event: WorkflowEvent) -> WorkflowStarter:
    """Starts workflows of the event's repository. Raises Invalid (usage) without a token or GITHUB_REPOSITORY."""
    from model_stage_deploy.adapters.github_workflows import GitHubWorkflows

    client = _github(settings, event, "no workflow can be started")
    return GitHubWorkflows(client, f"{event.server_url}/{event.repository}", event.default_branch or "")


def _github(settings: Settings, event: WorkflowEvent, otherwise: str, *, or_else: str = "") -> GitHubClient:
    """A client of the event's repository; `otherwise` says what cannot be without one. Raises Invalid (usage)."""
    if settings.token is None or not event.repository:
        missing = " and ".join(
            name
            for name, absent in (("a token", settings.token is None), ("GITHUB_REPOSITORY", not event.repository))
            if absent
        )
        raise Invalid(
            Reason.USAGE,
            f"{otherwise} without {missing}",
            hint=f"set GITHUB_TOKEN and GITHUB_REPOSITORY=OWNER/NAME{or_else}",
        )
    from model_stage_deploy.adapters.github_client import GitHubClient

    return GitHubClient(event.api_url, event.repository, settings.token)
