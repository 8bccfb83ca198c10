"""The composition root: the only place that names adapters and puts them behind the ports."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.git_scratch import basic, parts_of, without_password
from model_stage_deploy.adapters.git_source import GitSource, KeptSource
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.redaction import Scrubber, Secret
from model_stage_deploy.faces import members
from model_stage_deploy.faces.asking import is_rollback
from model_stage_deploy.faces.configurations import Configurations
from model_stage_deploy.faces.event import Platform, WorkflowEvent
from model_stage_deploy.faces.handed_secrets import handed_secrets
from model_stage_deploy.faces.hosting import forge_of, host_of
from model_stage_deploy.faces.opening import is_url, token_for
from model_stage_deploy.faces.progress import progress_beside
from model_stage_deploy.faces.scoping import scope_of
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.flows.context import Context, Wishes
from model_stage_deploy.ports import Announcer, LockStore, TargetLog

if TYPE_CHECKING:
    from model_stage_deploy.flows.change import World


def on_actions(environ: Mapping[str, str]) -> bool:
    """Whether a GitHub Actions job runs us."""
    return environ.get("GITHUB_ACTIONS") == "true"


def _of_the_job(environ: Mapping[str, str]) -> list[Secret]:
    """Secrets that a platform puts into every job: they may stand in addresses that git complains of."""
    return [Secret(value) for name in ("CI_JOB_TOKEN",) if (value := environ.get(name, ""))]


@contextmanager
def working(
    settings: Settings,
    event: WorkflowEvent,
    environ: Mapping[str, str],
    announcer: Announcer,
    scrubber: Scrubber,
    kept: GitRepository | None = None,
) -> Iterator[Context]:
    """A context for one run; what it made in temporary places is gone afterwards.

    `kept` is a clone of the URL that the settings name, of one who looks at it more than once.
    Raises Invalid (usage, not-a-repository).
    """
    from model_stage_deploy.adapters.annotations_yaml import find_annotation
    from model_stage_deploy.adapters.documents import read_document
    from model_stage_deploy.adapters.github_limits import Waits
    from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
    from model_stage_deploy.adapters.system_clock import SystemClock

    handed = _masked(settings, environ, announcer, scrubber)
    with open_source(settings, event, environ, lambda text: announcer.note("warning", text), kept) as source:
        stop = threading.Event()
        waits = Waits(SystemClock(), tell=announcer.say)
        host, hostless = host_of(settings, event, source, scrubber, waits)
        forge = forge_of(settings, event, waits)
        yield Context(
            repository=source,
            configuration=Configurations(settings, source, trusted=event.in_job or is_url(settings.repo)),
            deployer=members.deployers(stop),
            gate=members.gates(source, host, forge),
            verifier=members.verifiers(stop),
            mirror=members.mirrors(),
            templates=JinjaTemplates(),
            annotation=find_annotation,
            announcer=announcer,
            clock=SystemClock(stop),
            stop=stop,
            scrub=scrubber.text,
            documents=read_document,
            progress=lambda: progress_beside(announcer),
            targets=open_targets(source, scrubber, local=settings.records == "log" or settings.no_github),
            host=host,
            hostless=hostless,
            forge=forge,
            locks=open_locks(source),
            registry=lambda: _registry(settings, event, environ, source),
            interrupt=_interrupt,
            environ=environ,
            owner=event.run.actor or ("" if event.in_job else source.identity()),
            wishes=_wishes(settings),
            repository_name=event.repository,
            run=event.run,
            dry_run=settings.dry_run,
            handed=handed,
        )


def _masked(
    settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber
) -> Mapping[str, str]:
    """The secrets that were handed over by name. From now on nobody sees them, the token, or what a job has."""
    if settings.token is not None:
        announcer.mask(settings.token.reveal())
        scrubber.add(basic(settings.token))
    handed = handed_secrets(settings.secrets)
    for value in (*(secret.reveal() for secret in _of_the_job(environ)), *handed.values()):
        announcer.mask(value)
    return handed


def _wishes(settings: Settings) -> Wishes:
    """How whoever started the run wants it. Raises Invalid (usage)."""
    return Wishes(
        by_hand=settings.by_hand,
        force=settings.force,
        override=settings.override,
        wait=settings.wait,
        lock=not settings.no_lock,
        tag=settings.write_tag,
        stage=settings.stage if settings.command in ("deploy", "finish") and not is_rollback(settings) else "",
        planned=settings.planned,
        scope=scope_of(settings),
    )


def open_source(
    settings: Settings,
    event: WorkflowEvent,
    environ: Mapping[str, str],
    tell: Callable[[str], None] = lambda _: None,
    kept: GitRepository | None = None,
) -> GitSource:
    """The registry's repository: in a job the workspace if it is this repository's, and always its remote.

    Of a URL that remote alone, read through a clone that is `kept` of it, if there is one.
    """
    if is_url(settings.repo):
        remotes = [(settings.repo, token_for(settings.repo, environ))]
        return GitSource(None, remotes) if kept is None else KeptSource(kept, remotes)
    if not event.in_job:
        local = GitRepository.open(Path(settings.repo or "."))
        url = local.remote_url()
        return GitSource(local, [(url, _token_for(url, settings, event))] if url else [])
    workspace = _workspace(settings, event, environ)
    urls = _addresses(settings, event, environ)
    origin = workspace.remote_url() if workspace else None
    if origin and _plain(origin) not in map(_plain, urls):
        urls.append(origin)
    remotes = [(url, _token_for(url, settings, event)) for url in urls]
    return GitSource(workspace, remotes, default_branch=event.default_branch, refs_from_remote=True, tell=tell)


def _addresses(settings: Settings, event: WorkflowEvent, environ: Mapping[str, str]) -> list[str]:
    """Where the platform has the repository; on GitLab without a token of ours with that of the job in it."""
    if not event.repository:
        return []
    if event.home is Platform.GITLAB and settings.token is None and environ.get("CI_REPOSITORY_URL"):
        return [environ["CI_REPOSITORY_URL"]]
    ending = ".git" if event.home is Platform.GITLAB else ""
    return [f"{event.server_url}/{event.repository}{ending}"]


def _plain(url: str) -> str:
    return without_password(url).rstrip("/").removesuffix(".git")


def _workspace(settings: Settings, event: WorkflowEvent, environ: Mapping[str, str]) -> GitRepository | None:
    """The job's checkout, if it is one of this repository: it must hold the commit that the event names."""
    places = {Platform.GITHUB: "GITHUB_WORKSPACE", Platform.GITLAB: "CI_PROJECT_DIR", Platform.NONE: "WORKSPACE"}
    path = Path(environ.get(places[event.platform]) or ".", settings.repo)
    try:
        found = GitRepository.open(path)
    except Invalid:
        return None
    if event.platform is Platform.NONE and not event.commit:
        return found  # nobody says which commit it is about, and no other address is known
    return found if event.commit and found.commit_of(event.commit) else None


def _token_for(url: str, settings: Settings, event: WorkflowEvent) -> Secret | None:
    """The token, for the server that gave it and no other host."""
    hosts = {parts_of(event.server_url).hostname, parts_of(event.api_url).hostname} - {None}
    return settings.token if parts_of(url).hostname in hosts else None


def open_targets(source: GitSource, scrubber: Scrubber, *, local: bool) -> TargetLog:
    """The log of targets: on the remote; without one, and where all records are `local`, in the repository itself."""
    from model_stage_deploy.adapters.git_targets import open_target_log

    return open_target_log(source, scrubber.text, local=local)


def open_locks(source: GitSource) -> LockStore:
    """Locks on the remote; without one, in the repository itself."""
    from model_stage_deploy.adapters.git_locks import open_lock_store

    return open_lock_store(source)


@contextmanager
def _registry(
    settings: Settings, event: WorkflowEvent, environ: Mapping[str, str], source: GitSource
) -> Iterator[tuple[World, bool]]:
    """The registry for one who changes it: on Actions the remote, by our token and in the name of who started it."""
    from model_stage_deploy.adapters.git_tag_store import open_tag_store
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.flows.change import World

    url = source.url
    if event.in_job:
        _sign_as(event, environ)
    named = is_url(settings.repo)
    repo = settings.repo if named else url if event.in_job and url else settings.repo or "."
    with open_tag_store(
        repo,
        is_url=named or (event.in_job and bool(url)),
        push=bool(url),
        token_for=lambda address: _token_for(address, settings, event),
        tell=lambda _: None,
    ) as store:
        yield World(store, SystemClock(), environ, _parse_gto_config), bool(url)


def _sign_as(event: WorkflowEvent, environ: Mapping[str, str]) -> None:
    """Tags that a job makes are in the name of who started it; what the job sets itself goes first."""
    if event.home is Platform.GITLAB:
        server = parts_of(event.server_url).hostname or "gitlab"
        actor = event.run.actor or "gitlab-ci"
        address = environ.get("GITLAB_USER_EMAIL") or f"{actor}@users.noreply.{server}"
    else:
        on_github = event.platform is Platform.GITHUB
        actor = event.run.actor or ("github-actions[bot]" if on_github else "model-stage-deploy")
        address = f"{actor}@users.noreply.{'github.com' if on_github else 'invalid'}"
    os.environ.setdefault("GIT_COMMITTER_NAME", actor)
    os.environ.setdefault("GIT_COMMITTER_EMAIL", address)


def _interrupt() -> None:
    """End what the main thread waits for, as a cancelled job would."""
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def changing(
    repo: str, environ: Mapping[str, str], *, push: bool, tell: Callable[[str], None] = lambda _: None
) -> Iterator[World]:
    """What a change of the registry needs. `repo` is a path, "" for here, or a URL; `tell` gets what one should know.

    Raises Invalid (not-a-repository, usage), MachineryFailed (git-failed).
    """
    from model_stage_deploy.adapters.git_tag_store import open_tag_store
    from model_stage_deploy.adapters.system_clock import SystemClock
    from model_stage_deploy.flows.change import World

    def token(url: str) -> Secret | None:
        return token_for(url, environ)

    with open_tag_store(repo, is_url=is_url(repo), push=push, token_for=token, tell=tell) as store:
        yield World(store, SystemClock(), environ, _parse_gto_config)


def _parse_gto_config(text: bytes) -> object:
    from model_stage_deploy.adapters.gto_config_yaml import parse_config  # PyYAML: only where there is such a file

    return parse_config(text)
