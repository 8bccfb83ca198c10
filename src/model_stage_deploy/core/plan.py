"""The plan: what is deployed, where, replacing which, and how. Plain facts, ready to show or to carry out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from model_stage_deploy.core.model import Model, TagRecord
    from model_stage_deploy.core.policy import Check
    from model_stage_deploy.core.policy_targets import Strategy
    from model_stage_deploy.core.targets import Wave


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model as templates see it: `model.name`, `model.slug`, …

    `dir` is the directory part of the name (empty for none). `path`, `type` and `description` come from the
    artifact's annotation in `dvc.yaml` or `artifacts.yaml` at the tagged commit, None where it has none;
    `path` is as written there, relative to `dir`.
    """

    name: str
    slug: str
    dir: str = ""
    path: str | None = None
    type: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Previous:
    """The version that held the stage before this deployment."""

    version: str
    tag: str
    commit: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The workflow run (or the person at a terminal) on whose behalf we act. Empty texts where unknown."""

    id: str = ""
    attempt: str = ""
    url: str = ""
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the registry says: this version of this model belongs in this stage.

    `tag` is the assignment that says so; for a rollback, the tag that once put `version` there. `proof` is the tag of
    the event as Git stores it, None where none was asked for. `action` is deploy or undeploy. `registry` is all that
    the tags say of the model, None where the decision is not of a registry.
    """

    model: str
    version: str
    stage: str
    tag: str
    commit: str
    event: str = "assignment"
    previous: Previous | None = None
    rollback: bool = False
    registered: bool = True
    action: Literal["deploy", "undeploy"] = "deploy"
    proof: TagRecord | None = field(default=None, compare=False, repr=False)
    registry: Model | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision, and what the mapping makes of it: everything that a deployer and the code host are told.

    `options` are the deployer's `with:` settings after rendering: they may hold secrets, so whatever shows
    them goes through the scrubber. `timeout` is in seconds. `origins` says where each setting came from:
    setting path -> "stages.prod at .github/model-stages.yml:12". `verify` are the rendered checks. `digest` is a
    SHA-256 over the settings that make a deployment what it is, before rendering: the same version with the same
    digest is the same deployment.
    """

    decision: Decision
    model: ModelFacts
    environment: str
    deployer: str
    environment_url: str | None = None
    production: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 1800.0
    variables: Mapping[str, str] = field(default_factory=dict)
    repository: str = ""
    run: RunFacts = field(default_factory=RunFacts)
    config: str = ""
    verify: tuple[Check, ...] = ()
    on_failure: Literal["rollback", "stop"] = "stop"
    digest: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    target: str = ""
    """The one of the stage's targets that this plan is for; "" for the stage as a whole."""
    strategy: Strategy | None = None
    """How it gets to the targets; None where the stage has none, and in the plan of a target."""
    waves: tuple[Wave, ...] = ()
    """All targets of the stage, in waves (one for a rollback); empty where it has none, and in the plan of a target."""


def doing(plan: Plan) -> str:
    """What is being done, in a few words, for the record that it begins."""
    decision = plan.decision
    if decision.action != "deploy":
        return f"undeploying {decision.model} {decision.version} from {decision.stage}"
    verb = "rolling back to" if decision.rollback else "deploying"
    replacing = f", replacing {decision.previous.version}" if decision.previous else ""
    return f"{verb} {decision.model} {decision.version} to {decision.stage}{replacing}"
