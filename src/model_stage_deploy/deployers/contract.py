"""What every deployer is given and what it promises. docs/howto/write-a-deployer.md tells it to users.

A deployer describes and deploys; where it can, it also takes away what it deployed, and tells what runs. It tries once:
how often, when, and for how long is decided by the flow (flows/trying.py), and whether the new version serves is found
out by `verify:`. What every deployer promises is asked of each by tests/conformance/test_deployers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

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
    GITHUB_TOKEN that the caller exported stays), with MSD_* values added. `timeout` in seconds is what is left for this
    deployment, and the deployer's to keep. `attempt` is unique to this deployment and the same over its retries: what
    tells a repeated request from a new one. `output` takes what the deployer prints, as it comes, from any thread.
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
    """What the deployer believes is live now. `url` (http or https) overrides the mapping's environment URL.

    `version` is the model version that it was told is live, "" where it was told of none: one that is not the plan's is
    a failed deployment, so it must not be filled in from the plan. `facts` are plain JSON values for the outcome, at
    most 16 KiB; no secret may be among them. `tail` is the end of what was printed.
    """

    url: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    tail: str = ""
    version: str = ""


State = Literal["running", "starting", "stopped", "failed", "absent", "unknown"]


@dataclass(frozen=True, slots=True)
class Status:
    """What a deployer found when it looked. `unknown` where it could not tell; `sentence` says what it saw.

    `version` is the model version that runs, "" where nothing says so: of most servers it is not to be had.
    """

    state: State
    sentence: str
    version: str = ""
    url: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Deployer(Protocol):
    """Carries out a plan. Built with the ports that its constructor names (process, web, clock).

    One instance may be asked for several targets at once, from several threads: it keeps nothing of a job in itself.
    """

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
        """Do it, once, within `job.timeout`. Once more with the same plan must do no harm.

        Raises DeploymentFailed (deployer-failed, deployer-timeout) with the output's tail; any other exception counts
        as a failure, too. `retryable` of the error says that the same once more may well succeed, `after` how many
        seconds from now at the earliest: whether and when is the flow's choice (`deploy.retries`). Cancelled must pass,
        and what was started must have ended then.
        """
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


@runtime_checkable
class StatusTeller(Protocol):
    """What a deployer may offer besides: looking at what runs. It changes nothing, and proves nothing to a gate.

    As for undeploying, `why_not_status(options)` may say why it cannot with these settings ("" where it can).
    """

    def status(self, job: Job, options: Any) -> Status:
        """Look. Raises DeploymentFailed where looking itself failed."""
        ...


def can_tell_status(deployer: object, options: Any) -> str:
    """Why the deployer cannot say what runs, with these settings; an empty text where it can."""
    if not callable(getattr(deployer, "status", None)):
        return "it has no method `status`"
    asked = getattr(deployer, "why_not_status", None)
    return str(asked(options)) if callable(asked) else ""


def can_undeploy(deployer: object, options: Any) -> str:
    """Why the deployer cannot take away what it deployed with these settings; an empty text where it can."""
    for name in ("undeploy", "describe_undeploy"):
        if not callable(getattr(deployer, name, None)):
            return f"it has no method `{name}`"
    asked = getattr(deployer, "why_not_undeploy", None)
    return str(asked(options)) if callable(asked) else ""
