"""The command line: arguments in, lines or one JSON document out, the outcome's exit code back.

Only what a command uses is imported: `parse`, `which` and `show` load no third-party package.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from model_stage_deploy.core.errors import Cancelled, ModelStageError
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.faces.arguments import parser


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
    from model_stage_deploy.faces.signals import cancellable

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
    given = parser().parse_args(arguments)
    if given.version:
        from model_stage_deploy import __version__

        print(f"model-stage-deploy {__version__}")
        return 0
    if given.command is None:
        parser().print_help()
        return 0
    return _COMMANDS[given.command](given)


def _parse(given: argparse.Namespace) -> int:
    from model_stage_deploy.core.tags import parse_tag
    from model_stage_deploy.report.registry import parsed

    document = parsed(parse_tag(given.tag))
    _print(document, given, (f"{name:<8} {'-' if value is None else value}" for name, value in document.items()))
    return 0


def _reading(command: str) -> Callable[[argparse.Namespace], int]:
    def run(given: argparse.Namespace) -> int:
        from model_stage_deploy.faces import reading

        document, lines = getattr(reading, command)(given, os.environ)
        _print(document, given, lines)
        return 0

    return run


def _deliver(given: argparse.Namespace) -> int:
    """deploy, rollback, resolve: the same road as the action's."""
    from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
    from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
    from model_stage_deploy.core.redaction import Scrubber
    from model_stage_deploy.faces.conduct import conduct, to_json
    from model_stage_deploy.faces.signals import undisturbed
    from model_stage_deploy.faces.wiring import on_actions
    from model_stage_deploy.report.text import describe

    scrubber = Scrubber()
    stream = sys.stderr if given.json else sys.stdout
    announcer = (RunnerAnnouncer if on_actions(os.environ) else TerminalAnnouncer)(stream, scrubber)
    outcome = conduct(_settings(given), os.environ, announcer, scrubber)
    with undisturbed(), suppress(BrokenPipeError):  # whoever reads: the exit code tells
        if given.json:
            print(to_json(outcome, scrubber))
        else:
            for line in describe(outcome):
                announcer.say(line)
    return outcome.exit_code


def _settings(given: argparse.Namespace) -> Any:
    from model_stage_deploy.core.redaction import Secret
    from model_stage_deploy.faces.settings import Settings

    token = os.environ.get("GITHUB_TOKEN", "")
    taken = vars(given)
    return Settings(
        command=given.command,
        tag=taken.get("tag", ""),
        model=taken.get("model", ""),
        stage=taken.get("stage", ""),
        to=taken.get("to", ""),
        force=taken.get("force", False),
        config=taken.get("config", ""),
        config_ref=taken.get("config_ref", ""),
        dry_run=taken.get("dry_run", False),
        no_github=taken.get("no_github", False),
        repo=given.repo,
        token=Secret(token) if token else None,
    )


def _check(given: argparse.Namespace) -> int:
    from model_stage_deploy.faces.checking import check_document

    document, lines, code = check_document(_settings(given), os.environ)
    _print(document, given, lines)
    return code


def _schema(_: argparse.Namespace) -> int:
    from importlib.resources import files

    sys.stdout.write(files("model_stage_deploy").joinpath("mapping.schema.json").read_text(encoding="utf-8"))
    return 0


def _init(given: argparse.Namespace) -> int:
    from model_stage_deploy.faces.starting import write_starter

    written = write_starter(given.repo or ".", force=given.force)
    _print({"written": written}, given, [*(f"wrote {path}" for path in written), *_NEXT])
    return 0


def _demo(given: argparse.Namespace) -> int:
    from model_stage_deploy.demo.story import tell

    return tell(keep=given.keep)


_NEXT = (
    "next: edit .github/model-stages.yml, run `python -m model_stage_deploy check`, commit both files,",
    "then push a stage tag: git tag -a 'MODEL#staging#1' -m 'to staging' COMMIT && git push origin 'MODEL#staging#1'",
)

_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "deploy": _deliver,
    "rollback": _deliver,
    "resolve": _deliver,
    "parse": _parse,
    "show": _reading("show"),
    "which": _reading("which"),
    "history": _reading("history"),
    "check": _check,
    "schema": _schema,
    "init": _init,
    "demo": _demo,
}


def _print(document: Mapping[str, Any], given: argparse.Namespace, lines: Any) -> None:
    from model_stage_deploy.report.text import json_text

    if given.json:
        print(json_text(document))
        return
    for line in lines:
        print(one_line(line))


def _complain(problem: ModelStageError, *, as_json: bool) -> int:
    """One clear message on stderr; with --json the same as a document on stdout."""
    if as_json:
        from model_stage_deploy.report.text import json_text

        fields = {"result": problem.reason.result.value, "reason": problem.reason.value, "exit_code": problem.exit_code}
        print(json_text(fields | {"message": problem.message, "hint": problem.hint or None}))
    first, *rest = problem.message.split("\n")
    print(f"error: {one_line(first)}", file=sys.stderr)
    for line in rest:
        print(f"  {one_line(line)}", file=sys.stderr)
    if problem.hint:
        print(f"  what to do: {one_line(problem.hint)}", file=sys.stderr)
    return problem.exit_code
