"""The default JSON body of `webhook`. docs/reference/json.md tells receivers about it. Pure."""

from __future__ import annotations

import json
from typing import Any

from model_stage_deploy.core.plan import Decision, Plan

SCHEMA = "model-stage-deploy/webhook/v1"


def default_payload(plan: Plan, attempt: str) -> dict[str, Any]:
    """What is deployed (or, by `action`, taken away), where, replacing what. Absent values are null.

    New keys may come, none goes within v1.
    `id` is the delivery id: the same over retries of one deployment, new for the next.
    """
    decision, model, previous = plan.decision, plan.model, plan.decision.previous
    return {
        "schema": SCHEMA,
        "id": attempt,
        "event": _event(decision),
        "action": decision.action,
        "model": {
            "name": model.name,
            "slug": model.slug,
            "dir": model.dir,
            "path": model.path,
            "type": model.type,
            "description": model.description,
        },
        "version": decision.version,
        "stage": decision.stage,
        "target": plan.target or None,
        "environment": plan.environment,
        "environment_url": plan.environment_url,
        "tag": decision.tag,
        "commit": decision.commit,
        "previous": (
            {"version": previous.version, "tag": previous.tag, "commit": previous.commit} if previous else None
        ),
        "repository": plan.repository or None,
        "run": {
            "id": plan.run.id or None,
            "attempt": plan.run.attempt or None,
            "url": plan.run.url or None,
            "actor": plan.run.actor or None,
        },
    }


def _event(decision: Decision) -> str:
    if decision.action == "undeploy":
        return "undeployment"
    return "rollback" if decision.rollback else "deployment"


def encoded(body: Any) -> bytes:
    """JSON in ASCII, compact and with sorted keys: the same value always gives the same bytes to sign.

    Raises ValueError or TypeError for what JSON cannot say (NaN, dates).
    """
    return json.dumps(body, allow_nan=False, sort_keys=True, separators=(",", ":")).encode("ascii")
