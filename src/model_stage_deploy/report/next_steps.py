"""The next command to type, from how a run ended: one table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping

from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.writing import PROGRAM

_Commands = tuple[tuple[str, ...], ...]


def next_commands(outcome: Outcome) -> tuple[str, ...]:
    """Commands that people type next, ready for a shell, the likeliest first; none where the hint says it all."""
    if outcome.parts:
        return _typed(_look(outcome)) if outcome.exit_code else ()
    chosen = _BY_REASON.get(outcome.reason) or _BY_RESULT.get(outcome.result)
    if chosen is None or (not outcome.subject.model and chosen not in _ABOUT_NO_MODEL):
        return ()
    return _typed(chosen(outcome))


def _onward(outcome: Outcome) -> _Commands:
    """To the next stage of the way, where there is one that has another version; else a look."""
    subject, way = outcome.subject, outcome.way
    stages = [spot.stage for spot in way.spots] if way else []
    if way and subject.stage in stages and subject.stage != stages[-1]:
        following = way.spots[stages.index(subject.stage) + 1]
        if following.decided is not None and following.decided != subject.version:
            return (("promote", subject.model, "--from", subject.stage, "--to", following.stage, "--push"),)
    return _look(outcome)


def _look(outcome: Outcome) -> _Commands:
    return (("status", outcome.subject.model) if outcome.subject.model else ("status",),)


def _look_closely(outcome: Outcome) -> _Commands:
    return (*_look(outcome), ("history", outcome.subject.model, outcome.subject.stage, "--deployments"))


def _once_more(outcome: Outcome) -> _Commands:
    """The same again; what was put in place and does not serve goes back first."""
    subject = outcome.subject
    back = outcome.placed and not outcome.undeployed and not _is_rollback(outcome)
    return (*((("rollback", subject.model, subject.stage),) if back else ()), *_again(outcome))


def _again(outcome: Outcome) -> _Commands:
    """Without force: what failed may be tried again, and who reads this later must not overtake a newer tag."""
    subject = outcome.subject
    if _is_rollback(outcome):
        return (("rollback", subject.model, subject.stage, "--to", subject.version),)
    return (("deploy", subject.tag),) if subject.tag and subject.event == "assignment" else ()


def _is_rollback(outcome: Outcome) -> bool:
    return outcome.plan is not None and outcome.plan.decision.rollback


def _check(_: Outcome) -> _Commands:
    return (("check",),)


def _heal(_: Outcome) -> _Commands:
    return (("reconcile", "--apply"),)


_ABOUT_NO_MODEL = (_check, _heal)
_BY_REASON: Mapping[Reason, Callable[[Outcome], _Commands]] = {
    Reason.MAPPING_INVALID: _check,
    Reason.TEMPLATE_ERROR: _check,
    Reason.UNMAPPED_STAGE: _check,
    Reason.ALREADY_DEPLOYED: _look,
    Reason.SUPERSEDED: _look,
    Reason.HELD: _look,
    Reason.DRIFT: _heal,
    Reason.ROLLED_BACK: _look,
    Reason.FALLEN_BACK: _look,
    Reason.ROLLED_BACK_AFTER_FAILURE: _look,
    Reason.ROLLBACK_FAILED: _look_closely,
    Reason.LOCK_LOST: _look,
}
_BY_RESULT: Mapping[Result, Callable[[Outcome], _Commands]] = {
    Result.DEPLOYED: _onward,
    Result.UNDEPLOYED: _look,
    Result.PLANNED: _again,
    Result.FAILED: _once_more,
    Result.UNRECORDED: _look,
    Result.CANCELLED: _look,
}


def _typed(commands: _Commands) -> tuple[str, ...]:
    return tuple(f"{PROGRAM} {' '.join(map(shlex.quote, command))}" for command in commands)
