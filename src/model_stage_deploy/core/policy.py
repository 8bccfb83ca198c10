"""What the mapping may ask for the safety of a stage: gates, verification, locks, rollback, what other events do.

The shapes, typed by pydantic, as mapping_shape.py uses them for one layer of the file and mapping.py for the merged
settings. What each gate and verifier makes of its rule is in the rooms gates/ and verifiers/.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from model_stage_deploy.core.durations import LONGEST, LONGEST_PERIOD, BadDuration, parse_duration
from model_stage_deploy.core.tags import is_stage_name


def wrong(message: str, hint: str = "") -> PydanticCustomError:
    """A complaint in our own words, which mapping_check passes on as it is."""
    return PydanticCustomError("plain", "{message}", {"message": message, "hint": hint})


def _duration(longest: float, *, zero: bool = False) -> BeforeValidator:
    def read(value: Any) -> Any:
        if value is None or (zero and str(value) in ("0", "0.0", "0s", "0m")):
            return None if value is None else 0.0
        try:
            return parse_duration(value, longest=longest)
        except BadDuration as problem:
            raise wrong(str(problem)) from None

    return BeforeValidator(read)


def _stage(value: Any) -> Any:
    if isinstance(value, str) and not is_stage_name(value):
        raise wrong("is not a name that GTO allows for a stage", "letters, digits, `_`, `-` and `/`")
    return value


def _rules(value: Any) -> Any:
    """`metrics: [RULE, …]` is short for `metrics: {rules: [RULE, …]}`."""
    return {"rules": value} if isinstance(value, list) else value


def _needed(value: Any) -> Any:
    """`staging` is short for `{stage: staging}`."""
    return {"stage": value} if isinstance(value, str) else value


def _branches(value: Any) -> Any:
    """`main` is short for `[main]`."""
    return [value] if isinstance(value, str) else value


_DURATION: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": LONGEST},
        {"type": "string", "pattern": r"^\s*(?=.*\d)(\d+d)?\s*(\d+h)?\s*(\d+m)?\s*(\d+(\.\d+)?s?)?\s*$"},
    ]
}
_PERIOD: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0, "maximum": LONGEST_PERIOD}, _DURATION["anyOf"][1]]
}
Duration = Annotated[float, _duration(LONGEST), WithJsonSchema(_DURATION)]
Period = Annotated[float, _duration(LONGEST_PERIOD), WithJsonSchema(_PERIOD)]
_StageName = Annotated[str, BeforeValidator(_stage)]
Who = Annotated[str, Field(min_length=1, max_length=200)]
"""A login (`alice`), a team (`@org/leads`), or a permission on the repository (`permission:maintain`)."""


class Part(BaseModel):
    """Unknown keys are mistakes; nothing is converted; hyphens in YAML, underscores here."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=lambda name: name.rstrip("_").replace("_", "-")
    )


class Needed(Part):
    """A stage that must have had the same version before."""

    stage: _StageName
    verified: bool = Field(True, description="Whether its verification must have passed, too. Default: true.")


class Metrics(Part):
    """Metrics of the version, and how they compare with those of the version that is live."""

    rules: list[str] = Field(
        min_length=1, description="Expressions such as `accuracy >= 0.9` or `auc >= live.auc - 0.005`; all must hold."
    )
    files: list[str] | None = Field(
        None, min_length=1, description="JSON, YAML or TOML files. Default: the `metrics` of dvc.yaml, or metrics.json."
    )
    nothing_live: Literal["pass", "fail"] = Field(
        "pass", description="What a rule that reads `live.` says where no version is live yet. Default: pass."
    )


class Signed(Part):
    """The tag carries a good signature of somebody who is listed."""

    allowed_signers: str | None = Field(
        None, description="For SSH: a file as in ssh-keygen(1), ALLOWED SIGNERS, read where the mapping is read."
    )
    gpg_keys: str | None = Field(None, description="For GPG: a file of armored public keys, read likewise.")


class People(Part):
    """Who may move this stage: `alice`, `@org/team`, `permission:maintain`; a tagger by e-mail address."""

    pushers: list[Who] | None = Field(None, min_length=1, description="Who pushed the tag or started the run.")
    taggers: list[Who] | None = Field(None, min_length=1, description="Who made the tag: e-mail addresses.")


class Freeze(Part):
    """A time in which nothing is deployed."""

    from_: str = Field(description="Its first moment: 2026-12-20 or 2026-12-20T18:00, in the window's zone.")
    to: str = Field(description="The moment it ends; of a date alone, the end of that day.")
    why: str | None = Field(None, description="The reason, for whoever is refused.")


class Window(Part):
    """When a stage may be deployed."""

    zone: str = Field("UTC", description="Time zone: Europe/Berlin. Default: UTC.")
    days: str | None = Field(None, description="Days of the week: mon-fri, or tue,thu. Default: every day.")
    hours: str | None = Field(None, description="Hours of the day: 09:00-17:00; 22:00-04:00 goes over midnight.")
    freezes: list[Freeze] | None = Field(None, description="Times in which nothing is deployed.")


class Approval(Part):
    """Somebody said yes to this version in this stage: `python -m model_stage_deploy approve`."""

    by: list[Who] = Field(min_length=1, description="Whose approval counts: `alice`, `@org/team`, `permission:admin`.")
    count: int = Field(1, ge=1, le=20, description="How many different people it takes. Default: 1.")
    max_age: Period | None = Field(None, description="How old an approval may be. Default: any age.")


class Override(Part):
    """An emergency way through all gates, recorded loudly: `--override REASON`."""

    by: list[Who] = Field(min_length=1, description="Who may: `alice`, `@org/team`, `permission:admin`.")
    reason: Literal["required"] = Field("required", description="A reason must be given.")


class Gates(Part):
    """What must hold before a stage is deployed. All are asked, so that a person sees every reason at once."""

    needs: list[Annotated[Needed, BeforeValidator(_needed)]] | None = Field(
        None, description="Stages that must have had this version first, verified there."
    )
    soak: Period | None = Field(None, description="How long the version must have been good in each needed stage.")
    metrics: Annotated[Metrics | None, BeforeValidator(_rules)] = None
    signed: Signed | None = None
    people: People | None = None
    checks: list[str] | None = Field(
        None, min_length=1, description="Status checks and check runs that must be green on the commit."
    )
    reachable_from: Annotated[list[str] | None, BeforeValidator(_branches)] = Field(
        None, min_length=1, description="Branches, one of which must contain the commit and be protected."
    )
    window: Window | None = None
    approval: Approval | None = None
    override: Override | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the gates that are set, in their order here; `soak` belongs to `needs`."""
        names = ("needs", "metrics", "signed", "people", "checks", "reachable_from", "window", "approval")
        return tuple(name.replace("_", "-") for name in names if getattr(self, name))


class HttpCheck(Part):
    """Ask an address whether the right version serves."""

    url: str = Field(description="A template, percent-encoded: https://models.example.com/{{ model.slug }}/health")
    method: Literal["GET", "HEAD", "POST"] = "GET"
    headers: dict[str, str] | None = Field(None, description="Headers to send; values are templates.")
    body: str | None = Field(None, description="A body to send; a template.")
    status: list[int] | None = Field(None, min_length=1, description="Good statuses. Default: 200.")
    header: dict[str, str] | None = Field(None, description="Headers of the answer, and what each must be; templates.")
    json_: dict[str, Any] | None = Field(
        None, description='What the answer\'s JSON must hold, by path: `$.version: "{{ version }}"`.'
    )
    contains: str | None = Field(None, description="Text that the answer must contain; a template.")
    samples: int = Field(1, ge=1, le=1000, description="How many requests in a row make a sample. Default: 1.")
    needed: int | None = Field(None, ge=1, le=1000, description="How many of them must be good. Default: all.")
    interval: Duration = Field(2.0, description="Pause between requests. Default: 2s.")
    deadline: Duration = Field(60.0, description="How long to go on until it is good. Default: 60s.")
    request_timeout: Duration = Field(10.0, description="How long one request may take. Default: 10s.")


class MetricCheck(Part):
    """Ask Prometheus for one number."""

    prometheus: str = Field(description="Address of the server; a template: http://prometheus:9090")
    query: str = Field(description="PromQL that gives one number; a template.")
    threshold: str = Field(description="What the number must be: `< 0.01`, `>= 0.95`.")
    headers: dict[str, str] | None = Field(None, description="Headers to send; values are templates.")
    nan: Literal["pass", "fail", "inconclusive"] = Field(
        "inconclusive", description="What NaN, or no data at all, means. Default: inconclusive."
    )
    samples: int = Field(1, ge=1, le=1000, description="How many readings. Default: 1.")
    needed: int | None = Field(None, ge=1, le=1000, description="How many of them must be good. Default: all.")
    interval: Duration = Field(10.0, description="Pause between readings. Default: 10s.")
    delay: Duration | None = Field(None, description="How long to wait before the first. Default: not at all.")
    deadline: Duration = Field(300.0, description="How long it all may take. Default: 5m.")
    request_timeout: Duration = Field(10.0, description="How long one request may take. Default: 10s.")


class Check(Part):
    """One way to find out whether what was deployed serves. Exactly one of `http`, `run` and `metric`."""

    name: str | None = Field(None, description="What to call it. Default: its kind.")
    http: HttpCheck | None = None
    run: str | None = Field(
        None,
        description="A Bash script: 0 says good, 75 says that it cannot tell, anything else says bad. MSD_* are set.",
    )
    metric: MetricCheck | None = None
    timeout: Duration | None = Field(None, description="For `run`: how long it may take. Default: 5m.")

    @model_validator(mode="after")
    def _one_kind(self) -> Check:
        if sum(part is not None for part in (self.http, self.run, self.metric)) != 1:
            raise wrong("needs exactly one of `http`, `run` and `metric`")
        return self

    @property
    def kind(self) -> str:
        """`http`, `run` or `metric`."""
        return "http" if self.http is not None else "metric" if self.metric is not None else "run"


class Rollback(Part):
    """How a rollback is made."""

    tag: bool | None = Field(
        None, description="Write a GTO tag, so that the registry says what runs. Default: by hand yes, else no."
    )
    max_age: Period | None = Field(None, description="Never back to what was verified longer ago. Default: any age.")
    hold: Period = Field(
        86400.0, description="How long automation may not deploy the version that failed again. Default: 1d."
    )


Policy = Literal["fallback", "undeploy", "ignore"]


class Events(Part):
    """What tags do that take something away. Default: nothing, with a notice."""

    unassign: Policy = "ignore"
    deregister: Policy = "ignore"
    deprecate: Policy = "ignore"


class Lock(Part):
    """One deployment of a model's stage at a time, across workflows, machines and people."""

    use: Literal["remote", "none"] = Field(
        "remote", description="Where the lock is: a ref of the remote (needs `contents: write`), or none at all."
    )
    wait: Annotated[float, _duration(LONGEST, zero=True), WithJsonSchema(_DURATION)] = Field(
        600.0, description="How long to wait for another deployment; 0 fails at once. Default: 10m."
    )
    lease: Duration = Field(60.0, ge=5.0, description="After how long without a sign of life a lock is stale.")
