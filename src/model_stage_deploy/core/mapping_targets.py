"""Lists of targets, as a mapping or a file of their own has them: what is wrong with them, and the targets themselves.

Pure. What a target is stands in targets.py; the keys, in policy_targets.py.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import SHOWN, Path, dotted
from model_stage_deploy.core.mapping_places import layers
from model_stage_deploy.core.mapping_words import Said, kind_of, shown
from model_stage_deploy.core.merge import Merged
from model_stage_deploy.core.policy_targets import NAME_RULE, Strategy
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.targets import NAME, REST, Target, waves_of

MOST = 100_000
"""Targets of one stage."""
_KEYS = ("name", "vars", "labels")
_LONGEST = 10_000  # characters of a value
_LARGEST = 10**100
_MOST_LABELS = 100
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def read_targets(value: object, where: str) -> tuple[Target, ...]:
    """The targets of a document of their own: a list, or a mapping that has the list under `targets`.

    `where` names the document, for messages. Raises Invalid (mapping-invalid), which lists all that is wrong.
    """
    at: Path = ()
    if isinstance(value, Mapping) and set(value) == {"targets"}:
        value, at = value["targets"], ("targets",)
    wrong = list(_about_list(value, at))
    if wrong or not isinstance(value, list):
        lines = [f"{where}: {_place(said.path, value, len(at))}{said.message}{_advice(said)}" for said in wrong[:SHOWN]]
        if len(wrong) > SHOWN:
            lines.append(f"and {len(wrong) - SHOWN} more")
        raise Invalid(Reason.MAPPING_INVALID, "\n".join(lines))
    return targets_in(value)


def about_targets(value: object, at: Path) -> Iterator[Said]:
    """What is wrong with `targets:` of a mapping, with the place of each mistake. Nothing is wrong with a null."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield from _about_list(value, at)
        return
    for key in value:
        if key != "from":
            hint = "a file of targets is `{from: path/to/targets.yml}`; a list of them has a `-` before each"
            yield Said((*at, key), "unknown key", hint, key=True)
    file = value.get("from")
    if not isinstance(file, str):
        yield Said((*at, "from"), "must be the path of a file" + (f", not {kind_of(file)}" if "from" in value else ""))
    elif not file.lower().endswith((".json", ".yaml", ".yml", ".toml")):
        yield Said((*at, "from"), f"{shown(file)} is not JSON, YAML or TOML by its name")
    elif "\\" in file or not file.isprintable() or any(part in ("", ".", "..") for part in file.split("/")):
        yield Said(
            (*at, "from"),
            f"{shown(file)} is no file of this repository",
            "write its path from the top of the repository: deploy/targets.json",
        )


class Targeted(NamedTuple):
    """To which stages some layer of a mapping gives targets; `all_of_them` where `defaults` does."""

    all_of_them: bool
    stages: frozenset[str]

    @classmethod
    def of(cls, value: object) -> Targeted:
        """What a mapping, which may have mistakes, says."""
        found = [at for at, settings in layers(value) if settings.get("targets") is not None]
        return cls(("defaults",) in found, frozenset(str(at[-1]) for at in found))

    def may_be(self, at: Path) -> bool:
        """Whether a stage that the layer at `at` speaks of may have targets."""
        return self.all_of_them or (bool(self.stages) if at[0] == "defaults" else at[-1] in self.stages)


def idle_strategies(value: object) -> Iterator[Said]:
    """A `strategy` for a stage that never has targets. In `defaults` it is meant for those that have some."""
    targeted = Targeted.of(value)
    for at, settings in layers(value):
        if settings.get("strategy") and at[0] != "defaults" and not targeted.may_be(at):
            hint = "add `targets: [NAME, …]`, or take it out"
            yield Said((*at, "strategy"), "means nothing without `targets`", hint, key=True)


def about_strategy(settings: Merged) -> Iterator[Said]:
    """What is wrong with the strategy of a stage, all layers merged, as far as it can be read."""
    targets, strategy = settings.values.get("targets"), settings.values.get("strategy", {})
    if targets and strategy.get("on-failure") == "rollback-all" and not settings.values.get("verify"):
        hint = "add `verify:`, or write `rollback-wave`: each target back to what it had itself"
        at = settings.origin(("strategy", "on-failure"))
        yield Said(at, "nothing verifies the stage, so there is never anything to go back to", hint)
    waves = strategy.get("waves")
    if not isinstance(targets, list) or not isinstance(waves, list) or any(about_targets(targets, ())):
        return
    try:
        selectors = Strategy.model_validate({"waves": waves}).waves
    except ValueError:  # it has its own complaint
        return
    at = settings.origin(("strategy", "waves"))
    yield from about_waves(targets_in(targets), selectors, at)


def about_waves(targets: Sequence[Target], selectors: Sequence[str], at: Path) -> Iterator[Said]:
    """Waves that nothing is in by its name, and targets that are in no wave. `at` is where the waves stand."""
    names = {target.name for target in targets}.union(*(target.labels for target in targets))
    unknown = False
    for number, selector in enumerate(selectors):
        if selector != REST and not selector.isdigit() and not selector.endswith("%") and selector not in names:
            near = difflib.get_close_matches(selector, sorted(names)[:1000], n=1)
            hint = f"did you mean `{near[0]}`?" if near else "waves are labels and names of targets, `10%`, and `rest`"
            yield Said((*at, number), f"no target is called, or has the label, `{selector}`", hint)
            unknown = True
    if unknown:
        return
    try:
        waves_of(targets, selectors)
    except ValueError as problem:
        message, _, hint = str(problem).partition("; ")
        yield Said(at, message, hint)


def targets_in(items: Sequence[Any]) -> tuple[Target, ...]:
    """The targets of a list without mistakes, in its order."""
    return tuple(
        Target(
            item["name"],
            {name: str(value) for name, value in (item.get("vars") or {}).items()},
            tuple(dict.fromkeys(item.get("labels") or ())),
        )
        if isinstance(item, Mapping)
        else Target(item)
        for item in items
    )


def _about_list(value: object, at: Path) -> Iterator[Said]:
    if not isinstance(value, list):
        hint = "write [eu-west, us-east], or `{from: path/to/targets.yml}` in the mapping"
        yield Said(at, f"must be a list of targets, not {kind_of(value)}", hint)
        return
    if not value:
        yield Said(at, "must not be empty", "leave it out where the stage has no targets")
    if len(value) > MOST:
        yield Said(at, f"has {len(value)} targets, and a stage has {MOST} at most", "make several stages of it")
        return
    seen: dict[str, tuple[int, str]] = {}
    for number, item in enumerate(value):
        yield from _about_item(item, (*at, number))
        name = item.get("name") if isinstance(item, Mapping) else item
        if not isinstance(name, str):
            continue
        path = (*at, number, "name") if isinstance(item, Mapping) else (*at, number)
        first, other = seen.setdefault(name.lower(), (number, name))
        if first != number and other == name:
            yield Said(path, f"there is a target `{one_line(name, 100)}` already, as number {first + 1}")
        elif first != number:
            yield Said(path, f"differs only in case from `{one_line(other, 100)}`, number {first + 1}")


def _about_item(item: object, at: Path) -> Iterator[Said]:
    if isinstance(item, str):
        yield from _about_name(item, at)
        return
    if not isinstance(item, Mapping):
        yield Said(at, f"must be a name, or a mapping with the key `name`, not {kind_of(item)}", _quoted(item))
        return
    for key in item:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            hint = f"did you mean `{near[0]}`?" if near else "known keys: " + ", ".join(_KEYS)
            yield Said((*at, str(key)), "unknown key", hint, key=True)
    name = item.get("name")
    if isinstance(name, str):
        yield from _about_name(name, (*at, "name"))
    else:
        yield Said((*at, "name"), f"must be text, not {kind_of(name)}" if "name" in item else "is missing")
    yield from _about_vars(item.get("vars"), (*at, "vars"))
    yield from _about_labels(item.get("labels"), (*at, "labels"))


def _about_name(name: str, at: Path) -> Iterator[Said]:
    if not NAME.fullmatch(name):
        yield Said(at, f"{shown(name)} is no name for a target or label", NAME_RULE)
    elif name == REST:
        yield Said(at, f"`{REST}` is no name for a target or label: as a wave it means all that are left")


def _about_vars(values: object, at: Path) -> Iterator[Said]:
    if values is None:
        return
    if not isinstance(values, Mapping):
        yield Said(at, f"must be a mapping of keys to values, not {kind_of(values)}")
        return
    for key, value in values.items():
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            yield Said((*at, str(key)), f"must be text, not {kind_of(value)}", _quoted(value))
        elif isinstance(value, int) and abs(value) >= _LARGEST:
            yield Said((*at, str(key)), "is too large a number", "quote it")
        elif isinstance(value, str) and len(value) > _LONGEST:
            yield Said((*at, str(key)), f"is longer than {_LONGEST} characters")
        elif isinstance(value, str) and _NO_TEXT.search(value):
            yield Said((*at, str(key)), "holds a character that no program can be given")


def _about_labels(labels: object, at: Path) -> Iterator[Said]:
    if labels is None:
        return
    if not isinstance(labels, list):
        hint = f"write [{one_line(labels, 40)}]" if isinstance(labels, str) else ""
        yield Said(at, f"must be a list, not {kind_of(labels)}", hint)
        return
    if len(labels) > _MOST_LABELS:
        yield Said(at, f"has {len(labels)} labels, and a target has {_MOST_LABELS} at most")
        return
    for number, label in enumerate(labels):
        if not isinstance(label, str):
            yield Said((*at, number), f"must be text, not {kind_of(label)}", _quoted(label))
        elif label.isdigit():
            yield Said((*at, number), f"{shown(label)} is a number, which as a wave means so many targets")
        else:
            yield from _about_name(label, (*at, number))


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return f'quote it: "{str(value).lower()}"'
    return f'quote it: "{one_line(str(value), 40)}"' if isinstance(value, (int, float)) else ""


def _place(path: Path, items: object, depth: int) -> str:
    """`number 3 (eu-west): vars.host: `: where a mistake stands in a document without known lines."""
    rest = path[depth:]
    if not rest or not isinstance(rest[0], int) or not isinstance(items, list):
        return ""
    item = items[rest[0]]
    name = item.get("name") if isinstance(item, Mapping) else item
    called = f" ({one_line(name, 60)})" if isinstance(name, str) else ""
    inner = dotted(rest[1:])
    return f"number {rest[0] + 1}{called}: " + (f"{inner}: " if inner else "")


def _advice(said: Said) -> str:
    return f" ({said.hint})" if said.hint else ""
