"""What an MLflow registry holds, as something to import (core/importing.py): names, commits and stages made ours.

Which commit a version is of, MLflow only knows where somebody said so: by a tag of the version, or by the run that made
it (`mlflow.source.git.commit`, which MLflow sets for runs of a Git checkout). Nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol
from urllib.parse import quote

from model_stage_deploy.core.importing import Claim, Foreign, Wanted
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import is_model_name
from model_stage_deploy.core.versions import is_version
from model_stage_deploy.mirrors.mlflow_values import ModelVersion, RegisteredModel

VERSION_TAG = "gto_version"
"""The tag of a version in MLflow that names its version here."""
COMMIT_TAG = "git_commit"
RUN_COMMIT_TAG = "mlflow.source.git.commit"
"""MLflow sets it itself on a run that was started in a Git checkout."""
TEMPLATE = "v{version}.0.0"
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NO_STAGES = ("None", "Archived")
_LONGEST = 200


class Reader(Protocol):
    """What is asked of MLflow: mirrors/mlflow_api.py has it. Each raises MlflowProblem."""

    @property
    def place(self) -> str:
        """Host and port of the server."""

    def models(self, name: str = "") -> Iterable[RegisteredModel]:
        """Registered models."""

    def versions(self, model: str) -> list[ModelVersion]:
        """Versions of a model."""

    def run_tags(self, run_id: str) -> Mapping[str, str] | None:
        """Tags of a run."""


class Rules(NamedTuple):
    """How names of MLflow become ours.

    `commit_tag` names the tag of a version that holds its commit. `template` names a version without the tag
    `gto_version` by MLflow's number. `aliases`, `stages` and `models` are from MLflow's names to ours; `fallback` is
    the commit of versions that name none, "" for none.
    """

    commit_tag: str = COMMIT_TAG
    template: str = TEMPLATE
    aliases: Mapping[str, str] = {}
    stages: Mapping[str, str] = {}
    models: Mapping[str, str] = {}
    fallback: str = ""


def read(reader: Reader, model: RegisteredModel, rules: Rules, page: str = "") -> Wanted:
    """A registered model with all its versions. `page` is the address of MLflow's own page, "" where it is not told.

    Raises MlflowProblem.
    """
    ours = rules.models.get(model.name, model.name)
    if not is_model_name(ours):
        why = (
            f"{one_line(model.name, _LONGEST)!r} cannot be the name of a model here: --model-map 'THEIRS=OURS' names it"
        )
        return Wanted("", model.name, (), notes=(why,))
    runs: dict[str, Mapping[str, str]] = {}
    found = reader.versions(model.name)
    versions = tuple(_foreign(reader, one, rules, runs, page) for one in found)
    return Wanted(
        ours, model.name, versions, tuple(_claims(model, found, rules)), tuple(_unmapped(model, found, rules))
    )


def _foreign(
    reader: Reader, version: ModelVersion, rules: Rules, runs: dict[str, Mapping[str, str]], page: str
) -> Foreign:
    name = version.tags.get(VERSION_TAG) or rules.template.replace("{version}", version.version)
    story = _story(version, reader.place, page)
    if not is_version(name):
        why = f"its version would be {one_line(name, 80)!r}, which is none: they look like v1.2.3"
        return Foreign(version.version, "", "", version.created, story, why, Reason.USAGE)
    if version.status not in ("READY", ""):
        why = f"MLflow has it as {one_line(version.status, 40)}, not as READY"
        return Foreign(version.version, name, "", version.created, story, why)
    commit, why_not = _commit(reader, version, rules, runs)
    reason = Reason.UNKNOWN_REF if why_not else None
    named = version.tags.get(VERSION_TAG) == name
    return Foreign(version.version, name, commit, version.created, story, why_not, reason, named)


def _commit(reader: Reader, version: ModelVersion, rules: Rules, runs: dict[str, Mapping[str, str]]) -> tuple[str, str]:
    """The commit of a version, or why it is not known. A branch's name is no commit: it moves."""
    told, by = version.tags.get(rules.commit_tag, "").strip(), f"its tag {rules.commit_tag}"
    if not told and version.run_id:
        if version.run_id not in runs:
            runs[version.run_id] = reader.run_tags(version.run_id) or {}
        told, by = runs[version.run_id].get(RUN_COMMIT_TAG, "").strip(), f"the tag {RUN_COMMIT_TAG} of its run"
    if not told:
        if rules.fallback:
            return rules.fallback, ""
        return "", f"MLflow does not say of which commit it is: no tag {rules.commit_tag}, and no run that says it"
    if not _COMMIT.fullmatch(told):
        return "", f"{by} is {one_line(told, 80)!r}, which is not the full id of a commit"
    return told, ""


def _story(version: ModelVersion, place: str, page: str) -> str:
    """What a tag's message says of where it is from."""
    named = f"version {version.version} of {one_line(version.model, _LONGEST)!r} in MLflow at {place}"
    lines = [f"\n\n{page}/#/models/{quote(version.model, safe='')}/versions/{version.version}"] if page else []
    if version.created:
        lines.append(f"{chr(10) if lines else chr(10) * 2}Created there {_date(version.created)}")
    return named + "".join(lines)


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds:.0f}"


def _claims(model: RegisteredModel, versions: list[ModelVersion], rules: Rules) -> Iterator[Claim]:
    for alias, number in sorted(model.aliases.items()):
        if alias in rules.aliases:
            yield Claim(rules.aliases[alias], number, f"alias {one_line(alias, _LONGEST)}")
    for version in sorted(versions, key=lambda one: (len(one.version), one.version)):
        if version.stage in rules.stages:
            yield Claim(rules.stages[version.stage], version.version, f"stage {one_line(version.stage, 40)}")


def _unmapped(model: RegisteredModel, versions: list[ModelVersion], rules: Rules) -> Iterator[str]:
    """What MLflow says that nobody told us the meaning of."""
    aliases = sorted(alias for alias in model.aliases if alias not in rules.aliases)
    if aliases:
        yield f"no stage for the aliases {_listed(aliases)}: --alias-map {one_line(aliases[0], 80)}=STAGE gives one"
    stages = sorted({one.stage for one in versions} - set(rules.stages) - set(_NO_STAGES))
    if stages:
        yield f"no stage for MLflow's {_listed(stages)}: --stage-map {one_line(stages[0], 80)}=STAGE gives one"


def _listed(names: list[str]) -> str:
    shown = ", ".join(one_line(name, 80) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"
