"""`report`: the registry read once and given to those who make pages, one file, or a badge of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from model_stage_deploy import __version__
from model_stage_deploy.core.dashboard import ModelPage, Overview, Query
from model_stage_deploy.core.errors import Invalid, Refused
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import is_model_name, is_stage_name
from model_stage_deploy.faces.addresses import commits_of, name_of
from model_stage_deploy.faces.browsing import Browser
from model_stage_deploy.faces.opening import origin_of
from model_stage_deploy.faces.report_files import write_file, write_folder
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.report.html.badge import Badge
from model_stage_deploy.report.html.static_site import Report, badge_of, folder
from model_stage_deploy.report.registry import moment

PROGRAM = f"model-stage-deploy {__version__}"


def publish_folder(
    settings: Settings, environ: Mapping[str, str], directory: Path, models: Sequence[str], *, force: bool
) -> list[str]:
    """Write the report as a folder; the paths below it. `models` are the only ones that are in it, () for all.

    Raises Refused (unknown-model, incomplete-tags), Invalid (usage, not-a-repository), MachineryFailed.
    """
    with closing(Browser(settings, environ, patient=True)) as browser:
        report = _report(browser, settings, environ, models)
        return write_folder(directory, folder(report, _pages(browser, report)), force=force)


def publish_file(
    settings: Settings, environ: Mapping[str, str], path: Path, models: Sequence[str], *, force: bool
) -> None:
    """Write the report as one HTML file. Raises what `publish_folder` raises."""
    from model_stage_deploy.report.html.one_file import one_file

    with closing(Browser(settings, environ, patient=True)) as browser:
        report = _report(browser, settings, environ, models)
        write_file(path, one_file(report, _pages(browser, report)), force=force)


def badge(settings: Settings, environ: Mapping[str, str], subject: str, label: str = "") -> Badge:
    """The badge of `churn#prod`, or of `churn`: its latest version. Raises what `publish_folder` raises."""
    model, found, stage = subject.partition("#")
    if not is_model_name(model) or (found and not is_stage_name(stage)):
        raise Invalid(
            Reason.USAGE,
            f"--badge is {one_line(subject, 120)!r}, which is no model and stage",
            hint="write 'churn#prod' for a stage, churn for the latest version",
        )
    with closing(Browser(settings, environ, patient=True)) as browser:
        page = browser.model(model)
    if found and stage not in page.stages:
        known = ", ".join(page.stages) or "none"
        raise Invalid(Reason.USAGE, f"{model} has no stage {stage!r}", hint=f"its stages: {known}")
    return badge_of(page, stage, label)


def _report(browser: Browser, settings: Settings, environ: Mapping[str, str], models: Sequence[str]) -> Report:
    overview, origin = _everything(browser, models), origin_of(settings.repo)
    name, commits = name_of(settings.repo, origin), commits_of(origin, environ)
    return Report(name, moment(int(time.time())) or "", overview, PROGRAM, commits)


def _everything(browser: Browser, models: Sequence[str]) -> Overview:
    """Every model, or those that were named, on one page. Raises Refused (unknown-model)."""
    whole = browser.overview(Query(deprecated=True))
    rows = list(whole.rows)
    for page in range(2, whole.pages + 1):
        rows += browser.overview(Query(deprecated=True, page=page)).rows
    if models:
        unknown = [name for name in models if name not in {row.name for row in rows}]
        if unknown:
            raise Refused(
                Reason.UNKNOWN_MODEL,
                f"there is no model {one_line(unknown[0], 120)!r} in this registry",
                hint="all models: python -m model_stage_deploy show",
            )
        rows = [row for row in rows if row.name in set(models)]
    stages = {stage for row in rows for stage in row.stages} if models else set(whole.stages)
    return whole._replace(
        rows=tuple(rows),
        stages=tuple(stage for stage in whole.stages if stage in stages),
        types=tuple(sorted({row.type for row in rows if row.type})),
        total=len(rows),
        matching=len(rows),
        deprecated=sum(row.deprecated for row in rows),
        pages=1,
        findings=() if models else whole.findings,
    )


def _pages(browser: Browser, report: Report) -> Iterator[ModelPage]:
    return browser.pages([row.name for row in report.overview.rows])
