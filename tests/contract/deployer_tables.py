"""The generated tables of docs/reference/deployers/: what each deployer can do, and the settings that it takes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from model_stage_deploy.deployers import catalogue
from model_stage_deploy.deployers.contract import Deployer, StatusTeller, Undeployer, can_tell_status, can_undeploy
from tests.contract.tables import table

DIRECTORY = "docs/reference/deployers"
FEWEST: Mapping[str, Mapping[str, Any]] = {
    "shell": {"run": "./deploy.sh"},
    "webhook": {"url": "https://deploy.example.com/"},
    "mlem": {"load": "deploy/prod", "model": "models/churn"},
    "preset": {"name": "modal", "app": "app.py", "deployment": "churn"},
}
"""Settings with which each deployer can deploy, and nothing more."""
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "boolean", "": "any value"}
_DEEPEST = 2


def index() -> str:
    """Where the settings of each built-in deployer stand."""
    rows = []
    for name in catalogue.BUILT_IN:
        names = [row[0] for row in _settings(catalogue.load(name)) if "." not in row[0]]
        rows.append((f"`{name}`", f"[deployers/{name}.md](deployers/{name}.md)", ", ".join(names)))
    return table(("Deployer", "Its page", "Settings"), rows)


def settings(name: str) -> str:
    """The settings of a deployer below `with:`."""
    return table(("Setting", "Type", "Default", "Meaning"), _settings(catalogue.load(name)))


def verbs(name: str) -> str:
    """What a deployer can do; and why not, with the fewest settings that it can deploy with."""
    kind = catalogue.load(name)
    ports = dict.fromkeys(inspect.signature(kind).parameters)
    deployer, options = catalogue.build(kind, ports), catalogue.options_of(kind, FEWEST[name])
    shown = ", ".join(f"`{key}: {value}`" for key, value in FEWEST[name].items())
    asks = ", ".join(f"`{port}`" for port in ports)
    rows = [
        ("`describe`", "yes"),
        ("`deploy`", "yes"),
        ("`undeploy`", _offered(can_undeploy(deployer, options), hasattr(kind, "why_not_undeploy"))),
        ("`status`", _offered(can_tell_status(deployer, options), hasattr(kind, "why_not_status"))),
    ]
    head = ("Verb", f"With {shown}")
    wants = "a checkout of the trusted ref, and one of the tagged commit" if kind.needs_files else "no files"
    return f"{table(head, rows)}\nIt works through {asks}, and needs {wants}.\n"


def methods() -> str:
    """What a deployer of the user's own may have, by the words of the contract."""
    needed = [(name, "needed", Deployer) for name in ("describe", "deploy")]
    rest = [(name, "for `undeploy`", Undeployer) for name in ("describe_undeploy", "undeploy")]
    rows = [
        (f"`{name}`", why, _first(getattr(contract, name)))
        for name, why, contract in [*needed, *rest, ("status", "for `status --ask`", StatusTeller)]
    ]
    rows += [
        ("`why_not_undeploy`", "if you like", 'Why it cannot with these settings, in a sentence; `""` where it can.'),
        ("`why_not_status`", "if you like", "The same for `status`."),
    ]
    return table(("Method", "", "What it does"), rows)


def _first(method: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(method) or "").split("\n\n", 1)[0].split())


def _offered(why_not: str, asks: bool) -> str:
    if not why_not:
        return "yes"
    return f"with other settings; with these: {why_not}" if asks else f"no: {why_not}"


def _settings(deployer: type[Deployer]) -> list[tuple[str, ...]]:
    """Rows of all settings, those of nested mappings with dotted names."""
    schema = deployer.options.model_json_schema()
    return list(_rows(schema, schema, ""))


def _rows(shape: Mapping[str, Any], schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, ...]]:
    needed = set(shape.get("required", ()))
    for name, of in shape["properties"].items():
        below = _below(of, schema)
        default = of.get("default")
        plain = default not in (None, []) and below is None
        shown = "needed" if name in needed else f"`{json.dumps(default)}`" if plain else ""
        yield f"`{prefix}{name}`", "mapping" if below else _type(of, schema), shown, of.get("description", "")
        if below is not None and prefix.count(".") < _DEEPEST:
            yield from _rows(below, schema, f"{prefix}{name}.")


def _below(of: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The nested mapping that a setting is, if it is one."""
    for one in (of, *of.get("anyOf", ()), *of.get("allOf", ())):
        if "$ref" in one:
            found = schema["$defs"][one["$ref"].rsplit("/", 1)[1]]
            return found if "properties" in found else None
    return None


def _type(of: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "anyOf" in of:
        kinds = (_type(one, schema) for one in of["anyOf"] if one.get("type") != "null")
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in of:
        return " or ".join(f"`{value}`" for value in of["enum"])
    kind = of.get("type", "")
    if kind == "array":
        return f"list of {_type(of.get('items', {}), schema)}s"
    return _TYPES.get(kind, "names to texts")


PAGES: Mapping[str, Mapping[str, Callable[[], str]]] = {
    **{
        f"{DIRECTORY}/{name}.md": {"verbs": partial(verbs, name), "settings": partial(settings, name)}
        for name in catalogue.BUILT_IN
    },
    f"{DIRECTORY}/own.md": {"methods": methods},
}
"""The generated blocks of each page."""
