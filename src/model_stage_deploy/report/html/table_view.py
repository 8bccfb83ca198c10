"""What the table of models shows, made ready for its template: headings that sort, addresses, how each stage stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from model_stage_deploy.core.dashboard import PAGE_SIZE, SORTS, ModelRow, Overview, Query
from model_stage_deploy.core.lifecycle import State
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Finding
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.filters import key

_LABELS = {"name": "Model", "newest": "Newest event", "latest": "Latest"}
_NEWEST_FIRST = frozenset({"newest", "latest"})
"""What one asks to be sorted by these, one wants from the other end."""
_LONGEST_ADDRESS = 3000  # characters of names in one request for states
_NOT_COUNTED = frozenset(
    {
        "reserved-tag",
        Reason.LIGHTWEIGHT_TAG.value,
        Reason.MISMATCHED_TAG.value,
        Reason.UNUSABLE_TAG.value,
    }
)
_LEGEND = (
    (State.APPROVED, "A tag gives the stage this version, and nothing was deployed since then."),
    (State.DEPLOYING, "A deployment is under way: it is being put in place, verified, or taken away."),
    (State.DEPLOYED, "The version runs there."),
    (State.FAILED, "The newest attempt since the tag failed. What ran before may still run."),
    (State.ROLLED_BACK, "An earlier version runs instead: a person asked for it, or a failed verification did."),
    (State.REMOVED, "Nothing runs there any more."),
)


class Heading(NamedTuple):
    """A heading that sorts. `order` is for aria-sort, "" where the table is sorted by another; `to` may be ""."""

    label: str
    to: str
    order: str


class TableView(NamedTuple):
    """`first` and `last` count rows from 1. `states` are addresses that tell how stages stand: asked for at once where
    `waiting`, else now and then as long as something is deploying. `placed` are the models that they are about.
    """

    headings: dict[str, Heading]
    first: int
    last: int
    before: str
    after: str
    other_deprecated: str
    states: tuple[str, ...]
    placed: frozenset[str]
    waiting: bool
    not_counted: tuple[Finding, ...]
    odd: tuple[Finding, ...]
    filtered: bool
    legend: tuple[tuple[State, str], ...] = _LEGEND


def table_of(overview: Overview, chrome: Chrome) -> TableView:
    """The view of one page of the table."""
    query, links = overview.query, chrome.links
    begin = (query.page - 1) * PAGE_SIZE
    asked = _asked(overview) if chrome.live else []
    return TableView(
        headings={by: _heading(by, query, chrome) for by in SORTS},
        first=begin + 1 if overview.rows else 0,
        last=begin + len(overview.rows),
        before=links.models(query._replace(page=query.page - 1)) if query.page > 1 else "",
        after=links.models(query._replace(page=query.page + 1)) if query.page < overview.pages else "",
        other_deprecated=links.models(query._replace(deprecated=not query.deprecated, page=1)),
        states=tuple(filter(None, map(links.states, _batches(asked)))),
        placed=frozenset(asked),
        waiting=not overview.stages_asked,
        not_counted=tuple(finding for finding in overview.findings if finding.code in _NOT_COUNTED),
        odd=tuple(finding for finding in overview.findings if finding.code not in _NOT_COUNTED),
        filtered=bool(query.text or query.stage or query.type),
    )


def standing_key(model: str, stage: str) -> str:
    """The id of the place in the table where it is said how a stage stands."""
    return key(model, stage)


def _heading(by: Literal["name", "newest", "latest"] | str, query: Query, chrome: Chrome) -> Heading:
    here = query.sort == by
    descending = not query.descending if here else by in _NEWEST_FIRST
    to = chrome.links.models(query._replace(sort=by, descending=descending, page=1))  # type: ignore[arg-type]
    order = ("descending" if query.descending else "ascending") if here else ""
    return Heading(_LABELS[by], to, order)


def _asked(overview: Overview) -> list[str]:
    """Models whose stages are to be asked about: all as long as nothing is known, else where something goes on."""
    if not overview.recorded_in:
        return []
    return [row.name for row in overview.rows if not overview.stages_asked or _is_busy(row)]


def _is_busy(row: ModelRow) -> bool:
    return any(cell.row is not None and cell.row.state is State.DEPLOYING for cell in row.stages.values())


def _batches(models: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The names in as few parts as fit into addresses."""
    names: list[str] = []
    length = 0
    for name in models:
        if names and length + 3 * len(name) > _LONGEST_ADDRESS:
            yield tuple(names)
            names, length = [], 0
        names.append(name)
        length += 3 * len(name)
    if names:
        yield tuple(names)
