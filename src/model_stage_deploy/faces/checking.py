"""`check` for the command line and for the action."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import WorkflowEvent, read_event
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer

if TYPE_CHECKING:
    from model_stage_deploy.flows.check import StageCheck

CHECK_SCHEMA = "model-stage-deploy/check/v1"


def check_document(
    settings: Settings,
    environ: Mapping[str, str],
    announcer: Announcer | None = None,
    scrubber: Scrubber | None = None,
) -> tuple[dict[str, Any], Iterator[str], int]:
    """The check as a document, as lines, and its exit code: 0, or 2 where a stage has a problem.

    Raises ModelStageError for a mapping that is missing or wrong in itself.
    """
    document, _, code = _checked(settings, environ, announcer, scrubber)
    return document, _lines(document), code


def _checked(
    settings: Settings,
    environ: Mapping[str, str],
    announcer: Announcer | None,
    scrubber: Scrubber | None,
) -> tuple[dict[str, Any], list[StageCheck], int]:
    """The document, what it was made of, and the exit code."""
    from dataclasses import replace

    from model_stage_deploy.faces.wiring import working
    from model_stage_deploy.flows.check import check

    scrubber = scrubber or Scrubber()
    announcer = announcer or TerminalAnnouncer(sys.stderr, scrubber)
    dry = replace(settings, dry_run=True)
    with working(dry, read_event(environ), environ, announcer, scrubber) as context:
        configuration, rows = check(context, only=settings.model)
    problems = [row for row in rows if row.problem]
    document: dict[str, Any] = scrubber.value(
        {
            "schema": CHECK_SCHEMA,
            "mapping": configuration.label,
            "ok": not problems,
            "notes": list(configuration.mapping.notes),
            "stages": [_row(row) for row in rows],
        }
    )
    return document, rows, Reason.MAPPING_INVALID.exit_code if problems else 0


def _row(row: StageCheck) -> dict[str, Any]:
    from dataclasses import asdict, replace

    from model_stage_deploy.core.outcome import gate_document

    plain = asdict(replace(row, gates=(), mistakes=()))
    del plain["mistakes"]
    return {**plain, "gates": [gate_document(verdict) for verdict in row.gates]}


def check_for_action(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    """`command: check` in a workflow: lines in the log, problems as annotations, `json`, job summary, check run."""
    import json

    from model_stage_deploy.faces.reporting import AT_LINES, CHECK, report
    from model_stage_deploy.report import checks

    document, rows, code = _checked(settings, environ, announcer, scrubber)
    mistakes = tuple(dict.fromkeys(mistake for row in rows for mistake in row.mistakes))
    for line in _lines(document):
        announcer.say(line)
    reason = Reason.MAPPING_INVALID if code else Reason.MAPPING_VALID
    announcer.outputs({"result": reason.result.value, "reason": reason.value, "json": json.dumps(document)})
    if code:
        announcer.note("error", "the mapping has problems: see the log", title="model-stage-deploy")
    for mistake in mistakes[:AT_LINES]:
        announcer.note("error", mistake.said, title=mistake.path, at=mistake)
    announcer.summary(checks.summary(document, mistakes, scrubber.text))

    def run(event: WorkflowEvent) -> Iterator[CheckRun]:
        where = event.head or event.commit
        yield checks.report(document, mistakes, where, event.run.url, CHECK, scrubber.text)

    report(run, settings, environ, announcer)
    return code


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['mapping']}: {'the mapping is right' if document['ok'] else 'the mapping has problems'}"
    yield from (f"  note: {note}" for note in document["notes"])
    if not document["stages"]:
        yield "  no model in the registry yet, so no stage to show"
    for row in document["stages"]:
        version = row["version"] or "no version yet"
        yield f"{row['model']} #{row['stage']}: {version}"
        if row["problem"]:
            yield f"  PROBLEM: {row['problem']}"
            yield from ([f"  what to do: {row['hint']}"] if row["hint"] else [])
            continue
        if row["environment"]:
            yield f"  environment {row['environment']}, deployer {row['deployer']}"
        if row["targets"] != row["looked_at"]:
            looked_at = f", of which {row['looked_at']} were looked at" if row["looked_at"] else ""
            yield f"  {row['targets']} target{'' if row['targets'] == 1 else 's'}{looked_at}"
        for gate in row["gates"]:
            mark = {"passed": "pass", "failed": "NO", "unknown": "?"}[gate["answer"]]
            yield f"  gate {gate['gate']}: {mark}: {gate['sentence']}"
        yield from (f"  would do: {line}" for action in row["actions"] for line in action.split("\n"))
