"""`command: sweep` in a workflow: on a schedule, close what dead runs left behind."""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer

GRACE = 600.0
"""Seconds for which a deployment that no lock tells of is left alone."""


def sweep_for_action(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    """The lines in the log, the document as the output `json`; the exit code. Raises ModelStageError."""
    import json

    from model_stage_deploy.core.registry import fold
    from model_stage_deploy.core.tags import require_model_name
    from model_stage_deploy.faces.hosting import books_of
    from model_stage_deploy.faces.wiring import working
    from model_stage_deploy.flows.sweep import sweep
    from model_stage_deploy.report.upkeep import sweep_document, sweep_page

    event = read_event(environ)
    recorded_in = books_of(settings, event).value
    name = require_model_name(settings.model) if settings.model else None
    with working(settings, event, environ, announcer, scrubber) as context:
        if context.host is None:
            raise context.hostless or AssertionError(settings.command)
        registry = fold(context.repository.tags(name))
        models = [registry.model(name)] if name else list(registry)
        swept = sweep(context, context.host, models, everything=name is None, grace=GRACE, dry_run=settings.dry_run)
    for block in sweep_page(swept, recorded_in):
        announcer.say(str(block))
    told = scrubber.value(sweep_document(swept, recorded_in))
    announcer.outputs(
        {"result": swept.reason.result.value, "reason": swept.reason.value, "json": json.dumps(told, ensure_ascii=True)}
    )
    if swept.reason.exit_code:
        announcer.note("error", "not every stage could be swept: see the log", title="model-stage-deploy")
    return swept.reason.exit_code
