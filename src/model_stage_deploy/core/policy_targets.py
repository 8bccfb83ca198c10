"""The shapes of `targets:` and `strategy:` of a stage, typed by pydantic. What is wrong with a list of targets, which
pydantic would say of each alternative in turn, is said in mapping_targets.py.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from model_stage_deploy.core.policy_fields import File, Part, Wait, wrong
from model_stage_deploy.core.targets import NAME, REST, is_wave

NAME_RULE = "letters, digits, `.`, `_` and `-`, at most 100 of them, with a letter or digit at both ends"
MOST_WAVES = 100

_NAME_SCHEMA = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_TEXT_SCHEMA = {"type": ["string", "number", "boolean"]}


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _selector(text: str) -> str:
    if not is_wave(text):
        raise wrong(
            "is no wave",
            f'a wave is a label or the name of a target, "10%" of them, a number of them, or `{REST}`',
        )
    return text


_Name = Annotated[str, WithJsonSchema(_NAME_SCHEMA)]
_Value = Annotated[str, WithJsonSchema(_TEXT_SCHEMA)]
_Selector = Annotated[
    str, AfterValidator(_selector), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]})
]


class TargetItem(Part):
    """One place that the stage is deployed to. A name alone is short for `{name: NAME}`."""

    name: _Name = Field(description="Its name: " + NAME_RULE + ".", examples=["eu-west"])
    vars: dict[str, _Value] | None = Field(
        None,
        description="Values for templates, over the stage's own `vars`.",
        examples=[{"host": "eu.models.example.com"}],
    )
    labels: list[_Name] | None = Field(None, description="Names of groups that it is in.", examples=[["canary"]])


class TargetsFile(Part):
    """A file that lists the targets, read where the mapping is read: JSON, YAML or TOML."""

    from_: File = Field(
        description="A list as `targets:` takes it, or a mapping that has it under the key `targets`.",
        examples=["deploy/targets.json"],
    )


class Strategy(Part):
    """How a version gets to the targets of a stage."""

    waves: Annotated[tuple[_Selector, ...], BeforeValidator(_as_tuple)] = Field(
        (),
        max_length=MOST_WAVES,
        description="Which targets come first, one wave after the other: a label or the name of a target, a share of "
        "all (`10%`), a number of them, or `rest`. Default: all at once.",
        examples=[["canary", "10%", "rest"]],
    )
    max_parallel: int = Field(
        8, ge=1, le=64, description="At how many targets one process works at a time. Default: 8.", examples=[32]
    )
    on_failure: Literal["stop", "continue", "rollback-wave", "rollback-all"] = Field(
        "stop",
        description="After a target failed: begin no other (`stop`), go on with all others (`continue`), or stop and "
        "bring back what the targets of the wave, or of all waves, had before. Default: `rollback-all` where the "
        "stage says `on-failure: rollback`, else `stop`.",
        examples=["rollback-wave"],
    )
    pause: Wait = Field(0.0, description="How long to wait between two waves. Default: 0.", examples=["5m"])

    @model_validator(mode="after")
    def _each_wave_can_have_targets(self) -> Strategy:
        if REST in self.waves[:-1]:
            raise wrong(f"`{REST}` takes all targets that are left, so no wave comes after it", f"put `{REST}` last")
        names = [wave for wave in self.waves if NAME.fullmatch(wave) and not wave.isdigit()]
        twice = next((name for name in names if names.count(name) > 1), "")
        if twice:
            raise wrong(f"the wave `{twice}` is there twice, so the second one is empty", "take one of them out")
        return self
