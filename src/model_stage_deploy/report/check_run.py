"""The check run that tells a commit's page how a run ended, made from the outcome."""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.core.check_run import CheckRun, Conclusion
from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Result
from model_stage_deploy.report.markdown import Scrub
from model_stage_deploy.report.summary import summary
from model_stage_deploy.report.text import headline

LIMIT = 65_535
"""Bytes of a check run's Markdown. GitHub counts characters, of which there are never more."""

_CONCLUSIONS: Mapping[Result, Conclusion] = {
    Result.DEPLOYED: "success",
    Result.UNDEPLOYED: "success",
    Result.CHECKED: "success",
    Result.PLANNED: "neutral",
    Result.NOTHING_TO_DO: "neutral",
    Result.CANCELLED: "cancelled",
}


def check_run(outcome: Outcome, name: str, commit: str, url: str, scrub: Scrub) -> CheckRun:
    """The report of one outcome on `commit`; whatever went wrong is a failure. `scrub` removes secrets."""
    return CheckRun(
        name=name,
        commit=commit,
        conclusion=conclusion(outcome.result),
        title=scrub(headline(outcome).partition("\n")[0]),
        summary=summary(outcome, scrub, limit=LIMIT, pictures=False),
        url=url,
        mistakes=scrubbed(outcome.mistakes, scrub),
    )


def conclusion(result: Result) -> Conclusion:
    """GitHub's word for a result."""
    return _CONCLUSIONS.get(result, "failure")


def scrubbed(mistakes: tuple[Mistake, ...], scrub: Scrub) -> tuple[Mistake, ...]:
    """The same mistakes without secrets."""
    return tuple(
        mistake._replace(path=scrub(mistake.path), message=scrub(mistake.message), hint=scrub(mistake.hint))
        for mistake in mistakes
    )
