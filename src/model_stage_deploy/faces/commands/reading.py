"""show, which, history, parse: looking at the registry."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry
from model_stage_deploy.faces.arguments import positive
from model_stage_deploy.faces.opening import read_model, read_registry
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report import registry as view
from model_stage_deploy.report.columns import Block, Table


def _show_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    _sort(command)


def _which_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model")
    command.add_argument("stage")
    _sort(command)


def _history_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    command.add_argument("--limit", type=positive, default=0, metavar="N", help="the newest N only")


def _parse_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("tag", help="the tag, quoted")


def _sort(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--sort", choices=("time", "semver"), default="time", help="newest assignment, or greatest version"
    )


def _parse(given: argparse.Namespace) -> int:
    from model_stage_deploy.core.tags import parse_tag

    document = view.parsed(parse_tag(given.tag))
    lines = (f"{name:<8} {'-' if value is None else value}" for name, value in document.items())
    print_page(document, lines, as_json=given.json)
    return 0


def _show(given: argparse.Namespace) -> int:
    """Models × stages. Raises Refused (unknown-model, incomplete-tags), Invalid (not-a-repository)."""
    registry = _registry(given)
    if given.json:
        print_page(view.shown(registry, given.sort), (), as_json=True)
    else:
        print_page({}, _show_page(registry, given), as_json=False)
    return 0


def _which(given: argparse.Namespace) -> int:
    """The version in one stage. Raises Refused (unknown-model, never-in-stage, ambiguous-version)."""
    _, model = read_model(given.repo, given.model, os.environ)
    holder = model.holder(given.stage, sort=given.sort)
    if holder is None:
        raise Refused(
            Reason.NEVER_IN_STAGE,
            f"{given.model} has no version in {given.stage}",
            hint=f"stages that it has: {', '.join(model.stages) or 'none'}",
        )
    document = {"model": given.model, "stage": given.stage} | view.held(holder) if given.json else {}
    print_page(document, [holder.version.name], as_json=given.json)
    return 0


def _history(given: argparse.Namespace) -> int:
    """Every event, newest first."""
    registry = _registry(given, details=True)
    events = [event for model in registry for event in model.events]
    events.sort(key=lambda event: event.order, reverse=True)
    entries = view.history(events[: given.limit or None], registry.models)
    print_page(
        {"schema": view.HISTORY_SCHEMA, "events": entries}, [Table(view.history_rows(entries))], as_json=given.json
    )
    return 0


def _registry(given: argparse.Namespace, *, details: bool = False) -> Registry:
    if given.model:
        return read_model(given.repo, given.model, os.environ, details=details)[0]
    return read_registry(given.repo, os.environ, details=details)


def _show_page(registry: Registry, given: argparse.Namespace) -> Iterator[Block]:
    if not registry.models:
        yield "no models yet: register one with gto register MODEL, or git tag -a 'MODEL@v0.0.1' -m MESSAGE"
        return
    yield Table(view.show_rows(registry, given.sort))
    for finding in registry.findings:
        yield f"warning: {finding.tag}: {finding.message} ({finding.code})"


ARGUMENTS = {
    "show": _show_arguments,
    "which": _which_arguments,
    "history": _history_arguments,
    "parse": _parse_arguments,
}
RUN = {"show": _show, "which": _which, "history": _history, "parse": _parse}
