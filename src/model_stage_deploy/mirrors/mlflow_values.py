"""What MLflow's registry holds, as typed values, read from its answers; and how its filters are written. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class Strange(ValueError):
    """An answer does not have the shape of MLflow's; the text says what, and quotes nothing of it."""


class ModelVersion(NamedTuple):
    """One version of a registered model. `version` is MLflow's own number, always as text; `created` in unix seconds.

    `aliases` are those that point to it: a search tells of none, even where there are some (`RegisteredModel.aliases`
    has them all). `run_id` is "" for none.
    """

    model: str
    version: str
    stage: str = "None"
    tags: Mapping[str, str] = {}
    aliases: tuple[str, ...] = ()
    status: str = ""
    run_id: str = ""
    source: str = ""
    created: float = 0.0
    description: str = ""


class RegisteredModel(NamedTuple):
    """A registered model: its tags, and the version that each alias points to."""

    name: str
    tags: Mapping[str, str] = {}
    aliases: Mapping[str, str] = {}
    created: float = 0.0
    description: str = ""


def read_version(value: object) -> ModelVersion:
    """A version of an answer. Raises Strange."""
    told = _mapping(value, "version of a model")
    return ModelVersion(
        model=_text(told, "name", needed=True),
        version=_number(told.get("version")),
        stage=_text(told, "current_stage") or "None",
        tags=_tags(told.get("tags")),
        aliases=_aliases(told.get("aliases")),
        status=_text(told, "status"),
        run_id=_text(told, "run_id"),
        source=_text(told, "source"),
        created=_seconds(told.get("creation_timestamp")),
        description=_text(told, "description"),
    )


def read_model(value: object) -> RegisteredModel:
    """A registered model of an answer. Raises Strange."""
    told = _mapping(value, "registered model")
    aliases: dict[str, str] = {}
    for entry in _list(told.get("aliases"), "aliases"):
        one = _mapping(entry, "alias")
        aliases[_text(one, "alias", needed=True)] = _number(one.get("version"))
    return RegisteredModel(
        name=_text(told, "name", needed=True),
        tags=_tags(told.get("tags")),
        aliases=aliases,
        created=_seconds(told.get("creation_timestamp")),
        description=_text(told, "description"),
    )


def read_run_tags(value: object) -> Mapping[str, str]:
    """The tags of a run of an answer. Raises Strange."""
    data = _mapping(value, "run").get("data", {})
    return _tags(_mapping(data, "run's data").get("tags"))


def comparison(name: str, value: str) -> str:
    """`name = 'value'` of a filter. Raises ValueError for what MLflow's filters cannot say."""
    if "`" in name[name.find("`") + 1 : -1]:
        raise ValueError("MLflow's filters cannot name a tag with a backtick in its key")
    for quote in ("'", '"'):
        if quote not in value and "\\" not in value:
            return f"{name} = {quote}{value}{quote}"
    raise ValueError("MLflow's filters cannot say a text with both kinds of quotes, or a backslash, in it")


def _mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Strange(f"there is no {what} where one belongs")
    return value


def _list(value: object, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise Strange(f"{what} is no list")
    return value


def _text(told: Mapping[str, Any], key: str, *, needed: bool = False) -> str:
    value = told.get(key)
    if isinstance(value, str) and (value or not needed):
        return value
    if value is None and not needed:
        return ""
    raise Strange(f"`{key}` is no text")


def _number(value: object) -> str:
    """MLflow's number of a version as text: it refuses a number where it wants one."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit()):
        raise Strange("a version has no number")
    return text


def _tags(value: object) -> Mapping[str, str]:
    tags: dict[str, str] = {}
    for entry in _list(value, "tags"):
        one = _mapping(entry, "tag")
        tags[_text(one, "key", needed=True)] = _text(one, "value")
    return tags


def _aliases(value: object) -> tuple[str, ...]:
    aliases = _list(value, "aliases")
    if not all(isinstance(alias, str) for alias in aliases):
        raise Strange("an alias is no text")
    return tuple(aliases)


def _seconds(milliseconds: object) -> float:
    """A time as a number; 0.0 for what is none."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, (int, float, str)):
        return 0.0
    if isinstance(milliseconds, str) and not (milliseconds.isascii() and milliseconds.isdigit()):
        return 0.0
    try:
        seconds = float(milliseconds) / 1000.0
    except OverflowError:  # a whole number of hundreds of digits
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0
