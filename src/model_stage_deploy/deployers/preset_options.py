"""The settings of the deployer `preset`: the name of one, and that preset's own, checked against its table."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from re import fullmatch
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.deployers.contract import Options
from model_stage_deploy.deployers.preset_steps import LONGEST, Preset, Setting
from model_stage_deploy.deployers.presets import PRESETS
from model_stage_deploy.deployers.running import executable


class PresetOptions(Options):
    """Settings of `preset`: `name`, and those of the preset of that name, which stand in docs/reference/presets.md."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(description="Which preset.", examples=["kubectl"])
    allow_delete: bool = Field(
        False, description="Whether the preset may delete what it deployed, where `events:` of the stage says so."
    )

    @model_validator(mode="after")
    def _known(self) -> PresetOptions:
        if self.name not in PRESETS:
            near = difflib.get_close_matches(self.name, PRESETS, n=1)
            meant = f", did you mean `{near[0]}`?" if near else ";"
            raise ValueError(f"there is no preset {one_line(self.name, 60)!r}{meant} known: {', '.join(PRESETS)}")
        wrong = list(_mistakes(self.preset, self.model_extra or {}))
        if wrong:
            raise ValueError(f"preset {self.name}: {'; '.join(wrong)}")
        return self

    @staticmethod
    def further_names(given: Mapping[str, Any]) -> list[str]:
        """Names of the settings of the preset that is given, for the hint of a mistake (settings.py)."""
        found = PRESETS.get(str(given.get("name")))
        return found.names if found else []

    @property
    def preset(self) -> Preset:
        """The preset of that name."""
        return PRESETS[self.name]

    @property
    def values(self) -> dict[str, str | tuple[str, ...]]:
        """The preset's settings that were given."""
        return {
            name: tuple(value) if isinstance(value, list) else str(value)
            for name, value in (self.model_extra or {}).items()
            if value is not None
        }


def _mistakes(preset: Preset, given: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the settings, quoting no value."""
    settings = {setting.name: setting for setting in preset.settings}
    for name in given.keys() - settings.keys():
        near = difflib.get_close_matches(name, settings, n=1, cutoff=0.5)
        yield f"`{one_line(name, 60)}` is unknown" + (f", did you mean `{near[0]}`?" if near else "")
    for name, setting in settings.items():
        if given.get(name) is None:
            if setting.required:
                yield f"`{name}` is missing"
            continue
        why = _wrong(setting, given[name])
        if why:
            yield f"`{name}` {why}"


def _wrong(setting: Setting, value: Any) -> str:
    if setting.kind == "list":
        return _wrong_command(value)
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return "must be a text"
    if not text or len(text) > LONGEST or not text.isprintable():
        return f"must be one line of at most {LONGEST} characters, and not empty"
    if text.startswith("-"):
        return "must not begin with `-`"
    fits = not setting.pattern or fullmatch(setting.pattern, text)
    return "" if fits else setting.words or f"must match {setting.pattern}"


def _wrong_command(value: Any) -> str:
    if not (isinstance(value, list) and all(isinstance(item, str) and "\0" not in item for item in value)):
        return "must be a list of texts: a command"
    try:
        executable(value)
    except ValueError as problem:
        return str(problem)
    return ""
