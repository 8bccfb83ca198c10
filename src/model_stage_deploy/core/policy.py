"""What the mapping may ask for the safety of a stage: gates, verification, locks, rollback, what other events do.

The shapes, typed by pydantic, as mapping_shape.py uses them for one layer of the file and mapping.py for the merged
settings; those of `verify:` stand in policy_verify.py. How single values are written is in policy_fields.py; what each
gate and verifier makes of its rule, in the rooms gates/ and verifiers/.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from model_stage_deploy.core.policy_fields import (
    Address,
    Approver,
    Days,
    Duration,
    File,
    Hours,
    MetricRule,
    Moment,
    Part,
    Period,
    Short,
    StageName,
    Wait,
    Who,
    Zone,
    is_whole,
    wrong,
)
from model_stage_deploy.core.policy_verify import Check, HttpCheck, MetricCheck

__all__ = [
    "Approval",
    "Check",
    "Events",
    "Freeze",
    "Gates",
    "HttpCheck",
    "Lock",
    "MetricCheck",
    "Metrics",
    "Needed",
    "Override",
    "People",
    "Policy",
    "Rollback",
    "Signed",
    "Window",
]

_BRANCHES = Short(str)
_NEEDED = Short(str, "stage")
_RULES = Short(list, "rules")


class Needed(Part):
    """A stage that must have had the same version before. A name alone is short for `{stage: NAME}`."""

    stage: StageName = Field(description="The stage.", examples=["staging"])
    verified: bool = Field(
        True, description="Whether its verification must have passed, too. Default: true.", examples=[False]
    )


class Metrics(Part):
    """Metrics of the version, and how they compare with those of the live one. A list is short for `{rules: [...]}`."""

    rules: list[MetricRule] = Field(
        min_length=1,
        description="Expressions; all must hold. `live.` is the version that is live.",
        examples=[["accuracy >= 0.9", "auc >= live.auc - 0.005"]],
    )
    files: list[File] | None = Field(
        None,
        min_length=1,
        description="JSON, YAML or TOML files. Default: the `metrics` of dvc.yaml, or metrics.json.",
        examples=[["metrics/eval.json"]],
    )
    nothing_live: Literal["pass", "fail"] = Field(
        "pass",
        description="What a rule that reads `live.` says where no version is live yet. Default: pass.",
        examples=["fail"],
    )


class Signed(Part):
    """The tag carries a good signature of somebody who is listed. At least one of the files is needed."""

    allowed_signers: File | None = Field(
        None,
        description="For SSH: a file as in ssh-keygen(1), ALLOWED SIGNERS, read where the mapping is read.",
        examples=[".github/allowed_signers"],
    )
    gpg_keys: File | None = Field(
        None,
        description="For GPG: a file of armored public keys, read likewise.",
        examples=[".github/release-keys.asc"],
    )

    @model_validator(mode="after")
    def _somebody(self, info: ValidationInfo) -> Signed:
        if is_whole(info) and self.allowed_signers is None and self.gpg_keys is None:
            raise wrong("names no file of keys, so no signature could be good", "add `allowed-signers:` or `gpg-keys:`")
        return self


class People(Part):
    """Who may move this stage. Of the two lists, those that are given must each name the person."""

    pushers: list[Who] | None = Field(
        None,
        min_length=1,
        description="Who pushed the tag or started the run: logins, teams, permissions.",
        examples=[["alice", "@org/leads", "permission:maintain"]],
    )
    taggers: list[Address] | None = Field(
        None,
        min_length=1,
        description="Who made the tag: e-mail addresses. Anybody can write any; `signed` proves them.",
        examples=[["alice@example.com"]],
    )

    @model_validator(mode="after")
    def _somebody(self, info: ValidationInfo) -> People:
        if is_whole(info) and self.pushers is None and self.taggers is None:
            raise wrong("names nobody", "add `pushers:` or `taggers:`")
        return self


class Freeze(Part):
    """A time in which nothing is deployed."""

    from_: Moment = Field(
        description="Its first moment: a date, or a time as 2026-12-20T18:00, in the window's zone.",
        examples=["2026-12-20"],
    )
    to: Moment = Field(description="The moment it ends; of a date alone, the end of that day.", examples=["2027-01-02"])
    why: str | None = Field(None, description="The reason, for whoever is refused.", examples=["end of the year"])

    @model_validator(mode="after")
    def _in_order(self) -> Freeze:
        from model_stage_deploy.core.windows import read_moment

        if read_moment(self.to, whole_day=True) <= read_moment(self.from_):
            raise wrong("ends before it begins")
        return self


class Window(Part):
    """When a stage may be deployed. At least one of `days`, `hours` and `freezes`."""

    zone: Zone = Field("UTC", description="Time zone, by its IANA name. Default: UTC.", examples=["Europe/Berlin"])
    days: Days | None = Field(
        None, description="Days of the week: mon-fri, or tue,thu. Default: every day.", examples=["mon-thu"]
    )
    hours: Hours | None = Field(
        None,
        description="Hours of the day; 22:00-04:00 goes over midnight. Default: all day.",
        examples=["09:00-17:00"],
    )
    freezes: list[Freeze] | None = Field(
        None,
        description="Times in which nothing is deployed.",
        examples=[[{"from": "2026-12-20", "to": "2027-01-02", "why": "end of the year"}]],
    )

    @model_validator(mode="after")
    def _something(self, info: ValidationInfo) -> Window:
        if is_whole(info) and self.days is None and self.hours is None and self.freezes is None:
            raise wrong("is always open", "add `days:`, `hours:` or `freezes:`")
        return self


class Approval(Part):
    """Somebody said yes to this version in this stage: `python -m model_stage_deploy approve MODEL VERSION STAGE`."""

    by: list[Approver] = Field(
        min_length=1,
        description="Whose approval counts: logins, teams, permissions.",
        examples=[["alice", "@org/leads", "permission:admin"]],
    )
    count: int = Field(1, ge=1, le=20, description="How many different people it takes. Default: 1.", examples=[2])
    max_age: Period | None = Field(None, description="How old an approval may be. Default: any age.", examples=["7d"])


class Override(Part):
    """An emergency way through all gates, recorded loudly: `--override REASON`."""

    by: list[Who] = Field(
        min_length=1,
        description="Who may: logins, teams, permissions.",
        examples=[["@org/on-call", "permission:admin"]],
    )
    reason: Literal["required"] = Field(
        "required", description="A reason must be given. Always so.", examples=["required"]
    )


class Gates(Part):
    """What must hold before a stage is deployed. All are asked, so that a person sees every reason at once."""

    needs: list[Annotated[Needed, BeforeValidator(_NEEDED.read), _NEEDED]] | None = Field(
        None, description="Stages that must have had this version first, verified there.", examples=[["staging"]]
    )
    soak: Period | None = Field(
        None, description="How long the version must have been good in each needed stage.", examples=["24h"]
    )
    metrics: Annotated[Metrics | None, BeforeValidator(_RULES.read), _RULES] = Field(
        None,
        description="Metrics in Git, and how they compare with the live version's.",
        examples=[["accuracy >= 0.9"]],
    )
    signed: Signed | None = Field(
        None,
        description="The tag is signed by somebody who is listed.",
        examples=[{"allowed-signers": ".github/allowed_signers"}],
    )
    people: People | None = Field(
        None, description="Who may move this stage.", examples=[{"pushers": ["permission:maintain"]}]
    )
    checks: list[Annotated[str, Field(min_length=1)]] | None = Field(
        None,
        min_length=1,
        description="Status checks and check runs that must be green on the commit.",
        examples=[["test", "ci/bias-report"]],
    )
    reachable_from: Annotated[
        list[Annotated[str, Field(min_length=1)]] | None, BeforeValidator(_BRANCHES.read), _BRANCHES
    ] = Field(
        None,
        min_length=1,
        description="Branches, one of which must contain the commit and be protected.",
        examples=["main"],
    )
    window: Window | None = Field(
        None,
        description="When it may be deployed.",
        examples=[{"zone": "Europe/Berlin", "days": "mon-thu", "hours": "09:00-17:00"}],
    )
    approval: Approval | None = Field(
        None, description="Somebody said yes to this version in this stage.", examples=[{"by": ["@org/leads"]}]
    )
    override: Override | None = Field(
        None,
        description="An emergency way through all gates, recorded loudly.",
        examples=[{"by": ["permission:admin"]}],
    )

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the gates that are set, in their order here; `soak` belongs to `needs`."""
        names = ("needs", "metrics", "signed", "people", "checks", "reachable_from", "window", "approval")
        return tuple(name.replace("_", "-") for name in names if getattr(self, name))


class Rollback(Part):
    """How a rollback is made."""

    tag: bool | None = Field(
        None,
        description="Write a GTO tag, so that the registry says what runs. Default: by hand yes, else no.",
        examples=[True],
    )
    max_age: Period | None = Field(
        None,
        description="Never back to what was verified longer ago. Default: any age.",
        examples=["30d"],
    )
    hold: Period = Field(
        86400.0,
        description="How long automation may not deploy the version that failed again. Default: 1d.",
        examples=["7d"],
    )


Policy = Literal["fallback", "undeploy", "ignore"]


class Events(Part):
    """What tags do that take something away: deploy the version that the stage has now (`fallback`), take away what
    runs (`undeploy`), or nothing but a notice (`ignore`, the default)."""

    unassign: Policy = Field("ignore", description="A version is taken out of the stage.", examples=["fallback"])
    deregister: Policy = Field("ignore", description="A version is deregistered.", examples=["fallback"])
    deprecate: Policy = Field("ignore", description="The model is deprecated.", examples=["undeploy"])


class Lock(Part):
    """One deployment of a model's stage at a time, across workflows, machines and people."""

    use: Literal["remote", "none"] = Field(
        "remote",
        description="Where the lock is: a ref of the remote (needs `contents: write`; default), or none at all.",
        examples=["none"],
    )
    wait: Wait = Field(
        600.0, description="How long to wait for another deployment; 0 fails at once. Default: 10m.", examples=[0]
    )
    lease: Duration = Field(
        60.0,
        ge=5.0,
        description="After how long without a sign of life a lock is stale; at least 5s. Default: 60s.",
        examples=["2m"],
    )
