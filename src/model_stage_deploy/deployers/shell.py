"""Deployer `shell`: program text for bash (`run:`) or a list of arguments for no shell at all (`argv:`).

`undeploy:` is program text, too: what takes away what was deployed, where the mapping asks for that; so is `status:`,
which looks whether it runs.
Values of tags and annotations never become part of the text: they arrive as MSD_* variables.
"""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath
from typing import ClassVar, get_args

from pydantic import Field, field_validator, model_validator

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt, State, Status
from model_stage_deploy.deployers.output_file import OutputFile, output_file
from model_stage_deploy.deployers.running import carry_out, ended, executable, how_it_ended, shown_argv
from model_stage_deploy.ports import Finished, Process

BASH = ("bash", "-euo", "pipefail", "-c")
LONGEST_RUN = 100_000  # bytes; Linux refuses an argument over 128 KiB
_NO_ANSWER = 126
"""From this exit status on, a program did not run, or was killed: that says nothing of what it was to look at."""

_NO_BASH = "`run:` needs bash; without it write `argv:`, a list that is executed with no shell"
_NO_PROGRAM = "`argv:` names a program on PATH, or a path from the working directory such as ./deploy.sh"


class ShellOptions(Options):
    """Settings of `shell`: just one of `run` and `argv`; `undeploy` and `status` if you like."""

    run: str | None = Field(None, description="Program text for `bash -euo pipefail`; never a template.")
    argv: list[str] | None = Field(None, description="Arguments, executed with no shell; each may be a template.")
    undeploy: str | None = Field(
        None, description="Program text that takes away what was deployed; never a template. Absent: nothing can."
    )
    status: str | None = Field(
        None, description="Program text that looks whether it runs; never a template. Absent: nobody can tell."
    )
    working_directory: str = Field(
        ".", description="Directory inside the checkout of the trusted ref in which it runs."
    )

    @field_validator("run", "undeploy", "status")
    @classmethod
    def _runnable(cls, run: str | None) -> str | None:
        if run is not None and not run.strip():
            raise ValueError("is empty")
        if run is not None and ("\0" in run or len(run.encode("utf-8", "replace")) > LONGEST_RUN):
            raise ValueError(f"is longer than {LONGEST_RUN} bytes, or holds a NUL; put it into a file and run that")
        return run

    @field_validator("argv")
    @classmethod
    def _executable(cls, argv: list[str] | None) -> list[str] | None:
        return None if argv is None else executable(argv)

    @field_validator("working_directory")
    @classmethod
    def _inside(cls, directory: str) -> str:
        path = PurePosixPath(directory)
        if path.is_absolute() or ".." in path.parts or not directory or "\0" in directory:
            raise ValueError("must be a path inside the checkout, without `..`")
        return directory

    @model_validator(mode="after")
    def _one_of_both(self) -> ShellOptions:
        if (self.run is None) == (self.argv is None):
            raise ValueError("needs just one of `run` (text for bash) and `argv` (a list, no shell)")
        return self

    @property
    def arguments(self) -> tuple[str, ...]:
        """What is executed. The last word for bash is the name that its messages begin with."""
        return _for_bash(self.run, "run") if self.run is not None else tuple(self.argv or ())


def _for_bash(text: str, name: str) -> tuple[str, ...]:
    return (*BASH, text, name)


class Shell:
    """Runs the user's own program in a checkout of the trusted ref.

    It may report where the model is live, and which version, by writing lines `url=https://…` and `version=…` to the
    file named by MSD_OUTPUT. Exit status 75 says that another try is worth it.
    """

    options: ClassVar[type[Options]] = ShellOptions
    needs_files: ClassVar[bool] = True
    url_options: ClassVar[frozenset[str]] = frozenset()
    verbatim_options: ClassVar[frozenset[str]] = frozenset({"run", "undeploy", "status"})

    def __init__(self, process: Process) -> None:
        self._process = process

    def describe(self, plan: Plan, options: ShellOptions) -> list[str]:
        """See contract.Deployer."""
        if options.run is not None:
            return _described(options.run, plan, options)
        return [
            f"execute {_where(options)}, with no shell:",
            f"  {shown_argv(options.arguments)}",
            _ending(plan),
        ]

    def deploy(self, job: Job, options: ShellOptions) -> Receipt:
        """See contract.Deployer."""
        return self._execute(job, options, options.arguments)

    def why_not_undeploy(self, options: ShellOptions) -> str:
        """See contract.Undeployer."""
        return "" if options.undeploy is not None else "`deploy.with.undeploy` says no program that does it"

    def describe_undeploy(self, plan: Plan, options: ShellOptions) -> list[str]:
        """See contract.Undeployer."""
        return _described(options.undeploy or "", plan, options)

    def undeploy(self, job: Job, options: ShellOptions) -> Receipt:
        """See contract.Undeployer. What `undeploy` says is run just as `run` is."""
        if options.undeploy is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, self.why_not_undeploy(options))
        return self._execute(job, options, _for_bash(options.undeploy, "undeploy"))

    def why_not_status(self, options: ShellOptions) -> str:
        """See contract.StatusTeller."""
        return "" if options.status is not None else "`deploy.with.status` says no program that looks"

    def status(self, job: Job, options: ShellOptions) -> Status:
        """See contract.StatusTeller. Exit status 0 is `running`, unless the program writes another `state=…`."""
        if options.status is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, self.why_not_status(options))
        cwd, argv = _directory(job.files, options.working_directory), _for_bash(options.status, "status")
        with output_file() as reported:
            env = {**job.env, "MSD_OUTPUT": str(reported.path)}
            done = ended(self._process, job, argv, cwd, env=env, missing=_NO_BASH)
            if done.exit_code >= _NO_ANSWER:
                raise DeploymentFailed(
                    Reason.DEPLOYER_FAILED, f"the program of `status` {how_it_ended(done.exit_code)}", tail=done.tail
                )
            return _seen(done, reported, job)

    def _execute(self, job: Job, options: ShellOptions, argv: tuple[str, ...]) -> Receipt:
        cwd = _directory(job.files, options.working_directory)
        with output_file() as reported:
            done = carry_out(
                self._process,
                job,
                argv,
                cwd,
                env={**job.env, "MSD_OUTPUT": str(reported.path)},
                missing=_NO_BASH if argv[: len(BASH)] == BASH else _NO_PROGRAM,
            )
            return Receipt(
                url=reported.url(job.output), facts={"exit_code": 0}, tail=done.tail, version=reported.version
            )


def _seen(done: Finished, reported: OutputFile, job: Job) -> Status:
    """What the program of `status` says. Another exit status than 0 may mean anything, so it says nothing by itself."""
    written = reported.last("state")
    state: State = "running" if done.exit_code == 0 else "unknown"
    sentence = f"its program {how_it_ended(done.exit_code)}"
    known: tuple[State, ...] = get_args(State)
    if written in known:
        state = known[known.index(written)]
    elif written:
        state = "unknown"
        sentence += f", and wrote a state that is none: {one_line(written, 100)} (there are: {', '.join(known)})"
    elif done.exit_code:
        sentence += "; 0 would say that it runs, and a line `state=stopped` in the file MSD_OUTPUT that it does not"
    url, facts = reported.url(job.output), {"exit_code": done.exit_code}
    return Status(state, sentence, version=reported.version, url=url, facts=facts)


def _where(options: ShellOptions) -> str:
    return f"in {one_line(options.working_directory)} of the trusted checkout"


def _ending(plan: Plan) -> str:
    return f"end it, with all that it started, after {plan.timeout:g} s"


def _described(program: str, plan: Plan, options: ShellOptions) -> list[str]:
    text = [f"  | {one_line(line, LONGEST_RUN)}" for line in program.rstrip("\n").split("\n")]
    return [f"run {_where(options)}, with {shlex.join(BASH[:-1])}:", *text, _ending(plan)]


def _directory(files: Path | None, wanted: str) -> Path:
    """The working directory, inside `files` even after symbolic links are followed. Raises DeploymentFailed."""
    if files is None:
        raise DeploymentFailed(Reason.DEPLOYER_FAILED, "there is no checkout to run in")
    root, directory = files.resolve(), (files / wanted).resolve()
    if not directory.is_relative_to(root):
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED, f"working-directory {one_line(wanted)!r} leads out of the checkout"
        )
    if not directory.is_dir():
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED,
            f"working-directory {one_line(wanted)!r} is no directory of the trusted checkout",
            hint="the checkout is that of `config-ref`, by default the default branch: is it committed there?",
        )
    return directory
