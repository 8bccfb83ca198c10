"""The typical ends of runs, made by the real flows in a small world; each has a summary beside this file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.mapping import MappingInvalid
from model_stage_deploy.core.outcome import Journal, Outcome, Subject, from_error
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import failed, passed
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.rollback import roll_back
from tests.flows.delivery_world import World

MAPPING = """\
version: 1
defaults: {deploy: {uses: fake}, on-failure: rollback, url: "https://{{ stage }}.models.example.com/churn"}
stages:
  dev: {on-failure: stop}
  staging: {verify: [{name: serves, run: "true"}]}
  prod:
    environment: production
    verify: [{name: serves, run: "true"}]
    gates: {approval: {count: 2, by: [ada, bob]}, window: {days: mon-fri, hours: "09:00-17:00", zone: UTC}}
    events: {deregister: fallback}
"""
WRONG = """\
version: 1
stages:
  staging: {deploy: {run: ./deploy.sh, argv: [a]}, on_failure: rollback}
  prod:
    environment: "{{ model.nam }}"
    deploy: {uses: webhok}
    lock: {wait: 10 minutes}
"""
TAIL = """\
Uploading models/churn.pkl (41 MB)
Creating revision churn-00042
error: quota exceeded: 4 of 4 GPUs in use in europe-west4
Traceback (most recent call last):
  File "deploy.py", line 88, in <module>
    service.wait()
QuotaError: 4 of 4 GPUs in use
"""
GATES = (
    passed("window", "now, Wed 2023-11-15 12:00 UTC, is within the window (mon-fri 09:00-17:00 UTC)", now="Wed 12:00"),
    passed("metrics", "auc 0.93 is at least 0.9, and above 0.91 of v1.0.0", auc=0.93, than={"v1.0.0": {"auc": 0.91}}),
    failed(
        "approval",
        "too-few",
        "1 of 2 approvals that churn v2.0.0 in prod needs, from ada, bob: ada",
        "python -m model_stage_deploy approve churn v2.0.0 prod",
        approved=["ada"],
    ),
)


def ends() -> dict[str, Outcome]:
    """Outcomes by the names of their files."""
    found = {name: make() for name, make in MADE.items()}
    return {name: outcome for name, outcome in found.items() if outcome is not None}


def world() -> World:
    """`churn` with two versions: v1.0.0 was deployed everywhere, v2.0.0 to dev and staging."""
    made = World(MAPPING)
    for version, letter in (("v1.0.0", "A"), ("v2.0.0", "B")):
        made.tag(f"churn@{version}", letter)
    for number, (stage, letter) in enumerate(
        (("dev", "A"), ("staging", "A"), ("prod", "A"), ("dev", "B"), ("staging", "B")), start=1
    ):
        made.run(made.tag(f"churn#{stage}#{number}", letter))
    return made


def _to_prod(made: World) -> str:
    return made.tag("churn#prod#6", "B")


def deployed() -> Outcome | None:
    made = world()
    return made.run(_to_prod(made))


def first_of_all() -> Outcome | None:
    made = World(MAPPING)
    made.tag("churn@v1.0.0", "A")
    return made.run(made.tag("churn#dev#1", "A"))


def deployed_to_staging() -> Outcome | None:
    made = world()
    made.tag("churn@v3.0.0", "C")
    return made.run(made.tag("churn#staging#6", "C"))


def planned() -> Outcome | None:
    made = world()
    tag = _to_prod(made)
    whole = made.context
    made.context = lambda life, wishes: replace(whole(life, wishes), dry_run=True)  # type: ignore[method-assign]
    return made.run(tag)


def refused() -> Outcome | None:
    made = world()
    made.closed.add("approval")
    outcome = made.run(_to_prod(made))
    return outcome and replace(outcome, gates=GATES, hint=GATES[-1].hint)


def failed_in_dev() -> Outcome | None:
    made = world()
    made.tag("churn@v3.0.0", "C")
    made.broken.add("v3.0.0")
    outcome = made.run(made.tag("churn#dev#6", "C"))
    return outcome and replace(outcome, tail=TAIL)


def rolled_back_after_failure() -> Outcome | None:
    made = world()
    made.bad.add("v2.0.0")
    return made.run(_to_prod(made))


def rolled_back_by_hand() -> Outcome | None:
    made = world()
    made.run(_to_prod(made))
    return made._conducted(_back, None, {"by_hand": True, "tag": False})


def _back(context: Context, journal: Journal) -> Outcome:
    return roll_back(context, "churn", "prod", journal, to="")


def superseded() -> Outcome | None:
    made = world()
    tag = _to_prod(made)
    made.tag("churn@v3.0.0", "C")
    made.tag("churn#prod#7", "C")
    return made.run(tag)


def resolved() -> Outcome:
    made = deployed()
    assert made is not None
    subject = replace(made.subject, tag="churn#prod#6")
    return Outcome(Reason.RESOLVED, "churn#prod#6 assigns churn v2.0.0 to prod", subject)


def several_stages() -> Outcome | None:
    made = world()
    made.mapping = (
        MAPPING.replace("dev: {on-failure: stop}", "dev: {events: {deregister: fallback}}")
        .replace(
            'staging: {verify: [{name: serves, run: "true"}]}',
            'staging: {verify: [{name: serves, run: "true"}], events: {deregister: fallback}}',
        )
        .replace("on-failure: rollback, ", "")
    )
    made.bad.add("v1.0.0")
    return made.run(made.tag("churn@v2.0.0!", "B"))


def cancelled() -> Outcome | None:
    from model_stage_deploy.core.errors import Cancelled

    made = world()

    def cancel() -> None:
        raise Cancelled("SIGTERM")

    made.before_deploying = cancel
    return made.run(_to_prod(made))


def overridden() -> Outcome | None:
    outcome = deployed()
    return outcome and replace(outcome, gates=GATES, overridden="incident 42: the old model answers nonsense")


def targets_failed() -> Outcome | None:
    from tests.flows.target_world import TargetWorld
    from tests.flows.target_world import mapping as of_targets

    made = TargetWorld(of_targets('waves: [canary, "50%", rest], on-failure: rollback-wave'))
    for version, letter in (("v1.0.0", "A"), ("v2.0.0", "B")):
        made.tag(f"m@{version}", letter)
    made.deploy(made.tag("m#prod#1", "A"))
    made.bad.add("e2@v2.0.0")
    made.broken.add("e1@v1.0.0")
    return made.deploy(made.tag("m#prod#2", "B"))


def mapping_invalid() -> Outcome:
    subject = Subject(tag="churn#prod#6", event="assignment", model="churn", stage="prod")
    journal = Journal(lambda: 0.0, subject)
    try:
        load_mapping(WRONG.encode(), ".github/model-stages.yml", ["shell", "webhook", "mlem"])
    except MappingInvalid as problem:
        return from_error(problem, journal)
    raise AssertionError


def template_error() -> Outcome | None:
    made = world()
    made.mapping = MAPPING.replace("{{ stage }}.models", "{{ model.path }}.models")
    return made.run(_to_prod(made))


def no_permission() -> Outcome:
    problem = Invalid(
        Reason.PERMISSION_MISSING,
        "GitHub answered 403 to POST /deployments: Resource not accessible by integration",
        hint="add this line under `permissions:` in the workflow: `deployments: write`",
    )
    subject = Subject("churn#prod#6", "assignment", "churn", "v2.0.0", "prod", "b" * 40)
    return from_error(problem, Journal(lambda: 0.0, subject))


def not_ours() -> Outcome:
    return Outcome(
        Reason.NOT_A_STAGE_TAG, "v1.2.3 is not a GTO tag", Subject(tag="v1.2.3"), hint="nothing was deployed"
    )


MADE: dict[str, Callable[[], Outcome | None]] = {
    "deployed": deployed,
    "first-of-all": first_of_all,
    "deployed-to-staging": deployed_to_staging,
    "planned": planned,
    "refused-by-gates": refused,
    "failed": failed_in_dev,
    "failed-and-rolled-back": rolled_back_after_failure,
    "rolled-back": rolled_back_by_hand,
    "superseded": superseded,
    "resolved": resolved,
    "several-stages": several_stages,
    "cancelled": cancelled,
    "overridden": overridden,
    "targets-failed": targets_failed,
    "mapping-invalid": mapping_invalid,
    "template-error": template_error,
    "permission-missing": no_permission,
    "not-a-stage-tag": not_ours,
}
