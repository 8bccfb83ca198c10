"""plan: what a tag or a rollback would deploy, for the later jobs of a workflow."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.arguments import mapping_arguments, positive, records_arguments
from model_stage_deploy.faces.commands.delivering import announcer_on, settings_of
from model_stage_deploy.faces.matrix import Planned, counted, planned
from model_stage_deploy.faces.opening import require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report.columns import Block, Table

_SHOWN = 20  # jobs for targets


def _plan(command: argparse.ArgumentParser) -> None:
    what = command.add_mutually_exclusive_group()
    what.add_argument("tag", nargs="?", default="", help="the stage tag, quoted: 'churn#prod#4'")
    what.add_argument("--rollback", nargs=2, metavar=("MODEL", "STAGE"), help="a rollback instead of a tag")
    command.add_argument("--to", default="", metavar="VERSION", help="of a rollback (default: the one before)")
    command.add_argument("--force", action="store_true", help="as `deploy --force` or `rollback --force` would")
    command.add_argument("--override", default="", metavar="REASON", help="go past the gates, if the mapping lets you")
    mapping_arguments(command)
    records_arguments(command, "ask the log in `.git` here, not the code host")
    command.add_argument(
        "--spread",
        type=positive,
        default=0,
        metavar="WAVES",
        help="many jobs for a stage's targets, in so many waves at most",
    )
    command.add_argument("--shards", type=positive, default=0, metavar="NUMBER", help="that many jobs for each wave")


def run(given: argparse.Namespace) -> int:
    """Print the plan; the exit code is that of the dry run. Raises Invalid (usage)."""
    require_path(given.repo, given.command)
    if given.to and not given.rollback:
        raise Invalid(
            Reason.USAGE, "--to goes with --rollback", hint="for example: plan --rollback churn prod --to v3.0.0"
        )
    scrubber = Scrubber()
    found = planned(settings_of(given), os.environ, announcer_on(sys.stderr, scrubber), scrubber)
    with suppress(BrokenPipeError):  # whoever reads: the exit code tells
        print_page(found.document, _page(found, scrubber), as_json=given.json)
    return found.outcome.exit_code


def _page(found: Planned, scrubber: Scrubber) -> list[Block]:
    from model_stage_deploy.report.text import describe

    lines: list[Block] = [scrubber.text(line) for line in describe(found.outcome)]
    return [*lines, "", counted(found.jobs), *_tables(found.document)]


def _tables(document: Mapping[str, Any]) -> Iterator[Table]:
    """The jobs; of those of a wave the first ones, as there can be hundreds."""
    single = document["matrix"]["include"]
    parts = [entry for wave in document["waves"] for entry in wave["include"]]
    for entries, more in ((single, ()), (parts[:_SHOWN], ("wave", "shard", "targets"))):
        shown = ("action", "model", "version", "stage", "environment", *(more or ("group",)))
        rows = [tuple(str(entry[key]) for key in shown) for entry in entries]
        if len(parts) > _SHOWN and more:
            rows.append((f"and {len(parts) - _SHOWN} more", *[""] * (len(shown) - 1)))
        if rows:
            yield Table([shown, *rows])


ARGUMENTS = {"plan": _plan}
RUN = {"plan": run}
