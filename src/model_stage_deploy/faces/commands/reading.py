"""show, which, history, versions, parse, resolve: looking at the registry."""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Iterator, Mapping
from typing import Any

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.model import Model
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry
from model_stage_deploy.faces.arguments import mapping_arguments, positive, records_arguments
from model_stage_deploy.faces.opening import is_url, moment_of, read_model, read_registry
from model_stage_deploy.faces.printing import print_page
from model_stage_deploy.report import registry as view
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.pages import show_page, versions_page

_kept: list[Registry] = []  # taking 100,000 tags apart takes a fifth of a second: the process ends without (__main__)


def _show_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    _sort(command)
    _at(command)


def _which_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model")
    command.add_argument("stage")
    command.add_argument(
        "--all", action="store_true", help="also the versions that the stage would fall back to, one after the other"
    )
    _sort(command)
    _at(command)


def _history_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", nargs="?", default="", help="one model only")
    command.add_argument("stage", nargs="?", default="", help="one stage of it only")
    command.add_argument("--limit", type=positive, default=0, metavar="N", help="the newest N only")
    command.add_argument(
        "--since",
        type=_moment,
        metavar="WHEN",
        help="not older: 2023-09-04, 2023-09-04T07:58:15+02:00 (UTC where no zone is given), @SECONDS, "
        "or how long ago: 2w, 7d, 12h, 30m",
    )
    _at(command)
    command.add_argument(
        "--deployments",
        action="store_true",
        help="what was tried and what came of it, from GitHub's deployments or this repository's own log; the options "
        "below are for this alone",
    )
    records_arguments(command, "read this repository's own log")
    mapping_arguments(command)


def _versions_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("model")
    _sort(command, "newest registration, or greatest version, first")
    _at(command)


def _parse_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("tag", help="the tag, quoted")


def _resolve_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "tag",
        nargs="?",
        default="",
        metavar="TAG",
        help="a tag, quoted ('churn#prod#4'), or a shortcut: MODEL#STAGE, MODEL@latest, MODEL@greatest, MODEL@v1.2.3; "
        "write refs/tags/churn#prod for a tag of that form",
    )
    command.add_argument("--show", action="store_true", help="after a tag's event, what every stage has")
    command.add_argument("--history", action="store_true", help="after a tag's event, the events of its model")


def _sort(command: argparse.ArgumentParser, text: str = "newest assignment, or greatest version") -> None:
    command.add_argument("--sort", choices=("time", "semver"), default="time", help=text)


def _at(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--at",
        default="",
        metavar="WHEN",
        help="the registry as it was: a moment as 2023-09-04T07:58:15Z, @SECONDS or 7d (ago), or the name of a tag, "
        "a branch or a commit",
    )


def _moment(text: str) -> int:
    from time import time

    from model_stage_deploy.core.moments import FORMS, BadMoment, parse_moment

    try:
        found = parse_moment(text, time())
    except BadMoment as problem:
        raise argparse.ArgumentTypeError(f"{problem}: write {FORMS}") from problem
    if found is None:
        message = f"{text[:80]!r} is no moment: write {FORMS}"
        raise argparse.ArgumentTypeError(message)
    return found


def _parse(given: argparse.Namespace) -> int:
    from model_stage_deploy.core.tags import parse_tag

    document = view.parsed(parse_tag(given.tag))
    lines = (f"{name:<8} {'-' if value is None else value}" for name, value in document.items())
    print_page(document, lines, as_json=given.json)
    return 0


def _show(given: argparse.Namespace) -> int:
    """Models × stages. Raises Refused (unknown-model, incomplete-tags), Invalid (not-a-repository)."""
    until = _until(given)
    registry = _registry(given, until)
    page = show_page(registry, given.sort, past=until is not None)
    _print(view.shown(registry, given.sort) if given.json else {}, page, until, given)
    return 0


def _which(given: argparse.Namespace) -> int:
    """The version in one stage. Raises Refused (unknown-model, never-in-stage, ambiguous-version)."""
    until = _until(given)
    _, model = read_model(given.repo, given.model, os.environ, until=until)
    if given.all:
        from model_stage_deploy.core.fallback import succession

        holders = succession(model, given.stage, given.sort)
    else:
        holder = model.holder(given.stage, sort=given.sort)
        holders = [] if holder is None else [holder]
    if not holders:
        raise _never(model, given.stage)
    document: dict[str, Any] = {}
    if given.json:
        document = {"model": given.model, "stage": given.stage} | view.held(holders[0])
        if given.all:
            document = view.holders(model, given.stage, holders)
    _print(document, (holder.version.name for holder in holders), until, given, silent=True)
    return 0


def _history(given: argparse.Namespace) -> int:
    """Every event, newest first; with --deployments every attempt to deploy."""
    if given.deployments:
        from model_stage_deploy.faces.deployments import show_deployments

        return show_deployments(given, os.environ)
    until = _until(given)
    registry = _registry(given, until, details=True)
    events = [event for model in registry for event in model.events if given.since is None or event.time >= given.since]
    if given.stage:
        events = [event for event in events if event.tag.stage == given.stage]
    events.sort(key=lambda event: event.order, reverse=True)
    entries = view.history(events[: given.limit or None], registry.models)
    page: list[Block] = [Table(view.history_rows(entries))]
    _print({"schema": view.HISTORY_SCHEMA, "events": entries}, page, until, given)
    return 0


def _versions(given: argparse.Namespace) -> int:
    """Each version of one model. Raises Refused (unknown-model)."""
    from model_stage_deploy.report.versions import version_rows, versions

    until = _until(given)
    registry, model = read_model(given.repo, given.model, os.environ, details=True, until=until)
    document = versions(model, given.sort)
    document["warnings"] = [view.warning(finding) for finding in registry.findings]
    _print(document, versions_page(model, version_rows(document), registry.findings), until, given)
    return 0


def _resolve(given: argparse.Namespace) -> int:
    """What a shortcut or a tag means. Raises Refused (unknown-model, never-in-stage, unknown-version), Invalid."""
    from model_stage_deploy.core.shortcuts import find, parse_shortcut

    shortcut = parse_shortcut(given.tag)
    if given.show or given.history or (shortcut is None and is_url(given.repo)):
        from model_stage_deploy.faces.resolving import require_tag, resolve_at_once

        require_tag(shortcut)
        _end_without_tidying()
        return resolve_at_once(given, os.environ)
    if shortcut is None:
        from model_stage_deploy.faces.commands.delivering import deliver

        return deliver(given)
    _, model = read_model(given.repo, shortcut.model, os.environ)
    found = find(shortcut, model)
    document = view.resolved(shortcut, found, model) if given.json else {}
    print_page(document, [found.version.name], as_json=given.json)
    return 0


def _until(given: argparse.Namespace) -> int | None:
    """Unix seconds of `--at`, None for now."""
    return moment_of(given.at, given.repo, os.environ) if given.at else None


def _registry(given: argparse.Namespace, until: int | None, *, details: bool = False) -> Registry:
    _end_without_tidying()
    if given.model:
        return read_model(given.repo, given.model, os.environ, details=details, until=until)[0]
    registry = read_registry(given.repo, os.environ, details=details, until=until)
    _kept.append(registry)
    return registry


def _end_without_tidying() -> None:
    gc.disable()  # see core.registry.fold; this process is short, and looking for garbage in 100,000 tags is not


def _print(
    document: Mapping[str, Any],
    page: Iterator[Block] | list[Block] | Iterator[str],
    until: int | None,
    given: argparse.Namespace,
    *,
    silent: bool = False,
) -> None:
    """The document or the page; of a past registry both say of when. `silent` pages are read by scripts."""
    if until is None:
        print_page(document, page, as_json=given.json)
        return
    moment = view.moment(until)
    print_page({**document, "at": moment}, page, as_json=given.json)
    if not given.json and not silent:
        print_page(
            {}, [f"as of {moment}: tags made later are left out, tags deleted since cannot be seen"], as_json=False
        )


def _never(model: Model, stage: str) -> Refused:
    return Refused(
        Reason.NEVER_IN_STAGE,
        f"{model.name} has no version in {stage}",
        hint=f"stages that its tags name: {', '.join(model.stages) or 'none'}",
    )


ARGUMENTS = {
    "show": _show_arguments,
    "which": _which_arguments,
    "history": _history_arguments,
    "versions": _versions_arguments,
    "parse": _parse_arguments,
    "resolve": _resolve_arguments,
}
RUN = {
    "show": _show,
    "which": _which,
    "history": _history,
    "versions": _versions,
    "parse": _parse,
    "resolve": _resolve,
}
