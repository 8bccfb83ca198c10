"""The shape of the mapping file, typed by pydantic: which keys there are, of which type, and what they are for.

`schema()` makes the JSON Schema of it that editors complete from. Plain-word complaints are next door, in
mapping_check.py; what pydantic cannot see from one value alone is checked there too.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, WrapValidator

from model_stage_deploy.core import globs
from model_stage_deploy.core.durations import BadDuration, parse_duration
from model_stage_deploy.core.policy import Check, Events, Gates, Lock, Rollback
from model_stage_deploy.core.policy_fields import wrong
from model_stage_deploy.core.policy_mirrors import Mirror
from model_stage_deploy.core.policy_targets import Strategy, TargetItem, TargetsFile
from model_stage_deploy.core.tags import is_model_name, is_stage_name

ENV_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def _version(value: Any) -> Any:
    if type(value) is int and value != 1:
        raise wrong(f"version {value} is not known to this release", "write `version: 1`")
    if type(value) is not int:
        raise wrong("must be the number 1", "write `version: 1`")
    return value


def _duration(value: Any) -> Any:
    try:
        return value if value is None else parse_duration(value)
    except BadDuration as problem:
        raise wrong(str(problem)) from None


def _stage_name(value: str) -> str:
    if not is_stage_name(value):
        raise wrong(
            "is not a name that GTO allows for a stage",
            "letters, digits, `_`, `-` and `/`, with a letter or digit at both ends",
        )
    return value


def _model_glob(value: str) -> str:
    if len(value) > globs.LONGEST:
        raise wrong(f"is longer than {globs.LONGEST} characters")
    hint = "letters, digits, `_`, `-`, `/` and a directory as in `a/b:churn`; `*`, `**` and `?` are the wildcards"
    if "=" in value:
        hint = "a directory is written with `:` here, as in `a/b:churn`"
    literal = value.replace("*", "x").replace("?", "x")
    fits = is_model_name(value) if globs.is_exact(value) else is_model_name(f"x{literal}x")
    if not fits:
        raise wrong("fits no name that GTO allows for a model", hint)
    return value


_Name = Annotated[str, Field(pattern=f"^{ENV_NAME}$")]
_Timeout = Annotated[
    Any,
    BeforeValidator(_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 86400},
                {"type": "string", "pattern": r"^\s*(?=.*\d)(\d+d)?\s*(\d+h)?\s*(\d+m)?\s*(\d+(\.\d+)?s?)?\s*$"},
                {"type": "null"},
            ]
        }
    ),
]
_SCALAR = {"type": ["string", "number", "boolean", "null"]}
_Text = Annotated[str | None, WithJsonSchema(_SCALAR)]
_Argument = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean"]})]
_Vars = Annotated[
    dict[str, _Text] | None,
    Field(description="Values of your own, for templates: `{{ vars.NAME }}`. Numbers are taken as written."),
]

_Targets = Annotated[
    list[str | TargetItem] | TargetsFile | None,
    WrapValidator(lambda value, _: value),  # mapping_targets.py says what is wrong, each item in its place
    Field(description="Where the stage is deployed to, if to more than one place: names, or a file that lists them."),
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DeployPart(_Part):
    """How a version gets to where it runs. Exactly one of `run`, `argv` and `uses`, after all layers are merged."""

    uses: str | None = Field(
        None,
        description="A deployer: webhook, preset, mlem, shell, or ./path/to/your_own.py",
        examples=["webhook", "preset", "mlem", "shell", "./deployers/ours.py"],
    )
    run: str | None = Field(
        None,
        description="A Bash script. Values arrive as MSD_* variables (MSD_MODEL, MSD_VERSION, …), "
        "never pasted into the text, so it is no template.",
    )
    argv: list[_Argument] | None = Field(
        None, description="A command as a list, each element a template; no shell is involved.", min_length=1
    )
    with_: dict[str, Any] | None = Field(None, alias="with", description="The deployer's settings; texts are templates")
    env: dict[_Name, _Text] | None = Field(
        None, description="Environment variables for the deployer; values are templates."
    )
    timeout: _Timeout = Field(None, description="Seconds, or text like 90s, 10m, 1h30m; at most 24h. Default: 30m.")
    retries: int | None = Field(
        None,
        ge=0,
        le=20,
        description="How often it is tried again after a failure that is worth it, within `timeout`. Default: 4.",
    )


class SettingsPart(_Part):
    """What a stage means. Layers merge: `defaults`, then `stages.S`, then `models.GLOB.stages.S`; null removes."""

    environment: str | None = Field(None, description="GitHub environment; a template. Default: the stage's name.")
    url: str | None = Field(None, description="Where the deployed model can be seen: a template of an http(s) URL.")
    production: bool | None = Field(
        None, description="Whether real users depend on it. Default: if `environment` is production or prod."
    )
    secrets: list[_Name] | None = Field(
        None, description="Environment variables that templates may read as `{{ secrets.NAME }}`; always masked."
    )
    vars: _Vars = None
    allow_unregistered: bool | None = Field(
        None,
        alias="allow-unregistered",
        description="Deploy a commit that has no registered version, by its commit id. Default: false.",
    )
    deploy: DeployPart | None = Field(None, description="How to deploy")
    gates: Gates | None = Field(None, description="What must hold before a version is deployed.")
    verify: list[Check] | None = Field(None, description="How to find out whether the new version serves.")
    on_failure: Literal["rollback", "stop"] | None = Field(
        None,
        alias="on-failure",
        description="After a failed deployment or verification: back to the version verified last, or stop (default).",
    )
    rollback: Rollback | None = Field(None, description="How a rollback is made.")
    events: Events | None = Field(None, description="What unassign, deregister and deprecate tags do.")
    lock: Lock | None = Field(None, description="One deployment at a time.")
    targets: _Targets = None
    strategy: Strategy | None = Field(None, description="How a version gets to the targets.")
    mirrors: list[Mirror] | None = Field(None, description="Other registries that follow this one.")


_StageName = Annotated[str, BeforeValidator(_stage_name)]
_Stages = dict[_StageName, SettingsPart | None]


class ModelPart(_Part):
    """What is different for the models whose names fit a glob."""

    vars: _Vars = None
    stages: _Stages | None = Field(None, description="Settings for this model only; null: not deployed to that stage.")


class MappingFile(_Part):
    """What each stage of the model registry means, for model-stage-deploy."""

    version: Annotated[Literal[1], BeforeValidator(_version)] = Field(description="Version of this format: 1")
    unmapped: Literal["error", "ignore"] | None = Field(
        None, description="A tag for a stage that is not named here is an error (default), or nothing to do."
    )
    vars: _Vars = None
    defaults: SettingsPart | None = Field(None, description="Settings for every stage of every model.")
    stages: _Stages | None = Field(None, description="What each stage means, for every model")
    models: dict[Annotated[str, BeforeValidator(_model_glob)], ModelPart | None] | None = Field(
        None,
        description="Overrides by model name or glob (`*` within a segment, `**` across, `?` one character); "
        "all that fit apply, the most specific wins.",
    )


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the mapping file."""
    made: dict[str, Any] = _tidied(MappingFile.model_json_schema())
    made["title"] = "model-stage-deploy mapping file"
    definitions = made.pop("$defs")
    definitions["DeployPart"]["not"] = {
        "anyOf": [{"required": pair} for pair in (["uses", "run"], ["uses", "argv"], ["run", "argv"])]
    }
    definitions["Check"]["oneOf"] = [{"required": [kind]} for kind in ("http", "run", "metric")]
    for name in _IN_PARTS:
        definitions[name] = _in_parts(definitions[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "$defs": definitions}


_IN_PARTS = (
    *("Gates", "Metrics", "Signed", "People", "Window", "Approval", "Override"),
    *("Rollback", "Events", "Lock", "Strategy"),
)


def _in_parts(definition: dict[str, Any]) -> dict[str, Any]:
    """What one layer may say of something that several layers put together: nothing is needed, null removes."""
    made = {key: value for key, value in definition.items() if key != "required"}
    made["properties"] = {name: _or_null(of) for name, of in definition["properties"].items()}
    return made


def _or_null(of: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in of and "null" in str(of.get("anyOf", "")):
        return of
    words: dict[str, Any] = {key: of[key] for key in ("description", "examples") if key in of}
    rest = {key: value for key, value in of.items() if key not in words}
    kinds = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {"anyOf": [*kinds, {"type": "null"}], **words}


def _tidied(part: Any) -> Any:
    """Without pydantic's defaults and titles, which editors would offer as text; unknown patterns are mistakes."""
    if isinstance(part, list):
        return [_tidied(item) for item in part]
    if not isinstance(part, dict):
        return part
    kept = {
        key: {name: _tidied(item) for name, item in value.items()} if key in ("properties", "$defs") else _tidied(value)
        for key, value in part.items()
        if key not in ("default", "title")
    }
    return {**kept, "additionalProperties": False} if "patternProperties" in kept else kept
