"""A plan for later jobs: the matrix of a workflow, one entry for each deployment, and its document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.outcome import Outcome, document
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.planned import promise_of
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.redaction import STARS
from model_stage_deploy.core.tags import slug

SCHEMA = "model-stage-deploy/plan/v1"
MOST_ENTRIES = 256
"""Jobs that GitHub makes of one matrix at most."""
LARGEST = 1_000_000
"""Characters of a matrix; GitHub keeps 1 MB of a job's outputs."""

Entry = dict[str, Any]


def entries_of(outcome: Outcome, tag: str = "") -> list[Entry]:
    """What a dry run would deploy, an entry for each stage; nothing where it ended otherwise than with a plan.

    `tag` is the one that a person named, "" for the one that was pushed: whoever deploys must be told the same way, for
    a tag that is named by hand is judged otherwise. Raises Invalid (usage) for more than a matrix holds.
    """
    parts = outcome.parts or (outcome,)
    plans = [part.plan for part in parts if part.plan is not None and part.reason is Reason.DRY_RUN]
    if outcome.exit_code:
        return []
    if len(plans) > MOST_ENTRIES:
        raise Invalid(
            Reason.USAGE,
            f"{outcome.subject.tag or 'this'} asks for {len(plans)} deployments, and a matrix holds {MOST_ENTRIES}",
            hint="deploy without a plan: command `deploy` carries out all of them in one job",
        )
    return [_entry(index, plan, tag) for index, plan in enumerate(plans)]


def matrix_of(entries: Sequence[Entry]) -> str:
    """The matrix as one line of ASCII JSON. Raises Invalid (usage) where it is larger than an output may be."""
    text = json.dumps({"include": list(entries)}, ensure_ascii=True)
    if len(text) > LARGEST:
        raise Invalid(
            Reason.USAGE,
            f"the matrix has {len(text)} characters, and GitHub keeps {LARGEST} of a job's outputs",
            hint="shorten what the mapping makes of `environment` and `url`",
        )
    return text


def plan_document(outcome: Outcome, entries: Sequence[Entry]) -> dict[str, Any]:
    """The versioned document of `plan` (docs/reference/json.md). Not yet scrubbed of secrets."""
    return {
        "schema": SCHEMA,
        "count": len(entries),
        "matrix": {"include": list(entries)},
        "outcome": document(outcome),
    }


def group_of(model: str, stage: str, *, rollback: bool = False) -> str:
    """The concurrency group of a model's stage: letters, digits and hyphens, at most 78 of them.

    GitHub compares groups without regard to case (T28), and those of different stages differ all the same. Rollbacks
    have a group of their own: in an emergency none waits for a deployment that waits for somebody's approval.
    """
    return f"model-{'rollback' if rollback else 'deploy'}-{slug(key_of(model, stage))}"


def _entry(index: int, plan: Plan, tag: str) -> Entry:
    """One deployment: plain facts, and under `with` the inputs of the job that carries it out."""
    decision = plan.decision
    url = plan.environment_url or ""
    return {
        "model": decision.model,
        "version": decision.version,
        "stage": decision.stage,
        "action": "rollback" if decision.rollback else decision.action,
        "tag": decision.tag,
        "environment": plan.environment,
        "url": "" if STARS in url else url,  # an address with a secret in it is not known before the deployment
        "previous": decision.previous.version if decision.previous else "",
        "production": plan.production,
        "group": group_of(decision.model, decision.stage, rollback=decision.rollback),
        "index": index,
        "with": _inputs(plan, tag),
    }


def _inputs(plan: Plan, tag: str) -> dict[str, str]:
    """Inputs that bring about this and no other deployment: what somebody approves is what is then done.

    A version that was never registered cannot be named; a rollback to one is decided again. The stage is named even
    where a tag concerns one only: by then it could concern another as well, in an environment of its own.
    """
    decision, planned = plan.decision, promise_of(plan)
    if decision.rollback:
        to = decision.version if decision.registered else ""
        named = {"command": "rollback", "tag": "", "model": decision.model, "stage": decision.stage, "to": to}
        return {**named, "planned": planned}
    return {"command": "deploy", "tag": tag, "model": "", "stage": decision.stage, "to": "", "planned": planned}
