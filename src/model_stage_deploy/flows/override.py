"""May this person go past the gates? Only those whom the mapping names, and only with a reason."""

from __future__ import annotations

from model_stage_deploy.core.errors import Invalid, MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy import Override
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.who import told
from model_stage_deploy.gates.asking import ask
from model_stage_deploy.ports import Forge


def may_override(rule: Override | None, actor: str, reason: str, forge: Forge | None) -> None:
    """Return where the actor may override the gates, for that reason.

    Raises Refused (override-refused) where the mapping allows nobody, not this actor, or no reason is given;
    MachineryFailed (gate-unknown, github-failed, permission-missing) where it cannot be known; Invalid
    (mapping-invalid).
    """
    if rule is None:
        raise Refused(
            Reason.OVERRIDE_REFUSED,
            "the gates of this stage may not be overridden: the mapping has no `override:` for it",
            hint="let the gates pass, or add `gates: {override: {by: […]}}` to the mapping on its default branch",
        )
    if not reason.strip():
        raise Refused(
            Reason.OVERRIDE_REFUSED,
            "an override needs a reason, and none is given",
            hint="say why: --override 'what is so urgent'",
        )
    may = told(rule.by)
    if not actor:
        raise Refused(
            Reason.OVERRIDE_REFUSED,
            f"it is not known who asks to override the gates; {may} may",
            hint="start it in a job of the code host, which knows who started it",
        )
    try:
        by = ask(forge, actor, rule.by).by
    except Invalid:
        raise
    except ModelStageError as problem:
        raise MachineryFailed(
            problem.reason,
            f"whether {one_line(actor, 100)} may override the gates cannot be known: {problem.message}",
            hint=problem.hint,
        ) from problem
    if not by:
        raise Refused(
            Reason.OVERRIDE_REFUSED,
            f"{one_line(actor, 100)} may not override the gates of this stage; {may} may",
            hint=f"ask one of them to do it: {may}",
        )
