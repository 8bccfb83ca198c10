"""Verifier `run`: a Bash script of the user's decides. 0 says good, 75 that it cannot tell, anything else says bad."""

from __future__ import annotations

import shlex
from typing import ClassVar

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy import Check
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.ports import Command, Finished, Process

BASH = ("bash", "-euo", "pipefail", "-c")
CANNOT_TELL = 75
"""EX_TEMPFAIL of sysexits.h."""
TIMEOUT = 300.0
"""Seconds, where the check does not say."""
_LONGEST = 300  # characters of a last line; a longer one is not shown: half a secret would not be known for one
_LONGEST_LINE = 1_000_000


class Run:
    """Runs the script in the trusted checkout, with the MSD_* variables of the deployment. It is never a template."""

    kind: ClassVar[str] = "run"

    def __init__(self, process: Process) -> None:
        self._process = process

    def describe(self, check: Check) -> list[str]:
        """See contract.Verifier."""
        text = [f"  | {one_line(line, _LONGEST_LINE)}" for line in (check.run or "").rstrip("\n").split("\n")]
        return [
            f"run in the trusted checkout, with {shlex.join(BASH[:-1])}:",
            *text,
            f"status 0 is good, {CANNOT_TELL} says that it cannot tell, anything else is bad",
            f"end it, with all that it started, after {format_duration(_timeout(check))}; that is bad, too",
        ]

    def verify(self, job: Job, check: Check) -> Verified:
        """See contract.Verifier."""
        name = check.name or self.kind
        if job.files is None:
            return Verified(name, Finding.INCONCLUSIVE, "there is no checkout to run the script in")
        command = Command((*BASH, check.run or "", "verify"), job.files, job.env, _timeout(check))
        try:
            done = self._process.run(command, job.output)
        except (OSError, ValueError) as problem:
            return Verified(name, Finding.INCONCLUSIVE, f"the script was not started: {_why(problem)}")
        facts = {"exit_code": done.exit_code, "seconds": round(done.seconds, 1), "timed_out": done.timed_out}
        return Verified(name, _finding(done), _sentence(check, done), facts)


def _timeout(check: Check) -> float:
    return TIMEOUT if check.timeout is None else check.timeout


def _finding(done: Finished) -> Finding:
    if done.timed_out:
        return Finding.FAILED
    return {0: Finding.PASSED, CANNOT_TELL: Finding.INCONCLUSIVE}.get(done.exit_code, Finding.FAILED)


def _sentence(check: Check, done: Finished) -> str:
    if done.timed_out:
        said = f"the script did not end within {format_duration(_timeout(check))} and was ended"
    else:
        said = f"the script exited with status {done.exit_code}"
    last = next((line for line in reversed(done.tail.splitlines()) if line.strip()), "")
    told = one_line(last.strip(), _LONGEST_LINE)
    return f"{said}: {told}" if told and len(told) <= _LONGEST else said


def _why(problem: Exception) -> str:
    if isinstance(problem, FileNotFoundError):
        return "there is no bash on PATH"
    return getattr(problem, "strerror", None) or "it holds a NUL or a broken character"
