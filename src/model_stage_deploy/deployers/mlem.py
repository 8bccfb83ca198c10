"""Deployer `mlem`: `mlem deployment run --load DECLARATION --model MODEL`, or the user's own arguments instead.

MLEM 0.4.14 was seen to exit with 0 though nothing was deployed: after a start that crashed, after a failed change of
a running container, and where another program held the port. Its word after a deployment (`crashed`) is therefore
heeded, no failure of it is ever `retryable`, and what serves is for `verify:` to find out.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Literal

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt, Status
from model_stage_deploy.deployers.mlem_options import STATUS, MlemOptions
from model_stage_deploy.deployers.running import carry_out, shown_argv
from model_stage_deploy.ports import Command, Finished, Process

NO_PROOF = "mlem exited with 0; that alone does not prove that this version is what serves now"
NOTHING_ASKS = "the stage has no `verify:`, so nothing was proven"
STATES: Mapping[str, Literal["running", "starting", "stopped", "failed", "absent", "unknown"]] = {
    "running": "running",
    "starting": "starting",
    "stopped": "stopped",
    "crashed": "failed",
    "not_deployed": "absent",
    "unknown": "unknown",
}
"""The words of `mlem deployment status`. Its exit code is 0 for all of them."""
_NOT_SERVING = ("crashed", "stopped", "not_deployed")
_LOOK = 60.0  # seconds for a look before or after the deployment itself
_QUIET = {"ITERATIVE_DO_NOT_TRACK": "1"}
_MISSING = (
    "install it where this runs: pip install 'mlem[fastapi,sklearn]==0.4.14' 'isort<6' 'typer<0.26' (Python 3.10 or "
    "3.11); the action's image has no mlem, so run model-stage-deploy on the runner itself, or name another program "
    "with `argv:`"
)
_NOT_TWICE = (
    "the same command once more may exit with 0 and deploy nothing: look at what serves, and let "
    "`with: {allow-remove: true, remove-first: true}` clear the way"
)


class Mlem:
    """Runs MLEM in the checkout of the trusted ref, on the model of the tagged commit."""

    options: ClassVar[type[Options]] = MlemOptions
    needs_files: ClassVar[bool] = True
    url_options: ClassVar[frozenset[str]] = frozenset()
    verbatim_options: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, process: Process) -> None:
        self._process = process

    def describe(self, plan: Plan, options: MlemOptions) -> list[str]:
        """See contract.Deployer."""
        first = [
            "ask for the status, and where there is anything remove it, before what follows:",
            f"  {shown_argv(options.status)}",
            f"  {shown_argv(options.remove)}",
        ]
        return [
            *(first if options.remove_first else []),
            "execute in the trusted checkout, with no shell:",
            f"  {shown_argv(options.run(options.model or ''))}",
            *(["a relative model path is looked up in the tagged commit"] if options.model else []),
            f"end it, with all that it started, after {plan.timeout:g} s",
        ]

    def deploy(self, job: Job, options: MlemOptions) -> Receipt:
        """See contract.Deployer."""
        argv, calls = options.run(_model(options.model or "", job)), _Calls(self._process, job)
        if options.remove_first and calls.status(options) != "not_deployed":
            calls.make(options.remove)
        try:
            done = calls.make(argv)
        except DeploymentFailed as problem:
            raise calls.failed(problem, options) from problem
        word = calls.look(options)
        if word in _NOT_SERVING:
            raise DeploymentFailed(
                Reason.DEPLOYER_FAILED,
                f"mlem exited with 0, but `mlem deployment status` says {word}",
                hint=_NOT_TWICE,
                tail=done.tail,
            )
        job.output(f"\n[{NO_PROOF}{'' if job.plan.verify else f'; {NOTHING_ASKS}'}]\n")
        facts = {"exit_code": 0, "proof": False, **({"mlem_status": word} if word else {})}
        return Receipt(facts=facts, tail=done.tail)

    def why_not_status(self, options: MlemOptions) -> str:
        """See contract.StatusTeller."""
        return "" if options.load is not None else "`mlem deployment status` needs a declaration, and `argv` names none"

    def status(self, job: Job, options: MlemOptions) -> Status:
        """See contract.StatusTeller: MLEM's own word, which is never about a version."""
        why_not = self.why_not_status(options)
        if why_not:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, why_not)
        word = _Calls(self._process, job).status(options)
        if not word:
            return Status("unknown", "`mlem deployment status` said nothing that is known")
        return Status(
            STATES[word],
            f"`mlem deployment status` says {word}; which version that is it does not know",
            facts={"mlem_status": word},
        )

    def why_not_undeploy(self, options: MlemOptions) -> str:
        """See contract.Undeployer: MLEM removes more than was deployed, so somebody must have said yes (T60)."""
        if options.load is None:
            return "`mlem deployment remove` needs a declaration, and `argv` names none"
        if not options.allow_remove:
            return (
                "`mlem deployment remove` deletes the whole namespace on Kubernetes; "
                "`deploy.with.allow-remove: true` says that it may"
            )
        return ""

    def describe_undeploy(self, plan: Plan, options: MlemOptions) -> list[str]:
        """See contract.Undeployer."""
        return [
            "execute in the trusted checkout, with no shell:",
            f"  {shown_argv(options.remove)}",
            f"end it, with all that it started, after {plan.timeout:g} s",
        ]

    def undeploy(self, job: Job, options: MlemOptions) -> Receipt:
        """See contract.Undeployer. `extra` is for `mlem deployment run` and not given to it.

        MLEM exits with 1 where nothing is deployed; that is as good, once it says so itself.
        """
        why_not = self.why_not_undeploy(options)
        if why_not:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, why_not)
        calls = _Calls(self._process, job)
        try:
            done = calls.make(options.remove)
        except DeploymentFailed as problem:
            word = calls.look(options)
            if word != "not_deployed":
                raise
            job.output("\n[there was nothing to remove: mlem says that it is not deployed]\n")
            return Receipt(facts={"mlem_status": word}, tail=problem.tail)
        return Receipt(facts={"exit_code": 0}, tail=done.tail)


class _Calls:
    """MLEM's commands for one job, one after another, all within the job's timeout."""

    def __init__(self, process: Process, job: Job) -> None:
        self._process = process
        self._job = job
        self._left = job.timeout
        self._ran = False

    def run(self, command: Command, output: Callable[[str], None]) -> Finished:
        """Fulfils ports.Process: counts the seconds that each call takes."""
        done = self._process.run(command, output)
        self._left = max(0.0, self._left - done.seconds)
        self._ran = True
        return done

    def make(self, argv: tuple[str, ...], most: float | None = None) -> Finished:
        """One command, at most `most` seconds. Raises DeploymentFailed, never `retryable`."""
        if self._job.files is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, "there is no checkout to run mlem in")
        left = self._left if most is None else min(most, self._left)
        if left <= 0:
            raise DeploymentFailed(Reason.DEPLOYER_TIMEOUT, "no time was left for what mlem had to do besides")
        job, env = replace(self._job, timeout=left), {**self._job.env, **_QUIET}
        try:
            return carry_out(self, job, argv, self._job.files, env=env, missing=_MISSING)
        except DeploymentFailed as problem:
            problem.retryable = False
            raise

    def status(self, options: MlemOptions) -> str:
        """MLEM's word for how the declaration stands, "" for none that is known. Raises DeploymentFailed."""
        self._job.output(f"[{shlex.join(STATUS)}]\n")
        lines = self.make(options.status, _LOOK).tail.splitlines()
        return next((word for line in reversed(lines) if (word := line.strip()) in STATES), "")

    def look(self, options: MlemOptions) -> str:
        """The same where it can be had, and "" where not: what went before matters more."""
        if options.load is None or self._left <= 0 or not self._ran:
            return ""
        try:
            return self.status(options)
        except DeploymentFailed:
            return ""

    def failed(self, problem: DeploymentFailed, options: MlemOptions) -> DeploymentFailed:
        """The failure with what MLEM says afterwards, and a warning to all who would simply try again."""
        if not self._ran:
            return problem
        word = self.look(options)
        left = f"; `mlem deployment status` then says {word}" if word else ""
        serves = ", which may be what ran before" if word == "running" else ""
        hint = f"{problem.hint}; {_NOT_TWICE}" if problem.hint else _NOT_TWICE
        return DeploymentFailed(problem.reason, f"{problem.message}{left}{serves}", hint=hint, tail=problem.tail)


def _model(model: str, job: Job) -> str:
    """A URL as it is; a path as an absolute one in the checkout of the tagged commit. Raises DeploymentFailed."""
    if not model or "://" in model or job.model_dir is None:
        return model
    root = job.model_dir.resolve()
    # Annotations name their path relative to the model's directory.
    base = root / job.plan.model.dir if model == job.plan.model.path else root
    path = (base / model).resolve()
    if not path.is_relative_to(root):
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED, f"the model path {one_line(model, 200)!r} leads out of the tagged commit"
        )
    return str(base / model)  # links left alone: MLEM looks for `NAME.mlem` beside the name that it is given
