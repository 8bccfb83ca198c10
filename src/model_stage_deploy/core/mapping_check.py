"""Checks a mapping file that was read, and says everything that is wrong with it in plain words.

Types come from mapping_shape.py (pydantic); here its errors become complaints with a place and the nearest right
key, and here is what one value alone cannot show: conflicts between keys, unknown deployers, stages without any.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Complaint, Document, Path, dotted
from model_stage_deploy.core.mapping_places import layers, split
from model_stage_deploy.core.mapping_shape import ENV_NAME, DeployPart, MappingFile, ModelPart, SettingsPart
from model_stage_deploy.core.merge import CHOICES

_KINDS: dict[str, type[BaseModel]] = {"file": MappingFile, "settings": SettingsPart, "model": ModelPart}
_HOMES = (
    (DeployPart, "belongs under `deploy:`"),
    (SettingsPart, "belongs under a stage, or under `defaults:`"),
    (MappingFile, "belongs at the top of the file"),
)
_NEAREST_FOR = 200  # looking for the nearest key takes a while; a file with more mistakes has another problem
_WRONG_TYPE = {
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "string_type": "must be text",
}
_BOOLEANS = frozenset({"yes", "no", "on", "off"})


def check(document: Document, known_deployers: Collection[str]) -> list[Complaint]:
    """Everything wrong with a mapping file, in no particular order; nothing for a good one.

    `known_deployers` are the names that `uses:` may give besides a file `./….py`.
    """
    found = _Complaints(document)
    for path, text in document.doubtful.items():
        _doubtful(found, path, text)
    if not isinstance(document.value, Mapping):
        found.add((), f"must be a mapping of keys to values, not {_kind(document.value)}", "begin with `version: 1`")
        return found.listed
    try:
        MappingFile.model_validate(document.value)
    except ValidationError as problem:
        for error in problem.errors(include_url=False, include_context=True):
            _translate(found, error)
    for at, settings in layers(document.value):
        _check_layer(found, at, settings, known_deployers)
    _check_stages(found)
    return found.listed


class _Complaints:
    """Complaints about one document; a path that has one gets no second."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.listed: list[Complaint] = []
        self._taken: set[Path] = set()

    def add(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> None:
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
    """One pydantic error in plain words."""
    path, kind, given = error["loc"], error["type"], error["input"]
    if path[-1:] == ("[key]",):
        _bad_key(found, path[:-1], error)
    elif kind == "extra_forbidden":
        _unknown_key(found, path)
    elif kind == "missing":
        found.add(path, "is missing", "write `version: 1`" if path == ("version",) else "")
    elif kind == "plain":
        context = error.get("ctx", {})
        found.add(path, str(context.get("message")), str(context.get("hint")))
    elif kind == "literal_error":
        found.add(path, f"must be {error.get('ctx', {}).get('expected')}, not {_shown(given)}")
    elif kind in _WRONG_TYPE:
        found.add(path, f"{_WRONG_TYPE[kind]}, not {_kind(given)}", _type_hint(kind, given, path))
    elif kind == "string_pattern_mismatch":
        found.add(path, *_not_a_variable(str(given)))
    elif kind == "too_short":
        found.add(path, "must not be empty")
    else:  # none is known to come here; pydantic's words are better than silence
        found.add(path, error["msg"])


def _bad_key(found: _Complaints, path: Path, error: ErrorDetails) -> None:
    context = error.get("ctx", {})
    if error["type"] == "plain":
        found.add(path, str(context.get("message")), str(context.get("hint")), key=True)
    else:
        found.add(path, *_not_a_variable(str(path[-1])), key=True)


def _not_a_variable(name: str) -> tuple[str, str]:
    better = re.sub(r"[^A-Za-z0-9_]", "_", name)
    hint = f"write {better}" if better != name and re.fullmatch(ENV_NAME, better) else ""
    return f"{_shown(name)} is no name for an environment variable: letters, digits and `_` only", hint


def _unknown_key(found: _Complaints, path: Path) -> None:
    """A key that the shape does not have: the nearest that it has, or where the key belongs, or all there are."""
    kind, _, rest = split(path)
    shape = DeployPart if kind == "settings" and len(rest) == 2 and rest[0] == "deploy" else _KINDS[kind]
    key, known = str(path[-1]), _keys(shape)
    hint = "known keys: " + ", ".join(known)
    if len(found.listed) < _NEAREST_FOR:
        near = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1)
        homes = [home for other, home in _HOMES if other is not shape and key in _keys(other)]
        if near:
            hint = f"did you mean `{near[0]}`?"
        elif homes:
            hint = f"it {homes[0]}"
    found.add(path, "unknown key", hint, key=True)


def _keys(shape: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in shape.model_fields.items()]


def _type_hint(kind: str, given: Any, path: Path) -> str:
    if kind == "string_type" and given is not None and not isinstance(given, (list, Mapping)):
        written = str(given).lower() if isinstance(given, bool) else str(given)
        return f'quote it: "{one_line(written, 40)}"'
    if kind == "string_type" and isinstance(given, Mapping):
        return 'a template must be quoted: "{{ … }}"'
    if kind == "list_type" and isinstance(given, str):
        return f"write [{one_line(given, 40)}]"
    if kind == "model_type" and isinstance(given, str) and path[-1] == "deploy":
        return f"write `deploy: {{run: {one_line(given, 40)}}}`"
    return ""


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "a boolean"
    for kind, words in ((int, "a number"), (float, "a number"), (str, "text"), (list, "a list")):
        if isinstance(value, kind):
            return words
    return "a mapping"


def _shown(value: Any) -> str:
    return f"`{one_line(str(value), 60)}`" if isinstance(value, (str, int, float)) else _kind(value)


def _check_layer(found: _Complaints, at: Path, settings: Mapping[str, Any], known: Collection[str]) -> None:
    """What one settings layer says about deploying."""
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
                f"{_shown(name)} is no file of this repository",
                "a deployer of your own is written `./path/to/file.py`, from the top of the repository, without `..`",
            )
        return
    near = difflib.get_close_matches(name.lower(), sorted(known), n=1)
    hint = f"did you mean `{near[0]}`?" if near else ""
    found.add(path, f"unknown deployer {_shown(name)}; known: {', '.join(sorted(known))}", hint)


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
