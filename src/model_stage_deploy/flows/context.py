"""What a flow works with: the ports, the trusted configuration, and on whose behalf it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from model_stage_deploy.core.annotations import Annotation
from model_stage_deploy.core.mapping import StageMap
from model_stage_deploy.core.plan import RunFacts
from model_stage_deploy.core.templates import Templates
from model_stage_deploy.deployers.contract import Deployer
from model_stage_deploy.ports import Announcer, Clock, CodeHost, Repository


@dataclass(frozen=True, slots=True)
class Configuration:
    """The mapping, read from a trusted place, and that place itself.

    `label` names it for people ("model-stages.yml at main, 1a2b3c4"); `files` gives a directory with the files of
    the same place: the working tree, or a checkout made on the first call.
    """

    mapping: StageMap
    label: str
    files: Callable[[], Path]


@dataclass(frozen=True, slots=True)
class Context:
    """The ports and facts of one run. `host` is None where nothing is to be recorded (`--no-github`)."""

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
    repository_name: str = ""
    run: RunFacts = RunFacts()  # noqa: RUF009 - frozen
    dry_run: bool = False
