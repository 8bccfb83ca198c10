"""sweep and approve: what people and schedules do around deployments."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import require_model_name
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.opening import read_model, read_registry, require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report import upkeep as view

if TYPE_CHECKING:
    from model_stage_deploy.flows.context import Context
    from model_stage_deploy.ports import CodeHost


def _sweep_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    command.add_argument("--dry-run", action="store_true", help="say what would be closed; change nothing")
    command.add_argument(
        "--grace",
        default="10m",
        metavar="TIME",
        help="leave alone what began less than this ago: 90s, 10m, 0 (default: %(default)s)",
    )
    _host_arguments(command)


def _approve_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="the model: churn, fraud/eu, dir:churn")
    command.add_argument("named", metavar="version", help="the version: v3.1.0")  # `version` is that of the program
    command.add_argument("stage", help="the stage: prod")
    command.add_argument("-m", "--message", default="", help="why")
    _host_arguments(command)


def _host_arguments(command: argparse.ArgumentParser) -> None:
    mapping_arguments(command)
    records_arguments(command, "use the log in the repository's `.git`, not the code host's deployments")


def _sweep(given: argparse.Namespace) -> int:
    """Close what killed runs left behind. Raises what `looking` raises, MachineryFailed (permission-missing)."""
    from model_stage_deploy.flows.sweep import sweep

    grace = _grace(given.grace)
    with _host(given) as (context, host, recorded_in):
        if given.model:
            models = [read_model(given.repo, given.model, os.environ)[1]]
        else:
            models = list(read_registry(given.repo, os.environ))
        swept = sweep(context, host, models, everything=not given.model, grace=grace, dry_run=given.dry_run)
    print_page(view.sweep_document(swept, recorded_in), view.sweep_page(swept, recorded_in), as_json=given.json)
    return swept.reason.exit_code


def _approve(given: argparse.Namespace) -> int:
    """Record an approval. Raises Refused (unknown-model, unknown-version, inactive-version), Invalid."""
    from model_stage_deploy.flows.approving import approve

    with _host(given) as (context, host, recorded_in):
        _, model = read_model(given.repo, require_model_name(given.model), os.environ)
        approval = approve(context, host, model, given.named, given.stage, given.message)
    page = view.approval_page(approval, recorded_in)
    print_page(view.approval_document(approval, recorded_in), page, as_json=given.json)
    return Reason.APPROVAL_RECORDED.exit_code


@contextmanager
def _host(given: argparse.Namespace) -> Iterator[tuple[Context, CodeHost, str]]:
    """The context, where deployments are recorded, and what that is called.

    Raises Invalid (usage): a job's own log is gone when the job ends, so it is used there only if that is asked for.
    """
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.hosting import books_of
    from model_stage_deploy.faces.looking import looking

    require_path(given.repo, given.command)
    settings, event = settings_of(given), read_event(os.environ)
    books = books_of(settings, event)
    with looking(settings, event, os.environ) as (context, host):
        yield context, host, books.value


def _grace(text: str) -> float:
    """Seconds. Raises Invalid (usage)."""
    from model_stage_deploy.core.durations import LONGEST_PERIOD, BadDuration, parse_duration

    if text in ("0", "0s", "0m"):
        return 0.0
    try:
        return parse_duration(text, longest=LONGEST_PERIOD)
    except BadDuration as problem:
        raise Invalid(Reason.USAGE, f"--grace is {text[:80]!r}: {problem}", hint="write 90s, 10m or 0") from None


ARGUMENTS = {"sweep": _sweep_arguments, "approve": _approve_arguments}
RUN = {"sweep": _sweep, "approve": _approve}
