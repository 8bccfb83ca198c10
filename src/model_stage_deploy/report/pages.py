"""Pages for people about the registry: tables, and the lines above and below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from model_stage_deploy.core.model import Model, Sort
from model_stage_deploy.core.registry import Finding, Registry
from model_stage_deploy.report.columns import Block, Table
from model_stage_deploy.report.registry import show_rows

_MOST_WARNINGS = 10


def show_page(registry: Registry, sort: Sort = "time", *, past: bool = False) -> Iterator[Block]:
    """Models × stages, and what is odd about the tags. `past` says that this is how it was once."""
    if registry.models:
        yield Table(show_rows(registry, sort))
    elif past:
        yield "no models at that time"
    else:
        yield "no models yet: register one with python -m model_stage_deploy register MODEL"
    yield from warnings(registry.findings)


def versions_page(model: Model, rows: Sequence[tuple[str, ...]], findings: Sequence[Finding]) -> Iterator[Block]:
    """A model's versions."""
    if model.deprecated:
        yield f"{model.name} is deprecated"
    if len(rows) > 1:
        yield Table(rows)
    else:
        yield f"{model.name} has no versions"
    yield from warnings(findings)


def warnings(findings: Sequence[Finding]) -> Iterator[str]:
    """A line for each of the first findings, and how to see the others."""
    for finding in findings[:_MOST_WARNINGS]:
        yield f"warning: {finding.tag}: {finding.message} ({finding.code})"
    if len(findings) > _MOST_WARNINGS:
        yield f"… and {len(findings) - _MOST_WARNINGS} more warnings: python -m model_stage_deploy doctor lists all"
