"""What a repository says about a model in `dvc.yaml` or `artifacts.yaml`: its path, type and description.

Pure reading of parsed files; adapters/annotations_yaml.py parses them. An annotation is never needed to know a
version (GTO's rules; a malformed file in an old commit must not stop a deployment): it only feeds templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 4096
"""Characters of a path, type or description; a longer one is a problem, not cut."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is written about one artifact; None where nothing is. `path` is as written, relative to the file."""

    path: str | None = None
    type: str | None = None
    description: str | None = None


class AnnotationProblem(ValueError):
    """An annotation file cannot be read, or says something that makes no sense; one line, inert."""


def annotation_in_dvc(content: Any, name: str) -> Annotation | None:
    """The annotation of artifact `name` in a parsed `dvc.yaml` (`artifacts: {NAME: {path, type, desc}}`).

    None where the file does not name the artifact. Raises AnnotationProblem.
    """
    if not isinstance(content, Mapping):
        return None
    return _annotation(content.get("artifacts"), name, "dvc.yaml", "desc")


def annotation_in_artifacts(content: Any, name: str) -> Annotation | None:
    """The same for GTO's own `artifacts.yaml` (`NAME: {path, type, description}`). Raises AnnotationProblem."""
    return _annotation(content, name, "artifacts.yaml", "description")


def _annotation(entries: Any, name: str, file: str, description: str) -> Annotation | None:
    if not isinstance(entries, Mapping) or name not in entries:
        return None
    entry = entries[name]
    if entry is None:
        return Annotation()
    if not isinstance(entry, Mapping):
        raise AnnotationProblem(f"{file}: the artifact {name} is not a mapping of keys to values")
    return Annotation(
        path=_text(entry, "path", name, file),
        type=_text(entry, "type", name, file),
        description=_text(entry, description, name, file),
    )


def _text(entry: Mapping[str, Any], key: str, name: str, file: str) -> str | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise AnnotationProblem(f"{file}: `{key}` of the artifact {name} is not text")
    if len(value) > LONGEST:
        raise AnnotationProblem(f"{file}: `{key}` of the artifact {name} is longer than {LONGEST} characters")
    if "\0" in value:
        raise AnnotationProblem(f"{file}: `{key}` of the artifact {name} holds a NUL character")
    return value
