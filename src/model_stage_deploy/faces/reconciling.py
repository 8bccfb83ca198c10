"""`reconcile`: what a lost event left undone, and with `apply` done after all. For the action and the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer

if TYPE_CHECKING:
    from model_stage_deploy.core.reconciled import Reconciled

_SHOWN = 10  # stages that the annotation names


def reconciled(settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber) -> Reconciled:
    """Compare, and with `settings.apply` heal.

    Raises what flows.reconcile raises, and Invalid (usage, not-a-repository).
    """
    from model_stage_deploy.core.drift import Consent
    from model_stage_deploy.core.tags import require_model_name, require_stage_name
    from model_stage_deploy.faces.wiring import working
    from model_stage_deploy.flows.reconcile import Wanted, reconcile

    if settings.override:
        raise Invalid(
            Reason.USAGE,
            "reconcile goes past no gate, whoever asks",
            hint="deploy the one tag with --override REASON instead",
        )
    model = require_model_name(settings.model) if settings.model else ""
    stage = require_stage_name(settings.stage) if settings.stage else ""
    wanted = Wanted(model, stage, Consent(settings.apply, settings.settings, settings.force))
    with working(settings, read_event(environ), environ, announcer, scrubber) as context:
        if context.host is None:
            raise context.hostless or AssertionError(settings.command)
        return reconcile(context, context.host, wanted)


def recorded_in(settings: Settings, environ: Mapping[str, str]) -> str:
    """Where deployments are recorded: github, gitlab, git or log."""
    from model_stage_deploy.faces.hosting import books_of

    return books_of(settings, read_event(environ)).value


def reconcile_for_action(
    settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber
) -> int:
    """`command: reconcile` in a workflow: lines, annotation, outputs and job summary; the exit code.

    Raises ModelStageError.
    """
    from model_stage_deploy.faces.reporting import report_outcome
    from model_stage_deploy.faces.signals import undisturbed
    from model_stage_deploy.report.columns import Table, columns
    from model_stage_deploy.report.drift import document, headline, page, summary

    found = reconciled(settings, environ, announcer, scrubber)
    where = recorded_in(settings, environ)
    with undisturbed():
        for block in page(found, where):
            for line in columns(block.rows) if isinstance(block, Table) else (block,):
                announcer.say(line)
        if found.reason.exit_code:
            announcer.note("error", f"{headline(found)}{_named(found)}", title="model-stage-deploy")
        told = scrubber.value(document(found, where))
        announcer.outputs(
            {
                "result": found.reason.result.value,
                "reason": found.reason.value,
                "count": str(len(found.left)),
                "json": json.dumps(told, ensure_ascii=True),
            }
        )
        announcer.summary(summary(found, scrubber.text))
        for end in found.parts:
            report_outcome(end, settings, environ, announcer, scrubber)
    return found.reason.exit_code


def _named(found: Reconciled) -> str:
    """The stages that have drifted still, as far as an annotation has room for them."""
    places = [f"{one.row.life.model} {one.row.life.stage} ({one.row.kind.value})" for one in found.left]
    more = f" and {len(places) - _SHOWN} more" if len(places) > _SHOWN else ""
    return f": {', '.join(places[:_SHOWN])}{more}" if places else ""
