"""GTO's own configuration, `.gto`: which stages it allows. Rules R59–R61 of docs/reference/tags.md.

Pure reading of a parsed file and of `GTO_…` variables; adapters/gto_config_yaml.py parses the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import is_stage_name

FILE = ".gto"
_SWITCHES = ("1", "0", "true", "false", "t", "f", "yes", "no", "y", "n", "on", "off")  # what GTO's reader takes


class GtoConfig(NamedTuple):
    """What concerns a change: `stages` and `types` that are allowed, None where all are."""

    stages: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None


def read_config(content: Any, environ: Mapping[str, str]) -> GtoConfig:
    """The configuration of a parsed `.gto` (None where there is no file, or an empty one), `GTO_…` variables first.

    Raises Invalid (gto-config-invalid) where GTO, too, would refuse to work: an unknown key, a list that is none, a
    name that is none.
    """
    values: dict[str, Any] = {}
    for key, value in _mapping(content).items():
        name = key.lower()
        if name not in _KINDS:
            raise _wrong(f"{FILE}: there is no key {one_line(key, 60)!r}", f"GTO knows {', '.join(_KINDS)}")
        if name in values:
            raise _wrong(f"{FILE}: {one_line(key, 60)} is written twice", "upper and lower case are the same to GTO")
        values[name] = _KINDS[name](f"{FILE}: {key}", value)
    for variable, text in environ.items():
        name = variable.lower().removeprefix("gto_")
        if variable.lower().startswith("gto_") and name in _KINDS:
            values[name] = _KINDS[name](variable, _from_text(variable, name, text))
    return GtoConfig(values.get("stages"), values.get("types"))


def _mapping(content: Any) -> Mapping[str, Any]:
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise _wrong(f"{FILE} holds no keys and values", "write, for example: stages: [dev, prod]")
    return content


def _from_text(variable: str, name: str, text: str) -> Any:
    if _KINDS[name] not in (_names, _list):
        return text
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        message = f"{variable} is {one_line(text, 80)!r}, which is not JSON"
        raise _wrong(message, f'write it as a JSON list: {variable}=\'["dev", "prod"]\'') from None


def _names(where: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    for name in _list(where, value):
        if not isinstance(name, str):
            raise _wrong(f"{where}: {one_line(repr(name), 60)} is not text", f'quote it: "{one_line(str(name), 60)}"')
        if not is_stage_name(name):
            raise _wrong(
                f"{where}: {one_line(name, 60)!r} is not a name",
                "names start and end with a letter or digit, and hold only letters, digits, `_`, `-` and `/`",
            )
    return tuple(value)


def _list(where: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(f"{where} is not a list", "write it as [dev, prod]")
    return value


def _text(where: str, value: Any) -> Any:
    if not isinstance(value, str):
        raise _wrong(f"{where} is not text", "quote it")
    return value


def _switch(where: str, value: Any) -> Any:
    if not (isinstance(value, bool) or str(value).lower() in _SWITCHES):
        raise _wrong(f"{where} is neither true nor false")
    return value


def _wrong(message: str, hint: str = "") -> Invalid:
    return Invalid(Reason.GTO_CONFIG_INVALID, message, hint=hint)


_KINDS: Mapping[str, Callable[[str, Any], Any]] = {
    "types": _names,
    "stages": _names,
    "index": _text,
    "emojis": _switch,
    "log_level": _text,
    "debug": _switch,
    "enrichments": _list,
    "autoload_enrichments": _switch,
    "config_file_name": lambda _where, value: value,
}
