"""Finds a model's annotation in the text of `dvc.yaml` or `artifacts.yaml`; hostile files are problems, not crashes."""

from __future__ import annotations

from typing import Any

from model_stage_deploy.adapters.safe_yaml import read_yaml
from model_stage_deploy.adapters.yaml_events import YamlProblem
from model_stage_deploy.core.annotations import (
    Annotation,
    AnnotationProblem,
    annotation_in_artifacts,
    annotation_in_dvc,
)
from model_stage_deploy.core.mapping_document import Path


def find_annotation(dvc_yaml: bytes | None, artifacts_yaml: bytes | None, name: str) -> Annotation | None:
    """The annotation of artifact `name` (without its directory); None where neither file names it.

    The files are those of the model's directory at the tagged commit, None where absent; `dvc.yaml` wins.
    Raises AnnotationProblem for a file that cannot be read (over 1 MiB, no YAML, an alias bomb, …).
    """
    if dvc_yaml is not None:
        found = annotation_in_dvc(_parsed(dvc_yaml, "dvc.yaml"), name)
        if found is not None:
            return found
    if artifacts_yaml is not None:
        return annotation_in_artifacts(_parsed(artifacts_yaml, "artifacts.yaml"), name)
    return None


def _parsed(data: bytes, file: str) -> Any:
    """The values of a file. Unquoted numbers and dates are text here: `desc: 2024` means that text."""
    if not data.strip():
        return None
    try:
        document, _ = read_yaml(data)  # doubled keys and tags elsewhere in the file are not our business
    except YamlProblem as problem:
        raise AnnotationProblem(f"{file}:{problem.complaint}") from None
    return document.as_texts(_is_text).value


def _is_text(path: Path) -> bool:
    return bool(path) and path[-1] in ("path", "type", "desc", "description")


class AnnotationFiles:
    """The annotation files of one directory, each parsed once, however many artifacts they are asked for."""

    def __init__(self, dvc_yaml: bytes | None, artifacts_yaml: bytes | None) -> None:
        """`problems` are why one of them cannot be read, a line each; the other one counts all the same."""
        self.problems: list[str] = []
        self._dvc = self._read(dvc_yaml, "dvc.yaml")
        self._gto = self._read(artifacts_yaml, "artifacts.yaml")

    def find(self, name: str) -> Annotation | None:
        """The annotation of an artifact, as `find_annotation` has it. Raises AnnotationProblem for what it says."""
        found = annotation_in_dvc(self._dvc, name)
        return found if found is not None else annotation_in_artifacts(self._gto, name)

    def _read(self, data: bytes | None, file: str) -> Any:
        try:
            return _parsed(data, file) if data is not None else None
        except AnnotationProblem as problem:
            self.problems.append(str(problem))
            return None
