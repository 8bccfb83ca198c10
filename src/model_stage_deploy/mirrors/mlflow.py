"""Mirror `mlflow`: MLflow's model registry says by alias (or by its deprecated stages) what is live.

The version is found by a tag that holds ours, as MLflow counts its own 1, 2, 3. Aliases and stages are moved only when
they must be, and taken away only where they still point to the version that was taken out.
"""

from __future__ import annotations

from typing import ClassVar

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy_mirrors import Mirror as Settings
from model_stage_deploy.mirrors.contract import Errand, Followed, Happened, MirrorProblem
from model_stage_deploy.mirrors.mlflow_access import URI, access
from model_stage_deploy.mirrors.mlflow_api import Mlflow, MlflowProblem
from model_stage_deploy.mirrors.mlflow_values import ModelVersion
from model_stage_deploy.ports import Web

_ALL = 1_000_000


class MlflowMirror:
    """Tells an MLflow tracking server, by its REST API."""

    uses: ClassVar[str] = "mlflow"

    def __init__(self, web: Web) -> None:
        self._web = web

    def describe(self, happened: Happened, settings: Settings) -> list[str]:
        """See contract.Mirror."""
        place = one_line(settings.tracking_uri or f"${URI}", _ALL)
        by = f"number {settings.version}" if settings.version else f"the tag {settings.version_tag}={happened.version}"
        lines = [f"in MLflow at {place}, find the version of {settings.model!r} with {by}"]
        if happened.action == "live":
            if settings.alias is not None:
                lines.append(f"point the alias {settings.alias} at it")
            if settings.stage is not None:
                rest = ", and archive what else is there" if settings.archive_existing_versions else ""
                lines.append(f"move it to MLflow's stage {settings.stage}{rest}")
            lines += [f"set its tag {key}={value}" for key, value in (settings.tags or {}).items()]
        else:
            if settings.alias is not None:
                lines.append(f"take the alias {settings.alias} away, if it points to it")
            if settings.stage is not None:
                lines.append(f"move it to MLflow's stage {settings.taken_out}, if it is in {settings.stage}")
        return [one_line(line, _ALL) for line in lines]

    def follow(self, errand: Errand, settings: Settings) -> Followed:
        """See contract.Mirror."""
        try:
            where = access(settings.tracking_uri or "", errand.variable, errand.mask)
        except ValueError as problem:
            hint = f"set {URI} for this step, or `tracking-uri` of the mirror"
            raise MirrorProblem(f"MLflow cannot be asked: {problem}", hint=hint) from None
        follower = _Follower(Mlflow(self._web, where, left=errand.left), errand.happened, settings)
        if where.is_open:
            follower.say(f"warning: credentials go to {where.place} over http, so anybody on the way can read them")
        try:
            return follower.live() if errand.happened.action == "live" else follower.taken_out()
        except MlflowProblem as problem:
            raise MirrorProblem(
                problem.message, hint=problem.hint, retryable=problem.retryable, after=problem.after
            ) from None


class _Follower:
    """One errand at one server."""

    def __init__(self, mlflow: Mlflow, happened: Happened, settings: Settings) -> None:
        self._mlflow = mlflow
        self._happened = happened
        self._settings = settings
        self._lines: list[str] = []
        self._changed = False

    def say(self, line: str) -> None:
        """A line for people."""
        self._lines.append(one_line(line, _ALL))

    def live(self) -> Followed:
        """Alias, stage and tags say that the version is live."""
        found = self._found()
        if not found:
            raise self._missing()
        version = found[0]
        if self._settings.alias is not None:
            self._point(self._settings.alias, version)
        if self._settings.stage is not None:
            self._move(self._settings.stage, version)
        self._tag(version)
        return self._done(version)

    def taken_out(self) -> Followed:
        """Alias and stage no longer say that the version is there, if they did."""
        found = self._found()
        if not found:
            self._require_readable()
            self.say(f"{self._asked_for} is not there, so there is nothing to take out")
            return self._done(None)
        version = found[0]
        if self._settings.alias is not None:
            self._unpoint(self._settings.alias, version)
        if self._settings.stage is not None:
            self._retire(self._settings.stage, version)
        return self._done(version)

    @property
    def _asked_for(self) -> str:
        settings, wanted = self._settings, self._happened.version
        by = f"number {settings.version}" if settings.version else f"the tag {settings.version_tag}={wanted}"
        return f"a version of {settings.model!r} with {by}"

    def _found(self) -> list[ModelVersion]:
        """The one version that is meant, or none. Raises MirrorProblem where there are several."""
        settings, wanted = self._settings, self._happened.version
        if settings.version:
            one = self._mlflow.version(settings.model, settings.version)
            return [] if one is None else [self._not_another(one)]
        found = self._mlflow.versions(settings.model, {settings.version_tag: wanted})
        if len(found) > 1:
            numbers = ", ".join(version.version for version in found[:10])
            raise MirrorProblem(
                f"MLflow at {self._mlflow.place} has {len(found)} versions of {settings.model!r} with the tag "
                f"{settings.version_tag}={wanted}: {numbers}; which is meant cannot be known",
                hint="take the tag away from all but one of them, or name MLflow's number in `version`",
            )
        return found

    def _not_another(self, version: ModelVersion) -> ModelVersion:
        """The version that a number names, unless its own tag says that it is another one of ours."""
        settings, wanted = self._settings, self._happened.version
        told = version.tags.get(settings.version_tag, wanted)
        if told != wanted:
            raise MirrorProblem(
                f"version {version.version} of {settings.model!r} in MLflow at {self._mlflow.place} is "
                f"{one_line(told, 80)} by its tag {settings.version_tag}, not {wanted}",
                hint="is the number right that `version` gives?",
            )
        return version

    def _require_readable(self) -> None:
        """A search leaves out what we may not see, without a word; asking for an alias says so."""
        try:
            self._mlflow.alias(self._settings.model, self._settings.alias or "none")
        except MlflowProblem as problem:
            if problem.code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def _missing(self) -> MirrorProblem:
        settings, wanted = self._settings, self._happened.version
        hint = "is the number right that `version` gives?"
        if not settings.version:
            call = f'set_model_version_tag("{settings.model}", "NUMBER", "{settings.version_tag}", "{wanted}")'
            hint = f"set the tag where the version is made, in Python: mlflow.MlflowClient().{call}"
        return MirrorProblem(f"MLflow at {self._mlflow.place} does not have {self._asked_for}", hint=one_line(hint))

    def _point(self, alias: str, version: ModelVersion) -> None:
        now = self._mlflow.alias(version.model, alias)
        if now is not None and now.version == version.version:
            self.say(f"the alias {alias} points to version {version.version} already")
            return
        self._mlflow.set_alias(version.model, alias, version.version)
        self._did(f"pointed the alias {alias} at version {version.version}{_before(now)}")

    def _unpoint(self, alias: str, version: ModelVersion) -> None:
        now = self._mlflow.alias(version.model, alias)
        if now is None:
            self.say(f"there is no alias {alias}")
        elif now.version != version.version:
            self.say(f"the alias {alias} points to version {now.version}, not to {version.version}: left alone")
        else:
            self._mlflow.delete_alias(version.model, alias)
            self._did(f"took the alias {alias} away from version {version.version}")

    def _move(self, stage: str, version: ModelVersion) -> None:
        archive = self._settings.archive_existing_versions
        others = [one for one in self._mlflow.versions(version.model) if one.stage == stage] if archive else []
        others = [one for one in others if one.version != version.version]
        if version.stage == stage and not others:
            self.say(f"version {version.version} is in {stage} already")
            return
        self._mlflow.transition(version.model, version.version, stage, archive_existing=archive)
        archived = f", archived {', '.join(one.version for one in others[:10])}" if others else ""
        self._did(f"moved version {version.version} from {version.stage} to {stage}{archived}")

    def _retire(self, stage: str, version: ModelVersion) -> None:
        if version.stage != stage:
            self.say(f"version {version.version} is in {version.stage}, not in {stage}: left alone")
            return
        self._mlflow.transition(version.model, version.version, self._settings.taken_out)
        self._did(f"moved version {version.version} from {stage} to {self._settings.taken_out}")

    def _tag(self, version: ModelVersion) -> None:
        for key, value in (self._settings.tags or {}).items():
            if version.tags.get(key) != value:
                self._mlflow.set_version_tag(version.model, version.version, key, value)
                self._did(f"set the tag {key} of version {version.version}")

    def _did(self, line: str) -> None:
        self._changed = True
        self.say(line)

    def _done(self, version: ModelVersion | None) -> Followed:
        settings = self._settings
        facts = {
            "place": self._mlflow.place,
            "model": settings.model,
            "version": version.version if version is not None else None,
            "alias": settings.alias,
            "stage": settings.stage,
        }
        return Followed(tuple(self._lines), self._changed, facts)


def _before(now: ModelVersion | None) -> str:
    return f", which was at {now.version}" if now is not None else ""
