"""The job summary: an outcome as GitHub Markdown. Foreign text is fenced or escaped, so it stays text (markdown.py)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.target_outcome import by_result, is_bad
from model_stage_deploy.core.target_tally import in_words
from model_stage_deploy.core.way import Way, after
from model_stage_deploy.report.markdown import Scrub, page
from model_stage_deploy.report.next_steps import next_commands
from model_stage_deploy.report.targets import target_tables
from model_stage_deploy.report.text import headline, word
from model_stage_deploy.report.way import picture

LIMIT = 1024 * 1024 - 1024
"""Bytes of a summary. GitHub takes 1 MiB a step and drops a larger one whole; a little room is left for others."""

_ICONS = {
    Result.DEPLOYED: "✅",
    Result.PLANNED: "📝",
    Result.RESOLVED: "🔎",
    Result.CHECKED: "🔎",
    Result.WRITTEN: "📝",
    Result.UNDEPLOYED: "🗑️",
    Result.NOTHING_TO_DO: "⚪",
    Result.FAILED: "❌",
    Result.INVALID: "❌",
    Result.REFUSED: "⛔",
    Result.ERROR: "💥",
    Result.UNRECORDED: "⚠️",
    Result.CANCELLED: "🛑",
}
_HAPPENED = {
    Result.DEPLOYED: "deployed",
    Result.PLANNED: "would be deployed",
    Result.UNDEPLOYED: "undeployed",
    Result.FAILED: "failed",
    Result.REFUSED: "refused",
    Result.INVALID: "invalid",
    Result.ERROR: "error",
    Result.UNRECORDED: "not recorded",
    Result.CANCELLED: "cancelled",
    Result.NOTHING_TO_DO: "nothing to do",
}
_DISPENSABLE = {
    "tail": "the end of the deployer's output",
    "facts": "the facts",
    "rest": "the targets that are well",
    "steps": "the timing",
    "actions": "what would be done",
    "mistakes": "the mistakes",
    "details": "the details",
    "mirrors": "the mirrors",
    "checks": "the verification",
    "gates": "the gates",
    "targets": "the targets",
    "warnings": "the warnings",
    "picture": "the picture",
}
_SHOWN = 50  # mistakes, facts; the rest is counted


@dataclass(frozen=True, slots=True)
class _Row:
    """One stage: what it had, was to have, and has now: versions, "" for nothing, None for not known.

    `unsure` is what is said where it is not known what it has now.
    """

    stage: str
    before: str | None
    wanted: str
    live: str | None
    unsure: str
    result: str


def summary(outcome: Outcome, scrub: Scrub, *, limit: int = LIMIT, pictures: bool = True) -> str:
    """Markdown for the job summary, of at most `limit` bytes. `scrub` removes secrets before texts are escaped.

    Without `pictures` for a place that does not draw Mermaid.
    """
    values: Mapping[str, Any] = {
        "outcome": outcome,
        "icon": _ICONS[outcome.result],
        "headline": _headline(outcome),
        "more": () if outcome.mistakes or outcome.gates else outcome.message.split("\n")[1:_SHOWN],
        "rows": list(_rows(outcome)),
        "commands": next_commands(outcome),
        "mistakes": outcome.mistakes[:_SHOWN],
        "more_mistakes": max(0, len(outcome.mistakes) - _SHOWN),
        "pictures": [_picture(outcome, way, scrub) for way in _ways(outcome) if pictures],
        "details": list(_details(outcome)),
        "facts": list(_facts(outcome)),
        "url": _link(outcome, scrub),
        "targets": target_tables(outcome),
        "took": f"Took {sum(step.seconds for step in outcome.steps):.1f} s",
    }
    return page("summary.md.j2", scrub, values, limit=limit, dispensable=_DISPENSABLE)


def _headline(outcome: Outcome) -> str:
    """The result in one line; what is told in a table of its own is only counted."""
    if len(outcome.mistakes) > 1:
        files = ", ".join(dict.fromkeys(mistake.file for mistake in outcome.mistakes))
        return f"{word(outcome.result)}: {files} has {len(outcome.mistakes)} mistakes"
    if any(map(is_bad, outcome.targets)):
        about, counts = outcome.subject, in_words(by_result(outcome.targets).items())
        return f"{word(outcome.result)}: {about.model} {about.version} in {about.stage}: {counts}"
    if len(outcome.parts) > 1:
        wrong = sum(part.exit_code != 0 for part in outcome.parts)
        which = outcome.subject.tag or outcome.subject.model or "what had drifted"
        return f"{word(outcome.result)}: {which}: {len(outcome.parts)} stages, {wrong or 'none'} of them not well"
    return headline(outcome).partition("\n")[0].rstrip(":")


def _rows(outcome: Outcome) -> Iterator[_Row]:
    for part in outcome.parts or (outcome,):
        if part.subject.stage and (part.subject.version or part.way):
            yield _row(part, several=bool(outcome.parts))


def _row(outcome: Outcome, *, several: bool) -> _Row:
    subject, plan = outcome.subject, outcome.plan
    spot = outcome.way.spot(subject.stage) if outcome.way else None
    before = spot.running if spot else None
    if plan is not None and plan.decision.previous:
        before = plan.decision.previous.version
    undeploys = plan is not None and plan.decision.action == "undeploy"
    touched = bool(outcome.deployment_id or outcome.placed or outcome.ended_as)
    if outcome.live_version or outcome.undeployed:
        live: str | None = outcome.live_version
    else:
        live = spot.running if spot and not touched else None
    said = headline(outcome) if several else word(outcome.result)
    return _Row(
        f"{subject.model} {subject.stage}",
        before,
        "" if undeploys else subject.version,
        live,
        "not known: look at it" if touched else "as before",
        said,
    )


def _ways(outcome: Outcome) -> list[Way]:
    """The ways of all models that the run was about, as they are at its end."""
    ways: dict[str, Way] = {}
    for part in (outcome, *outcome.parts):
        if part.way is not None:
            ways.setdefault(part.way.model, part.way)
    return [after(way, outcome) for way in ways.values()]


def _picture(outcome: Outcome, way: Way, scrub: Scrub) -> str:
    parts = [part for part in outcome.parts or (outcome,) if part.subject.model == way.model]
    return picture(way, {part.subject.stage: _happened(part) for part in parts}, scrub)


def _happened(outcome: Outcome) -> str:
    if outcome.back is not None and outcome.back.live:
        return "failed, rolled back"
    rolled_back = outcome.result is Result.DEPLOYED and outcome.reason is Reason.ROLLED_BACK
    return "rolled back" if rolled_back else _HAPPENED.get(outcome.result, "")


def _details(outcome: Outcome) -> Iterator[tuple[str, str]]:
    plan, subject = outcome.plan, outcome.subject
    known = {
        "Model": subject.model,
        "Version": subject.version,
        "Environment": plan.environment if plan else "",
        "Production": "yes" if plan and plan.production else "",
        "Deployer": plan.deployer if plan else "",
        "Reported live": outcome.receipt.version if outcome.receipt else "",
        "Tag": subject.tag,
        "Commit": subject.commit,
        "Mapping": plan.config if plan else "",
        "Deployment": outcome.deployment_id,
    }
    yield from ((name, value) for name, value in known.items() if value)


def _facts(outcome: Outcome) -> Iterator[tuple[str, str, str]]:
    """Facts as JSON: of which gate or verification, by what name, and what."""
    told = [(verdict.gate, verdict.facts) for verdict in outcome.gates]
    told += [(check.check, check.facts) for check in outcome.checks]
    told += [(one.mirror, one.facts) for one in outcome.mirrors]
    if outcome.receipt is not None:
        told.append((outcome.plan.deployer if outcome.plan else "the deployer", outcome.receipt.facts))
    rows = [(who, name, _fact(value)) for who, facts in told for name, value in facts.items()]
    yield from rows[:_SHOWN]
    if len(rows) > _SHOWN:
        yield ("", f"{len(rows) - _SHOWN} more", "see the output `json`")


def _fact(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _link(outcome: Outcome, scrub: Scrub) -> str:
    url = outcome.environment_url if outcome.result is Result.DEPLOYED else ""
    harmless = re.fullmatch(r"https?://[^\s<>()\[\]\\\"`|]+", url) and scrub(url) == url
    return url if harmless else ""
