"""Tables of models as values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from model_stage_deploy.core.dashboard import Cell, ModelRow, Overview, Query
from model_stage_deploy.core.lifecycle import Lifecycle, unknown
from model_stage_deploy.core.registry import Finding
from tests.report.html.samples import DAY, NOW, registry, rows_of

STAGES = ("dev", "staging", "canary", "prod")
NAMES = (
    "churn",
    "credit-risk",
    "demand/eu-west",
    "fraud",
    "nlp/intents:router",
    "pricing",
    "recommender-v2",
    "search/ranking",
)


def _cell(stage: str, row: Lifecycle | None) -> Cell:
    held = row.holder if row else None
    if held is None:
        return Cell(stage, row=row)
    tagged = held.event.record
    return Cell(
        stage,
        held.version.name,
        held.version.commit,
        tagged.name,
        held.event.time,
        "+0100",
        tagged.tagger,
        tagged.message,
        True,
        row,
    )


def model_row(name: str, stages: Sequence[str], *, asked: bool = True, **changes: Any) -> ModelRow:
    """A row of the table, with the states of `page`."""
    model = registry(name).models[name]
    rows = {row.stage: row for row in rows_of(model)}
    if not asked:
        rows = {stage: unknown(model, stage) for stage in rows}
    cells = {stage: _cell(stage, rows.get(stage)) for stage in stages if stage in rows}
    if not asked:
        cells = {stage: cell._replace(row=None) for stage, cell in cells.items()}
    latest = model.latest()
    plain = ModelRow(
        name, "classifier", False, False, latest.name if latest else "", len(model.versions), NOW - DAY, cells
    )
    return plain._replace(**changes)


def overview(stages: Sequence[str] = STAGES, *, asked: bool = True, **changes: Any) -> Overview:
    """A usual registry: eight models, four stages."""
    rows = [model_row(name, stages, asked=asked, newest=NOW - DAY * at * at) for at, name in enumerate(NAMES)]
    rows[1] = rows[1]._replace(stages={"dev": rows[1].stages["dev"]}, type="regression", versions=1)
    rows[3] = rows[3]._replace(stages={}, latest="", versions=0, type="")
    rows[5] = rows[5]._replace(ambiguous=True, stages={})
    rows[6] = rows[6]._replace(deprecated=True)
    plain = Overview(
        Query(),
        tuple(rows),
        tuple(stages),
        ("classifier", "regression"),
        9,
        8,
        1,
        1,
        findings=(
            Finding("lightweight-tag", "fraud@v1.0.0", "it is a lightweight tag"),
            Finding("nested-tag", "a#b", "odd"),
        ),
        recorded_in="github",
        stages_asked=asked,
    )
    return plain._replace(**changes)


def empty_overview() -> Overview:
    """A registry without a model."""
    return Overview(Query(), (), (), (), 0, 0, 0, 1)
