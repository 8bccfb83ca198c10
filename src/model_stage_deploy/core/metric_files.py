"""Which files hold the metrics of a version: those that are named, those that `dvc.yaml` lists, or `metrics.json`.

Of DVC's format (`dvc.yaml`): `metrics:` at the top, a list of paths from the file's directory; in `stages:` each
stage's `metrics:`, paths from its `wdir`, bare or as `{PATH: {cache: false}}`. Plots are no metrics. DVC keeps what a
stage writes out of Git unless `cache: false` says otherwise.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from model_stage_deploy.core.inert import one_line

ENDINGS = (".json", ".yaml", ".yml", ".toml")
USUAL = ("metrics.json", "metrics.yaml", "metrics.yml", "metrics.toml")
MOST_FILES = 100
_LONGEST = 4000  # characters of a path
_LFS = b"version https://git-lfs.github.com/spec/"


class Listed(NamedTuple):
    """One file of metrics. `path` is from the repository's top; `why_not` says why it cannot be in Git, else "".

    `cached` says that DVC keeps it out of Git, if it does as it is told.
    """

    path: str
    cached: bool = False
    why_not: str = ""


def listed_in_dvc(content: Any, directory: str) -> list[Listed]:
    """The files that a parsed `dvc.yaml` in `directory` lists as metrics, each once, at most MOST_FILES."""
    made: dict[str, Listed] = {}
    for text, wdir, cached in _entries(content):
        file = _placed(text, posixpath.join(directory, wdir), cached=cached)
        made.setdefault(file.path, file)
        if len(made) == MOST_FILES:
            break
    return list(made.values())


def usual(directory: str) -> list[Listed]:
    """Where metrics are looked for if nothing says where they are."""
    return [Listed(posixpath.join(directory, name)) for name in USUAL]


def is_pointer(data: bytes) -> bool:
    """Whether a file's content is Git LFS's note of where the content is."""
    return data.startswith(_LFS)


def _entries(content: Any) -> Iterator[tuple[str, str, bool]]:
    """Path as written, directory that it counts from, and whether DVC's cache has it."""
    if not isinstance(content, Mapping):
        return
    for text, _ in _paths(content.get("metrics")):
        yield text, "", False
    stages = content.get("stages")
    for stage in stages.values() if isinstance(stages, Mapping) else ():
        inner = stage.get("do", stage) if isinstance(stage, Mapping) else None
        if isinstance(inner, Mapping):
            wdir = inner.get("wdir")
            for text, flags in _paths(inner.get("metrics")):
                yield text, wdir if isinstance(wdir, str) else "", flags.get("cache") is not False


def _paths(entries: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The paths of a list of metrics, with what is said about each."""
    for entry in entries if isinstance(entries, list) else [entries]:
        if isinstance(entry, str):
            yield entry, {}
        elif isinstance(entry, Mapping):
            for path, flags in entry.items():
                yield str(path), flags if isinstance(flags, Mapping) else {}


def _placed(text: str, base: str, *, cached: bool) -> Listed:
    shown = one_line(text, 200)
    if len(text) > _LONGEST or one_line(text, _LONGEST) != text or one_line(base, _LONGEST) != base:
        return Listed(text, cached, f"{shown} of dvc.yaml has characters that no path has, or too many")
    if "${" in text or "${" in base:
        return Listed(text, cached, f"{shown} of dvc.yaml is a template, which only DVC fills in")
    path = posixpath.normpath(posixpath.join(base, text))
    if "://" in text or path.startswith(("/", "../")) or path in (".", ".."):
        return Listed(text, cached, f"{shown} of dvc.yaml is not a file of this repository")
    if not path.lower().endswith(ENDINGS):
        return Listed(path, cached, f"{one_line(path, 200)} is not JSON, YAML or TOML by its name")
    return Listed(path, cached)
