"""The reference of the presets, made from their table: settings, commands, and what was checked of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from model_stage_deploy.deployers.preset_steps import FACTS, Argument, Given, Items, Json, Number, Preset, Setting, Step
from model_stage_deploy.deployers.presets import PRESETS

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]


def presets(table: Table) -> str:
    """One section for each preset, and the placeholders that all have."""
    facts = table(("Placeholder", "Stands for"), [(f"`{{{name}}}`", words) for name, words in FACTS.items()])
    return "\n".join([*(_section(preset, table) for preset in PRESETS.values()), f"## Placeholders\n\n{facts}"])


def _section(preset: Preset, table: Table) -> str:
    rows = [
        (f"`{one.name}`", "a command, as a list" if one.kind == "list" else "text", _default(one), one.about)
        for one in sorted(preset.settings, key=lambda setting: not setting.required)
    ]
    parts = [
        f"## {preset.name}\n",
        f"{preset.about} How to use it: [{preset.page}](../howto/{preset.page}).\n",
        f"Checked: {preset.checked}.\n",
        table(("Setting", "Type", "Default", "Meaning"), rows),
        "\n".join(_steps(preset.steps)),
    ]
    if preset.undeploy:
        parts.append("\nTo take it away, with `allow-delete: true`:\n\n" + "\n".join(_steps(preset.undeploy)))
    if preset.look:
        parts.append(f"\nTo see what runs:\n\n```text\n{_line(preset.look.argv)}\n```\n")
    return "\n".join(parts)


def _default(setting: Setting) -> str:
    return "needed" if setting.required else f"`{setting.default}`" if setting.default else ""


def _steps(steps: tuple[Step, ...]) -> Iterator[str]:
    asked = {step.finds: number for number, step in enumerate(steps, 1) if step.finds}
    for number, step in enumerate(steps, 1):
        conditions = [f"step {asked[step.when]} finds it"] if step.when else []
        conditions += [f"step {asked[step.unless]} does not find it"] if step.unless else []
        only = f", only if {' and '.join(conditions)}" if conditions else ""
        where = ", in the tagged commit" if step.inside == "tagged" else ""
        where += f", looking every {step.every:g} s" if step.every else ""
        title = f"{number}. {step.name[0].upper()}{step.name[1:]}{where}{only}."
        yield f"{title}\n\n   ```text\n   {_line(step.argv)}\n   ```\n"


def _line(argv: tuple[Argument, ...]) -> str:
    """The arguments with their placeholders, for people; `[…]` is there only where the setting was given."""
    return " ".join(_argument(argument) for argument in argv)


def _argument(argument: Argument) -> str:
    if isinstance(argument, Given):
        return f"[{' '.join(argument.arguments)}]"
    if isinstance(argument, Items):
        return f"{{{argument.setting}}}…"
    if isinstance(argument, Json):
        return argument.prefix + json.dumps(_plain(argument.value))
    return argument


def _plain(value: Any) -> Any:
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
