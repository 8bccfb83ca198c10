"""What started the run, whatever runs us: the environment of a job becomes typed facts, one file for each platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.flows.decide import Pushed


class Platform(StrEnum):
    """Who runs the job. NONE: a person at a terminal, or a CI that we know nothing of (Jenkins and others)."""

    GITHUB = "github"
    GITLAB = "gitlab"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the event itself asks for, as the inputs of the same names would: empty texts where it says nothing.

    A `repository_dispatch` asks by its client payload, a `deployment` by the tag in its payload.
    """

    command: str = ""
    tag: str = ""
    model: str = ""
    stage: str = ""
    to: str = ""
    force: bool = False
    override: str = ""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowEvent:
    """What started the run. `commit` is GITHUB_SHA: for a pushed tag the commit behind it (T23)."""

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


def platform_of(environ: Mapping[str, str]) -> Platform:
    """Which platform's job this process is in."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return Platform.GITHUB
    return Platform.GITLAB if environ.get("GITLAB_CI") == "true" else Platform.NONE


def read_event(environ: Mapping[str, str]) -> WorkflowEvent:
    """Read what started this run. Raises Invalid (event-invalid)."""
    from model_stage_deploy.faces.event_github import read_github_event

    return read_github_event(environ)
