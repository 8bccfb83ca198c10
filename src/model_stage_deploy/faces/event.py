"""What started the run, whatever runs us: the environment of a job becomes typed facts, one file for each platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.faces.opening import in_job, is_on_gitlab
from model_stage_deploy.flows.decide import Pushed


class Platform(StrEnum):
    """Who runs the job. NONE: a person at a terminal, or a CI that we know nothing of (Jenkins and others)."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the event itself asks for, as the inputs of the same names would: empty texts where it says nothing.

    A `repository_dispatch` asks by its client payload. `wrong` says what cannot be understood in it: whoever would do
    what is asked refuses then (event-invalid), and nobody else need care.
    """

    command: str = ""
    tag: str = ""
    model: str = ""
    stage: str = ""
    to: str = ""
    force: bool = False
    override: str = ""
    dry_run: bool = False
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowEvent:
    """What started the run. `commit` is GITHUB_SHA: for a pushed tag the commit behind it (T23).

    `ref` is the full name of the ref that the event is about, empty where it is about none. `by_hand`: a person or a
    program asked for this very run, by dispatch or by the API; a push did not. `idle` says why an event that is about
    a tag asks for nothing. `echo`: it tells of a record that a run of ours made, so nothing may be deployed for it.
    `home` is whose API is at `api_url` and what `repository` is of; `platform` runs the job, and a person at a terminal
    has a home, too. `in_job`: a CI runs us, so the files here may be those of the tagged commit, or of an earlier run.
    `head` is the newest commit of the pull request that the event is about; `commit` is of its merge then.
    """

    name: str
    ref: str
    commit: str
    pushed: Pushed
    default_branch: str | None
    repository: str
    server_url: str
    api_url: str
    run: RunFacts
    platform: Platform = Platform.GITHUB
    asked: Asked = field(default_factory=Asked)
    by_hand: bool = False
    idle: str = ""
    echo: bool = False
    home: Platform = Platform.GITHUB
    in_job: bool = False
    head: str = ""


def platform_of(environ: Mapping[str, str]) -> Platform:
    """Which platform's job this process is in."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return Platform.GITHUB
    return Platform.GITLAB if environ.get("GITLAB_CI") == "true" else Platform.NONE


def read_event(environ: Mapping[str, str]) -> WorkflowEvent:
    """Read what started this run. Raises Invalid (event-invalid)."""
    if is_on_gitlab(environ):
        from model_stage_deploy.faces.event_gitlab import read_gitlab_event

        return replace(read_gitlab_event(environ), in_job=in_job(environ))
    from model_stage_deploy.faces.event_github import read_github_event

    event = replace(read_github_event(environ), in_job=in_job(environ))
    if event.platform is not Platform.NONE:
        return event
    from model_stage_deploy.faces.event_plain import with_plain_facts

    return with_plain_facts(event, environ)
