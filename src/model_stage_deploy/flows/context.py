"""What a flow works with: the ports, the trusted configuration, and on whose behalf it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.mapping import StageMap
from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.core.templates import Templates
from model_stage_deploy.deployers.contract import Deployer
from model_stage_deploy.flows.change import World
from model_stage_deploy.flows.plain_progress import NoProgress
from model_stage_deploy.gates.contract import Gate
from model_stage_deploy.mirrors.contract import Mirror
from model_stage_deploy.ports import (
    Announcer,
    Clock,
    CodeHost,
    Documents,
    Forge,
    LockStore,
    Progress,
    Repository,
    TargetLog,
    Trusted,
)
from model_stage_deploy.verifiers.contract import Verifier


@dataclass(frozen=True, slots=True)
class Configuration:
    """The mapping, read from a trusted place, and that place itself.

    `label` names it for people ("model-stages.yml at main, 1a2b3c4"); `files` gives a directory with the files of
    the same place: the working tree, or a checkout made on the first call; `read` reads one of them.
    """

    mapping: StageMap
    label: str
    files: Callable[[], Path]
    read: Trusted


@dataclass(frozen=True, slots=True)
class Scope:
    """Which of a stage's targets a run is about: all of them, unless something is said.

    A run about a part of them makes no record of the stage; `finish` deploys to none, and makes the record of what such
    runs did. `wave` counts from 1, 0 for all; `shard` is written `2/8`.
    """

    targets: tuple[str, ...] = ()
    wave: int = 0
    shard: str = ""
    finish: bool = False

    @property
    def is_part(self) -> bool:
        """Whether it is about some of the targets only."""
        return bool(self.targets or self.wave or self.shard)


@dataclass(frozen=True, slots=True)
class Wishes:
    """How whoever started the run wants it. `by_hand` says that a person named the tag or the model.

    `override` is the reason for going past the gates, "" for not. `wait` in seconds for another deployment, None for
    as long as the mapping says. `stage` is the only one to act on, of those that a tag concerns; "" for all of them.
    `planned` is what a plan promised (core/planned.py), "" where there was none.
    """

    by_hand: bool = False
    force: bool = False
    override: str = ""
    wait: float | None = None
    lock: bool = True
    tag: bool | None = None
    stage: str = ""
    planned: str = ""
    scope: Scope = Scope()


def no_mirror(name: str) -> Mirror:
    """For runs in which nothing is told to other registries."""
    raise KeyError(name)


@dataclass(frozen=True, slots=True)
class Context:
    """The ports and facts of one run. `host` and `forge` are None without a token (and without `--no-github`)."""

    repository: Repository
    configuration: Callable[[str | None], Configuration]
    """Reads the mapping; given the tagged commit for `config-ref: tag`."""
    deployer: Callable[[str, Callable[[], Path]], Deployer]
    templates: Templates
    annotation: Callable[[bytes | None, bytes | None, str], Annotation | None]
    """Finds a model's annotation in the bytes of dvc.yaml and artifacts.yaml. Raises AnnotationProblem."""
    announcer: Announcer
    clock: Clock
    host: CodeHost | None
    environ: Mapping[str, str]
    gate: Callable[[str, Configuration], Gate]
    """A gate by its name, with the ports that it asks for."""
    verifier: Callable[[str], Verifier]
    """A verifier by its kind."""
    forge: Forge | None = None
    locks: LockStore | None = None
    registry: Callable[[], AbstractContextManager[tuple[World, bool]]] | None = None
    """Opens the registry for one who changes it, and says whether tags are pushed; None where it cannot be changed."""
    interrupt: Callable[[], None] = lambda: None
    """Ends what the main thread waits for, as a cancellation does."""
    wishes: Wishes = Wishes()
    hostless: ModelStageError | None = None
    """Why there is no host, for whom that matters."""
    owner: str = ""
    """Who does all this: the actor of the run, or whom git knows here (which proves nothing); "" where unknown."""
    repository_name: str = ""
    run: RunFacts = RunFacts()  # noqa: RUF009 - frozen
    dry_run: bool = False
    targets: TargetLog | None = None
    """Where it is kept what became of each target of a stage; None where nothing is kept."""
    progress: Callable[[], Progress] = NoProgress
    documents: Documents | None = None
    """Reads a file of targets."""
    mirror: Callable[[str], Mirror] = no_mirror
    """A mirror by its name."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Once set, whatever works in other threads ends: the ports that deployers use raise Cancelled."""
    scrub: Callable[[str], str] = str
    """Takes secrets out of a text that is to be cut; whoever tells or keeps texts scrubs them by itself."""
    handed: Mapping[str, str] = field(default_factory=dict)
    """Secrets that were handed over by name; a stage gets those that it lists, and no other."""

    def secret(self, name: str) -> str:
        """The value of a secret that a stage lists, "" where nobody set it."""
        return self.handed.get(name) or self.environ.get(name, "")
