"""The metrics of a model's versions, as the files in Git have them, with what the gates ask of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Threshold(NamedTuple):
    """A number that a gate compares a metric with, where the rule is a plain one (`accuracy >= 0.9`).

    `stage` is the stage whose gate it is, `operator` one of >= > <= < ==, `rule` the rule as written.
    """

    metric: str
    stage: str
    operator: str
    value: float
    rule: str


class VersionMetrics(NamedTuple):
    """What the files say at a version's commit; `problem` is a sentence where they cannot be read."""

    version: str
    commit: str
    values: Mapping[str, float]
    problem: str = ""


class Measured(NamedTuple):
    """Metrics by name, and of every version that was looked at: in the order in which they were first seen.

    `live` are the versions that run, or where that is not known that are decided, by stage. `rules` are the rules of
    the gates as written, by stage; `thresholds` those of them that are lines in a plot. `left_out` counts older
    versions that were not looked at.
    """

    metrics: tuple[str, ...]
    versions: tuple[VersionMetrics, ...]
    thresholds: tuple[Threshold, ...]
    rules: Mapping[str, tuple[str, ...]]
    live: Mapping[str, str]
    left_out: int = 0
