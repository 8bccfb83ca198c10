"""`history --deployments`: every attempt that the code host, or the log of this repository, has a record of."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from model_stage_deploy.core.errors import Invalid, Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.hosting import books_of
from model_stage_deploy.faces.looking import looking
from model_stage_deploy.faces.opening import read_model, read_registry, require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.flows.status import MOST, status
from model_stage_deploy.report import deployments as view

_NEWEST = 20  # attempts that are shown, unless more are asked for


def show_deployments(given: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Attempts of one model, of one stage of it, or of all, newest first; 4 where not all of them could be read.

    Raises Refused (unknown-model, never-in-stage, incomplete-tags), Invalid (usage, not-a-repository),
    MachineryFailed (log-failed).
    """
    if given.at:
        raise Invalid(
            Reason.USAGE,
            "--at is about tags, and deployments are none",
            hint="--since leaves out what is older: history MODEL --deployments --since 7d",
        )
    limit = given.limit or _NEWEST
    if limit > MOST:
        raise Invalid(
            Reason.USAGE,
            f"--limit {limit} is too much: {MOST} deployments of a stage can be read at once",
            hint=f"--limit {MOST}, or one stage alone: history MODEL STAGE --deployments",
        )
    require_path(given.repo, "history --deployments")
    if given.model:
        models = [read_model(given.repo, given.model, environ)[1]]
    else:
        models = list(read_registry(given.repo, environ))
    settings, event = settings_of(given), read_event(environ)
    recorded_in = books_of(settings, event).value
    with looking(settings, event, environ) as (context, host):
        rows = status(context, host, models, past=limit, only=given.stage)
    if given.stage and not rows:
        raise Refused(
            Reason.NEVER_IN_STAGE,
            f"{given.model} has no version in {given.stage}",
            hint=f"stages that its tags name: {', '.join(models[0].stages) or 'none'}",
        )
    tried = view.attempts(rows, limit=limit, since=given.since)
    document = view.document(tried, rows, recorded_in=recorded_in) if given.json else {}
    print_page(document, view.page(tried, rows, recorded_in=recorded_in), as_json=given.json)
    reasons = (row.reason for row in rows if row.reason is not None and not row.records)
    unmapped = (Reason.UNMAPPED_STAGE, Reason.UNMAPPED_IGNORED)
    return next((reason.exit_code for reason in reasons if reason not in unmapped), 0)
