"""Checks a mapping file that was read, and says everything that is wrong with it in plain words.

Types come from mapping_shape.py (pydantic); mapping_words.py says what it finds wrong. Here is what one value alone
cannot show: conflicts between keys, unknown deployers, stages without any; and next door, in mapping_rules.py, what the
settings of several stages ask of each other.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Complaint, Document, Path, dotted
from model_stage_deploy.core.mapping_places import is_partial, layers
from model_stage_deploy.core.mapping_rules import check_rules
from model_stage_deploy.core.mapping_shape import MappingFile
from model_stage_deploy.core.mapping_targets import about_targets, idle_strategies
from model_stage_deploy.core.mapping_words import kind_of, say, shown
from model_stage_deploy.core.merge import CHOICES

_NEAREST_FOR = 200  # looking for the nearest key takes a while; a file with more mistakes has another problem
_BOOLEANS = frozenset({"yes", "no", "on", "off"})


def check(document: Document, known_deployers: Collection[str]) -> list[Complaint]:
    """Everything wrong with a mapping file, in no particular order; nothing for a good one.

    `known_deployers` are the names that `uses:` may give besides a file `./….py`.
    """
    found = _Complaints(document)
    for path, text in document.doubtful.items():
        _doubtful(found, path, text)
    if not isinstance(document.value, Mapping):
        found.add((), f"must be a mapping of keys to values, not {kind_of(document.value)}", "begin with `version: 1`")
        return found.listed
    try:
        MappingFile.model_validate(document.value)
    except ValidationError as problem:
        for error in problem.errors(include_url=False, include_context=True):
            _translate(found, error)
    for at, settings in layers(document.value):
        _check_layer(found, at, settings, known_deployers)
    _check_stages(found)
    for said in idle_strategies(document.value):
        found.add(*said)
    for said in check_rules(document):
        found.add(document.written_at(said.path), said.message, said.hint, said.key)
    return found.listed


class _Complaints:
    """Complaints about one document; a path that has one gets no second."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.listed: list[Complaint] = []
        self._taken: set[Path] = set()

    def add(self, path: Path, message: str, hint: str = "", key: bool = False) -> None:
        if path in self.document.broken or any(path[:length] in self._taken for length in range(1, len(path) + 1)):
            return
        self._taken.add(path)
        place = self.document.place(path, key=key)
        self.listed.append(Complaint(place.line, place.column, dotted(path), message, hint))


def _doubtful(found: _Complaints, path: Path, text: str) -> None:
    shown = one_line(text, 40)
    if text.lower() in _BOOLEANS:
        message, hint = f"`{shown}` is a boolean to some YAML readers", f'write true or false; for text, "{shown}"'
    else:
        message, hint = f"`{shown}` is read as different numbers by different YAML readers", f'quote it: "{shown}"'
    found.add(path, message, hint)


def _translate(found: _Complaints, error: ErrorDetails) -> None:
    """One pydantic error in plain words, unless another layer may say what this one does not."""
    path = error["loc"]
    if is_partial(path) and (error["type"] == "missing" or error["input"] is None):
        return
    if error["type"] != "missing":
        path = found.document.written_at(path)
    found.add(*say(error, path, nearest=len(found.listed) < _NEAREST_FOR))


def _check_layer(found: _Complaints, at: Path, settings: Mapping[str, Any], known: Collection[str]) -> None:
    """What one settings layer says about deploying, and about where to."""
    for said in about_targets(settings.get("targets"), (*at, "targets")):
        found.add(*said)
    deploy = settings.get("deploy")
    if not isinstance(deploy, Mapping):
        return
    path = (*at, "deploy")
    chosen = [key for key in deploy if key in CHOICES and deploy[key] is not None]
    if len(chosen) > 1:
        found.add(
            (*path, chosen[1]), f"`{chosen[0]}` already says how to deploy", "keep one of run, argv, uses", key=True
        )
    uses, options = deploy.get("uses"), deploy.get("with")
    if isinstance(uses, str):
        _check_deployer(found, (*path, "uses"), uses, known)
    for key in ("run", "argv"):
        if isinstance(options, Mapping) and deploy.get(key) is not None and key in options:
            found.add((*path, "with", key), f"`{key}` is given twice", f"keep `deploy.{key}`", key=True)
    for name in deploy["env"] if isinstance(deploy.get("env"), Mapping) else ():
        if name.upper().startswith("MSD_"):
            found.add((*path, "env", name), "names that begin with MSD_ are set by the tool itself", key=True)


def _check_deployer(found: _Complaints, path: Path, name: str, known: Collection[str]) -> None:
    if name in known:
        return
    if name.startswith(("./", "../", "/")) or name.endswith(".py"):
        if not name.startswith("./") or not name.endswith(".py") or "\\" in name or ".." in name.split("/"):
            found.add(
                path,
                f"{shown(name)} is no file of this repository",
                "a deployer of your own is written `./path/to/file.py`, from the top of the repository, without `..`",
            )
        return
    near = difflib.get_close_matches(name.lower(), sorted(known), n=1)
    hint = f"did you mean `{near[0]}`?" if near else ""
    found.add(path, f"unknown deployer {shown(name)}; known: {', '.join(sorted(known))}", hint)


def _check_stages(found: _Complaints) -> None:
    """The file names a stage, and each one can be deployed for some model at least."""
    value = found.document.value
    stages = value.get("stages")
    named = list(_stage_layers(value))
    if not named and (stages is None or stages == {}):
        found.add(
            ("stages",), "the file names no stage", "add `stages: {prod: {deploy: {run: ./deploy.sh}}}`", key=True
        )
    deployable = {stage for stage, settings in named if _deploys(settings)}
    for stage, settings in stages.items() if isinstance(stages, Mapping) else ():
        if settings is None:
            found.add(
                ("stages", stage), "is empty", "write `{}` for a stage that takes everything from `defaults`", key=True
            )
        elif isinstance(settings, Mapping) and stage not in deployable and not _deploys(value.get("defaults")):
            found.add(
                ("stages", stage), "nothing says how to deploy", "add `deploy:` with one of run, argv, uses", key=True
            )


def _stage_layers(value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every stage that is named anywhere, with one layer of its settings."""
    models = value.get("models")
    parts = [value, *(models.values() if isinstance(models, Mapping) else ())]
    for part in parts:
        stages = part.get("stages") if isinstance(part, Mapping) else None
        yield from stages.items() if isinstance(stages, Mapping) else ()


def _deploys(settings: Any) -> bool:
    """Whether a layer chooses a deployer. One that is not a mapping has its own complaint, and counts as if it did."""
    if not isinstance(settings, Mapping):
        return settings is not None
    deploy = settings.get("deploy")
    if not isinstance(deploy, Mapping):
        return deploy is not None
    return any(deploy.get(key) is not None for key in CHOICES)
