"""Finds deployers by name: built in, installed as entry points, or a file of the user's trusted checkout."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from pydantic import ConfigDict

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Deployer, Options
from model_stage_deploy.deployers.settings import options_of

__all__ = ["BUILT_IN", "ENTRY_POINTS", "FreeOptions", "build", "is_own_file", "known", "load", "options_of"]

BUILT_IN: Mapping[str, str] = {
    "shell": "model_stage_deploy.deployers.shell:Shell",
    "webhook": "model_stage_deploy.deployers.webhook:Webhook",
    "mlem": "model_stage_deploy.deployers.mlem:Mlem",
    "preset": "model_stage_deploy.deployers.preset:PresetDeployer",
}
"""One line per deployer; nothing is imported before it is used."""

_LONGEST = 10_000  # characters; a short cut could halve a secret, which the scrubber would not know
ENTRY_POINTS = "model_stage_deploy.deployers"


class FreeOptions(Options):
    """Settings of a deployer that declares none: any mapping, read as `options["some-key"]`."""

    model_config = ConfigDict(extra="allow")

    def __getitem__(self, name: str) -> Any:
        return (self.model_extra or {})[name]

    def get(self, name: str, default: Any = None) -> Any:
        """A setting, or `default`."""
        return (self.model_extra or {}).get(name, default)


_DEFAULTS: Mapping[str, Any] = {
    "options": FreeOptions,
    "needs_files": True,
    "url_options": frozenset[str](),
    "verbatim_options": frozenset[str](),
}


def is_own_file(name: str) -> bool:
    """Whether `uses: NAME` means a file of the user's checkout: `./….py`."""
    return name.startswith("./") and name.endswith(".py")


def known() -> list[str]:
    """Names that `uses:` may have, besides files: built-in ones first. Imports no deployer."""
    installed = {point.name for point in metadata.entry_points(group=ENTRY_POINTS)}
    return [*BUILT_IN, *sorted(installed - set(BUILT_IN))]


def load(name: str, files: Path | None = None) -> type[Deployer]:
    """The deployer class that `uses: NAME` means; `files` is the trusted checkout, for `./path/file.py`.

    A class that lacks `options`, `needs_files`, `url_options` or `verbatim_options` gets defaults (any settings,
    True, none, none). Raises Invalid (mapping-invalid) for an unknown name, a broken file or a wrong class.
    """
    if is_own_file(name):
        from model_stage_deploy.deployers.own_file import load_own

        return _complete(load_own(name, files), name)
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return cast("type[Deployer]", getattr(importlib.import_module(module), attribute))
    for point in metadata.entry_points(group=ENTRY_POINTS):
        if point.name == name:
            return _complete(_installed(point), name)
    near = difflib.get_close_matches(name, known(), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise Invalid(
        Reason.MAPPING_INVALID,
        f"there is no deployer {one_line(name, 100)!r}",
        hint=f"{hint}known: {', '.join(known())}; your own: ./path/to/file.py",
    )


def build(deployer: type[Deployer], ports: Mapping[str, object]) -> Deployer:
    """An instance, given just those of `ports` (process, web, clock) that its constructor names.

    Raises Invalid (mapping-invalid) where it asks for anything else, or its constructor fails.
    """
    parameters = inspect.signature(deployer).parameters.values()
    named = [one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    strange = [one.name for one in named if one.name not in ports and one.default is one.empty]
    if strange:
        raise Invalid(
            Reason.MAPPING_INVALID,
            f"deployer {deployer.__name__} asks for {', '.join(strange)}",
            hint=f"a deployer may ask for {', '.join(ports)}",
        )
    try:
        return deployer(**{one.name: ports[one.name] for one in named if one.name in ports})
    except Exception as problem:
        raise Invalid(
            Reason.MAPPING_INVALID, f"deployer {deployer.__name__} cannot be built: {told(problem)}"
        ) from problem


def told(problem: BaseException) -> str:
    """An exception of somebody else's code on one line: its type and text."""
    return one_line(f"{type(problem).__name__}: {problem}".split("\n", 1)[0], _LONGEST)


def _installed(point: metadata.EntryPoint) -> Any:
    try:
        return point.load()
    except (Exception, SystemExit) as problem:
        raise Invalid(
            Reason.MAPPING_INVALID, f"the installed deployer {point.name!r} cannot be loaded: {told(problem)}"
        ) from problem


def _complete(found: Any, name: str) -> type[Deployer]:
    """`found` as a deployer class, with defaults for what it leaves out."""
    missing = [method for method in ("describe", "deploy") if not callable(getattr(found, method, None))]
    if not isinstance(found, type) or missing:
        lacks = f" with a method {missing[0]!r}" if missing else ""
        raise Invalid(Reason.MAPPING_INVALID, f"deployer {one_line(name, 200)!r} is not a class{lacks}")
    wrong = getattr(found, "options", FreeOptions)
    if not (isinstance(wrong, type) and issubclass(wrong, Options)):
        raise Invalid(
            Reason.MAPPING_INVALID,
            f"`options` of deployer {one_line(name, 200)!r} is not a class of settings",
            hint="write `class MyOptions(Options)` and `options = MyOptions`",
        )
    lacking = {key: value for key, value in _DEFAULTS.items() if not hasattr(found, key)}
    if not lacking:
        return cast("type[Deployer]", found)
    return cast("type[Deployer]", type(found.__name__, (found,), {**lacking, "__module__": found.__module__}))
