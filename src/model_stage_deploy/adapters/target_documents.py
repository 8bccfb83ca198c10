"""Records of targets as the lines of a file, and back: a line of whose they are, then one for each target, by name.

What no version of ours can have written is told as such, never guessed. Where the files are kept: git_targets.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple, NoReturn

from model_stage_deploy.core.targets import NAME, TargetRecord, record_from_json, record_to_json

SCHEMA = "model-stage-deploy/targets/v1"
_FAMILY = "model-stage-deploy/targets/"
_LATEST = 1e11  # unix seconds, in the year 5138: not every number that JSON can hold is a moment


class Place(NamedTuple):
    """Whose targets a file tells of."""

    model: str
    stage: str
    environment: str


class Kept(NamedTuple):
    """One target's line, and the time of it by which the newest is known."""

    time: float
    line: str


class Newer(ValueError):
    """The file is of a newer version of this program."""


def kept(record: TargetRecord) -> Kept:
    """The line of a record."""
    return Kept(record.time, json.dumps(record_to_json(record), ensure_ascii=True, allow_nan=False))


def newest(old: Mapping[str, Kept], new: Mapping[str, Kept]) -> dict[str, Kept]:
    """The newest line of each target; of two of the same moment that of `new`."""
    return newest_of((*old.items(), *new.items()))


def newest_of(lines: Iterable[tuple[str, Kept]]) -> dict[str, Kept]:
    """The newest line of each target; of two of the same moment the later one."""
    found: dict[str, Kept] = {}
    for name, line in lines:
        known = found.get(name)
        if known is None or known.time <= line.time:
            found[name] = line
    return found


def written(place: Place, lines: Mapping[str, Kept]) -> bytes:
    """The file."""
    head = json.dumps({"schema": SCHEMA, **place._asdict()}, ensure_ascii=True)
    return "\n".join([head, *(lines[name].line for name in sorted(lines)), ""]).encode("ascii")


def read(document: bytes, place: Place) -> Iterable[TargetRecord]:
    """The records of a file, which must be of that place. Raises Newer, ValueError."""
    try:
        head, *lines = document.decode("ascii").removesuffix("\n").split("\n")
    except UnicodeDecodeError as problem:
        raise ValueError("it is no such file") from problem
    _check_head(_value(head), place)
    names = set()
    for number, line in enumerate(lines, 2):
        try:
            record = record_from_json(_value(line))
        except ValueError as problem:
            raise ValueError(f"line {number}: {problem}") from problem
        if not NAME.fullmatch(record.target) or not 0 <= record.time < _LATEST or record.target in names:
            raise ValueError(f"line {number}: no record that could have been written")
        names.add(record.target)
        yield record


def _check_head(head: object, place: Place) -> None:
    if not isinstance(head, dict) or not str(head.get("schema")).startswith(_FAMILY):
        raise ValueError("it is no such file")
    if head["schema"] != SCHEMA:
        raise Newer(f"its schema is {head['schema']}")
    if {name: head.get(name) for name in Place._fields} != place._asdict():
        raise ValueError("it is of another stage")


def _value(line: str) -> object:
    try:
        return json.loads(line, parse_constant=_no_number)
    except RecursionError as problem:
        raise ValueError("no record of a target") from problem


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
