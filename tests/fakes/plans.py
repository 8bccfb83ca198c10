"""Plans for tests: `churn` goes to `prod`, unless told otherwise."""

from __future__ import annotations

from typing import Any

from model_stage_deploy.core.plan import Decision, ModelFacts, Plan, Previous, RunFacts
from model_stage_deploy.core.tags import slug

HOSTILE = {
    "substitution": "$(touch x) `touch x` ${IFS}; touch x",
    "quotes": "' \" '' \"\" \\' \\\" ;touch x;'",
    "newlines": "a\nb\r\nc\n\n::error::x",
    "log-commands": "::set-env name=PATH::/evil\n##[add-path]/evil %0A %25",
    "right-to-left": "abc\u202egnp.exe\u202c \u200b\ufeff",
    "long": "x" * 4096,
    "traversal": "../../../etc/passwd",
    "option": "--help",
    "template": "{{ secrets.TOKEN }} {% raw %}",
    "escape": "\x1b[2J\x1b]0;title\x07\t\x7f",
    "unicode": "café ✓ 模型 \U0001f600",
}


def a_plan(
    *, name: str = "churn", path: str | None = "models/churn.pkl", rollback: bool = False, **changes: Any
) -> Plan:
    """A plan; `changes` are fields of Plan, or `type` and `description` of the model."""
    facts = {key: changes.pop(key) for key in ("type", "description", "dir") if key in changes}
    decision = Decision(
        model=name,
        version="v3.1.0",
        stage="prod",
        tag="churn#prod#4",
        commit="c" * 40,
        previous=changes.pop("previous", Previous("v3.0.0", "churn#prod#3", "b" * 40)),
        rollback=rollback,
    )
    known = {
        "environment": "production",
        "deployer": "shell",
        "environment_url": "https://models.example.com/churn",
        "repository": "org/models",
        "run": RunFacts("77", "1", "https://github.example.com/org/models/actions/runs/77", "alice"),
        "timeout": 20.0,
    }
    return Plan(decision, ModelFacts(name, slug(name), path=path, **facts), **{**known, **changes})
