"""What deployers that run a process share: start it, follow it, and say in words how it went wrong."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.ports import Command, Finished, Process

_CANNOT_EXECUTE, _NOT_FOUND = 126, 127
_HINTS = {
    _CANNOT_EXECUTE: "126: a file was found but cannot be executed; is its executable bit committed?",
    _NOT_FOUND: "127: a command was not found; is it installed where this runs, and on PATH?",
    128 + signal.SIGKILL: "out of memory, perhaps: the system or the runner killed it",
}


def executable(argv: list[str]) -> list[str]:
    """The arguments of a setting. Raises ValueError where they name no program."""
    if not argv or not argv[0]:
        raise ValueError("must begin with the name of a program")
    return argv


def shown_argv(argv: tuple[str, ...]) -> str:
    """The arguments as a JSON list, for people: exact, on one line, and in a spelling that the scrubber knows.

    (Shell quoting would hide a secret with a `'` in it from the scrubber.) Never cut: half a secret is none to it.
    """
    text = json.dumps(argv)
    return one_line(text, len(text))


def carry_out(
    process: Process,
    job: Job,
    argv: tuple[str, ...],
    cwd: Path,
    *,
    env: Mapping[str, str],
    missing: str,
    again: int | None = os.EX_TEMPFAIL,
) -> Finished:
    """Run `argv` to a good end. `missing` is the hint for a program that is not installed.

    `again` is the exit status that says that the same once more may well succeed: by custom 75, EX_TEMPFAIL.
    Raises DeploymentFailed (deployer-failed, deployer-timeout).
    """
    done = ended(process, job, argv, cwd, env=env, missing=missing)
    if done.exit_code != 0:
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED,
            f"{one_line(argv[0], 200)} {how_it_ended(done.exit_code)}",
            hint=_HINTS.get(done.exit_code, ""),
            tail=done.tail,
            retryable=again is not None and done.exit_code == again,
        )
    return done


def ended(
    process: Process, job: Job, argv: tuple[str, ...], cwd: Path, *, env: Mapping[str, str], missing: str
) -> Finished:
    """Run `argv` to its end, whatever its exit status.

    Raises DeploymentFailed (deployer-failed where nothing could be started, deployer-timeout).
    """
    name = one_line(argv[0], 200)
    try:
        done = process.run(Command(argv, cwd, env, job.timeout), job.output)
    except FileNotFoundError as problem:
        if not cwd.is_dir():
            raise _not_started(f"there is no directory {one_line(str(cwd), 200)}") from problem
        raise _not_started(f"{name} was not found", missing) from problem
    except PermissionError as problem:
        raise _not_started(f"{name} may not be executed", _HINTS[_CANNOT_EXECUTE]) from problem
    except (OSError, ValueError) as problem:
        why = getattr(problem, "strerror", None) or "an argument holds a NUL or a broken character"
        raise _not_started(f"{name} cannot be started: {why}") from problem
    if done.timed_out:
        raise DeploymentFailed(
            Reason.DEPLOYER_TIMEOUT,
            f"{name} did not end within {job.timeout:g} s and was ended, with all that it had started",
            hint="give `deploy.timeout` more time, or find out what it waits for",
            tail=done.tail,
        )
    return done


def _not_started(why: str, hint: str = "") -> DeploymentFailed:
    return DeploymentFailed(Reason.DEPLOYER_FAILED, f"nothing was started: {why}", hint=hint)


def how_it_ended(code: int) -> str:
    """The exit status of a process in words."""
    if code <= 128:
        return f"exited with status {code}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return f"exited with status {code}"
    memory = "; out of memory?" if code == 128 + signal.SIGKILL else ""
    return f"was killed ({name}{memory}), status {code}"
