"""What `check` found, as GitHub Markdown: for the job summary and for a check run on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.report import check_run
from model_stage_deploy.report.markdown import Scrub, page
from model_stage_deploy.report.summary import LIMIT

_DISPENSABLE = {"actions": "what deployments would do", "notes": "the notes", "stages": "the stages"}
_MOST = 200  # stages
_MARKS = {"passed": "✅", "failed": "❌", "unknown": "❓"}


def headline(document: Mapping[str, Any]) -> str:
    """The result in one line. `document` is that of `check --json`."""
    wrong = sum(bool(row["problem"]) for row in document["stages"])
    stages = f"{wrong} {'stage' if wrong == 1 else 'stages'}"
    found = "the mapping is right" if document["ok"] else f"the mapping has problems with {stages}"
    return f"{'Checked' if document['ok'] else 'Invalid'}: {document['mapping']}: {found}"


def summary(document: Mapping[str, Any], mistakes: Sequence[Mistake], scrub: Scrub, *, limit: int = LIMIT) -> str:
    """Markdown of at most `limit` bytes; `scrub` removes secrets before texts are escaped."""
    rows = [row | {"told": ", ".join(_told(row))} for row in document["stages"]]
    values = {
        "ok": document["ok"],
        "headline": headline(document),
        "notes": document["notes"],
        "mistakes": mistakes[:_MOST],
        "stages": rows[:_MOST],
        "more_stages": max(0, len(rows) - _MOST),
        "actions": list(_actions(rows)),
    }
    return page("check.md.j2", scrub, values, limit=limit, dispensable=_DISPENSABLE)


def report(
    document: Mapping[str, Any], mistakes: tuple[Mistake, ...], commit: str, url: str, name: str, scrub: Scrub
) -> CheckRun:
    """The check run that says the same."""
    return CheckRun(
        name=name,
        commit=commit,
        conclusion="success" if document["ok"] else "failure",
        title=scrub(headline(document)),
        summary=summary(document, mistakes, scrub, limit=check_run.LIMIT),
        url=url,
        mistakes=check_run.scrubbed(mistakes, scrub),
    )


def _told(row: Mapping[str, Any]) -> Iterator[str]:
    for gate in row["gates"]:
        yield f"{_MARKS[gate['answer']]} {gate['gate']}"


def _actions(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["actions"] and not row["problem"]:
            yield f"{row['model']} {row['stage']}"
            yield from (f"  {line}" for action in row["actions"] for line in action.split("\n"))
