"""Reads the metrics of a commit: for the gate `metrics`, and for whoever shows them (flows/measuring.py).

Which files: core/metric_files.py; what a name means in them: core/metric_values.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.metric_files import MOST_FILES, Listed, is_pointer, listed_in_dvc, usual
from model_stage_deploy.core.metric_values import Metrics
from model_stage_deploy.core.tags import split_model
from model_stage_deploy.ports import DocumentProblem, Documents

_SHORT = 12  # characters of a commit id


def pipeline_of(model: str) -> str:
    """The path of the `dvc.yaml` that lists the metrics of a model."""
    directory, _ = split_model(model)
    return f"{directory}/dvc.yaml" if directory else "dvc.yaml"


class MetricReader:
    """Reads files by `read(commit, path)`, which gives None for one that is not there, and may raise."""

    def __init__(self, read: Callable[[str, str], bytes | None], documents: Documents) -> None:
        self._read = read
        self._documents = documents

    def at(self, commit: str, model: str, files: Sequence[str] | None) -> Metrics:
        """What the files at a commit say: `files`, or those that are the model's by default."""
        read: dict[str, Any] = {}
        absent: list[str] = []
        listed, broken = self.listed(commit, model, files)
        for file in listed:
            shown = one_line(file.path, 200)
            data = None if file.why_not else self._read(commit, file.path)
            if data is None:
                absent.append(file.why_not or self._why_absent(commit, file))
            elif is_pointer(data):
                broken.append(f"{shown} is kept by Git LFS; Git has only a pointer to it at {commit[:_SHORT]}")
            else:
                try:
                    read[file.path] = self._documents(data, file.path)
                except DocumentProblem as problem:
                    broken.append(f"{shown} cannot be read at {commit[:_SHORT]}: {problem}")
        return Metrics(commit, read, tuple(absent), tuple(broken))

    def listed(self, commit: str, model: str, files: Sequence[str] | None) -> tuple[list[Listed], list[str]]:
        """Where metrics may be at a commit, and why that cannot be said."""
        if files:
            return [Listed(path) for path in dict.fromkeys(files)], []
        directory, _ = split_model(model)
        path = pipeline_of(model)
        data = self._read(commit, path)
        listed: list[Listed] = []
        if data is not None:
            try:
                listed = listed_in_dvc(self._documents(data, path), directory)
            except DocumentProblem as problem:
                return [], [f"{one_line(path, 200)} cannot be read at {commit[:_SHORT]}: {problem}"]
        if len(listed) == MOST_FILES:
            return [], [f"{one_line(path, 200)} lists {MOST_FILES} files of metrics or more; name some under `files:`"]
        if listed:
            return listed, []
        there = [one for one in usual(directory) if self._read(commit, one.path) is not None]
        return there or usual(directory)[:1], []

    def _why_absent(self, commit: str, file: Listed) -> str:
        shown = one_line(file.path, 200)
        if file.cached:
            return f"{shown} is kept by DVC, not in Git: `cache: false` in dvc.yaml keeps it in Git"
        if self._read(commit, f"{file.path}.dvc") is not None:
            return f"{shown} is kept by DVC ({shown}.dvc), not in Git"
        return f"{shown} is not in Git at {commit[:_SHORT]}"
