"""The lock of a stage as a run holds it: with the stage's rule, the run's wishes, and the name of whoever it is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from model_stage_deploy.core.locks import key_of
from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.outcome import Journal
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.hold import Hold
from model_stage_deploy.flows.locking import Wanted, held


@contextmanager
def stage_held(
    context: Context,
    settings: StageSettings,
    decision: Decision,
    journal: Journal,
    *,
    claim: str,
    reason: str,
    part: str = "",
) -> Iterator[Hold]:
    """Hold the lock of the decision's stage inside, or of a `part` of its targets; without one where nobody wants it.

    `claim` is the id of the attempt. Raises Refused (locked), MachineryFailed (lock-failed, permission-missing).
    """
    rule, wishes = settings.lock, context.wishes
    wanted = Wanted(
        key=key_of(decision.model, decision.stage, part),
        claim=claim,
        owner=context.owner or "somebody unknown",
        reason=reason,
        url=context.run.url,
        lease=rule.lease,
    )
    lock = held(
        context.locks if wishes.lock and rule.use == "remote" else None,
        context.clock,
        wanted,
        wait=rule.wait if wishes.wait is None else wishes.wait,
        tell=context.announcer.say,
        interrupt=context.interrupt,
    )
    with ExitStack() as stack:
        with journal.step("lock"):  # the step is to have it, not to hold it
            hold = stack.enter_context(lock)
        yield hold
