"""What pydantic finds wrong with a mapping, in plain words: a path, a message, and the likely way to put it right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Path
from model_stage_deploy.core.mapping_shape import ENV_NAME, DeployPart, MappingFile, SettingsPart
from model_stage_deploy.core.policy import Gates
from model_stage_deploy.core.policy_targets import Strategy

_HOMES = (
    (DeployPart, "belongs under `deploy:`"),
    (Gates, "belongs under `gates:`"),
    (Strategy, "belongs under `strategy:`"),
    (SettingsPart, "belongs under a stage, or under `defaults:`"),
    (MappingFile, "belongs at the top of the file"),
)
_WRONG_TYPE = {
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a duration",
}
_LIMITS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}


class Said(NamedTuple):
    """A complaint without its place; `key` says that it is about the key rather than its value."""

    path: Path
    message: str
    hint: str = ""
    key: bool = False


def say(error: ErrorDetails, path: Path, *, nearest: bool = True) -> Said:
    """One pydantic error in plain words. `nearest` looks for the nearest right key, which takes a while."""
    kind, context = error["type"], error.get("ctx", {})
    is_key = path[-1:] == ("[key]",)
    if kind == "plain":
        return Said(path[:-1] if is_key else path, str(context.get("message")), str(context.get("hint")), is_key)
    if is_key:
        return Said(path[:-1], *_not_a_variable(str(path[-2])), key=True)
    if kind == "extra_forbidden":
        return _unknown_key(path, nearest=nearest)
    return Said(path, *_about_value(error, path))


def _about_value(error: ErrorDetails, path: Path) -> tuple[str, str]:
    """A message and a hint about a value of the wrong kind."""
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    message, hint = error["msg"], ""  # none is known to come here; pydantic's words are better than silence
    if kind == "missing":
        message, hint = "is missing", "write `version: 1`" if path == ("version",) else ""
    elif kind == "literal_error":
        message = f"must be {context.get('expected')}, not {shown(given)}"
    elif kind in _WRONG_TYPE:
        message, hint = f"{_WRONG_TYPE[kind]}, not {kind_of(given)}", _type_hint(kind, given, path)
    elif kind == "string_pattern_mismatch":
        message, hint = _not_a_variable(str(given))
    elif kind in ("too_short", "string_too_short"):
        message = "must not be empty"
    elif kind in _LIMITS:
        limit, words = _LIMITS[kind]
        message = f"must be {words} {context.get(limit):g}"
    return message, hint


def kind_of(value: Any) -> str:
    """What a value is, to people."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "a boolean"
    for kind, words in ((int, "a number"), (float, "a number"), (str, "text"), (list, "a list")):
        if isinstance(value, kind):
            return words
    return "a mapping"


def shown(value: Any) -> str:
    """A value within a sentence, inert and short."""
    return f"`{one_line(str(value), 60)}`" if isinstance(value, (str, int, float)) else kind_of(value)


def _not_a_variable(name: str) -> tuple[str, str]:
    better = re.sub(r"[^A-Za-z0-9_]", "_", name)
    hint = f"write {better}" if better != name and re.fullmatch(ENV_NAME, better) else ""
    return f"{shown(name)} is no name for an environment variable: letters, digits and `_` only", hint


def _unknown_key(path: Path, *, nearest: bool) -> Said:
    """A key that the shape does not have: the nearest that it has, or where the key belongs, or all there are."""
    shape = _shape_at(path[:-1])
    key, known = str(path[-1]), _keys(shape)
    hint = "known keys: " + ", ".join(known)
    if nearest:
        near = difflib.get_close_matches(key.replace("_", "-").lower(), known, n=1)
        homes = [home for other, home in _HOMES if other is not shape and key in _keys(other)]
        if near:
            hint = f"did you mean `{near[0]}`?"
        elif homes:
            hint = f"it {homes[0]}"
    return Said(path, "unknown key", hint, key=True)


def _keys(shape: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in shape.model_fields.items()]


def _shape_at(path: Path) -> type[BaseModel]:
    """The shape of the mapping at a path of the file."""
    here: Any = MappingFile
    for part in path:
        shape = _within(here, BaseModel)
        if shape is not None:
            fields = shape.model_fields.items()
            here = next((info.annotation for name, info in fields if (info.alias or name) == part), None)
        else:
            inner = _within(here, list if isinstance(part, int) else dict)
            here = get_args(inner)[-1] if inner is not None else None
    return _within(here, BaseModel) or MappingFile


def _within(annotation: Any, wanted: type) -> Any:
    """The part of an annotation that is of a kind: `Needed` in `Annotated[Needed, …] | None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _within(get_args(annotation)[0], wanted)
    if origin in (Union, UnionType):
        return next(filter(None, (_within(one, wanted) for one in get_args(annotation))), None)
    kind = origin or annotation
    return annotation if isinstance(kind, type) and issubclass(kind, wanted) else None


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
