"""Reads JSON, YAML and TOML that strangers wrote: bounded, nothing constructed, doubled keys refused."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

from model_stage_deploy.adapters.safe_yaml import read_yaml
from model_stage_deploy.adapters.yaml_events import YamlProblem
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mapping_document import Document, Path
from model_stage_deploy.ports import DocumentProblem

MOST_JSON, MOST_YAML, MOST_TOML = 16 * 1024 * 1024, 1024 * 1024, 256 * 1024
"""Bytes that are read; the slower the reader, the fewer."""
DEEPEST = 100
"""Levels of nesting; of YAML yaml_events.MAX_DEPTH."""

_NUMBERS = {".nan": "nan", ".inf": "inf", "-.inf": "-inf", "+.inf": "inf"}
_MOST_DOTS = (
    200  # in a line of TOML: a key of thousands of words, which stands on one line, keeps tomllib busy for minutes
)


def read_document(text: bytes, path: str) -> object:
    """The value of a document: mappings, lists, texts, numbers, true, false, None; of TOML dates, too.

    Fulfils the port Documents. NaN and infinities are read as what they are. Raises DocumentProblem.
    """
    name = path.lower()
    kinds: tuple[tuple[tuple[str, ...], int, Callable[[bytes], object]], ...] = (
        ((".json",), MOST_JSON, _json),
        ((".yaml", ".yml"), MOST_YAML, _yaml),
        ((".toml",), MOST_TOML, _toml),
    )
    for endings, most, read in kinds:
        if name.endswith(endings):
            if len(text) > most:
                raise DocumentProblem(f"it has {len(text):,} bytes; {most:,} are read")
            return read(text)
    raise DocumentProblem("by its name it is not JSON, YAML or TOML (.json, .yaml, .yml, .toml)")


def _json(data: bytes) -> object:
    try:
        value = json.loads(_text(data), object_pairs_hook=_pairs)
    except DocumentProblem:
        raise
    except json.JSONDecodeError as problem:
        raise DocumentProblem(f"it is not JSON: line {problem.lineno}, column {problem.colno}") from None
    except ValueError:  # a number of thousands of digits
        raise DocumentProblem("it holds a number of too many digits") from None
    except RecursionError:
        raise DocumentProblem("it is nested too deep") from None
    _check_depth(value)
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise DocumentProblem(f"the key {one_line(twice, 60)!r} is written twice")
    return made


def _yaml(data: bytes) -> object:
    if all(not line.strip() or line.lstrip().startswith(b"#") for line in data.splitlines()):
        return None
    try:
        document, complaints = read_yaml(data)
    except YamlProblem as problem:
        raise DocumentProblem(str(problem.complaint)) from None
    for complaint in complaints:
        if complaint.message.startswith("is written twice"):  # what else it complains about is only left out
            raise DocumentProblem(str(complaint))
    return _with_numbers(document)


def _with_numbers(document: Document) -> Any:
    """The value, in which NaN and infinities are numbers; YAML 1.1 and 1.2 agree on those."""
    value = document.value
    special: dict[Path, float] = {
        path: float(_NUMBERS[text.lower()]) for path, text in document.doubtful.items() if text.lower() in _NUMBERS
    }
    for path, number in special.items():
        if not path:
            return number
        inner = value
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = number
    return value


def _toml(data: bytes) -> object:
    text = _text(data)
    if any(line.count(".") > _MOST_DOTS for line in text.split("\n")):
        raise DocumentProblem(f"a line of it has more than {_MOST_DOTS} dots, which takes too long to read")
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        place = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(problem))
        raise DocumentProblem(f"it is not TOML{f': {place[1]}' if place else ''}") from None
    except ValueError:
        raise DocumentProblem("it holds a number of too many digits") from None
    except RecursionError:
        raise DocumentProblem("it is nested too deep") from None
    _check_depth(value)
    return value


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DocumentProblem("it is not UTF-8") from None


def _check_depth(value: object) -> None:
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise DocumentProblem("it is nested too deep")
