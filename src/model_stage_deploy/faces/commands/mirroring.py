"""mirror: tell the registries that follow this one what is live, without deploying anything."""

from __future__ import annotations

import argparse
import os
import sys

from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import announcer_on, settings_of
from model_stage_deploy.faces.opening import require_path


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="the model: churn, fraud/eu, dir:churn")
    command.add_argument("stage", help="the stage: prod")
    command.add_argument("--dry-run", action="store_true", help="say what they would be told; tell nobody")
    mapping_arguments(command)
    records_arguments(command, "read the log in the repository's `.git`, not the code host's deployments")
    command.add_argument("--wait", default="", metavar="TIME", help="for a deployment: 10m, or 0 for not at all")
    command.add_argument("--no-lock", action="store_true", help="take no lock: a deployment may change it meanwhile")


def _mirror(given: argparse.Namespace) -> int:
    """Tell the mirrors of a stage; the exit code. Raises Invalid (usage)."""
    from time import monotonic

    from model_stage_deploy.core.errors import ModelStageError
    from model_stage_deploy.core.outcome import Journal, from_error
    from model_stage_deploy.faces.conduct import to_json
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.wiring import working
    from model_stage_deploy.flows.following import follow
    from model_stage_deploy.report.text import describe

    require_path(given.repo, given.command)
    scrubber = Scrubber()
    announcer = announcer_on(sys.stderr if given.json else sys.stdout, scrubber)
    journal = Journal(monotonic)
    try:
        with working(settings_of(given), read_event(os.environ), os.environ, announcer, scrubber) as context:
            outcome = follow(context, given.model, given.stage, journal)
    except ModelStageError as problem:
        outcome = from_error(problem, journal)
    if given.json:
        print(to_json(outcome, scrubber))
    else:
        for line in describe(outcome):
            announcer.say(line)
    return outcome.exit_code


ARGUMENTS = {"mirror": _arguments}
RUN = {"mirror": _mirror}
