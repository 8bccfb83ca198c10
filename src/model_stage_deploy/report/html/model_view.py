"""What the page of one model shows, made ready for its template."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from model_stage_deploy.core.dashboard import PAST, ModelPage
from model_stage_deploy.core.lifecycle import Lifecycle, Recorded, State
from model_stage_deploy.core.locks import locked_by
from model_stage_deploy.core.measured import Measured, VersionMetrics
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.core.tags import Event
from model_stage_deploy.core.way import Spot, spot_of
from model_stage_deploy.report.deployments import Tried, attempts, result, took, words
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.filters import badge, standing, state
from model_stage_deploy.report.html.plot import plot
from model_stage_deploy.report.html.timeline import timeline
from model_stage_deploy.report.lifecycle import difference
from model_stage_deploy.report.registry import happened
from model_stage_deploy.report.versions import versions

_MOST_EVENTS = 5000  # of a model's history on one page
_MOST_ATTEMPTS = 500
_MOST_PLOTS = 6  # pictures that are open; the others are folded
_RESULTS = {
    "verified": ("ok", "deployed"),
    "deployed": ("ok", "deployed"),
    "verification-failed": ("bad", "failed"),
    "unverified": ("warn", "unknown"),
    "failed": ("bad", "failed"),
    "error": ("bad", "failed"),
    "deploying": ("busy", "deploying"),
    "verifying": ("busy", "deploying"),
    "undeployed": ("quiet", "removed"),
    "undeploying": ("busy", "deploying"),
    "unknown": ("quiet", "unknown"),
}
_HAPPENED = {
    Event.REGISTRATION: ("tag", "registered"),
    Event.DEREGISTRATION: ("untag", "no longer registered"),
    Event.ASSIGNMENT: ("arrow", "assigned to"),
    Event.UNASSIGNMENT: ("untag", "taken out of"),
    Event.DEPRECATION: ("removed", "deprecated the model"),
}


class StageView(NamedTuple):
    """One stage on the model's way. `sentence` says more than the badge where a person should know more.

    `freezes` are of the whole stage, `parts` of single targets of it, with their names.
    """

    stage: str
    spot: Spot | None
    row: Lifecycle | None
    standing: Markup
    sentence: str
    mapped: bool
    freezes: tuple[LockEntry, ...]
    parts: tuple[tuple[str, LockEntry], ...]
    works: tuple[LockEntry, ...]

    @property
    def version(self) -> str:
        """The decided version, "" for none."""
        return (self.spot.decided or "") if self.spot else ""


class AttemptView(NamedTuple):
    """One deployment. `seconds` is how long it took, None where that is not known."""

    stage: str
    record: Recorded
    badge: Markup
    seconds: float | None


class EventView(NamedTuple):
    """One event of the history: a picture's name, and a sentence around the version and the stage."""

    icon: str
    verb: str
    entry: dict[str, Any]


class MetricView(NamedTuple):
    """One metric: its picture, and the rules that name it."""

    name: str
    plot: Markup


class ModelView(NamedTuple):
    """All of it, in the order of the page. `newest_only` is 0, or how many deployments of a stage were looked at."""

    stages: tuple[StageView, ...]
    whole: tuple[LockEntry, ...]
    versions: dict[str, Any]
    running: dict[tuple[str, str], list[str]]
    timeline: Markup
    plots: tuple[MetricView, ...]
    more_plots: tuple[MetricView, ...]
    measured: tuple[VersionMetrics, ...]
    live: dict[str, list[str]]
    history: tuple[EventView, ...]
    older: int
    attempts: tuple[AttemptView, ...]
    newest_only: int


def view_of(page: ModelPage, chrome: Chrome) -> ModelView:  # noqa: ARG001 - what differs by reader comes with time
    """The view of a model's page."""
    pictures = list(_plots(page.measured)) if page.measured else []
    entries = tuple(_events(page.model))
    return ModelView(
        stages=tuple(_stages(page)),
        whole=tuple(lock for lock in page.locks if lock.kind == "freeze" and not locked_by(lock.key).stage),
        versions=versions(page.model),
        running=_running(page.rows),
        timeline=_timeline(page),
        plots=tuple(pictures[:_MOST_PLOTS]),
        more_plots=tuple(pictures[_MOST_PLOTS:]),
        measured=tuple(reversed(page.measured.versions)) if page.measured else (),
        live=_live(page.measured),
        history=entries,
        older=max(0, len(page.model.events) - len(entries)),
        attempts=tuple(_attempts(page.rows)),
        newest_only=PAST if any(len(row.records) >= PAST for row in page.rows) else 0,
    )


def _stages(page: ModelPage) -> Iterator[StageView]:
    rows = {row.stage: row for row in page.rows}
    for stage in page.stages:
        row = rows.get(stage)
        told = _sentence(row)
        here = [(locked_by(lock.key).target, lock) for lock in page.locks if locked_by(lock.key).stage == stage]
        yield StageView(
            stage,
            spot_of(row) if row else None,
            row,
            state(row.state) if row and told and not row.problem else standing(row),
            told,
            stage in page.mapped,
            tuple(lock for target, lock in here if lock.kind == "freeze" and not target),
            tuple((target, lock) for target, lock in here if lock.kind == "freeze" and target),
            tuple(lock for _, lock in here if lock.kind == "run"),
        )


def _sentence(row: Lifecycle | None) -> str:
    """What a state means here, for somebody who has not read the docs."""
    if row is None:
        return ""
    if row.problem:
        return row.problem
    if row.state is State.APPROVED and row.running is None:
        return "A tag says so. Nothing was deployed since then."
    return difference(row)


def _timeline(page: ModelPage) -> Markup:
    """The stages in the order of the way."""
    order = {stage: at for at, stage in enumerate(page.stages)}
    decided, ran = (
        sorted(spans, key=lambda span: order.get(span.stage, len(order))) for spans in (page.decided, page.ran)
    )
    return timeline(decided, ran, page.now) if decided or ran else Markup("")


def _running(rows: Iterable[Lifecycle]) -> dict[tuple[str, str], list[str]]:
    """Stages in which a version runs, by its name and commit."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row.running is not None:
            found.setdefault((row.running.version, row.running.commit), []).append(row.stage)
    return found


def _live(measured: Measured | None) -> dict[str, list[str]]:
    """Stages in which a version is live, by its name."""
    found: dict[str, list[str]] = {}
    for stage, version in measured.live.items() if measured else ():
        found.setdefault(version, []).append(stage)
    return found


def _plots(measured: Measured) -> Iterator[MetricView]:
    """Metrics that a gate asks for come first."""
    asked = {threshold.metric for threshold in measured.thresholds}
    for metric in sorted(measured.metrics, key=lambda name: name not in asked):
        yield MetricView(metric, plot(measured, metric))


def _events(model: Model) -> Iterator[EventView]:
    for event in model.events[: -_MOST_EVENTS - 1 : -1]:
        icon, verb = _HAPPENED[event.tag.event]
        yield EventView(icon, verb, happened(event, model))


def _attempts(rows: Sequence[Lifecycle]) -> Iterator[AttemptView]:
    tried: Tried
    for tried in attempts(rows, limit=_MOST_ATTEMPTS):
        kind, icon = _RESULTS[result(tried.record)]
        yield AttemptView(tried.stage, tried.record, badge(words(tried.record), kind, icon), took(tried.record))
