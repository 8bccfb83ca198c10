"""The registry for Python: notebooks, scripts, other tools. `from model_stage_deploy import Registry`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from model_stage_deploy.core.model import Holder, Model, ModelVersion, RegistryEvent, Sort
from model_stage_deploy.core.registry import Finding
from model_stage_deploy.core.versions import Part
from model_stage_deploy.core.writing import How, Written
from model_stage_deploy.faces.opening import read_model, read_registry
from model_stage_deploy.report.registry import when

if TYPE_CHECKING:
    from model_stage_deploy.core.registry import Registry as Folded
    from model_stage_deploy.flows.change import Asked


@dataclass(frozen=True, slots=True)
class InStage:
    """The version that a stage has: `str()` of it is the version. `since` is the time of the tag that says so."""

    version: str
    commit: str
    tag: str
    since: datetime

    def __str__(self) -> str:
        return self.version


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """One version of a model. `stages` are those that have it now; `registered` is False for a bare commit (R23)."""

    version: str
    commit: str
    registered: bool
    active: bool
    stages: tuple[str, ...]

    def __str__(self) -> str:
        return self.version


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model: its greatest active version (None for none), and what each stage has now.

    `ambiguous` says that its stages cannot be known, because a staged commit has several versions (R25).
    """

    name: str
    deprecated: bool
    latest: str | None
    stages: dict[str, InStage]
    ambiguous: bool = False

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the registry: who said what, when and why. `event` is one of GTO's names (R46)."""

    time: datetime
    model: str
    event: str
    version: str | None
    stage: str | None
    commit: str
    tag: str
    author: str
    author_email: str
    message: str


class Registry:
    """The model registry of a Git repository.

    `path_or_url` is a directory in a clone, or the address of a remote, which is then read without a clone. Tags are
    read when the first question is asked, and kept; `refresh()` forgets them. Private repositories: GITHUB_TOKEN in the
    environment, or git's own credentials.

    Every method raises `ModelStageError` (its `reason` is a code of docs/reference/results.md) where it cannot answer:
    `unknown-model`, `ambiguous-version`, `incomplete-tags`, `not-a-repository`, `git-failed`. Those that change the
    registry raise it where they refuse to, as the commands of the same names do; `Written` says what was made.
    """

    def __init__(self, path_or_url: str | os.PathLike[str] = ".") -> None:
        self._repo = os.fspath(path_or_url)
        self._whole: Folded | None = None

    def __repr__(self) -> str:
        return f"Registry({self._repo!r})"

    def refresh(self) -> None:
        """Read the tags again at the next question."""
        self._whole = None

    def models(self) -> list[ModelInfo]:
        """All models, by name."""
        return [_model_info(model) for model in self._read()]

    def model(self, name: str) -> ModelInfo:
        """One model."""
        return _model_info(self._model(name))

    def which(self, model: str, stage: str, *, sort: Sort = "time") -> InStage | None:
        """The version in a stage, None for an empty one. `sort="semver"` takes the greatest, not the newest (R33)."""
        holder = self._model(model).holder(stage, sort=sort)
        return None if holder is None else _in_stage(holder)

    def versions(self, model: str) -> list[VersionInfo]:
        """The model's versions, in the order in which they were first seen."""
        found = self._model(model)
        stages = {stage: found.holder(stage) for stage in found.stages}
        return [_version_info(version, stages) for version in found.versions]

    def history(self, model: str | None = None) -> list[Happening]:
        """Every event of one model, or of all, newest first."""
        models: Iterable[Model] = self._read() if model is None else [self._model(model)]
        events = [(event, found) for found in models for event in found.events]
        events.sort(key=lambda pair: pair[0].order, reverse=True)
        return [_happening(event, found) for event, found in events]

    def findings(self) -> tuple[Finding, ...]:
        """What is odd about the tags; `model_stage_deploy doctor` says more."""
        return self._read().findings

    def register(
        self,
        model: str,
        ref: str = "HEAD",
        *,
        version: str = "",
        bump: Part | None = None,
        message: str = "",
        force: bool = False,
        push: bool = False,
        sign: bool = False,
        dry_run: bool = False,
    ) -> Written:
        """Register a commit as a version, the next one unless `version` or `bump` says which."""
        from model_stage_deploy.core.writing_versions import Register

        asked = Register(model, ref, version, bump, How(message, force=force))
        return self._change(asked, push=push, sign=sign, dry_run=dry_run)

    def promote(
        self,
        model: str,
        *,
        to: str,
        version: str = "",
        ref: str = "",
        from_stage: str = "",
        archive_existing: bool = False,
        message: str = "",
        force: bool = False,
        push: bool = False,
        sign: bool = False,
        dry_run: bool = False,
    ) -> Written:
        """Give the stage `to` a version: one of `version`, `ref` (registered first where it is not) and `from_stage`.

        Nothing is pushed unless `push` says so. `archive_existing` ends the assignment of what is in the stage.
        """
        from model_stage_deploy.core.writing_stages import Promote

        asked = Promote(model, to, version, ref, from_stage, archive=archive_existing, how=How(message, force=force))
        return self._change(asked, push=push, sign=sign, dry_run=dry_run)

    def unassign(
        self,
        model: str,
        *,
        stage: str,
        version: str = "",
        message: str = "",
        push: bool = False,
        sign: bool = False,
        dry_run: bool = False,
    ) -> Written:
        """Take a version out of a stage; without `version`, the one that it has."""
        from model_stage_deploy.core.writing_stages import Unassign

        return self._change(Unassign(model, stage, version, how=How(message)), push=push, sign=sign, dry_run=dry_run)

    def archive(
        self,
        model: str,
        version: str,
        *,
        message: str = "",
        push: bool = False,
        sign: bool = False,
        dry_run: bool = False,
    ) -> Written:
        """Take a version out of every stage; it stays registered."""
        from model_stage_deploy.core.writing_stages import Archive

        return self._change(Archive(model, version, how=How(message)), push=push, sign=sign, dry_run=dry_run)

    def _change(self, asked: Asked, *, push: bool, sign: bool, dry_run: bool) -> Written:
        from model_stage_deploy.faces.wiring import changing
        from model_stage_deploy.flows.change import carry_out

        heard: list[str] = []
        with changing(self._repo, os.environ, push=push, tell=heard.append) as world:
            written = carry_out(world, asked, push=push, sign=sign, dry_run=dry_run)
        self.refresh()
        return written._replace(notes=(*heard, *written.notes))

    def __iter__(self) -> Iterator[ModelInfo]:
        return iter(self.models())

    def _read(self) -> Folded:
        if self._whole is None:
            self._whole = read_registry(self._repo, os.environ, details=True)
        return self._whole

    def _model(self, name: str) -> Model:
        if self._whole is None:
            return read_model(self._repo, name, os.environ, details=True)[1]
        return self._whole.model(name)


def _in_stage(holder: Holder) -> InStage:
    return InStage(holder.version.name, holder.version.commit, holder.event.tag.text, _time(holder.event))


def _model_info(model: Model) -> ModelInfo:
    latest = model.latest()
    known = [] if model.ambiguous else model.stages
    stages = {stage: holder for stage in known if (holder := model.holder(stage)) is not None}
    return ModelInfo(
        name=model.name,
        deprecated=model.deprecated,
        latest=latest.name if latest is not None and latest.registered else None,
        stages={stage: _in_stage(holder) for stage, holder in stages.items()},
        ambiguous=bool(model.ambiguous),
    )


def _version_info(version: ModelVersion, stages: dict[str, Holder | None]) -> VersionInfo:
    held = tuple(stage for stage, holder in stages.items() if holder is not None and holder.version is version)
    return VersionInfo(version.name, version.commit, version.registered, version.is_active(), held)


def _happening(event: RegistryEvent, model: Model) -> Happening:
    version = None if event.commit in model.ambiguous and event.tag.version is None else model.version_of(event)
    return Happening(
        time=_time(event),
        model=model.name,
        event=event.tag.event.value,
        version=version.name if version is not None else event.tag.version,
        stage=event.tag.stage,
        commit=event.commit,
        tag=event.tag.text,
        author=event.record.tagger,
        author_email=event.record.email,
        message=event.record.message,
    )


def _time(event: RegistryEvent) -> datetime:
    """The tagger's time; the last moment of the calendar for a tag that is dated after it."""
    try:
        return datetime.fromisoformat(when(event))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
