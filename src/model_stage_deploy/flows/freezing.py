"""Locking by hand: why, by whom, and what a person may have got wrong. The lock itself is next door, in locking.py."""

from __future__ import annotations

from model_stage_deploy.core.errors import Invalid, ModelStageError, Refused
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import NotGtoTag, parse_tag
from model_stage_deploy.core.writing import PROGRAM, usage
from model_stage_deploy.ports import Repository

LONGEST_REASON = 1000
"""Characters of the reason that a person gives."""


def require_reason(text: str, hint: str = "") -> str:
    """The reason without white space around it. Raises Invalid (usage) for none, and for one that is too long."""
    why = text.strip()
    if not why:
        raise usage("say why: whoever is refused will want to know", hint)
    if len(why) > LONGEST_REASON:
        raise usage(f"the reason is longer than {LONGEST_REASON} characters", "put the rest where a link leads to")
    return why


def doubts(repository: Repository, model: str, stage: str) -> list[str]:
    """What a person may have got wrong who locks a model, or one `stage` of it ("" for all).

    A registry that cannot be read now does not stop anybody from locking. Raises Refused (unknown-model): such a lock
    would stop nothing. Raises Invalid (usage).
    """
    try:
        names = [record.name for record in repository.tags(model)]
    except Invalid:
        raise
    except ModelStageError as problem:
        return [f"whether the registry has {model} was not checked: {problem.message}"]
    if not names:
        raise Refused(
            Reason.UNKNOWN_MODEL,
            f"the registry has no model {model!r}, so such a lock would stop nothing",
            hint=f"see the names: {PROGRAM} show",
        )
    if stage and stage not in {_stage_of(name) for name in names}:
        return [f"no version of {model} was ever in {stage}: is the stage called so?"]
    return []


def _stage_of(name: str) -> str | None:
    try:
        return parse_tag(name).stage
    except NotGtoTag:
        return None
