"""Where the golden summaries are, and how one is made of an outcome."""

from __future__ import annotations

from pathlib import Path

from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.report.summary import summary

DIRECTORY = Path(__file__).parent


def rendered(outcome: Outcome) -> str:
    """The summary, with nothing to scrub."""
    return summary(outcome, lambda text: text)
