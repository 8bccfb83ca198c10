"""The GitHub Action: inputs and event from the environment, the outcome as outputs, summary and annotation."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
from model_stage_deploy.core.errors import Cancelled, ModelStageError
from model_stage_deploy.core.outcome import Journal, Outcome, from_error
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.asking import with_asked
from model_stage_deploy.faces.conduct import announce_outputs, conduct, internal_error
from model_stage_deploy.faces.event import read_event
from model_stage_deploy.faces.read_only import explained
from model_stage_deploy.faces.settings import Settings, from_inputs
from model_stage_deploy.faces.signals import cancellable, undisturbed
from model_stage_deploy.ports import Announcer


def main() -> int:
    """Run the action as the runner's environment asks; the exit code of its outcome."""
    # A non-UTF-8 locale must not turn a model's description into a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)
    environ = dict(os.environ)
    scrubber = Scrubber()
    announcer = RunnerAnnouncer(
        sys.stdout,
        scrubber,
        output_file=_file(environ, "GITHUB_OUTPUT"),
        summary_file=_file(environ, "GITHUB_STEP_SUMMARY"),
    )
    return run(environ, announcer, scrubber)


def run(environ: dict[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    """The action with its announcer given: conduct, then tell."""
    try:
        with cancellable():
            return _run(environ, announcer, scrubber)
    except Cancelled:
        outcome = Outcome(reason=Reason.CANCELLED, message="cancelled")
        with undisturbed():
            tell(outcome, announcer, scrubber)
        return outcome.exit_code


def _run(environ: dict[str, str], announcer: Announcer, scrubber: Scrubber) -> int:
    settings: Settings | None = None
    try:
        settings = with_asked(from_inputs(environ), read_event(environ))
        if settings.command == "check":
            from model_stage_deploy.faces.checking import check_for_action

            return check_for_action(settings, environ, announcer, scrubber)
        if settings.command == "sweep":
            from model_stage_deploy.faces.sweeping import sweep_for_action

            return sweep_for_action(settings, environ, announcer, scrubber)
        if settings.command == "reconcile":
            from model_stage_deploy.faces.reconciling import reconcile_for_action

            return reconcile_for_action(settings, environ, announcer, scrubber)
        if settings.command == "plan":
            from model_stage_deploy.faces.matrix import plan_for_action

            return plan_for_action(settings, environ, announcer, scrubber)
        if settings.command == "promote":
            from model_stage_deploy.faces.promoting import promoted

            outcome = explained(promoted(settings, environ, announcer, scrubber), settings, environ)
        else:
            outcome = conduct(settings, environ, announcer, scrubber)
    except ModelStageError as problem:
        outcome = explained(from_error(problem, Journal(lambda: 0.0)), settings, environ)
    except Exception as defect:  # noqa: BLE001 - no end without an outcome
        outcome = from_error(internal_error(defect), Journal(lambda: 0.0))
    with undisturbed():
        tell(outcome, announcer, scrubber)
        if settings is not None and settings.check_run:
            from model_stage_deploy.faces.reporting import report_outcome

            report_outcome(outcome, settings, environ, announcer, scrubber)
    return outcome.exit_code


def tell(outcome: Outcome, announcer: Announcer, scrubber: Scrubber) -> None:
    """The outcome as log lines, an annotation, outputs and the job summary."""
    from model_stage_deploy.faces.reporting import AT_LINES
    from model_stage_deploy.report.summary import summary
    from model_stage_deploy.report.text import annotation, describe

    for line in describe(outcome):
        announcer.say(line)
    note = annotation(outcome)
    if note is not None:
        announcer.note(*note, title="model-stage-deploy")
    for mistake in outcome.mistakes[:AT_LINES]:
        announcer.note("error", mistake.said, title=mistake.path, at=mistake)
    announce_outputs(outcome, announcer, scrubber)
    announcer.summary(summary(outcome, scrubber.text))


def _file(environ: dict[str, str], name: str) -> Path | None:
    value = environ.get(name)
    return Path(value) if value else None


if __name__ == "__main__":
    raise SystemExit(main())
