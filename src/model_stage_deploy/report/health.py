"""What `doctor` found, as a JSON document and as a page. The shape is documented in docs/reference/json.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from model_stage_deploy.core.health import Examination, HealthFinding
from model_stage_deploy.report.columns import Block

SCHEMA = "model-stage-deploy/doctor/v1"
SHOWN = 10
"""How many findings of one code a page shows; `--json` has all."""


def document(examined: Examination) -> dict[str, Any]:
    """`doctor --json`. `ok` is true where nothing was found."""
    return {
        "schema": SCHEMA,
        "ok": not examined.findings,
        "findings": [
            {
                "code": finding.code,
                "severity": finding.severity.value,
                "tag": finding.tag or None,
                "model": finding.model or None,
                "message": finding.message,
                "fix": finding.fix,
            }
            for finding in examined.findings
        ],
        "checked": [{"check": one.check, "done": one.done, "note": one.note} for one in examined.checked],
    }


def page(examined: Examination) -> Iterator[Block]:
    """The findings with their fixes, then what was looked at."""
    shown: Counter[str] = Counter()
    every = Counter(finding.code for finding in examined.findings)
    for finding in examined.findings:
        shown[finding.code] += 1
        if shown[finding.code] <= SHOWN:
            yield from _told(finding)
        elif shown[finding.code] == every[finding.code]:
            yield f"{finding.severity}: {finding.code}: {every[finding.code] - SHOWN} more; --json lists all"
    for one in examined.checked:
        yield f"{'checked' if one.done else 'not checked'}: {one.check}: {one.note}"
    yield _sum(examined)


def _told(finding: HealthFinding) -> Iterator[Block]:
    about = f" {finding.tag}" if finding.tag else ""
    yield f"{finding.severity}: {finding.code}:{about}"
    yield f"  {finding.message}"
    yield f"  what to do: {finding.fix}"


def _sum(examined: Examination) -> str:
    if not examined.findings:
        return "nothing to mend"
    return f"{_many(examined.errors, 'error')}, {_many(len(examined.findings) - examined.errors, 'warning')}"


def _many(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
