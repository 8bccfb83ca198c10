"""reconcile: what a lost event left undone, and with --apply done after all."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import announcer_on, settings_of
from model_stage_deploy.faces.opening import require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.faces.signals import undisturbed
from model_stage_deploy.report.columns import Block, Table


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    command.add_argument("stage", nargs="?", default="", help="one stage only")
    command.add_argument("--apply", action="store_true", help="deploy what has drifted, through gates, lock and checks")
    command.add_argument("--settings", action="store_true", help="other settings of the mapping are drift, too")
    command.add_argument(
        "--force", action="store_true", help="also what was undone on purpose, is held, or failed too often"
    )
    command.add_argument("--dry-run", action="store_true", help="with --apply: show the plans and gates, touch nothing")
    mapping_arguments(command)
    records_arguments(command, "use the log in the repository's `.git`, not the code host's deployments")
    command.add_argument("--wait", default="", metavar="TIME", help="for another deployment: 10m, or 0 for not at all")


def _reconcile(given: argparse.Namespace) -> int:
    """Compare, and with --apply heal. Raises ModelStageError where nothing could be compared."""
    from model_stage_deploy.faces.reconciling import reconciled, recorded_in
    from model_stage_deploy.report.drift import document, page

    require_path(given.repo, given.command)
    settings, scrubber = replace(settings_of(given), apply=given.apply, settings=given.settings), Scrubber()
    announcer = announcer_on(sys.stderr if given.json else sys.stdout, scrubber)
    found = reconciled(settings, os.environ, announcer, scrubber)
    where = recorded_in(settings, os.environ)
    with undisturbed(), suppress(BrokenPipeError):  # whoever reads: the exit code tells
        blocks = _scrubbed(page(found, where), scrubber)
        print_page(scrubber.value(document(found, where)), blocks, as_json=given.json)
    return found.reason.exit_code


def _scrubbed(blocks: Iterable[Block], scrubber: Scrubber) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Table):
            yield Table([tuple(map(scrubber.text, row)) for row in block.rows])
        else:
            yield scrubber.text(block)


ARGUMENTS = {"reconcile": _arguments}
RUN = {"reconcile": _reconcile}
