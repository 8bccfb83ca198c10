"""Settings of the deployer `mlem`, and the commands that they make."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from model_stage_deploy.deployers.contract import Options
from model_stage_deploy.deployers.running import executable

RUN = ("mlem", "deployment", "run")
STATUS = ("mlem", "deployment", "status")
REMOVE = ("mlem", "deployment", "remove")


class MlemOptions(Options):
    """Settings of `mlem`: `load` and `model`, or `argv`."""

    load: str | None = Field(None, description="Declaration of the deployment, in the trusted checkout.")
    model: str | None = Field(None, description="The model: a path in the tagged commit, or a URL.")
    argv: list[str] | None = Field(None, description="The whole command, instead of what load and model make.")
    extra: list[str] = Field(default_factory=list, description="Arguments to add at the end.")
    allow_remove: bool = Field(
        False, description="Whether `mlem deployment remove` may be run; on Kubernetes it deletes the whole namespace."
    )
    remove_first: bool = Field(
        False,
        description="Whether to remove what the declaration deployed before the new version is run; needs "
        "`allow-remove`. Nothing serves in between.",
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
        if self.remove_first and self.load is None:
            raise ValueError("`remove-first` needs a declaration in `load`")
        if self.remove_first and not self.allow_remove:
            raise ValueError("`remove-first` needs `allow-remove: true` beside it")
        return self

    def run(self, model: str) -> tuple[str, ...]:
        """What deploys, with `model` for the model."""
        if self.argv is not None:
            return (*self.argv, *self.extra)
        return (*RUN, "--load", self.load or "", "--model", model, *self.extra)

    @property
    def status(self) -> tuple[str, ...]:
        """What asks MLEM what it knows of the declaration."""
        return (*STATUS, self.load or "")

    @property
    def remove(self) -> tuple[str, ...]:
        """What takes away what the declaration deployed."""
        return (*REMOVE, self.load or "")
