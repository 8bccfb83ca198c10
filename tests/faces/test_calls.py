"""How many calls of GitHub's API a run takes: what docs/reference/permissions.md says, and no more."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.contract.generate import ROOT
from tests.faces.jobs import MAPPING, Job

pytestmark = pytest.mark.thorough  # processes, one after the other

PROD = "    environment: production\n"
VERIFIED = MAPPING.replace(PROD, f"{PROD}    verify: [{{run: 'true'}}]\n")
ROLLING_BACK = VERIFIED.replace(PROD, f"{PROD}    on-failure: rollback\n")


@pytest.fixture(scope="module")
def said() -> dict[str, int]:
    """What the page says, row by row."""
    page = (ROOT / "docs/reference/permissions.md").read_text(encoding="utf-8")
    table = page.partition("## Calls")[2].partition("##")[0]
    return {row[1]: int(row[2]) for row in re.finditer(r"^\| (.+?) \| (\d+)\b.*\|$", table, re.MULTILINE)}


def _older(job: Job, count: int, *states: str) -> None:
    for number in range(count):
        payload = {"model": "churn", "stage": "prod", "version": f"v0.{number}.0", "attempt": str(number)}
        job.github.add_deployment(ref="b" * 40, environment="production/churn", payload=payload, states=states)


def _calls(job: Job, tag: str, reason: str, **inputs: Any) -> int:
    before = len(job.github.calls)
    ended = job.push(tag, **inputs)
    assert ended.outputs["reason"] == reason, ended.log
    return len(job.github.calls) - before


def test_a_plain_deployment(job: Job, said: dict[str, int]) -> None:
    assert _calls(job, "churn#prod#1", "superseded") == said["`superseded`, a registration, any other tag"]
    assert _calls(job, "churn@v2.0.0", "registration") == 0
    assert _calls(job, "churn#prod#5", "deployed") == said["The first deployment of a model to a stage"]
    assert _calls(job, "churn#prod#5", "deployed", force="true") < said["One that replaces another"]
    assert _calls(job, "churn#prod#5", "deployed", force="true") == said["One that replaces another"]
    assert _calls(job, "churn#prod#5", "dry-run", dry_run="true", force="true") == said["`dry-run`, `plan`"]


def test_a_verified_deployment(job: Job, said: dict[str, int]) -> None:
    job.map(VERIFIED)
    _older(job, 2, "success", "inactive")
    _older(job, 1, "success")
    assert _calls(job, "churn#prod#5", "deployed") == said["The same, with `verify`"]
    assert _calls(job, "churn#prod#5", "already-deployed") == said["`already-deployed`"]


def test_one_that_would_go_back(job: Job, said: dict[str, int]) -> None:
    job.map(ROLLING_BACK)
    _older(job, 40, "success", "inactive")
    _older(job, 1, "success")
    assert _calls(job, "churn#prod#5", "deployed") == said["The same, with `on-failure: rollback`"]
