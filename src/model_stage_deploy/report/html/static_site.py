"""The pages as a folder of files: tables of models, a page for each model, badges, and what the pages need beside them.

Pure: files come out one after the other, index.html last, and whoever asked writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from model_stage_deploy.core.dashboard import PAGE_SIZE, ModelPage, ModelRow, Overview, Query
from model_stage_deploy.core.lifecycle import unknown
from model_stage_deploy.report.html import badge as badges
from model_stage_deploy.report.html.assets import assets
from model_stage_deploy.report.html.chrome import Chrome
from model_stage_deploy.report.html.pages import model_page, models_page
from model_stage_deploy.report.html.static_links import (
    ASSETS,
    BADGES,
    MODEL_PAGES,
    VIEWS,
    FolderLinks,
    file_name,
    page_of,
)

SCRIPT, INDEX = "report.js", "models.js"
_NEEDED = ("app.css", "app.js", "favicon.svg", SCRIPT)
# `file:` is for who opens the folder from a disk, where browsers differ in what 'self' is.
_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file:; img-src 'self' file: data:; "
    "base-uri 'none'; form-action 'none'"
)

File = tuple[str, bytes]
"""A path below the folder, with `/`, and the content."""


class Report(NamedTuple):
    """What all pages of a report share. `overview` has every model on its one page, deprecated ones too, by name.

    `made` is an ISO 8601 time; `commits` the beginning of a commit's address at the code host, "" for none.
    """

    name: str
    made: str
    overview: Overview
    program: str = ""
    commits: str = ""
    notices: tuple[str, ...] = ()


def folder(report: Report, pages: Iterable[ModelPage]) -> Iterator[File]:
    """Every file of the report, index.html last. `pages` are those of the overview's models, in any order."""
    there = frozenset(row.name for row in report.overview.rows)
    several = len(report.overview.rows) > PAGE_SIZE
    yield ".nojekyll", b""
    for name in _NEEDED:
        yield f"{ASSETS}/{name}", assets()[name].content
    if several:
        yield f"{ASSETS}/{INDEX}", _index(report.overview.rows).encode()
    deeper = _chrome(report, FolderLinks("../", there, report.commits), several=False)
    for page in pages:
        name = file_name(page.model.name)
        yield f"{MODEL_PAGES}/{name}.html", model_page(page, deeper).encode()
        yield from _badges(page)
    top = _chrome(report, FolderLinks("", there, report.commits), several=several)
    for view in reversed([view for view in VIEWS if report.overview.deprecated or not view.deprecated]):
        for part in reversed(list(_parts(report.overview, view))):
            yield page_of(part.query), models_page(part, top).encode()


def badge_of(page: ModelPage, stage: str = "", label: str = "") -> badges.Badge:
    """The badge of a stage of a model, or for "" of its latest version."""
    name = page.model.name
    if not stage:
        latest = page.model.latest()
        registered = latest.name if latest is not None and latest.registered else ""
        return badges.latest_badge(name, registered, label)
    row = next((row for row in page.rows if row.stage == stage), None)
    if row is None and page.model.ambiguous:
        row = unknown(page.model, stage)
    held = row.holder.version.name if row is not None and row.holder is not None else ""
    return badges.stage_badge(name, stage, held, row, label)


def _badges(page: ModelPage) -> Iterator[File]:
    name = file_name(page.model.name)
    yield f"{BADGES}/{name}.svg", badges.svg(badge_of(page)).encode()
    for stage in page.stages:
        yield f"{BADGES}/{name}/{file_name(stage)}.svg", badges.svg(badge_of(page, stage)).encode()


def _chrome(report: Report, links: FolderLinks, *, several: bool) -> Chrome:
    scripts = [links.asset(SCRIPT)]
    if several:
        scripts.insert(0, f"{links.here}{ASSETS}/{INDEX}")
    return Chrome(
        name=report.name,
        links=links,
        program=report.program,
        made=report.made,
        notices=report.notices,
        policy=_POLICY,
        scripts=tuple(scripts),
    )


def _parts(whole: Overview, view: Query) -> Iterator[Overview]:
    """The pages of one table; one without rows where there are no models."""
    rows = [row for row in whole.rows if view.deprecated or not row.deprecated]
    if view.sort == "newest":
        rows.sort(key=lambda row: row.newest, reverse=view.descending)  # those of one time stay in order of their names
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    for number in range(1, pages + 1):
        shown = tuple(rows[(number - 1) * PAGE_SIZE : number * PAGE_SIZE])
        yield whole._replace(query=view._replace(page=number), rows=shown, matching=len(rows), pages=pages)


def _index(rows: Sequence[ModelRow]) -> str:
    """All models for the script that finds one on another page: name, type, latest version, stages, file."""
    lines = ",\n".join(json.dumps(_entry(row)) for row in rows)
    return f"const modelsOfReport = [\n{lines}\n];\n"


def _entry(row: ModelRow) -> list[object]:
    held = [[cell.stage, cell.version] for cell in row.stages.values() if cell.version]
    return [row.name, row.type, row.latest, held, f"{MODEL_PAGES}/{file_name(row.name)}.html", int(row.deprecated)]
