"""Who would have a stage, one after the other: its holder, then the versions that it would fall back to (R35, R36)."""

from __future__ import annotations

from model_stage_deploy.core.model import Holder, Model, Sort


def succession(model: Model, stage: str, sort: Sort = "time") -> list[Holder]:
    """All active versions whose assignment was never undone, in the order in which they would hold the stage.

    Raises Refused (ambiguous-version).
    """
    held = model.holders(stage)
    if sort == "semver":
        return sorted(held, key=lambda holder: (holder.version.precedence, holder.version.first_seen), reverse=True)
    return sorted(held, key=lambda holder: (-holder.event.time, holder.age()))
