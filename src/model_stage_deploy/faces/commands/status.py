"""status: what was decided beside what is running, by GitHub's deployments or this repository's own log."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.journey import Journey, journeys
from model_stage_deploy.core.lifecycle import Lifecycle
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.seen import Seen
from model_stage_deploy.faces.arguments import mapping_arguments, records_arguments
from model_stage_deploy.faces.commands.delivering import settings_of
from model_stage_deploy.faces.opening import read_model, read_registry, require_path
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report import lifecycle as view
from model_stage_deploy.report.seen import page as seen_page

_NEWEST = 3  # versions whose way is shown
_PAST = 10  # deployments of each stage that are read for that
_UNMAPPED = (Reason.UNMAPPED_STAGE, Reason.UNMAPPED_IGNORED)


def _arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only, with the way of its newest versions")
    command.add_argument("stage", nargs="?", default="", help="one stage of it only")
    command.add_argument(
        "--ask", action="store_true", help="ask the deployer of each stage, too, what runs; it may take a while"
    )
    mapping_arguments(command)
    records_arguments(command, "ask no code host: what runs is told by this repository's log, if any")
    command.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 3 where something failed, or what runs is not what was decided; 2 or 4 where it is not known",
    )


def _status(given: argparse.Namespace) -> int:
    """Models × stages. Raises Refused (unknown-model, incomplete-tags), Invalid (usage, not-a-repository)."""
    if given.model:
        registry, model = read_model(given.repo, given.model, os.environ, details=True)
        models = [model]
    else:
        registry = read_registry(given.repo, os.environ, details=True)
        models = list(registry)
    joined, recorded_in = _joined(given, models)
    asked = joined is not None
    rows = _decided(given, models) if joined is None else joined
    ways: list[Journey] = journeys(models[0], rows, newest=_NEWEST) if given.model else []
    if given.stage:
        rows = [row for row in rows if row.stage == given.stage] or _no_stage(given.model, given.stage, rows)
    seen = _seen(given, rows) if given.ask else []
    blocks = [*view.page(rows, ways, registry.findings, asked=asked), *seen_page(seen)]
    document = view.document(rows, ways, registry.findings, recorded_in=recorded_in, seen=seen) if given.json else {}
    print_page(document, blocks, as_json=given.json)
    if not asked and not given.no_github and not given.json:
        print_page({}, [view.NOT_ASKED], as_json=False)
    if given.exit_code and any(one.agrees is False for one in seen):
        return Reason.FINDINGS.exit_code
    return _exit_code(rows) if given.exit_code else 0


def _no_stage(model: str, stage: str, rows: Sequence[Lifecycle]) -> list[Lifecycle]:
    """Raises Invalid (usage), which names the stages that there are."""
    known = ", ".join(row.stage for row in rows) or "none"
    raise Invalid(Reason.USAGE, f"{model} has no stage {one_line(stage, 200)!r}", hint=f"its stages: {known}")


def _seen(given: argparse.Namespace, rows: Sequence[Lifecycle]) -> list[Seen]:
    """What the deployers say. Raises Invalid (usage, not-a-repository), MachineryFailed."""
    require_path(given.repo, "status --ask")
    from model_stage_deploy.core.redaction import Scrubber
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.looking import asking
    from model_stage_deploy.flows.asking import ask

    scrubber = Scrubber()
    with asking(settings_of(given), read_event(os.environ), os.environ, scrubber) as context:
        found = ask(context, rows)
    return [Seen(*scrubber.value(list(one))) for one in found]


def _joined(given: argparse.Namespace, models: Sequence[Model]) -> tuple[list[Lifecycle] | None, str]:
    """The rows with their deployments, and where those are recorded (see `books_of`). None, "" where nobody can be
    asked.
    """
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.hosting import Books
    from model_stage_deploy.faces.joining import books_to_ask, has_told

    settings, event = settings_of(given), read_event(os.environ)
    books = books_to_ask(settings, event)
    if books is None:
        return None, ""
    if books is not Books.LOG:
        require_path(given.repo, "status with deployments")
    from model_stage_deploy.faces.looking import looking
    from model_stage_deploy.flows.status import status

    try:
        with looking(settings, event, os.environ) as (context, host):
            rows = status(context, host, models, past=_PAST if given.model else 0)
    except Invalid:
        if books is not Books.LOG:
            raise
        return None, ""
    return (rows, books.value) if has_told(books, rows) else (None, "")


def _decided(given: argparse.Namespace, models: Sequence[Model]) -> list[Lifecycle]:
    """The decided side alone. Raises Invalid (usage) where an exit code was to tell of the other side."""
    if given.exit_code:
        raise Invalid(
            Reason.USAGE,
            "--exit-code tells whether what runs is what was decided, and GitHub's deployments cannot be read",
            hint="set GITHUB_TOKEN and GITHUB_REPOSITORY=OWNER/NAME, and leave --no-github out",
        )
    from model_stage_deploy.flows.status import decided

    return decided(models)


def _exit_code(rows: Sequence[Lifecycle]) -> int:
    """3 where something needs attention, else the code of the first reason why something is not known, else 0."""
    if any(row.needs_attention for row in rows):
        return Reason.FINDINGS.exit_code
    reasons = (row.reason for row in rows if row.reason is not None and row.reason not in _UNMAPPED)
    return next((reason.exit_code for reason in reasons), 0)


ARGUMENTS = {"status": _arguments}
RUN = {"status": _status}
