"""report: the pages of the registry as files, and badges."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.printing import print_page

SCHEMA = "model-stage-deploy/report/v1"


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("models", nargs="*", metavar="model", help="only these models (default: all)")
    command.add_argument("--out", default="", metavar="PATH", help="a folder for the pages, with --badge a file for it")
    command.add_argument("--file", default="", metavar="FILE.html", help="everything in this one HTML file")
    command.add_argument(
        "--badge", default="", metavar="SUBJECT", help="a badge alone: 'churn#prod', or churn for the latest version"
    )
    command.add_argument("--label", default="", metavar="TEXT", help="what stands on the badge's left side")
    command.add_argument("--force", action="store_true", help="write where something else is already")
    mapping_arguments(command)
    records_arguments(command, "ask no code host: what runs is told by this repository's log, if any")


def _report(given: argparse.Namespace) -> int:
    """Write what was asked for. Raises Invalid (usage), and what reading the registry raises."""
    _require_one_kind(given)
    if given.badge:
        return _badge(given)
    from model_stage_deploy.faces.publishing import publish_file, publish_folder

    settings = settings_of(given)
    if given.file:
        publish_file(settings, os.environ, Path(given.file), given.models, force=given.force)
        written, lines = [given.file], [f"wrote {given.file}"]
    else:
        written = publish_folder(settings, os.environ, Path(given.out), given.models, force=given.force)
        lines = [f"wrote {len(written)} files to {given.out}: begin with {Path(given.out, 'index.html')}"]
    print_page({"schema": SCHEMA, "written": written}, lines, as_json=given.json)
    return 0


def _badge(given: argparse.Namespace) -> int:
    """The badge to a file or standard output: a picture, or with --json (or a file named so) for shields.io."""
    import json

    from model_stage_deploy.faces.publishing import badge
    from model_stage_deploy.faces.report_files import write_file
    from model_stage_deploy.report.html.badge import endpoint, svg

    made = badge(settings_of(given), os.environ, given.badge, given.label)
    as_json = given.out.endswith(".json") if given.out else given.json
    text = json.dumps(endpoint(made)) + "\n" if as_json else svg(made)
    if not given.out:
        sys.stdout.write(text)
        return 0
    write_file(Path(given.out), [text], force=given.force)
    lines = [f"wrote {given.out}: {made.label} {made.message}"]
    print_page({"schema": SCHEMA, "written": [given.out]}, lines, as_json=given.json)
    return 0


def _require_one_kind(given: argparse.Namespace) -> None:
    """Raise Invalid (usage) where not just one thing is asked for."""
    if given.badge and (given.file or given.models):
        raise Invalid(Reason.USAGE, "--badge makes a badge alone", hint="report --badge 'churn#prod' --out prod.svg")
    if given.label and not given.badge:
        raise Invalid(Reason.USAGE, "--label is for a badge", hint="name its subject, too: --badge 'churn#prod'")
    if not given.badge and bool(given.out) == bool(given.file):
        raise Invalid(
            Reason.USAGE,
            "report needs a place to write to: either --out or --file",
            hint="report --out site, report --file registry.html, or report --badge 'churn#prod'",
        )


ARGUMENTS = {"report": _arguments}
RUN = {"report": _report}
