"""Checks and jobs for tests of verifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model_stage_deploy.core.policy import Check
from model_stage_deploy.deployers.contract import Job
from tests.fakes.plans import a_plan


def http(url: str = "https://models.example.com/churn/health?token=s3cret", **settings: Any) -> Check:
    """A check of kind http; underscores for hyphens."""
    return _check({"http": {"url": url, **_hyphens(settings)}})


def metric(prometheus: str = "http://prometheus:9090", **settings: Any) -> Check:
    """A check of kind metric, of a query for `error_rate` that must be below 0.01."""
    known = {"query": "error_rate", "threshold": "< 0.01"}
    return _check({"metric": {"prometheus": prometheus, **known, **_hyphens(settings)}})


def run(text: str, **settings: Any) -> Check:
    """A check of kind run."""
    return _check({"run": text, **settings})


def _check(settings: dict[str, Any]) -> Check:
    return Check.model_validate(settings)


def _hyphens(settings: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in settings.items()}


def a_job(files: Path | None = None, said: list[str] | None = None, **env: str) -> Job:
    """A job whose output goes to `said`."""
    return Job(a_plan(), "try-1", env, 20.0, (said if said is not None else []).append, files, files)
