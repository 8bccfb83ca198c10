"""A YAML file as it was read: plain values, where each one stands, and complaints about them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from model_stage_deploy.core.errors import Invalid, Mistake
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

Path = tuple[str | int, ...]
"""Where a value stands inside the document: keys and list positions from the top."""

SHOWN = 50
"""How many complaints one message lists; the rest is counted."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a text file, both counted from 1 (columns in characters)."""

    line: int
    column: int


class Origin(str):
    """Where a setting came from, as people read it (`stages.prod at model-stages.yml:12:14`), knowing the place."""

    __slots__ = ("file", "place")
    file: str
    place: Place

    @classmethod
    def of(cls, layer: str, file: str, place: Place) -> Origin:
        """The origin in a layer of a file."""
        made = cls(f"{layer} at {file}:{place.line}:{place.column}")
        made.file, made.place = file, place
        return made


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing wrong with a file: where, in which setting, what, and the likely way to put it right."""

    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.line}:{self.column}: " + (f"{self.path}: " if self.path else "")
        return where + self.message + (f" ({self.hint})" if self.hint else "")


class MappingInvalid(Invalid):
    """The mapping file has mistakes; `complaints` holds all of them, in the order of the file."""

    def __init__(self, file: str, complaints: Iterable[Complaint]) -> None:
        self.file = file
        self.complaints = tuple(sorted(complaints, key=lambda complaint: (complaint.line, complaint.column)))
        lines = [f"{file}:{complaint}" for complaint in self.complaints[:SHOWN]]
        if len(self.complaints) > SHOWN:
            lines.append(f"and {len(self.complaints) - SHOWN} more")
        mistakes = tuple(
            Mistake(file, one.line, one.column, one.path, one.message, one.hint) for one in self.complaints
        )
        super().__init__(Reason.MAPPING_INVALID, "\n".join(lines), mistakes=mistakes)


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file says: mappings with text keys, lists, text, numbers, booleans, nulls.

    `keys` and `values` give the place of each key and value. `written` keeps the exact text of unquoted numbers
    and booleans, `doubtful` of unquoted texts that YAML 1.1 and 1.2 read differently (`on`, `0777`, `12:30`);
    their value is the text itself. `broken` are paths that have a complaint already (about a key of
    the mapping there, or about its tag).
    """

    value: Any
    keys: Mapping[Path, Place] = field(default_factory=dict)
    values: Mapping[Path, Place] = field(default_factory=dict)
    written: Mapping[Path, str] = field(default_factory=dict)
    doubtful: Mapping[Path, str] = field(default_factory=dict)
    broken: frozenset[Path] = frozenset()

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Place of the value (or key) at a path; of the nearest thing around it where it is not written."""
        while path:
            found = (self.keys if key else self.values).get(path) or self.keys.get(path)
            if not found and isinstance(path[-1], int):
                found = self.values.get(path)  # what stands in a list has no key
            if found:
                return found
            path, key = path[:-1], True
        return self.values.get((), Place(1, 1))

    def written_at(self, path: Path) -> Path:
        """Where the file says what stands at `path` once short forms are written out: `metrics: [RULE]` is short for
        `metrics: {rules: [RULE]}`."""
        if path not in self.values:
            for at, part in enumerate(path):
                shorter = path[:at] + path[at + 1 :]
                if part in ("rules", "stage", 0) and shorter in self.values:
                    return shorter
        return path

    def as_texts(self, wanted: Callable[[Path], bool]) -> Document:
        """The same document with unquoted numbers and booleans taken as written (`3.10`) where `wanted` says so."""
        texts = {path: text for path, text in self.written.items() if wanted(path)}
        return Document(
            _replaced(self.value, texts),
            self.keys,
            self.values,
            {path: text for path, text in self.written.items() if path not in texts},
            {path: text for path, text in self.doubtful.items() if not wanted(path)},
            self.broken,
        )


def dotted(path: Path) -> str:
    """A path as people read it: `stages.prod.secrets[0]`, `models."fraud/*".stages`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
            continue
        plain = re.fullmatch(r"[A-Za-z0-9_-]+", part)
        text += ("." if text else "") + (part if plain else '"' + one_line(part, 80) + '"')
    return text


def _replaced(value: Any, texts: Mapping[Path, str]) -> Any:
    """A copy of `value` with other values at some paths."""
    root = [copy.deepcopy(value) if texts else value]
    for path, text in texts.items():
        _put(root, (0, *path), text)
    return root[0]


def _put(container: Any, path: Path, text: str) -> None:
    for part in path[:-1]:
        container = container[part]
    container[path[-1]] = text
