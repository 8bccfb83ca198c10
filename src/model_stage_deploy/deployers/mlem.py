"""Deployer `mlem`: `mlem deployment run --load DECLARATION --model MODEL`, or the user's own arguments instead.

MLEM's exit code is no proof: after a start that crashed, and after a failed change of a running container, the same
command was seen to exit with 0 while the old model went on serving (MLEM 0.4.14).
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator, model_validator

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Job, Options, Receipt
from model_stage_deploy.deployers.running import carry_out, executable, shown_argv
from model_stage_deploy.ports import Process

COMMAND = ("mlem", "deployment", "run")
REMOVE = ("mlem", "deployment", "remove")
NO_PROOF = "mlem exited with 0; that alone does not prove that this version is what serves now"
_QUIET = {"ITERATIVE_DO_NOT_TRACK": "1"}
_MISSING = (
    "install it where this runs: pip install 'mlem[fastapi,sklearn]==0.4.14' 'isort<6' 'typer<0.26' (Python 3.10 or "
    "3.11); the action's image has no mlem, so run model-stage-deploy on the runner itself, or name another program "
    "with `argv:`"
)


class MlemOptions(Options):
    """Settings of `mlem`: `load` and `model`, or `argv`."""

    load: str | None = Field(None, description="Declaration of the deployment, in the trusted checkout.")
    model: str | None = Field(None, description="The model: a path in the tagged commit, or a URL.")
    argv: list[str] | None = Field(None, description="The whole command, instead of what load and model make.")
    extra: list[str] = Field(default_factory=list, description="Arguments to add at the end.")
    allow_remove: bool = Field(
        False, description="Whether `mlem deployment remove` may be run; on Kubernetes it deletes the whole namespace."
    )

    @field_validator("load", "model")
    @classmethod
    def _value(cls, value: str | None) -> str | None:
        if value is not None and (not value or value.startswith("-") or "\0" in value):
            raise ValueError("must not be empty or begin with `-`")
        return value

    @field_validator("argv")
    @classmethod
    def _executable(cls, argv: list[str] | None) -> list[str] | None:
        return None if argv is None else executable(argv)

    @model_validator(mode="after")
    def _enough(self) -> MlemOptions:
        if self.argv is None and (self.load is None or self.model is None):
            raise ValueError("needs `load` and `model` (or the whole command as `argv`)")
        if self.argv is not None and (self.load is not None or self.model is not None):
            raise ValueError("`argv` is the whole command: it cannot stand beside `load` or `model`")
        return self

    def arguments(self, model: str) -> tuple[str, ...]:
        """What is executed, with `model` for the model."""
        if self.argv is not None:
            return (*self.argv, *self.extra)
        return (*COMMAND, "--load", self.load or "", "--model", model, *self.extra)


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
        return [
            "execute in the trusted checkout, with no shell:",
            f"  {shown_argv(options.arguments(options.model or ''))}",
            *(["a relative model path is looked up in the tagged commit"] if options.model else []),
            f"end it, with all that it started, after {plan.timeout:g} s",
        ]

    def deploy(self, job: Job, options: MlemOptions) -> Receipt:
        """See contract.Deployer."""
        if job.files is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, "there is no checkout to run mlem in")
        argv = options.arguments(_model(options.model or "", job))
        done = carry_out(self._process, job, argv, job.files, env={**job.env, **_QUIET}, missing=_MISSING)
        job.output(f"\n[{NO_PROOF}]\n")
        return Receipt(facts={"exit_code": 0, "proof": False}, tail=done.tail)

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
            f"  {shown_argv((*REMOVE, options.load or ''))}",
            f"end it, with all that it started, after {plan.timeout:g} s",
        ]

    def undeploy(self, job: Job, options: MlemOptions) -> Receipt:
        """See contract.Undeployer. `extra` is for `mlem deployment run` and not given to it."""
        why_not = self.why_not_undeploy(options)
        if why_not or options.load is None or job.files is None:
            raise DeploymentFailed(Reason.DEPLOYER_FAILED, why_not or "there is no checkout to run mlem in")
        argv, env = (*REMOVE, options.load), {**job.env, **_QUIET}
        done = carry_out(self._process, job, argv, job.files, env=env, missing=_MISSING)
        return Receipt(facts={"exit_code": 0}, tail=done.tail)


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
