"""What the settings of a mapping ask of each other, and one value alone cannot show: stages that need each other in a
circle, a soak without anything to soak in, a rollback without anything that says what is good.

They are looked at as they are for a model once all layers are merged: for a model that no name and no narrow glob
fits, and for one that fits each glob. A mapping with other mistakes is looked at as far as it can be read.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pydantic import ValidationError

from model_stage_deploy.core import globs
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping import StageMap
from model_stage_deploy.core.mapping_document import Document, MappingInvalid
from model_stage_deploy.core.mapping_targets import about_strategy
from model_stage_deploy.core.mapping_words import Said, say
from model_stage_deploy.core.merge import CHOICES, Merged
from model_stage_deploy.core.policy import Gates
from model_stage_deploy.core.policy_fields import WHOLE

_ANY = "z"
"""Stands for wildcards, to make a name that fits a glob."""
_MOST = 20_000
"""Names times globs and stages to look at. The gates refuse what cannot hold, so a larger file is not less safe."""


def check_rules(document: Document) -> Iterator[Said]:
    """Everything that contradicts itself, with the path of one of the settings that do."""
    if not isinstance(document.value, Mapping):
        return
    value = _readable(document.value)
    if not _asks(value):
        return
    named = StageMap("", replace(document, value=value)).stages()
    for model in _models(value):
        fitting = {glob: part for glob, part in value["models"].items() if globs.matches(glob, model)}
        stages = StageMap("", replace(document, value={**value, "models": fitting}))
        try:
            merged = {stage: stages.merged(model, stage) for stage in stages.mapped_stages(model)}
        except MappingInvalid:  # two globs fit this name equally well, which may be the name of no model
            continue
        view = _View(named, {stage: found for stage, found in merged.items() if found is not None})
        yield from view.check()


@dataclass(frozen=True, slots=True)
class _Need:
    """One entry of `needs:`, as far as it can be read."""

    stage: str
    verified: bool


@dataclass(frozen=True, slots=True)
class _View:
    """The settings of one model by stage. `named` are all stages of the file."""

    named: list[str]
    merged: Mapping[str, Merged]

    def check(self) -> Iterator[Said]:
        for stage, settings in self.merged.items():
            if not _deploys(settings):
                continue
            yield from self._needs(stage, settings)
            yield from _soak(settings)
            yield from _rollback(stage, settings)
            yield from _unfinished(settings)
            yield from about_strategy(settings)
        yield from self._circles()

    def _needs(self, stage: str, settings: Merged) -> Iterator[Said]:
        for number, need in enumerate(_needs_of(settings)):
            path = settings.origin(("gates", "needs", number))
            other = one_line(need.stage, 100)
            if need.stage == stage:
                yield Said(path, f"{other} needs itself", "name a stage that comes before it")
            elif need.stage not in self.named:
                near = difflib.get_close_matches(need.stage, self.named, n=1)
                known = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(self.named[:20])
                yield Said(path, f"the file names no stage {other}", known)
            elif need.verified and need.stage in self.merged and not self._verifies(need.stage):
                yield Said(
                    path,
                    f"nothing verifies what is deployed to {other}, so it can never be verified there",
                    f"add `verify:` to {other}, or write `needs: [{{stage: {other}, verified: false}}]`",
                )

    def _verifies(self, stage: str) -> bool:
        return bool(self.merged[stage].values.get("verify")) or not _deploys(self.merged[stage])

    def _circles(self) -> Iterator[Said]:
        """Stages that need each other, each circle once."""
        needs = {stage: [need.stage for need in _needs_of(found)] for stage, found in self.merged.items()}
        left = {stage: [other for other in others if other != stage] for stage, others in needs.items()}
        while circle := _circle(left):
            last, first = circle[-2], circle[-1]
            path = self.merged[last].origin(("gates", "needs", needs[last].index(first)))
            shown = " needs ".join(one_line(stage, 100) for stage in circle)
            yield Said(path, f"these stages need each other in a circle: {shown}", "take one of them out of `needs`")
            left[last] = [other for other in left[last] if other != first]


def _circle(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Stages each of which needs the next, the first one again at the end; empty where there is no circle."""
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as found:
        return list(reversed(found.args[1]))
    return []


def _soak(settings: Merged) -> Iterator[Said]:
    path = settings.origins.get(("gates", "soak"), ())
    if path and path[0] != "defaults" and not _needs_of(settings):  # in defaults it is meant for stages that need some
        yield Said(path, "soaks nowhere without `needs`", "add `needs: [STAGE]`", key=True)


def _rollback(stage: str, settings: Merged) -> Iterator[Said]:
    if settings.values.get("on-failure") == "rollback" and not settings.values.get("verify"):
        yield Said(
            settings.origin(("on-failure",)),
            f"nothing verifies what is deployed to {one_line(stage, 100)}, so there is never anything to go back to",
            f"add `verify:` to {one_line(stage, 100)}, or write `on-failure: stop` there",
        )


def _unfinished(settings: Merged) -> Iterator[Said]:
    """What a gate must say once all layers are merged. That a key is missing is told when a model needs it."""
    try:
        Gates.model_validate(settings.values.get("gates", {}), context=WHOLE)
    except ValidationError as problem:
        for error in problem.errors(include_url=False):
            if error["type"] == "plain":
                yield say(error, settings.origin(("gates", *error["loc"])))


def _needs_of(settings: Merged) -> list[_Need]:
    found = settings.values.get("gates", {}).get("needs")
    entries = found if isinstance(found, list) else []
    return [
        _Need(entry, verified=True)
        if isinstance(entry, str)
        else _Need(str(entry.get("stage", "")), entry.get("verified") is not False)
        if isinstance(entry, Mapping)
        else _Need("", verified=True)
        for entry in entries
    ]


def _deploys(settings: Merged) -> bool:
    """Whether anything is ever deployed there, for this model."""
    return any(key in settings.values.get("deploy", {}) for key in CHOICES)


def _models(value: Mapping[str, Any]) -> Iterator[str]:
    """Names of models, one that fits each glob; the first fits those alone that fit everything."""
    yield _ANY
    for glob in list(value["models"])[: _MOST // (len(value["models"]) + len(value["stages"]) + 1)]:
        yield glob if globs.is_exact(glob) else glob.replace("**", _ANY).replace("*", _ANY).replace("?", _ANY)


def _readable(value: Mapping[str, Any]) -> dict[str, Any]:
    """The file with nothing in it but what is looked at here, as far as it has the right shape."""
    models = value.get("models")
    readable = {
        glob: {"stages": _stages(part.get("stages"), empty=None)}
        for glob, part in (models.items() if isinstance(models, Mapping) else ())
        if isinstance(part, Mapping) and part.get("stages")
    }
    return {
        "defaults": _settings(value.get("defaults")),
        "stages": _stages(value.get("stages"), empty={}),
        "models": readable,
    }


def _stages(stages: Any, empty: Any) -> dict[str, Any]:
    if not isinstance(stages, Mapping):
        return {}
    return {name: empty if settings is None else _settings(settings) for name, settings in stages.items()}


def _settings(settings: Any) -> dict[str, Any]:
    if not isinstance(settings, Mapping):
        return {}
    kept: dict[str, Any] = {}
    for key, kind in (
        ("gates", Mapping),
        ("verify", list),
        ("on-failure", str),
        ("strategy", Mapping),
        ("targets", (list, Mapping)),
    ):
        if key in settings and (settings[key] is None or isinstance(settings[key], kind)):
            kept[key] = settings[key]
    if "deploy" in settings:
        kept["deploy"] = _deploy(settings["deploy"])
    return kept


def _deploy(deploy: Any) -> Any:
    if isinstance(deploy, Mapping):
        return {key: deploy[key] for key in CHOICES if key in deploy}
    return deploy if deploy is None else {"run": "?"}  # it has its own complaint


def _asks(value: Mapping[str, Any]) -> bool:
    """Whether any layer asks for gates, for a rollback, or for waves."""
    parts = [value["defaults"], *value["stages"].values()]
    parts += [settings for part in value["models"].values() for settings in part["stages"].values()]
    asking = ("gates", "on-failure", "strategy")
    return any(settings and any(map(settings.get, asking)) for settings in parts)
