"""What `reconcile` found and did: the document (docs/reference/json.md), a page for people, and the job summary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from model_stage_deploy.core.drift import Consent, Kind, Remedy
from model_stage_deploy.core.outcome import document as outcome_document
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.reconciled import Reconciled, Seen
from model_stage_deploy.core.writing import PROGRAM
from model_stage_deploy.report.books import FLAGS
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.drift_words import advice, sentence
from model_stage_deploy.report.lifecycle import record_document
from model_stage_deploy.report.markdown import Scrub, code, fit, text
from model_stage_deploy.report.registry import held, moment
from model_stage_deploy.report.text import describe

SCHEMA = "model-stage-deploy/drift/v1"
_HEADING = ("MODEL", "STAGE", "DECIDED", "TAG", "RUNNING", "SINCE", "DRIFT")
_DAY = 10  # characters of an ISO 8601 time
_MOST_ROWS = 500
_LIMIT = 1024 * 1024 - 1024  # bytes of a job summary, of which GitHub drops one that is larger
_ICONS = {
    Result.CHECKED: "🔎",
    Result.PLANNED: "📝",
    Result.DEPLOYED: "✅",
    Result.REFUSED: "⛔",
    Result.ERROR: "💥",
    Result.UNRECORDED: "⚠️",
    Result.CANCELLED: "🛑",
}


def document(found: Reconciled, recorded_in: str) -> dict[str, Any]:
    """`reconcile --json`. `recorded_in` says where deployments are recorded: github, gitlab, git or log."""
    reason = found.reason
    return {
        "schema": SCHEMA,
        "result": reason.result.value,
        "reason": reason.value,
        "exit_code": reason.exit_code,
        "message": headline(found),
        "recorded_in": recorded_in,
        "apply": found.consent.apply,
        "settings": found.consent.settings,
        "force": found.consent.force,
        "dry_run": found.dry_run,
        "drifted": len(found.drifted),
        "left": len(found.left),
        "stages": [_stage(one, found.consent) for one in found.seen],
        "warnings": list(found.warnings),
    }


def headline(found: Reconciled) -> str:
    """The result in one line."""
    total, drifted, left = len(found.compared), len(found.drifted), len(found.left)
    of = f"of {total} stage{'' if total == 1 else 's'}"
    unknown = sum(one.row.kind is Kind.UNKNOWN for one in found.seen)
    dark = f"; {unknown} cannot be told" if unknown else ""
    healed = sum(one.healed for one in found.seen)
    if found.reason is Reason.CANCELLED:
        return f"cancelled: {healed} healed, {left} {of} have drifted still{dark}"
    if found.dry_run and found.consent.apply:
        planned = sum(part.reason is Reason.DRY_RUN for part in found.parts)
        return f"{planned} {of} would be healed, {left - planned} would stay as they are{dark}"
    if healed or found.parts:
        return f"{healed} {of} healed, {left} left as they are{dark}"
    if drifted:
        return f"{drifted} {of} {'has' if drifted == 1 else 'have'} drifted{dark}"
    same = sum(one.row.kind is Kind.IN_SYNC for one in found.seen)
    noted = total - unknown - same
    notes = f"; {noted} with a note" if noted else ""
    return f"in sync: {same} {of} {'has' if same == 1 else 'have'} what the registry decides{notes}{dark}"


def page(found: Reconciled, recorded_in: str) -> Iterator[Block]:
    """The same for people: what is not in sync, why, what was done, and what to do."""
    shown = [one for one in found.seen if sentence(one.row)]
    if shown:
        yield Table([_HEADING, *(_cells(one) for one in shown)])
    for one in shown:
        yield f"{one.row.life.model}: {sentence(one.row)}"
        told = advice(one.row, found.consent)
        if told and not one.healed:
            yield f"  what to do: {told}"
    for one in found.seen:
        yield from _end_lines(one)
    for warning in found.warnings:
        yield f"warning: {warning}"
    yield headline(found)
    if found.waiting and not found.consent.apply:
        way = FLAGS.get(recorded_in, "")
        yield f"  to heal {len(found.waiting)}: {PROGRAM} reconcile --apply{way}"
    if found.reason.exit_code:
        yield f"  reason: {found.reason.value} (exit code {found.reason.exit_code})"


def summary(found: Reconciled, scrub: Scrub) -> str:
    """Markdown for the job summary; `scrub` removes secrets before texts are escaped."""
    shown = [one for one in found.seen if sentence(one.row)]
    head = f"## {_ICONS.get(found.reason.result, '❌')} {text(scrub, headline(found))}"
    code_of = f"`{found.reason.value}`" + (f" (exit code {found.reason.exit_code})" if found.reason.exit_code else "")
    told = {"head": f"{head}\n\n{code_of}\n"}
    if shown:
        told["stages"] = "\n".join(_table(shown, scrub)) + "\n"
    notes = [f"- {_where(one, scrub)}: {text(scrub, note)}" for one in shown if (note := _note(one, found.consent))]
    if notes:
        told["notes"] = "\n".join(["**What to do**", "", *notes[:_MOST_ROWS]]) + "\n"
    warnings = [f"- {text(scrub, warning)}" for warning in found.warnings]
    if warnings:
        told["warnings"] = "\n".join(["**Warnings**", "", *warnings]) + "\n"
    return fit(told, _LIMIT, {"notes": "what to do", "warnings": "the warnings", "stages": "the stages"})


def _table(shown: list[Seen], scrub: Scrub) -> Iterator[str]:
    yield "| Model | Stage | Decided | Running | Drift | What came of it |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in shown[:_MOST_ROWS]:
        model, stage, decided, _, running, _, kind = _cells(one)
        ended = text(scrub, one.end.message.replace("\n", "; "), 300) if one.end else ""
        names = " | ".join(code(scrub, name) for name in (model, stage, decided, running))
        yield f"| {names} | `{kind}`: {text(scrub, sentence(one.row), 600)} | {ended} |"
    if len(shown) > _MOST_ROWS:
        yield f"\n*{len(shown) - _MOST_ROWS} more: see the output `json`.*"


def _note(one: Seen, consent: Consent) -> str:
    if one.healed:
        return ""
    return (one.end.hint if one.end else "") or advice(one.row, consent)


def _where(one: Seen, scrub: Scrub) -> str:
    return f"{code(scrub, one.row.life.model)} {code(scrub, one.row.life.stage)}"


def _end_lines(one: Seen) -> Iterator[str]:
    """What came of healing it; of a dry run the whole plan, with its gates."""
    if one.end is None:
        return
    model, stage = one.row.place
    word = "would heal" if one.end.reason is Reason.DRY_RUN else "healed" if one.healed else "not healed"
    yield f"{word}: {model} {stage}"
    yield from (f"  {line}" for line in describe(one.end))


def _cells(one: Seen) -> tuple[str, ...]:
    life = one.row.life
    holder, running = life.holder, life.running
    decided = (holder.version.name[:40], holder.event.tag.text) if holder else ("-", "-")
    version = running.version[:40] if running else "-" if life.running_known else "?"
    since = (running.ended or running.created)[:_DAY] if running else "-"
    return (life.model, life.stage, *decided, version, since, one.row.kind.value)


def _stage(one: Seen, consent: Consent) -> dict[str, Any]:
    row, life = one.row, one.row.life
    able = row.remedy is not Remedy.NONE
    return {
        "model": life.model,
        "stage": life.stage,
        "kind": row.kind.value,
        "drift": row.counts(consent),
        "message": sentence(row),
        "remedy": row.remedy.value if able else None,
        "asks": row.asks.value if able else None,
        "tag": row.tag or None,
        "decided": held(life.holder) | {"by": life.holder.event.record.tagger} if life.holder else None,
        "running": record_document(life.running),
        "newest": record_document(life.newest),
        "taken_by": row.taken.tag.text if row.taken else None,
        "policy": row.policy or None,
        "failed_in_a_row": row.tries,
        "environment": life.environment or None,
        "locked": {"by": row.frozen.owner, "why": row.frozen.reason or None, "since": moment(int(row.frozen.since))}
        if row.frozen
        else None,
        "hint": advice(row, consent) or None,
        "reason": life.reason.value if life.reason else None,
        "healed": one.healed,
        "outcome": outcome_document(one.end) if one.end else None,
    }
