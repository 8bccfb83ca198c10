"""The metrics of a model's versions, as the files in Git have them, with what the gates ask of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from model_stage_deploy.core.expression_tree import Expression, Name, Rule, Undefined, as_float, names_in, value_of
from model_stage_deploy.core.expressions import BadRule, parse_rule
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.model import Model, ModelVersion

MOST_METRICS = 100
"""Of so many metrics it is told; those that rules name come first."""
_TURNED = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "==": "=="}


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
    """What the files say at a version's commit; `problem` is a sentence where they cannot be read.

    Both may be there: a number of one file, and why another file cannot be read. Values may be NaN or infinite.
    """

    version: str
    commit: str
    values: Mapping[str, float]
    problem: str = ""


class Measured(NamedTuple):
    """Metrics by name, and of every version that was looked at: in the order in which they were first seen.

    `live` are the versions that run, or where that is not known that are decided, by stage. `rules` are the rules of
    the gates as written, by stage; `thresholds` those of them that are lines in a plot. `left_out` counts older
    versions that were not looked at. `problem` says why the rules of some gate are not known.
    """

    metrics: tuple[str, ...]
    versions: tuple[VersionMetrics, ...]
    thresholds: tuple[Threshold, ...]
    rules: Mapping[str, tuple[str, ...]]
    live: Mapping[str, str]
    left_out: int = 0
    problem: str = ""


def measured(
    versions: Sequence[VersionMetrics],
    rules: Mapping[str, Sequence[str]],
    live: Mapping[str, str],
    *,
    left_out: int = 0,
    problem: str = "",
) -> Measured | None:
    """All of it put together; None where no version has a number and there is no rule.

    Metrics that rules name come first, in the order of the rules, then those of the newest version, then older ones.
    """
    written = {stage: tuple(one_line(rule, 1000) for rule in those) for stage, those in rules.items() if those}
    if not written and not any(version.values for version in versions):
        return None
    known = dict.fromkeys(name for version in reversed(versions) for name in version.values)
    named = dict.fromkeys(name for those in rules.values() for rule in those for name in _named(rule))
    metrics = [*(name for name in named if name in known), *(name for name in known if name not in named)]
    return Measured(
        metrics=tuple(metrics[:MOST_METRICS]),
        versions=tuple(versions),
        thresholds=tuple(line for stage, those in rules.items() for rule in those for line in _line(stage, rule)),
        rules=written,
        live=dict(live),
        left_out=left_out,
        problem=problem,
    )


def live_in(model: Model, rows: Sequence[Lifecycle]) -> dict[str, ModelVersion]:
    """The version that runs in each stage; where that is not known, the one that is decided."""
    found: dict[str, ModelVersion] = {}
    for row in rows:
        version = None
        if row.running is not None:
            named = [one for one in model.at(row.running.commit) if one.name == row.running.version]
            version = next(iter(named or model.at(row.running.commit)), None) or model.find(row.running.version)
        elif not row.running_known and row.holder is not None:
            version = row.holder.version
        if version is not None:
            found[row.stage] = version
    return found


def to_look_at(model: Model, live: Mapping[str, ModelVersion], rows: Sequence[Lifecycle], newest: int) -> Looked:
    """The newest registered versions, and every one that a stage has or that runs, in the order in which they came."""
    registered = [version for version in model.versions if version.registered]
    wanted = {id(version) for version in registered[-newest:] if newest > 0}
    wanted |= {id(version) for version in live.values()}
    wanted |= {id(row.holder.version) for row in rows if row.holder is not None}
    picked = [version for version in model.versions if id(version) in wanted]
    return Looked(tuple(picked), len(registered) - sum(version.registered for version in picked))


class Looked(NamedTuple):
    """Versions to look at, and how many registered ones are left out."""

    versions: tuple[ModelVersion, ...]
    left_out: int


def _named(text: str) -> Iterator[str]:
    """The metrics that a rule reads, by their names without `live.`."""
    rule = _parsed(text)
    for name in rule.names() if rule is not None else ():
        yield _shown(name)


def _line(stage: str, text: str) -> Iterator[Threshold]:
    """The rule as a line in a plot, if it compares one metric with a number."""
    rule = _parsed(text)
    if rule is None or rule.comparison not in _TURNED:
        return
    for metric, other, operator in (
        (rule.left, rule.right, rule.comparison),
        (rule.right, rule.left, _TURNED[rule.comparison]),
    ):
        value = _number(other)
        if isinstance(metric, Name) and not metric.live and value is not None:
            yield Threshold(_shown(metric), stage, operator, value, one_line(text.strip(), 1000))


def _number(expression: Expression) -> float | None:
    if any(True for _ in names_in(expression)):
        return None
    try:
        return as_float(value_of(expression, {}))
    except Undefined:
        return None


def _parsed(text: str) -> Rule | None:
    try:
        return parse_rule(text)
    except BadRule:
        return None


def _shown(name: Name) -> str:
    """As core/metric_values.numbers calls it."""
    return one_line(str(Name(name.path)), 200)
