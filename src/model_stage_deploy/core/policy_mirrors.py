"""What `mirrors:` of the mapping may ask: other registries that follow this one. The shapes alone.

What each makes of it, in the room mirrors/.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.mlflow_names import wrong_alias, wrong_model, wrong_number, wrong_uri
from model_stage_deploy.core.policy_fields import Duration, Part, wrong

TEMPLATES = ("tracking-uri", "model", "version", "alias", "tags")
"""Settings of a mirror that are rendered."""
URLS = frozenset({"tracking-uri"})
_CHECKS = {"tracking_uri": wrong_uri, "model": wrong_model, "version": wrong_number, "alias": wrong_alias}


class WrongOnceRendered(ValueError):
    """What a template became is nothing that the other registry can have. `value` is shown for names alone."""

    def __init__(self, key: str, value: object, why: str) -> None:
        named = key in ("alias", "model", "version") and isinstance(value, str)
        super().__init__(f"the rendered text{f' {one_line(str(value), 120)!r}' if named else ''} {why}")
        self.key = key


class Mirror(Part):
    """A registry that follows this one: told once a version is live, and when one is taken out of the stage."""

    uses: Literal["mlflow"] = Field(description="Which kind of registry: mlflow.", examples=["mlflow"])
    tracking_uri: str | None = Field(
        None,
        description="Address of the tracking server; a template. Default: MLFLOW_TRACKING_URI of the environment.",
        examples=["https://mlflow.example.com"],
    )
    model: str = Field(
        "{{ model.name }}",
        description="The registered model; a template. Default: the model's name, if it holds no `/` and no `:`.",
        examples=["{{ model.slug }}"],
    )
    version_tag: str = Field(
        "gto_version",
        description="Tag of an MLflow version that holds our version, such as v1.2.0. Default: gto_version.",
        examples=["git_version"],
    )
    version: str | None = Field(
        None,
        description="MLflow's own number of the version, instead of finding it by its tag; a template.",
        examples=["{{ vars.mlflow_version }}"],
    )
    alias: str | None = Field(
        None,
        description="The alias that points to the live version; a template. Default: the stage's name, unless `stage` "
        "is given.",
        examples=["champion"],
    )
    stage: Literal["Staging", "Production"] | None = Field(
        None,
        description="MLflow's stage for the live version (deprecated in MLflow since 2.9). Default: none.",
        examples=["Production"],
    )
    archive_existing_versions: bool = Field(
        False, description="Beside `stage`: archive what else is in it. Default: false.", examples=[True]
    )
    taken_out: Literal["Archived", "None"] = Field(
        "Archived",
        description="Beside `stage`: where a version goes that is taken out of ours. Default: Archived.",
        examples=["None"],
    )
    tags: dict[str, str] | None = Field(
        None,
        description="Tags to set on the live version; values are templates.",
        examples=[{"deployed_by": "{{ run.url }}"}],
    )
    timeout: Duration = Field(
        60.0, description="How long it may take, with all its retries. Default: 60s.", examples=["2m"]
    )

    @field_validator("version_tag")
    @classmethod
    def _askable(cls, key: str) -> str:
        if not key.strip() or "`" in key or "\\" in key:
            raise wrong("is empty, or holds a backtick or a backslash, which MLflow's filters cannot say")
        return key

    @field_validator("tracking_uri", "model", "version", "alias")
    @classmethod
    def _possible(cls, text: str | None, info: ValidationInfo) -> str | None:
        """What no template is in can be judged at once; the rest is, once it is rendered."""
        if text is None or is_template(text):
            return text
        why_not = _CHECKS[str(info.field_name)](text)
        if why_not:
            raise wrong(why_not)
        return text

    @model_validator(mode="after")
    def _fits(self) -> Mirror:
        if self.stage is None:
            for key in ("archive_existing_versions", "taken_out"):
                if key in self.model_fields_set:
                    raise wrong(f"`{key.replace('_', '-')}` is for `stage`", "add `stage: Production`")
        return self

    @property
    def alias_or_default(self) -> str | None:
        """The alias's template; None for no alias."""
        return self.alias if self.alias is not None or self.stage is not None else "{{ stage }}"

    def rendered(self, values: Mapping[str, object]) -> Mirror:
        """The same with what its templates became. Raises WrongOnceRendered."""
        kept = self.model_dump(by_alias=True, exclude_unset=True)
        try:
            return Mirror.model_validate({**kept, **values})
        except ValidationError as problem:
            error = problem.errors(include_url=False)[0]
        why = str((error.get("ctx") or {}).get("message") or error["msg"])
        raise WrongOnceRendered(str(error["loc"][0]) if error["loc"] else "", error.get("input"), why)

    def templates(self) -> Iterator[tuple[str, object]]:
        """Settings that are rendered, by the key of the file, with defaults where nothing is written."""
        values = {
            "tracking-uri": self.tracking_uri,
            "model": self.model,
            "version": self.version,
            "alias": self.alias_or_default,
            "tags": self.tags,
        }
        yield from ((key, value) for key, value in values.items() if value is not None)


def is_template(text: str) -> bool:
    """Whether a text may become another one when it is rendered."""
    return "{{" in text or "{%" in text or "{#" in text
