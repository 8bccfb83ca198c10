"""check, init, schema, demo: what one needs at the start."""

from __future__ import annotations

import argparse
import os
import sys

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.opening import require_path
from model_stage_deploy.faces.printing import print_page

_NEXT = (
    "next: edit .github/model-stages.yml, run `python -m model_stage_deploy check`, commit both files,",
    "then push a stage tag: git tag -a 'MODEL#staging#1' -m 'to staging' COMMIT && git push origin 'MODEL#staging#1'",
)


def _check_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    mapping_arguments(command)
    records_arguments(command, "let gates read the log in `.git`, not the code host's deployments")


def _init_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--force", action="store_true", help="replace files that are there")


def _demo_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--keep", default="", metavar="DIR", help="leave the demo registry there to play with")
    command.add_argument("--replace", action="store_true", help="with --keep: in place of an earlier demo there")
    command.add_argument(
        "--serve",
        nargs="?",
        const="",
        metavar="DIR",
        help="open a kept one in the browser, or make one first; its servers run as long",
    )
    command.add_argument("--port", default="", help="with --serve: the port of the page (0 for any)")
    command.add_argument("--open", action="store_true", help="with --serve: open the browser")


def _check(given: argparse.Namespace) -> int:
    from model_stage_deploy.faces.checking import check_document

    require_path(given.repo, given.command)
    document, lines, code = check_document(settings_of(given), os.environ)
    print_page(document, lines, as_json=given.json)
    return code


def _init(given: argparse.Namespace) -> int:
    from model_stage_deploy.faces.starter_files import write_starter

    require_path(given.repo, given.command)
    written = write_starter(given.repo or ".", force=given.force)
    print_page({"written": written}, [*(f"wrote {path}" for path in written), *_NEXT], as_json=given.json)
    return 0


def _schema(_: argparse.Namespace) -> int:
    from importlib.resources import files

    sys.stdout.write(files("model_stage_deploy").joinpath("mapping.schema.json").read_text(encoding="utf-8"))
    return 0


def _demo(given: argparse.Namespace) -> int:
    """Tell the story, or serve what is left of it. Raises Invalid (usage), MachineryFailed."""
    if given.serve is None and not given.port and not given.open:
        from model_stage_deploy.demo.story import tell

        return tell(keep=given.keep, replace=given.replace)
    if given.serve is None or given.keep or given.replace:
        raise Invalid(
            Reason.USAGE,
            "--serve DIR goes with --port and --open, --keep DIR with --replace",
            hint="demo --keep DIR makes a registry, demo --serve DIR opens it",
        )
    from model_stage_deploy.demo.serving import serve

    port = ("--port", given.port) if given.port else ()
    switches = [name for name, wanted in (("--open", given.open), ("--json", given.json)) if wanted]
    return serve(given.serve, [*port, *switches])


ARGUMENTS = {"check": _check_arguments, "init": _init_arguments, "schema": lambda _: None, "demo": _demo_arguments}
RUN = {"check": _check, "init": _init, "schema": _schema, "demo": _demo}
