"""What a preset is made of: settings, and steps that are argument lists with `{placeholders}`. Pure, no shell.

One placeholder never makes two arguments, a value never becomes an option, and what a value says is not read again.
The presets themselves are in presets.py and the tables beside it; preset.py carries them out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.tags import slug
from model_stage_deploy.deployers.contract import Status

Values = Mapping[str, "str | tuple[str, ...]"]
"""What placeholders stand for: settings that were given, and facts of the plan."""

_PLACEHOLDER = re.compile(r"\{([a-z][a-z-]*)\}")
NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
NUMBER = r"[1-9][0-9]{0,5}"
LONGEST = 4096  # characters of one setting


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a preset, under `with`. `pattern` is what the whole value must match; `words` say that in short.

    A `list` is the user's own command: its items become arguments as they are.
    """

    name: str
    about: str
    required: bool = True
    default: str = ""
    pattern: str = ""
    words: str = ""
    kind: Literal["text", "list"] = "text"


class Given(NamedTuple):
    """Arguments that are there only where the setting was given."""

    setting: str
    arguments: tuple[str, ...]


class Items(NamedTuple):
    """Every item of a `list` setting, as an argument of its own."""

    setting: str


class Number(NamedTuple):
    """Inside Json: a placeholder whose value is written as a number."""

    text: str


class Json(NamedTuple):
    """One argument: `prefix`, then JSON. Texts in it are filled in; a key whose setting was not given is left out."""

    prefix: str
    value: Any


Argument = str | Given | Items | Json


@dataclass(frozen=True, slots=True)
class Step:
    """One command. `name` says what it is for, in the infinitive.

    With `finds` it is a question: it ends well where the thing is there (and its output has a match for `sees`), or
    where it is not there, which it is taken to say only when its output has a match for `absent`. Anything else is a
    failure: a question that could not be asked has no answer. `when` and `unless` name questions of earlier steps.

    `expects` is what the output of a command that ended well must have a match for, else the step has failed; with
    `every` it is run again after so many seconds, until it has one or the time is up.
    Placeholders in the three patterns stand for themselves. `inside` says which checkout is the working directory: the
    trusted one or that of the tagged commit, and in it the directory that the setting `path` names.
    """

    name: str
    argv: tuple[Argument, ...]
    finds: str = ""
    absent: str = ""
    sees: str = ""
    expects: str = ""
    every: float = 0.0
    when: str = ""
    unless: str = ""
    inside: Literal["trusted", "tagged"] = "trusted"


@dataclass(frozen=True, slots=True)
class Look:
    """How to see what runs: a command, and what its output (or its failure, with the exit status) means."""

    argv: tuple[Argument, ...]
    read: Callable[[int, str], Status]


@dataclass(frozen=True, slots=True)
class Preset:
    """A named way to deploy with somebody's tool.

    `checked` says honestly what was tried, `install` how to get the tool. `undeploy_needs` is a setting without which
    there is nothing that takes the deployment away. `env` is added to the environment of its commands.
    """

    name: str
    about: str
    page: str
    checked: str
    install: str
    settings: tuple[Setting, ...]
    steps: tuple[Step, ...]
    undeploy: tuple[Step, ...] = ()
    undeploy_needs: str = ""
    look: Look | None = None
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Its settings, required ones first."""
        return [one.name for one in sorted(self.settings, key=lambda setting: not setting.required)]


FACTS: Mapping[str, str] = {
    "model": "name of the model",
    "model-slug": "the name as a DNS label",
    "version": "such as v3.1.0",
    "version-slug": "the version as a DNS label",
    "version-tag": "the version with `-` for what a Docker tag cannot hold",
    "stage": "such as prod",
    "target": "the one of the stage's targets, if it has some",
    "commit": "commit of the version",
    "timeout": "seconds that the deployment may take",
    "release": "a name for what is made once and never changed: model, version, and a hash of the settings; no dots",
    "release-short": "the same in 32 characters, without the model",
    "release-number": "the same as ten digits",
}
"""Placeholders that every preset has besides its settings."""


def facts(plan: Plan, preset: str, given: Values) -> dict[str, str]:
    """Values of FACTS. The hash in `release` is of all that makes it what it is, so another setting is another name."""
    decision = plan.decision
    made_of = [preset, decision.model, decision.version, decision.commit, {name: given[name] for name in sorted(given)}]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    plain = re.sub(r"[^a-z0-9]+", "-", decision.version.lower())[:20].strip("-")
    short = plain if plain[:1].isalpha() else f"c{plain}"
    model = slug(decision.model, limit=28)
    return {
        "model": decision.model,
        "model-slug": plan.model.slug,
        "version": decision.version,
        "version-slug": slug(decision.version),
        "version-tag": re.sub(r"[^A-Za-z0-9._-]", "-", decision.version),
        "stage": decision.stage,
        "target": plan.target,
        "commit": decision.commit,
        "timeout": str(max(1, int(plan.timeout))),
        "release": f"{model if model[:1].isalpha() else f'm{model}'}-{plain}-{digest[:8]}",
        "release-short": f"{short}-{digest[:8]}",
        "release-number": str(10**9 + int(digest[:16], 16) % (9 * 10**9)),
    }


def arguments(argv: tuple[Argument, ...], values: Values) -> tuple[str, ...]:
    """The arguments with their placeholders filled in. Raises ValueError where a value would begin an option."""
    return tuple(_filled(argv, values))


def pattern(text: str, values: Values) -> re.Pattern[str]:
    """A pattern of a step, with what its placeholders stand for taken literally."""
    return re.compile(_PLACEHOLDER.sub(lambda found: re.escape(_value(found[1], values)), text))


def placeholders(argv: tuple[Argument, ...]) -> Iterator[str]:
    """Every placeholder in the arguments, and every setting that they depend on."""
    for argument in argv:
        if isinstance(argument, (Given, Items)):
            yield argument.setting
        texts = argument.arguments if isinstance(argument, Given) else (argument,)
        for text in texts:
            yield from _PLACEHOLDER.findall(text if isinstance(text, str) else repr(text))


def _filled(argv: tuple[Argument, ...], values: Values) -> Iterator[str]:
    for argument in argv:
        if isinstance(argument, Items):
            yield from values[argument.setting]
        elif isinstance(argument, Json):
            yield argument.prefix + json.dumps(_json(argument.value, values), ensure_ascii=True)
        elif isinstance(argument, Given):
            if argument.setting in values:
                yield from (_text(text, values) for text in argument.arguments)
        else:
            yield _text(argument, values)


def _text(text: str, values: Values) -> str:
    made = _PLACEHOLDER.sub(lambda found: _value(found[1], values), text)
    if made.startswith("-") and not text.startswith("-"):
        raise ValueError(f"a value for {text} begins with `-` and would be taken for an option")
    return made


def _value(name: str, values: Values) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is a list, not a text")
    return value


def _json(value: Any, values: Values) -> Any:
    if isinstance(value, Number):
        return int(_text(value.text, values))
    if isinstance(value, str):
        return _text(value, values)
    if isinstance(value, Mapping):
        return {key: _json(item, values) for key, item in value.items() if not _absent(item, values)}
    return [_json(item, values) for item in value] if isinstance(value, (list, tuple)) else value


def _absent(item: Any, values: Values) -> bool:
    text = item.text if isinstance(item, Number) else item
    return isinstance(text, str) and any(name not in values for name in _PLACEHOLDER.findall(text))
