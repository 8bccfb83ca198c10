"""Pages to look at: `.venv/bin/python -m tests.report.html.looking DIR` writes them there, with their assets."""

from __future__ import annotations

import sys
from pathlib import Path

from model_stage_deploy.core.dashboard import Query
from model_stage_deploy.report.html.assets import assets
from model_stage_deploy.report.html.pages import message_page, model_page, models_page
from tests.report.html.hostile import hostile_page, wide_overview
from tests.report.html.plain_links import PlainLinks, chrome
from tests.report.html.sample_tables import empty_overview, overview
from tests.report.html.samples import page


def pages() -> dict[str, str]:
    """Every page by a name for its file."""
    reading = chrome(read_only="This is a report.", links=PlainLinks(writable=False))
    return {
        "models": models_page(
            overview(), chrome(notices=("The remote origin has 3 tags that this clone lacks.",), fetch="/fetch")
        ),
        "models-reading": models_page(
            overview(
                asked=False,
                stages_asked=True,
                recorded_in="",
                unasked="What is running is not shown: nobody was asked.",
            ),
            reading,
        ),
        "models-waiting": models_page(overview(asked=False), chrome()),
        "models-wide": models_page(wide_overview(), chrome()),
        "models-empty": models_page(empty_overview(), chrome()),
        "models-none": models_page(overview()._replace(rows=(), matching=0, query=Query(text="zzz")), chrome()),
        "model": model_page(page(), chrome()),
        "model-long": model_page(page(versions=40), chrome()),
        "model-hostile": model_page(hostile_page(), chrome()),
        "model-report": model_page(page(), reading._replace(made="2026-11-21T23:00:00+00:00")),
        "message": message_page(
            "There is no such model", ["The registry has no model 'chrun'."], chrome(), hint="models that it has: churn"
        ),
    }


def write(directory: Path) -> None:
    """All pages and their assets into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for asset in assets().values():
        (directory / asset.name).write_bytes(asset.content)
    for name, text in pages().items():
        (directory / f"{name}.html").write_text(text, encoding="utf-8", errors="backslashreplace")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
