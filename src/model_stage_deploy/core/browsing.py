"""The table of models: which ones a person's question fits, in which order, and what each row says. Pure.

The values are in dashboard.py; what is read for them is a flow's affair (flows/browsing.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from model_stage_deploy.core.dashboard import PAGE_SIZE, Cell, ModelRow, Query
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.model import Holder, Model
from model_stage_deploy.core.registry import Registry
from model_stage_deploy.core.versions import PrecedenceKey, precedence_of

_NO_VERSION: PrecedenceKey = (-1, 0, 0, False, ())


class Listed(NamedTuple):
    """What the table's order and filters look at, of one model. `rank` orders latest versions by SemVer."""

    name: str
    latest: str
    rank: tuple[PrecedenceKey, str]
    newest: int
    deprecated: bool
    held: frozenset[str]


class Chosen(NamedTuple):
    """The models of one page, in order. `query` is the one that was asked, with a page that there is."""

    query: Query
    names: tuple[str, ...]
    matching: int
    pages: int


class Words(NamedTuple):
    """Who made a tag, and what it says."""

    who: str = ""
    message: str = ""


def listed(registry: Registry) -> tuple[Listed, ...]:
    """All models of a registry, in order of their names."""
    return tuple(_listed(registry.models[name]) for name in sorted(registry.models))


def _listed(model: Model) -> Listed:
    latest = model.latest()
    name = latest.name if latest is not None and latest.registered else ""  # a bare commit is none, as `show` has it
    held = frozenset(stage for stage in model.stages if holder_of(model, stage) is not None)
    rank = (precedence_of(name) if name else _NO_VERSION, name)
    return Listed(model.name, name, rank, model.events[-1].time, model.deprecated, held)


def holder_of(model: Model, stage: str) -> Holder | None:
    """Which version a stage has; None also where its tags cannot be given one meaning (R25)."""
    if model.ambiguous:
        return None
    return model.holder(stage)


def choose(
    models: Iterable[Listed], query: Query, type_of: Callable[[str], str], *, page_size: int = PAGE_SIZE
) -> Chosen:
    """The page that a query asks for. A page below 1 is the first one, a page after the last one the last.

    Of equal ones the names decide, upwards, whatever the direction.
    """
    text = query.text.strip().casefold()
    found = [
        one
        for one in models
        if (query.deprecated or not one.deprecated)
        and (not query.stage or query.stage in one.held)
        and (not query.type or query.type == type_of(one.name))
        and (not text or text in one.name.casefold() or text in type_of(one.name).casefold())
    ]
    found.sort(key=lambda one: one.name, reverse=query.descending and query.sort == "name")
    if query.sort == "newest":
        found.sort(key=lambda one: one.newest, reverse=query.descending)
    elif query.sort == "latest":
        found.sort(key=lambda one: one.rank, reverse=query.descending)
    pages = max(1, -(-len(found) // page_size))
    page = min(max(query.page, 1), pages)
    names = tuple(one.name for one in found[(page - 1) * page_size : page * page_size])
    return Chosen(query._replace(page=page), names, len(found), pages)


def stage_columns(registry: Registry, mapped: Sequence[str]) -> tuple[str, ...]:
    """Every stage that there is: those of the mapping in its order, then those that only tags name, by name."""
    named = {stage for model in registry for stage in model.stages}
    return tuple(dict.fromkeys([*mapped, *sorted(named)]))


def stages_of(model: Model, mapped: Sequence[str]) -> tuple[str, ...]:
    """The stages of one model in the order in which a version goes through them (see way.py)."""
    return tuple(dict.fromkeys([*mapped, *model.stages]))


def holding_tags(models: Iterable[Model]) -> dict[str, Words]:
    """The tags that say what stages have, with who made them and why, as far as that was read with them."""
    holders = (holder_of(model, stage) for model in models for stage in model.stages)
    return {
        held.event.record.name: Words(held.event.record.tagger, held.event.record.message) for held in holders if held
    }


def row_of(model: Model, entry: Listed, type_name: str, words: Mapping[str, Words]) -> ModelRow:
    """One model's row, its stages by tags alone. `words` are those of `holding_tags`."""
    cells = {} if model.ambiguous else {stage: cell_of(model, stage, words) for stage in model.stages}
    return ModelRow(
        name=model.name,
        type=type_name,
        deprecated=entry.deprecated,
        ambiguous=bool(model.ambiguous),
        latest=entry.latest,
        versions=sum(version.registered for version in model.versions),
        newest=entry.newest,
        stages=cells,
    )


def cell_of(model: Model, stage: str, words: Mapping[str, Words], row: Lifecycle | None = None) -> Cell:
    """What a stage has, by tags, with its deployments where they are known."""
    held = holder_of(model, stage)
    if held is None:
        return Cell(stage, row=row)
    record = held.event.record
    said = words.get(record.name, Words(record.tagger, record.message))
    return Cell(
        stage,
        version=held.version.name,
        commit=held.version.commit,
        tag=record.name,
        since=held.event.time,
        zone=record.zone,
        who=said.who,
        message=said.message,
        registered=held.version.registered,
        row=row,
    )


def with_rows(row: ModelRow, model: Model, rows: Iterable[Lifecycle], words: Mapping[str, Words]) -> ModelRow:
    """The same row with the deployments of its stages. A stage that only deployments know of gets a cell, too."""
    found = {one.stage: one for one in rows}
    stages = dict.fromkeys([*row.stages, *found])
    return row._replace(stages={stage: cell_of(model, stage, words, found.get(stage)) for stage in stages})


def commit_shown(model: Model) -> str:
    """The commit whose files describe the model: the latest version's, else that of its newest event."""
    try:
        latest = model.latest()
    except ModelStageError:
        latest = None
    return latest.commit if latest is not None else model.events[-1].commit
