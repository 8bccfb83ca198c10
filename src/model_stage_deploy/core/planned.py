"""What a plan promised, as one line: handed to the job that carries it out, so that nothing else is deployed there.

Between plan and deployment reviewers are asked, and days may pass: tags can be moved, and stages get other versions.
"""

from __future__ import annotations

import hashlib
import json

from model_stage_deploy.core.errors import Invalid, Refused
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason

_HINT = "plan again, and have the new plan approved: run the whole workflow, not its failed jobs"


def promise_of(plan: Plan) -> str:
    """What whoever approves the plan says yes to, as JSON: version and commit, the environment, and what goes."""
    return json.dumps(_facts(plan), ensure_ascii=True)


def require_as_planned(promise: str, plan: Plan) -> None:
    """Compare a plan with what was promised; "" for nothing.

    Raises Refused (moved-tag where the tag is on another commit, superseded for any other difference), Invalid (usage).
    """
    if not promise:
        return
    try:
        promised = json.loads(promise)
    except (ValueError, RecursionError):
        promised = None
    facts = _facts(plan)
    if not isinstance(promised, dict) or set(promised) != set(facts):
        raise Invalid(
            Reason.USAGE,
            "the input `planned` is not what `command: plan` makes",
            hint="hand on `matrix.with.planned` as it is, with the same version of the action in both jobs",
        )
    different = [name for name in facts if promised[name] != facts[name]]
    if not different:
        return
    moved = "commit" in different and not plan.decision.rollback
    told = ", ".join(f"{name} {_shown(facts[name])} instead of {_shown(promised[name])}" for name in different)
    raise Refused(
        Reason.MOVED_TAG if moved else Reason.SUPERSEDED,
        f"{plan.decision.model} in {plan.decision.stage} is not what was planned any more: {told}",
        hint=_HINT,
    )


def _facts(plan: Plan) -> dict[str, str]:
    """A rollback is away from a version, so that counts, too; a deployment replaces what is there by then.

    Each of many jobs takes its part of the targets, so these, and the settings for them, must be the same in all.
    """
    decision = plan.decision
    leaves = decision.previous.version if decision.rollback and decision.previous else ""
    return {
        "action": "rollback" if decision.rollback else decision.action,
        "version": decision.version,
        "commit": decision.commit,
        "environment": plan.environment,
        "leaves": leaves,
        "targets": _spread(plan) if plan.waves else "",
    }


def _spread(plan: Plan) -> str:
    """The targets, and the order in which they come: a job knows its part by the number of its wave."""
    count = sum(len(wave.targets) for wave in plan.waves)
    waves = [[wave.number, [target.name for target in wave.targets]] for wave in plan.waves]
    after = plan.strategy.on_failure if plan.strategy is not None else ""
    order = hashlib.sha256(json.dumps([after, waves]).encode()).hexdigest()
    return f"{count} with settings {plan.digest[:32]} in waves {order[:16]}"


def _shown(value: object) -> str:
    return str(value)[:80] or "nothing"
