"""The command line: arguments in, a page or one JSON document out, the outcome's exit code back.

Only what a command uses is imported: `parse`, `which` and `show` load no third-party package.
"""

from __future__ import annotations

import os
import sys

from model_stage_deploy.core.errors import Cancelled, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.arguments import parse, print_help, run_of
from model_stage_deploy.faces.signals import cancellable


def main(arguments: list[str]) -> int:
    """Run one command. Never raises: every end is an exit code and one clear message."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace" if stream is sys.stderr else "replace")
    code = 0
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else the interpreter complains at its end
    return code


def _run(arguments: list[str]) -> int:
    try:
        with cancellable():
            return _dispatch(arguments)
    except ModelStageError as problem:
        return _complain(problem, as_json="--json" in arguments)
    except Cancelled:
        return Reason.CANCELLED.exit_code
    except SystemExit as ended:  # argparse, after --help
        return int(ended.code or 0)
    except BrokenPipeError:
        raise
    except Exception as defect:  # noqa: BLE001 - the last door: a traceback helps nobody who did not write it
        from model_stage_deploy.faces.conduct import internal_error

        return _complain(internal_error(defect), as_json="--json" in arguments)


def _dispatch(arguments: list[str]) -> int:
    given = parse(arguments)
    if given.version:
        from model_stage_deploy import __version__

        print(f"model-stage-deploy {__version__}")
        return 0
    if given.command is None:
        print_help()
        return 0
    return run_of(given.command)(given)


def _complain(problem: ModelStageError, *, as_json: bool) -> int:
    """One clear message on stderr; with --json the same as a document on stdout."""
    if as_json:
        from model_stage_deploy.faces.printing import print_json

        fields = {"result": problem.reason.result.value, "reason": problem.reason.value, "exit_code": problem.exit_code}
        print_json(fields | {"message": problem.message, "hint": problem.hint or None})
    first, *rest = problem.message.split("\n")
    print(f"error: {one_line(first)}", file=sys.stderr)
    for line in rest:
        print(f"  {one_line(line)}", file=sys.stderr)
    if problem.hint:
        print(f"  what to do: {one_line(problem.hint)}", file=sys.stderr)
    return problem.exit_code
