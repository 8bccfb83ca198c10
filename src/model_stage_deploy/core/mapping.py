"""The mapping file as typed values: what a stage means for a model, and which line of the file says so.

Precedence, lowest first: `vars` of the file, `defaults`, `stages.S`, then for every glob of `models` that fits the
model, least specific first, its `vars` and its `stages.S`. How layers merge is next door, in merge.py; how the
file is read and checked, in mapping_check.py and adapters/mapping_yaml.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from model_stage_deploy.core import globs
from model_stage_deploy.core.durations import parse_duration
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Complaint, Document, MappingInvalid, Origin, Path, dotted
from model_stage_deploy.core.mapping_places import layers
from model_stage_deploy.core.merge import CHOICES, Layer, Merged, merge
from model_stage_deploy.core.policy import Check, Events, Gates, Lock, Rollback
from model_stage_deploy.core.policy_fields import WHOLE, Part
from model_stage_deploy.core.policy_mirrors import TEMPLATES as MIRROR_TEMPLATES
from model_stage_deploy.core.policy_mirrors import Mirror
from model_stage_deploy.core.policy_targets import Strategy
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import Target

__all__ = ["Complaint", "MappingInvalid", "StageMap", "StageSettings", "TemplateText", "unmapped_stage"]

DEFAULT_TIMEOUT = 1800.0
"""Seconds that a deployment may take where the mapping does not say."""

DEFAULT_RETRIES = 4
"""How often a deployer is asked again, where its failure is worth it and the mapping does not say."""

VERBATIM = frozenset({"run", "undeploy", "status"})
"""Names of `with:` settings that the built-in deployers never render where they are texts: they are programs."""

_VERIFY_TEMPLATES = {
    "http": ("url", "headers", "body", "header", "json", "contains"),
    "metric": ("prometheus", "query", "headers"),
}
"""Settings of the checks below `verify:` that are rendered. The key `run` is none: its values arrive as MSD_*."""
_PRODUCTION = frozenset({"production", "prod"})
_DEFAULT = "default"
_P = TypeVar("_P", bound=Part)


@dataclass(frozen=True, slots=True)
class StageSettings:
    """What one stage means for one model, all layers merged; templates are not rendered yet.

    `options` are the deployer's `with:` settings; `run` and `argv` of the mapping stand there too, for the deployer
    `shell`. `timeout` is in seconds. `targets_from` is the file that lists the targets, where the mapping does not:
    flows/planning.py reads it. `origins` says for each leaf where it came from:
    "deploy.with.url" -> "stages.prod at .github/model-stages.yml:12:14", or "default".
    """

    environment: str
    deployer: str
    url: str | None = None
    production: bool = False
    secrets: tuple[str, ...] = ()
    vars: Mapping[str, str] = field(default_factory=dict)
    allow_unregistered: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES
    gates: Gates = Gates()  # noqa: RUF009 - frozen, as are those below
    verify: tuple[Check, ...] = ()
    on_failure: Literal["rollback", "stop"] = "stop"
    rollback: Rollback = Rollback()  # noqa: RUF009
    events: Events = Events()  # noqa: RUF009
    lock: Lock = Lock()  # noqa: RUF009
    mirrors: tuple[Mirror, ...] = ()
    targets: tuple[Target, ...] = ()
    targets_from: str = ""
    strategy: Strategy = Strategy()  # noqa: RUF009
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TemplateText:
    """A text of the file that will be rendered, and where it stands; `after` says that it is after the deployment."""

    path: Path
    text: str
    after: bool = False


@dataclass(frozen=True, slots=True)
class StageMap:
    """A mapping file without mistakes. `notes` are remarks for a person that hinder nothing."""

    file: str
    document: Document
    notes: tuple[str, ...] = ()

    @property
    def unmapped(self) -> Literal["error", "ignore"]:
        """What to make of a stage that the mapping does not name."""
        return "ignore" if self.document.value.get("unmapped") == "ignore" else "error"

    def stages(self) -> list[str]:
        """Every stage that the file names for some model, in the order of the file."""
        names = dict.fromkeys(self._stages_of(self.document.value))
        for part in self._models().values():
            names.update(dict.fromkeys(self._stages_of(part)))
        return list(names)

    def mapped_stages(self, model: str) -> list[str]:
        """The stages that the file maps for this model. Raises MappingInvalid for globs that contradict."""
        return [stage for stage in self.stages() if self._is_mapped(model, stage)]

    def settings(self, model: str, stage: str) -> StageSettings | None:
        """What the stage means for the model; None where the file does not name it.

        Raises MappingInvalid where two globs fit equally well, or where nothing says how to deploy.
        """
        merged = self.merged(model, stage)
        return None if merged is None else _settings(self, merged, model, stage)

    def merged(self, model: str, stage: str) -> Merged | None:
        """The layers of a stage for a model, merged and as written; None where the file does not name the stage.

        Raises MappingInvalid where two globs fit equally well.
        """
        return merge(self._layers(model, stage)) if self._is_mapped(model, stage) else None

    def templates(self, verbatim: frozenset[str] = VERBATIM) -> Iterator[TemplateText]:
        """Every text that is a template for certain, so not what a deployer of the user's own is given.

        `verbatim` are names of `with:` settings that deployers take as they are.
        """
        for at, settings in layers(self.document.value):
            for key in ("environment", "url"):
                yield from _texts((*at, key), settings.get(key))
            deploy = settings.get("deploy")
            if isinstance(deploy, Mapping):
                yield from _deploy_texts((*at, "deploy"), deploy, verbatim)
            yield from _verify_texts((*at, "verify"), settings.get("verify"))
            yield from _mirror_texts((*at, "mirrors"), settings.get("mirrors"))

    def complaint(self, path: Path, message: str, hint: str = "", *, key: bool = False) -> Complaint:
        """A complaint about the value (or the key) at a path of this file."""
        place = self.document.place(path, key=key)
        return Complaint(place.line, place.column, dotted(path), message, hint)

    def origin(self, path: Path) -> str:
        """Which layer of the file a path lies in, and the place: `stages.prod at model-stages.yml:12:14`."""
        place = self.document.place(path)
        length = {"defaults": 1, "stages": 2, "vars": 1}.get(str(path[0]), 4 if path[2:3] == ("stages",) else 2)
        return Origin.of(dotted(path[:length]), self.file, place)

    def _models(self) -> Mapping[str, Mapping[str, Any]]:
        return {glob: part or {} for glob, part in (self.document.value.get("models") or {}).items()}

    def _stages_of(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        return part.get("stages") or {}

    def _matching(self, model: str, stage: str) -> list[str]:
        """Globs that fit the model and say something about the stage, least specific first."""
        models = self._models()
        found = [
            glob
            for glob, part in models.items()
            if (part.get("vars") or stage in self._stages_of(part)) and globs.matches(glob, model)
        ]
        found.sort(key=globs.specificity)
        for one, other in itertools.pairwise(found):
            if globs.specificity(one) == globs.specificity(other):
                raise MappingInvalid(self.file, [self._ambiguous(model, one, other)])
        return found

    def _ambiguous(self, model: str, one: str, other: str) -> Complaint:
        line = self.document.place(("models", one), key=True).line
        return self.complaint(
            ("models", other),
            f'both "{other}" and "{one}" (line {line}) fit the model {one_line(model, 200)} equally well',
            "write one of them with more literal characters, or name the model itself",
            key=True,
        )

    def _is_mapped(self, model: str, stage: str) -> bool:
        """Named in `stages`, or in the most specific glob that says anything; null there says no."""
        models = self._models()
        mapped = stage in self._stages_of(self.document.value)
        for glob in self._matching(model, stage):
            if stage in self._stages_of(models[glob]):
                mapped = self._stages_of(models[glob])[stage] is not None
        return mapped

    def _layers(self, model: str, stage: str) -> Iterator[Layer]:
        value = self.document.value
        yield _vars_layer((), value)
        yield Layer(("defaults",), value.get("defaults") or {})
        yield Layer(("stages", stage), self._stages_of(value).get(stage) or {})
        for glob in self._matching(model, stage):
            part = self._models()[glob]
            yield _vars_layer(("models", glob), part)
            yield Layer(("models", glob, "stages", stage), self._stages_of(part).get(stage) or {})


def unmapped_stage(stages: StageMap, model: str, stage: str) -> Invalid:
    """The error for a stage that the mapping does not name for a model: the stages it does, and the nearest."""
    import difflib  # slow to load, and only needed for this one message

    mapped = stages.mapped_stages(model)
    named = ", ".join(mapped) if mapped else "none"
    near = difflib.get_close_matches(stage, mapped, n=1)
    advice = f"did you mean {near[0]}? Else" if near else "To go on,"
    return Invalid(
        Reason.UNMAPPED_STAGE,
        f"{stages.file}: the mapping does not say what stage {one_line(stage, 200)} means for model "
        f"{one_line(model, 200)}; stages mapped for it: {named}",
        hint=f"{advice} add `stages: {{{one_line(stage, 200)}: …}}` to {stages.file}, "
        "or `unmapped: ignore` if stages without a mapping shall pass quietly",
    )


def _vars_layer(at: Path, part: Mapping[str, Any]) -> Layer:
    return Layer(at, {"vars": part["vars"]} if part.get("vars") else {})


def _deploy_texts(path: Path, deploy: Mapping[str, Any], verbatim: frozenset[str]) -> Iterator[TemplateText]:
    for key in ("argv", "env"):
        yield from _texts((*path, key), deploy.get(key))
    options = deploy.get("with")
    if isinstance(options, Mapping) and not str(deploy.get("uses")).startswith("./"):
        for name, value in options.items():
            if name not in verbatim or not isinstance(value, str):
                yield from _texts((*path, "with", name), value)


def _verify_texts(path: Path, checks: Any) -> Iterator[TemplateText]:
    for number, check in enumerate(checks if isinstance(checks, list) else ()):
        for kind, part in check.items() if isinstance(check, Mapping) else ():
            for key in _VERIFY_TEMPLATES.get(kind, ()) if isinstance(part, Mapping) else ():
                for found in _texts((*path, number, kind, key), part.get(key)):
                    yield replace(found, after=True)


def _mirror_texts(path: Path, mirrors: Any) -> Iterator[TemplateText]:
    for number, mirror in enumerate(mirrors if isinstance(mirrors, list) else ()):
        for key in MIRROR_TEMPLATES if isinstance(mirror, Mapping) else ():
            yield from _texts((*path, number, key), mirror.get(key))


def _texts(path: Path, value: Any) -> Iterator[TemplateText]:
    if isinstance(value, str):
        yield TemplateText(path, value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts((*path, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts((*path, index), item)


def _settings(stages: StageMap, merged: Merged, model: str, stage: str) -> StageSettings:
    """Typed settings from merged values; the file was checked, so only the choice of a deployer may be missing."""
    values = merged.values
    deploy = values.get("deploy", {})
    if not any(key in deploy for key in CHOICES):
        at: Path = ("stages", stage)
        what = f"nothing says how to deploy model {one_line(model, 200)} to stage {one_line(stage, 200)}"
        raise MappingInvalid(
            stages.file, [stages.complaint(at, what, "add `deploy:` with one of run, argv and uses", key=True)]
        )
    options = dict(deploy.get("with", {}))
    options |= {key: deploy[key] for key in ("run", "argv") if key in deploy}
    environment = values.get("environment", stage)
    origins = dict.fromkeys(("environment", "production", "deploy.timeout", "allow-unregistered"), _DEFAULT)
    origins |= {dotted(path): stages.origin(at) for path, at in merged.origins.items()}
    return StageSettings(
        environment=environment,
        deployer=deploy.get("uses", "shell"),
        url=values.get("url"),
        production=values.get("production", environment in _PRODUCTION),
        secrets=tuple(values.get("secrets", ())),
        vars=values.get("vars", {}),
        allow_unregistered=values.get("allow-unregistered", False),
        options=options,
        env=deploy.get("env", {}),
        timeout=parse_duration(deploy["timeout"]) if "timeout" in deploy else DEFAULT_TIMEOUT,
        retries=deploy.get("retries", DEFAULT_RETRIES),
        gates=_whole(stages, merged, "gates", Gates),
        verify=tuple(Check.model_validate(check) for check in values.get("verify", ())),
        on_failure=values.get("on-failure", "stop"),
        rollback=_whole(stages, merged, "rollback", Rollback),
        events=_whole(stages, merged, "events", Events),
        lock=_whole(stages, merged, "lock", Lock),
        mirrors=tuple(Mirror.model_validate(mirror) for mirror in values.get("mirrors", ())),
        targets=_targets(values.get("targets")),
        targets_from=_targets_from(values.get("targets")),
        strategy=_strategy(stages, merged),
        origins=origins,
    )


def _targets(value: Any) -> tuple[Target, ...]:
    if not isinstance(value, list):
        return ()
    from model_stage_deploy.core.mapping_targets import targets_in

    return targets_in(value)


def _targets_from(value: Any) -> str:
    return str(value.get("from", "")) if isinstance(value, Mapping) else ""


def _strategy(stages: StageMap, merged: Merged) -> Strategy:
    """Where the strategy does not say what follows on a failure, the stage's own `on-failure` says it."""
    strategy = _whole(stages, merged, "strategy", Strategy)
    back = merged.values.get("on-failure") == "rollback"
    if not back or "on-failure" in merged.values.get("strategy", {}):
        return strategy
    return strategy.model_copy(update={"on_failure": "rollback-all"})


def _whole(stages: StageMap, merged: Merged, key: str, shape: type[_P]) -> _P:
    """A part of the settings that layers put together: only now can it be seen whether anything is missing."""
    try:
        return shape.model_validate(merged.values.get(key, {}), context=WHOLE)
    except ValidationError as problem:
        from model_stage_deploy.core.mapping_words import say

        said = [say(error, merged.origin((key, *error["loc"]))) for error in problem.errors(include_url=False)]
        complaints = [stages.complaint(one.path, one.message, one.hint, key=one.key) for one in said]
        raise MappingInvalid(stages.file, complaints) from None
