"""What files say about many models, each at a commit of its own: every annotation file is read and parsed once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from model_stage_deploy.adapters.annotations_yaml import AnnotationFiles
from model_stage_deploy.adapters.git_batch import read_objects
from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.core.annotations import Annotation, AnnotationProblem
from model_stage_deploy.core.tags import split_model

_FILES = ("dvc.yaml", "artifacts.yaml")


class Annotated(NamedTuple):
    """Annotations by model, those that have one; `problems` are what cannot be read, a line each."""

    found: Mapping[str, Annotation]
    problems: tuple[str, ...] = ()


def annotations_at(git: Git, commit: str, models: Iterable[str]) -> Annotated:
    """The annotations of these models at one commit. Raises MachineryFailed (git-failed)."""
    return annotations_of(git, ((model, commit) for model in models))


def annotations_of(git: Git, asked: Iterable[tuple[str, str]]) -> Annotated:
    """The annotations of models, each at a commit. Raises MachineryFailed (git-failed)."""
    places: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for model, commit in asked:
        directory, name = split_model(model)
        places.setdefault((commit, directory), []).append((model, name))
    stored = read_objects(git, [_named(*place, file) for place in places for file in _FILES])
    found: dict[str, Annotation] = {}
    problems: dict[str, None] = {}
    parsed: dict[tuple[bytes | None, ...], AnnotationFiles] = {}
    for place, entries in places.items():
        objects = (stored.get(_named(*place, file)) for file in _FILES)
        data = tuple(one.data if one is not None and one.kind == "blob" else None for one in objects)
        files = parsed.get(data)
        if files is None:
            files = parsed[data] = AnnotationFiles(*data)
        above = f"{place[1]}/" if place[1] else ""
        problems |= dict.fromkeys(f"{above}{problem}" for problem in files.problems)
        for model, name in entries:
            try:
                annotation = files.find(name)
            except AnnotationProblem as problem:
                problems[f"{above}{problem}"] = None
                continue
            if annotation is not None:
                found[model] = annotation
    return Annotated(found, tuple(problems))


def _named(commit: str, directory: str, file: str) -> str:
    return f"{commit}:{directory}/{file}" if directory else f"{commit}:{file}"
