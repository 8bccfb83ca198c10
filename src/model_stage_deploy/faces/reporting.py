"""`check-run: true`: what became of a run, told on the page of the commit as well. It never changes how a run ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.event import Platform, WorkflowEvent, read_event
from model_stage_deploy.faces.settings import Settings
from model_stage_deploy.ports import Announcer, CheckRuns

AT_LINES = 9
"""Mistakes that the log tells of at their lines: GitHub keeps ten errors of a step, and one has told of all of them."""
_REPORTED = ("deploy", "rollback", "finish", "check", "reconcile")  # the others deploy nothing, and judge nothing
_WAIT = 20.0  # seconds for rate limits
CHECK = "check"
"""What a check run is named after that is about the mapping, and not about a stage."""


def report_outcome(
    outcome: Outcome, settings: Settings, environ: Mapping[str, str], announcer: Announcer, scrubber: Scrubber
) -> None:
    """A check run for each stage that the outcome is about; on mistakes in the mapping, one for the event's commit.

    Nothing where it was not asked for. Never raises for what goes wrong: it is a warning.
    """
    from model_stage_deploy.core.reasons import Reason, Result
    from model_stage_deploy.report.check_run import check_run

    def runs(event: WorkflowEvent) -> Iterator[CheckRun]:
        for part in outcome.parts or (outcome,):
            subject = part.subject
            where = event.head or event.commit
            if part.mistakes or settings.command == "check":
                name = f"{subject.model}/{subject.stage}" if subject.stage else CHECK
                yield check_run(part, name, where, event.run.url, scrubber.text)
            elif subject.stage:
                name = f"{subject.model}/{subject.stage}"
                yield check_run(part, name, subject.commit or where, event.run.url, scrubber.text)

    limited = any(part.reason is Reason.RATE_LIMITED for part in (outcome, *outcome.parts))
    report(runs, settings, environ, announcer, hurry=outcome.result is Result.CANCELLED, limited=limited)


def report(
    runs: Callable[[WorkflowEvent], Iterator[CheckRun]],
    settings: Settings,
    environ: Mapping[str, str],
    announcer: Announcer,
    *,
    hurry: bool = False,
    limited: bool = False,
) -> None:
    """Make the check runs that an event asks for, if they were asked for; a warning for what cannot be made.

    `limited`: the run met GitHub's rate limit, so nothing more is asked of it.
    """
    if not settings.check_run or settings.command not in _REPORTED:
        return
    if limited:
        _warn(announcer, "GitHub's rate limit is met, so nothing more is asked of it")
        return
    try:
        event = read_event(environ)
        wanted = [run for run in runs(event) if run.commit]
        if not wanted:
            return
        made = _check_runs(settings, event, announcer)
        if isinstance(made, str):
            _warn(announcer, made)
            return
        for run in wanted:
            address = made.report(run, hurry=hurry)
            announcer.say(f"check run {run.name}: {run.conclusion}{f': {address}' if address else ''}")
    except ModelStageError as problem:
        _warn(announcer, f"{problem.message}{f'; {problem.hint}' if problem.hint else ''}")
    except Exception as defect:  # noqa: BLE001 - the run has ended and been told; this must not change how
        from model_stage_deploy.faces.conduct import internal_error

        _warn(announcer, internal_error(defect).message)


def _check_runs(settings: Settings, event: WorkflowEvent, announcer: Announcer) -> CheckRuns | str:
    """Where check runs are made, or why nowhere. The run has had its budget for rate limits: they wait for little."""
    if event.home is not Platform.GITHUB:
        return "only GitHub has check runs"
    if settings.no_github:
        return "the input no-github is set, so GitHub is told nothing"
    if settings.token is None or not event.repository:
        return "it takes a token and GITHUB_REPOSITORY"
    from model_stage_deploy.adapters.github_check_runs import GitHubCheckRuns
    from model_stage_deploy.adapters.github_client import GitHubClient
    from model_stage_deploy.adapters.github_limits import Waits
    from model_stage_deploy.adapters.system_clock import SystemClock

    waits = Waits(SystemClock(), budget=_WAIT, tell=announcer.say)
    return GitHubCheckRuns(GitHubClient(event.api_url, event.repository, settings.token, waits=waits))


def _warn(announcer: Announcer, why: str) -> None:
    """Said, and no more: what was deployed is deployed, and recorded where it belongs."""
    announcer.note(
        "warning", f"no check run was made: {why}. How the run itself ended stands.", title="model-stage-deploy"
    )
