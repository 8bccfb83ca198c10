"""Where deployments are recorded and people are asked about: GitHub, GitLab, Git itself, or the log in this clone."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import Platform, WorkflowEvent
from model_stage_deploy.faces.settings import AUTO, Settings
from model_stage_deploy.ports import CodeHost, Forge, WorkflowStarter

if TYPE_CHECKING:
    from model_stage_deploy.adapters.git_log import GitLog
    from model_stage_deploy.adapters.git_source import GitSource
    from model_stage_deploy.adapters.github_client import GitHubClient
    from model_stage_deploy.adapters.github_limits import Waits
    from model_stage_deploy.adapters.gitlab_client import GitLabClient

_RECORDING = ("deploy", "rollback", "finish", "mirror", "check", "reconcile")
_IN_A_STEP = "add to the step: env: {GITHUB_TOKEN: ${{ github.token }}}, or leave the input `token` as it is"
_COMPARING = (
    "status",
    "history",
    "mirror",
    "reconcile",
)  # they write no record, unless they are to apply what they find
_LOOKING = ("status", "history", "sweep", "approve")


class Books(StrEnum):
    """Where deployments are recorded. The texts are the values of `--records`, and of `recorded_in` in documents."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GIT = "git"
    LOG = "log"


def books_of(settings: Settings, event: WorkflowEvent) -> Books:
    """Where this run's deployments are recorded, or looked up.

    What the settings name; else the home of the project, where a token lets us; a GitLab project's record is in Git
    (git_log.py), so who only looks needs no token; a job of any other CI keeps it in Git, too, for its workspace goes;
    a person without a token keeps a log in the clone. Raises Invalid (usage).
    """
    if settings.records != AUTO:
        return _named(settings)
    if settings.no_github:
        return Books.LOG
    has_home = settings.token is not None and bool(event.repository)
    home = Books(event.home.value)
    if has_home:
        return home
    if home is Books.GITLAB and settings.command in ("status", "history"):
        return Books.GIT
    if event.in_job:
        return home if event.platform is not Platform.NONE else Books.GIT
    return home if settings.command in _RECORDING else Books.LOG


def _named(settings: Settings) -> Books:
    if settings.records not in set(Books):
        raise Invalid(
            Reason.USAGE,
            f"deployments cannot be recorded in {settings.records[:80]!r}",
            hint=f"write one of {', '.join([AUTO, *Books])}",
        )
    if settings.no_github and settings.records != Books.LOG:
        raise Invalid(
            Reason.USAGE,
            f"no-github means the log in the clone, and records says {settings.records}",
            hint="leave one of the two out",
        )
    return Books(settings.records)


def host_of(
    settings: Settings, event: WorkflowEvent, source: GitSource, scrubber: Scrubber, waits: Waits | None = None
) -> tuple[CodeHost | None, Invalid | None]:
    """Where deployments are recorded (`books_of`), or why nowhere.

    `waits` is what all clients of a run share: how long they wait for rate limits in all.
    """
    if settings.command not in _RECORDING + _LOOKING:
        return None, None
    try:
        books = books_of(settings, event)
        if books is Books.LOG:
            return open_log(source, event, scrubber), None
        if books is Books.GIT:
            return open_git_log(source, event, scrubber), None
        if books is Books.GITLAB:
            return _gitlab_host(settings, event, source, scrubber), None
        looks = settings.command in _LOOKING
        client = _github(
            settings,
            event,
            "GitHub's deployments cannot be read" if looks else "the deployment cannot be recorded on GitHub",
            or_else="" if looks else ", or deploy with a record in this repository's own log: --no-github",
            waits=waits,
        )
    except Invalid as missing:
        return None, missing
    from model_stage_deploy.adapters.github_deployments import GitHubDeployments

    looks = settings.dry_run or (settings.command in _COMPARING and not settings.apply)
    return GitHubDeployments(client, scrubber.text, event.run.url, looks=looks), None


def open_git_log(source: GitSource, event: WorkflowEvent, scrubber: Scrubber) -> GitLog:
    """The deployment log as refs of the remote; in the repository itself where it has none."""
    from model_stage_deploy.adapters.git_journal import open_journals
    from model_stage_deploy.adapters.git_log import GitLog
    from model_stage_deploy.adapters.system_clock import SystemClock

    who = event.run.actor or source.identity()
    return GitLog(open_journals(source), who=who, clock=SystemClock(), scrub=scrubber.text)


def _gitlab_host(settings: Settings, event: WorkflowEvent, source: GitSource, scrubber: Scrubber) -> CodeHost:
    from model_stage_deploy.adapters.gitlab_deployments import GitLabDeployments

    client = _gitlab(settings, event, "the deployment cannot be shown on GitLab")
    return GitLabDeployments(client, open_git_log(source, event, scrubber), scrubber.text, event.run.url)


def _gitlab(settings: Settings, event: WorkflowEvent, otherwise: str) -> GitLabClient:
    """A client of the event's project; `otherwise` says what cannot be without one. Raises Invalid (usage)."""
    from model_stage_deploy.adapters.gitlab_client import WHAT_IT_TAKES, GitLabClient

    if settings.token is None or event.home is not Platform.GITLAB:
        missing = "a token" if event.home is Platform.GITLAB else "CI_PROJECT_PATH"
        raise Invalid(
            Reason.USAGE,
            f"{otherwise} without {missing}",
            hint=f"{WHAT_IT_TAKES.format(role='Developer')}; or keep the record in Git alone: --records git",
        )
    return GitLabClient(event.api_url, event.repository, settings.token)


def open_log(source: GitSource, event: WorkflowEvent, scrubber: Scrubber) -> CodeHost:
    """The deployment log beside the repository's own data; in memory where there is no clone."""
    from model_stage_deploy.adapters.local_log import PLACE, LocalLog
    from model_stage_deploy.adapters.system_clock import SystemClock

    local = source.local
    path = local.common_directory / PLACE if local is not None else None
    return LocalLog(path, who=event.run.actor or source.identity(), clock=SystemClock(), scrub=scrubber.text)


def forge_of(settings: Settings, event: WorkflowEvent, waits: Waits | None = None) -> Forge | None:
    """What knows people, checks and branches: the project's home, whatever keeps the records."""
    if settings.token is None or not event.repository:
        return None
    if event.home is Platform.GITLAB:
        from model_stage_deploy.adapters.gitlab_forge import GitLabForge

        return GitLabForge(_gitlab(settings, event, "GitLab cannot be asked"))
    from model_stage_deploy.adapters.github_client import GitHubClient
    from model_stage_deploy.adapters.github_forge import GitHubForge

    return GitHubForge(GitHubClient(event.api_url, event.repository, settings.token, waits=waits))


def workflow_starter(settings: Settings, event: WorkflowEvent) -> WorkflowStarter:
    """Starts workflows of the event's repository. Raises Invalid (usage) without a token or GITHUB_REPOSITORY."""
    if event.home is Platform.GITLAB:
        raise Invalid(
            Reason.USAGE,
            "on GitLab no workflow need be started: a tag that a job pushes starts a pipeline by itself",
            hint="leave the workflow out",
        )
    from model_stage_deploy.adapters.github_workflows import GitHubWorkflows

    client = _github(settings, event, "no workflow can be started")
    return GitHubWorkflows(client, f"{event.server_url}/{event.repository}", event.default_branch or "")


def _github(
    settings: Settings, event: WorkflowEvent, otherwise: str, *, or_else: str = "", waits: Waits | None = None
) -> GitHubClient:
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
            hint=_IN_A_STEP if event.in_job else f"set GITHUB_TOKEN and GITHUB_REPOSITORY=OWNER/NAME{or_else}",
        )
    from model_stage_deploy.adapters.github_client import GitHubClient

    return GitHubClient(event.api_url, event.repository, settings.token, waits=waits)
