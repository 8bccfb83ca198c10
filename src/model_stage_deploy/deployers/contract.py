"""What every deployer is given and what it promises. docs/howto/write-a-deployer.md tells it to users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from model_stage_deploy.core.plan import Plan


class Options(BaseModel):
    """Base of a deployer's `with:` settings. Unknown keys are mistakes; hyphens in YAML, underscores here."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, slots=True)
class Job:
    """One deployment to carry out.

    `files` is a checkout of the trusted ref, `model_dir` one of the tagged commit; both None where the deployer's
    `needs_files` is False. `env` is the environment for processes: the caller's without our own inputs (a
    GITHUB_TOKEN that the caller exported stays), with MSD_* values added. `timeout` in seconds is for the whole
    deployment. `attempt` is unique to this try and the same over its retries. `output` takes what the deployer
    prints, as it comes.
    """

    plan: Plan
    attempt: str
    env: Mapping[str, str]
    timeout: float
    output: Callable[[str], None]
    files: Path | None = None
    model_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the deployer believes is live now. `url` overrides the mapping's environment URL."""

    url: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    tail: str = ""


class Deployer(Protocol):
    """Carries out a plan. Built with the ports that its constructor names (process, web, clock)."""

    options: ClassVar[type[Options]]
    needs_files: ClassVar[bool]
    url_options: ClassVar[frozenset[str]]
    """Names of `with:` settings that are URLs: values rendered into them are percent-encoded."""
    verbatim_options: ClassVar[frozenset[str]]
    """Names of `with:` settings that are never templates (program text): they arrive exactly as written."""

    def describe(self, plan: Plan, options: Any) -> list[str]:
        """Lines that say exactly what `deploy` would do, for a dry run. Touches nothing."""
        ...

    def deploy(self, job: Job, options: Any) -> Receipt:
        """Do it. Raises DeploymentFailed (deployer-failed, deployer-timeout) with the output's tail."""
        ...


@runtime_checkable
class Undeployer(Protocol):
    """What a deployer may offer besides: taking away what it deployed. The plan's decision says `undeploy` then.

    A deployer that can do so with some settings only has a third method, `why_not_undeploy(options)`: "" where it can,
    else the reason, in a sentence of its own.
    """

    def describe_undeploy(self, plan: Plan, options: Any) -> list[str]:
        """Lines that say exactly what `undeploy` would do, for a dry run. Touches nothing."""
        ...

    def undeploy(self, job: Job, options: Any) -> Receipt:
        """Do it. Raises DeploymentFailed as `deploy` does. Once more, where nothing is left, must do no harm."""
        ...


def can_undeploy(deployer: object, options: Any) -> str:
    """Why the deployer cannot take away what it deployed with these settings; an empty text where it can."""
    for name in ("undeploy", "describe_undeploy"):
        if not callable(getattr(deployer, name, None)):
            return f"it has no method `{name}`"
    asked = getattr(deployer, "why_not_undeploy", None)
    return str(asked(options)) if callable(asked) else ""
