"""Tags and registries in memory, written so that the case of a rule reads as one line a tag.

Real repositories with the same tags are made by tests/standins/registries.py.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from model_stage_deploy.core.model import Model, Sort, TagRecord
from model_stage_deploy.core.registry import Registry, fold

START = 1_700_000_000  # unix seconds: the time of `@0`
_LINE = re.compile(r"(?P<name>\S+)(?: (?P<commit>[A-F]))?(?: @(?P<second>[0-9]+))?")


def commit(letter: str) -> str:
    """The commit that a case calls A to F: forty times that hex digit, so that ids sort as their letters do."""
    return letter.lower() * 40


def record(name: str, on: str = "A", *, second: int = 0, **changes: Any) -> TagRecord:
    """An annotated tag on a commit (A to F), `second` seconds after START; `changes` replace single fields."""
    plain = TagRecord(
        name=name,
        object_id=hashlib.sha1(f"{name} {on} {second}".encode()).hexdigest(),
        annotated=True,
        commit=commit(on),
        time=START + second,
        tagger="Ada Model",
        email="ada@example.com",
        message=name,
        inner_name=name,
    )
    return plain._replace(**changes)


def lightweight(name: str, on: str = "A") -> TagRecord:
    """A tag without an object of its own."""
    return TagRecord(name=name, object_id=commit(on), annotated=False, commit=commit(on))


def tags(*lines: str) -> list[TagRecord]:
    """Tags from lines `NAME [COMMIT] [@SECOND]`; undated ones follow each other a minute apart, on commit A."""
    found, second = [], 0
    for line in lines:
        match = _LINE.fullmatch(line)
        assert match is not None, f"not a line of a case: {line!r}"
        second = int(match["second"]) if match["second"] else second + 60
        found.append(record(match["name"], match["commit"] or "A", second=second))
    return found


def registry(*lines: str) -> Registry:
    """The registry that the lines make."""
    return fold(tags(*lines))


def model(*lines: str, name: str = "m") -> Model:
    """One model of the registry that the lines make."""
    return registry(*lines).model(name)


def current(of: Model, stage: str = "prod", *, sort: Sort = "time") -> str | None:
    """The name of the version that a stage has."""
    holder = of.holder(stage, sort=sort)
    return None if holder is None else holder.version.name


def latest(of: Model) -> str | None:
    """The name of the greatest version."""
    version = of.latest()
    return None if version is None else version.name
