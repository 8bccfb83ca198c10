"""plan: what a tag or a rollback would deploy, for the later jobs of a workflow."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from dataclasses import replace

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import announcer_on, settings_of
from model_stage_deploy.faces.matrix import Planned, counted, planned
from model_stage_deploy.faces.opening import require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report.columns import Block, Table


def _plan(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group()
    what.add_argument("tag", nargs="?", default="", help="the stage tag, quoted: 'churn#prod#4'")
    what.add_argument("--rollback", nargs=2, metavar=("MODEL", "STAGE"), help="a rollback instead of a tag")
    command.add_argument("--to", default="", metavar="VERSION", help="of a rollback (default: the one before)")
    command.add_argument("--force", action="store_true", help="as `deploy --force` or `rollback --force` would")
    command.add_argument("--override", default="", metavar="REASON", help="go past the gates, if the mapping lets you")
    mapping_arguments(command)
    records_arguments(command, "ask the log in `.git` here, not the code host")


def run(given: argparse.Namespace) -> int:
    """Print the plan; the exit code is that of the dry run. Raises Invalid (usage)."""
    require_path(given.repo, given.command)
    if given.to and not given.rollback:
        raise Invalid(
            Reason.USAGE, "--to goes with --rollback", hint="for example: plan --rollback churn prod --to v3.0.0"
        )
    settings = settings_of(given)
    if given.rollback:
        model, stage = given.rollback
        settings = replace(settings, model=model, stage=stage)
    scrubber = Scrubber()
    found = planned(settings, os.environ, announcer_on(sys.stderr, scrubber), scrubber)
    with suppress(BrokenPipeError):  # whoever reads: the exit code tells
        print_page(found.document, _page(found, scrubber), as_json=given.json)
    return found.outcome.exit_code


def _page(found: Planned, scrubber: Scrubber) -> list[Block]:
    from model_stage_deploy.report.text import describe

    lines: list[Block] = [scrubber.text(line) for line in describe(found.outcome)]
    entries = found.document["matrix"]["include"]
    shown = ("action", "model", "version", "stage", "environment", "group")
    table = [Table([shown, *(tuple(str(entry[key]) for key in shown) for entry in entries)])] if entries else []
    return [*lines, "", counted(found.size), *table]


ARGUMENTS = {"plan": _plan}
RUN = {"plan": run}
