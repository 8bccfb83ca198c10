"""Deployer `preset`: a named list of commands for a tool that serves models, each an argument list, with no shell.

The commands are in presets.py. Whether what they deployed answers, and with which version, `verify:` finds out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt, Status
from model_stage_deploy.deployers.preset_options import PresetOptions
from model_stage_deploy.deployers.preset_steps import (
    LONGEST,
    Json,
    Preset,
    Step,
    Values,
    arguments,
    facts,
    pattern,
)
from model_stage_deploy.deployers.running import carry_out, ended, shown_argv
from model_stage_deploy.ports import Clock, Finished, Process

_SHORTEST = 0.01  # seconds
_MOST_HEARD = 1024 * 1024  # characters
_DID_NOT_RUN = range(126, 193)
"""Exit statuses that answer nothing: not executable, not found, killed by a signal. aws itself ends with 252 to 255."""


class PresetDeployer:
    """Runs the commands of a preset in the checkout of the trusted ref, one after the other, all within one timeout."""

    options: ClassVar[type[Options]] = PresetOptions
    needs_files: ClassVar[bool] = True
    url_options: ClassVar[frozenset[str]] = frozenset()
    verbatim_options: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, process: Process, clock: Clock) -> None:
        self._process = process
        self._clock = clock

    def describe(self, plan: Plan, options: PresetOptions) -> list[str]:
        """See contract.Deployer."""
        return _described(options.preset.steps, plan, options)

    def deploy(self, job: Job, options: PresetOptions) -> Receipt:
        """See contract.Deployer. Each question is asked anew at each try, so that a try goes on where one broke off."""
        return self._carry_out(options.preset.steps, job, options)

    def why_not_undeploy(self, options: PresetOptions) -> str:
        """See contract.Undeployer: what deletes something needs somebody's yes."""
        preset = options.preset
        if not preset.undeploy:
            return f"the preset {preset.name} has no command for it"
        if preset.undeploy_needs and preset.undeploy_needs not in options.values:
            return f"`deploy.with.{preset.undeploy_needs}` says no command that does it"
        if not options.allow_delete:
            return f"the preset {preset.name} may not delete: `deploy.with.allow-delete: true` says that it may"
        return ""

    def describe_undeploy(self, plan: Plan, options: PresetOptions) -> list[str]:
        """See contract.Undeployer."""
        return _described(options.preset.undeploy, plan, options)

    def undeploy(self, job: Job, options: PresetOptions) -> Receipt:
        """See contract.Undeployer."""
        why_not = self.why_not_undeploy(options)
        if why_not:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, why_not)
        return self._carry_out(options.preset.undeploy, job, options)

    def why_not_status(self, options: PresetOptions) -> str:
        """See contract.StatusTeller."""
        return "" if options.preset.look else f"the preset {options.preset.name} has no command that tells it"

    def status(self, job: Job, options: PresetOptions) -> Status:
        """See contract.StatusTeller."""
        preset = options.preset
        if preset.look is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, self.why_not_status(options))
        argv, cwd = _arguments(preset.look.argv, _values(job.plan, options)), _directory(job, None, {})
        done = ended(self._process, job, argv, cwd, env={**job.env, **preset.env}, missing=preset.install)
        return preset.look.read(done.exit_code, done.tail)

    def _carry_out(self, steps: tuple[Step, ...], job: Job, options: PresetOptions) -> Receipt:
        values, until = _values(job.plan, options), self._clock.monotonic() + job.timeout
        answers: dict[str, bool] = {}
        done: list[str] = []
        tail = ""
        for number, step in enumerate(steps, 1):
            if not _applies(step, answers):
                continue
            job.output(f"[step {number} of {len(steps)}: {step.name}]\n")
            try:
                finished = self._step(step, job, until, options.preset, values, answers)
            except DeploymentFailed as problem:
                raise _named(problem, f"step {number} of {len(steps)} ({step.name})") from problem
            done.append(step.name)
            tail = finished.tail
        return Receipt(facts={"preset": options.name, "steps": done, "proof": False}, tail=tail)

    def _step(
        self, step: Step, job: Job, until: float, preset: Preset, values: Values, answers: dict[str, bool]
    ) -> Finished:
        argv, cwd = _arguments(step.argv, values), _directory(job, step, values)
        run = carry_out if not step.finds else ended
        while True:
            heard: list[str] = []
            output = _overheard(job.output, heard) if step.sees else job.output
            now = replace(job, output=output, timeout=max(_SHORTEST, until - self._clock.monotonic()))
            done = run(self._process, now, argv, cwd, env={**job.env, **preset.env}, missing=preset.install)
            if step.finds:
                answers[step.finds] = _found(step, done, "".join(heard), values, argv[0])
                job.output(f"[{'it is there' if answers[step.finds] else 'it is not there'}]\n")
                return done
            if not step.expects or pattern(step.expects, values).search(done.tail):
                return done
            if not step.every or self._clock.monotonic() + step.every >= until:
                raise DeploymentFailed(
                    Reason.DEPLOYER_TIMEOUT if step.every else Reason.DEPLOYER_FAILED,
                    f"what {one_line(argv[0], 200)} printed is not what it must be for a success",
                    tail=done.tail,
                )
            self._clock.sleep(step.every)


def _overheard(output: Callable[[str], None], heard: list[str]) -> Callable[[str], None]:
    """Output that is kept as well, from its beginning on: a tail alone may lack what is looked for."""

    def both(text: str) -> None:
        output(text)
        if sum(map(len, heard)) < _MOST_HEARD:
            heard.append(text)

    return both


def _found(step: Step, done: Finished, heard: str, values: Values, program: str) -> bool:
    """What a question was answered. Raises DeploymentFailed where it was not."""
    if done.exit_code == 0:
        return not step.sees or any(pattern(step.sees, values).search(text) for text in (done.tail, heard))
    if done.exit_code not in _DID_NOT_RUN and step.absent and pattern(step.absent, values).search(done.tail):
        return False
    raise DeploymentFailed(
        Reason.DEPLOYER_FAILED,
        f"{one_line(program, 200)} exited with status {done.exit_code}, and did not say that there is none",
        hint="are its credentials set, and may they look there?",
        tail=done.tail,
        retryable=done.exit_code == os.EX_TEMPFAIL,
    )


def _values(plan: Plan, options: PresetOptions) -> Values:
    """What placeholders stand for: facts, defaults (which may be made of them), and settings, which hide both."""
    defaults = {setting.name: setting.default for setting in options.preset.settings if setting.default}
    known = facts(plan, options.name, {**defaults, **options.values})
    filled = zip(defaults, arguments(tuple(defaults.values()), known), strict=True)
    return {**known, **dict(filled), **options.values}


def _arguments(argv: Any, values: Values) -> tuple[str, ...]:
    try:
        return arguments(argv, values)
    except ValueError as problem:
        raise DeploymentFailed(Reason.DEPLOYER_FAILED, f"nothing was started: {problem}") from problem


def _applies(step: Step, answers: Mapping[str, bool]) -> bool:
    return (not step.when or answers.get(step.when, False)) and not (step.unless and answers.get(step.unless, False))


def _directory(job: Job, step: Step | None, values: Values) -> Path:
    """Where a step runs, inside its checkout even after symbolic links are followed. Raises DeploymentFailed."""
    tagged = step is not None and step.inside == "tagged"
    root = job.model_dir if tagged else job.files
    if root is None:
        raise DeploymentFailed(Reason.DEPLOYER_FAILED, "there is no checkout to run in")
    path = values.get("path", ".") if tagged else "."
    directory = (root / str(path)).resolve()
    if not directory.is_relative_to(root.resolve()) or not directory.is_dir():
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED, f"`path` {one_line(str(path), 200)!r} is no directory of the tagged commit"
        )
    return directory


def _named(problem: DeploymentFailed, where: str) -> DeploymentFailed:
    """The same failure, with the step that failed."""
    return DeploymentFailed(
        problem.reason,
        f"{where}: {problem.message}",
        hint=problem.hint,
        tail=problem.tail,
        retryable=problem.retryable,
        after=problem.after,
    )


def _described(steps: tuple[Step, ...], plan: Plan, options: PresetOptions) -> list[str]:
    preset, values = options.preset, _values(plan, options)
    lines = [f"preset {preset.name}, in the trusted checkout, with no shell:"]
    asked = {step.finds: number for number, step in enumerate(steps, 1) if step.finds}
    for number, step in enumerate(steps, 1):
        conditions = [f"step {asked[step.when]} finds it"] if step.when else []
        conditions += [f"step {asked[step.unless]} does not find it"] if step.unless else []
        only = f", only if {' and '.join(conditions)}" if conditions else ""
        where = ", in the tagged commit" if step.inside == "tagged" else ""
        where += f", looking every {step.every:g} s" if step.every else ""
        lines += [f"  {number}. {step.name}{where}{only}:", f"     {_shown(step, values)}"]
    return [
        *lines,
        f"end it, with all that it started, after {plan.timeout:g} s in all",
        f"what was checked of this preset: {preset.checked}",
    ]


def _shown(step: Step, values: Values) -> str:
    """The arguments as shown_argv has them. One that holds JSON stands in single quotes instead: quoted as JSON once
    more, a secret in it would have a spelling that the scrubber does not know."""
    try:
        pieces = [(argument, arguments((argument,), values)) for argument in step.argv]
    except ValueError as problem:
        return f"nothing: {one_line(str(problem), LONGEST)}"
    shown = [
        f"'{one_line(text, len(text))}'" if isinstance(argument, Json) else shown_argv((text,))[1:-1]
        for argument, texts in pieces
        for text in texts
    ]
    return f"[{', '.join(shown)}]"
