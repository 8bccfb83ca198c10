"""What the real `gto` makes of a repository, through its Python API (never its command line: that phones home)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Told = tuple[str, str, str | None, str | None, str]
"""One event: tag, event name, version, stage, commit."""


@dataclass(frozen=True)
class OracleModel:
    """One model as GTO sees it."""

    by_time: dict[str, str]
    by_semver: dict[str, str]
    latest: str | None
    latest_or_commit: str | None
    deprecated: bool
    events: frozenset[Told]


class OracleBroke(Exception):
    """GTO raised: its own exception is the cause."""


def ask(path: Path) -> dict[str, OracleModel]:
    """Every model that GTO finds. Raises OracleBroke where any GTO command would fail."""
    from gto.registry import GitRegistry

    try:
        with GitRegistry.from_url(str(path)) as found:
            artifacts = found.get_artifacts()
            return {name: _model(artifact) for name, artifact in artifacts.items()}
    except Exception as problem:
        raise OracleBroke(type(problem).__name__) from problem


def parse(text: str) -> dict[str, Any]:
    """GTO's own reading of a tag's name; empty for none."""
    from gto.tag import parse_name

    return dict(parse_name(text, raise_on_fail=False))


def _model(artifact: Any) -> OracleModel:
    from gto.constants import VersionSort

    events = {
        (event.tag, event.event, getattr(event, "version", None), getattr(event, "stage", None), event.commit_hexsha)
        for event in artifact.get_events()
        if event.event != "commit"
    }
    latest, any_latest = (artifact.get_latest_version(registered_only=registered) for registered in (True, False))
    return OracleModel(
        by_time=_stages(artifact, VersionSort.Timestamp),
        by_semver=_stages(artifact, VersionSort.SemVer),
        latest=latest.version if latest else None,
        latest_or_commit=any_latest.version if any_latest else None,
        deprecated=not artifact.is_active,
        events=frozenset(events),
    )


def _stages(artifact: Any, sort: Any) -> dict[str, str]:
    """As `gto show` calls it: one version a stage."""
    found = artifact.get_vstages(assignments_per_version=-1, versions_per_stage=1, sort=sort)
    return {stage: held[0].version for stage, held in found.items() if held}
