"""The reading commands: show, which, history. Each gives its JSON document and its lines."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model_stage_deploy.core.errors import Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.report import registry as view
from model_stage_deploy.report.text import table

Shown = tuple[Mapping[str, Any], Iterator[str]]


def show(given: argparse.Namespace, environ: Mapping[str, str]) -> Shown:
    """Models × stages. Raises Refused (unknown-model, incomplete-tags), Invalid (not-a-repository)."""
    registry = _registry(given.repo, given.model, environ)
    return view.shown(registry, given.sort), _show_lines(registry, given)


def which(given: argparse.Namespace, environ: Mapping[str, str]) -> Shown:
    """The version in one stage. Raises Refused (unknown-model, never-in-stage, ambiguous-version)."""
    model = _registry(given.repo, given.model, environ).model(given.model)
    holding = view.held(model, given.stage, given.sort)
    if holding is None:
        raise Refused(
            Reason.NEVER_IN_STAGE,
            f"{given.model} has no version in {given.stage}",
            hint=f"stages that it has: {', '.join(model.stages) or 'none'}",
        )
    return {"model": given.model, "stage": given.stage} | holding, iter([holding["version"]])


def history(given: argparse.Namespace, environ: Mapping[str, str]) -> Shown:
    """Every event, newest first."""
    registry = _registry(given.repo, given.model, environ)
    events = sorted(
        (event for model in registry for event in model.events), key=lambda event: event.order, reverse=True
    )
    entries = view.history(events[: given.limit or None], dict(registry.models))
    return {"schema": view.HISTORY_SCHEMA, "events": entries}, table(view.history_rows(entries))


def _registry(repo: str, model: str, environ: Mapping[str, str]) -> Registry:
    from model_stage_deploy.adapters.git_repository import GitRepository

    local = GitRepository.open(Path(repo or "."))
    why = local.why_incomplete()
    registry = fold(local.tags(model or None)) if why is None else _from_remote(repo, model, environ)
    if model:
        registry.model(model)
    return registry


def _from_remote(repo: str, model: str, environ: Mapping[str, str]) -> Registry:
    from model_stage_deploy.core.redaction import Secret
    from model_stage_deploy.faces.event import read_event
    from model_stage_deploy.faces.settings import Settings
    from model_stage_deploy.faces.wiring import open_source

    token = environ.get("GITHUB_TOKEN", "")
    settings = Settings(command="show", repo=repo, token=Secret(token) if token else None)
    with open_source(settings, read_event(environ), environ) as source:
        return fold(source.tags(model or None))


def _show_lines(registry: Registry, given: argparse.Namespace) -> Iterator[str]:
    if not registry.models:
        yield "no models yet: register one with gto register MODEL, or git tag -a 'MODEL@v0.0.1' -m MESSAGE"
        return
    yield from table(view.show_rows(registry, given.sort))
    for finding in registry.findings:
        yield f"warning: {finding.tag}: {finding.message} ({finding.code})"
