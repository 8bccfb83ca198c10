"""Deployments for gates to judge, and the whole of a gate's work on one."""

from __future__ import annotations

from typing import Any, cast

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict
from model_stage_deploy.gates.contract import Case, Gate

COMMIT = "c" * 40
NOW = 1_800_000_000.0
TROUBLE = MachineryFailed(Reason.GITHUB_FAILED, "GitHub answered 500", hint="try again")


def a_tag(name: str = "churn#prod#4", **facts: Any) -> TagRecord:
    """A plain annotated tag, as GTO makes it."""
    known: dict[str, Any] = {
        "object_id": "a" * 40,
        "annotated": True,
        "commit": COMMIT,
        "time": int(NOW) - 60,
        "tagger": "Ada Model",
        "email": "ada@example.com",
        "inner_name": name,
    }
    return TagRecord(**{"name": name, **known, **facts})


_TAG = a_tag()


def a_case(*, actor: str = "ada", tag: TagRecord | None = _TAG, now: float = NOW) -> Case:
    """churn v2.0.0 goes to prod."""
    return Case(
        decision=Decision("churn", "v2.0.0", "prod", "churn#prod#4", COMMIT),
        settings=cast("Any", None),
        tag=tag,
        environment="production",
        environments={},
        unverifiable=frozenset(),
        live_version="",
        live_commit="",
        actor=actor,
        now=now,
    )


def judged(gate: Gate, rule: Any, case: Case) -> Verdict:
    """What the gate says; asked twice, as the same facts must give the same answer."""
    facts = gate.facts(rule, case)
    verdict = gate.judge(rule, facts, case)
    assert verdict == gate.judge(rule, facts, case)
    assert verdict.gate == gate.name and verdict.code.startswith(f"{gate.name}-")
    assert "\n" not in verdict.sentence and verdict.sentence.isprintable()
    assert bool(verdict.hint) is not verdict.passed
    return verdict
