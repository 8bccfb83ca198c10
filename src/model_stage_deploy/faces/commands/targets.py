"""targets: what each target of a stage has, by what is kept of it."""

from __future__ import annotations

import argparse
import os

from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.opening import read_model, require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report import target_list as view


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="the model's name")
    command.add_argument("stage", help="the stage")
    command.add_argument("--failed", action="store_true", help="only those whose newest attempt did not end well")
    command.add_argument("--environment", default="", metavar="NAME", help="another one than the mapping's")
    mapping_arguments(command)
    records_arguments(command, "what is kept of targets is in this repository, not on its remote")


def _targets(given: argparse.Namespace) -> int:
    """The targets of one stage. Raises Refused (unknown-model, incomplete-tags), Invalid, MachineryFailed."""
    require_path(given.repo, "targets")
    from model_stage_deploy.core.redaction import Scrubber
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.looking import asking
    from model_stage_deploy.flows.targets import stage_targets

    _, model = read_model(given.repo, given.model, os.environ)
    with asking(settings_of(given), read_event(os.environ), os.environ, Scrubber()) as context:
        found = stage_targets(context, model, given.stage, environment=given.environment)
    document = view.document(found, failed=given.failed) if given.json else {}
    print_page(document, view.page(found, failed=given.failed), as_json=given.json)
    return 0


ARGUMENTS = {"targets": _arguments}
RUN = {"targets": _targets}
