"""What `sweep` and `approve` did, as documents and as pages. The shapes are documented in docs/reference/log.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from model_stage_deploy.core.lifecycle import SUCCESS
from model_stage_deploy.core.locks import locked_by
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.upkeep import Approval, Fault, Place, Swept, Unlocked
from model_stage_deploy.report.books import FLAGS, NAMED
from model_stage_deploy.report.columns import Block
from model_stage_deploy.report.registry import moment

SWEEP_SCHEMA = "model-stage-deploy/sweep/v1"
APPROVAL_SCHEMA = "model-stage-deploy/approval/v1"


def sweep_document(swept: Swept, recorded_in: str) -> dict[str, Any]:
    """`sweep --json`. `recorded_in` says where deployments are recorded: github, gitlab, git or log."""
    return {
        "schema": SWEEP_SCHEMA,
        **_end(swept.reason),
        "recorded_in": recorded_in,
        "dry_run": swept.dry_run,
        "stages": swept.stages,
        "closed": [_place(place) for place in swept.closed],
        "left": [_place(left.place) | {"why": left.why} for left in swept.left],
        "unlocked": [
            {"key": lock.key, "owner": lock.owner, "url": lock.url or None, "renewed": moment(int(lock.renewed))}
            for lock in swept.unlocked
        ],
        "faults": [
            {
                "model": fault.model or None,
                "stage": fault.stage or None,
                "reason": fault.problem.reason.value,
                "message": fault.problem.message,
                "hint": fault.problem.hint or None,
            }
            for fault in swept.faults
        ],
    }


def sweep_page(swept: Swept, recorded_in: str) -> Iterator[Block]:
    """The same for people, one line each."""
    for place in swept.closed:
        yield f"{'would close' if swept.dry_run else 'closed'}: {_told(place)}: {_how_it_stood(place)}"
    for left in swept.left:
        yield f"left alone: {_told(left.place)}: {left.why}"
    for lock in swept.unlocked:
        yield f"{'would unlock' if swept.dry_run else 'unlocked'}: {locked_by(lock.key)}: {_last_sign(lock)}"
    for fault in swept.faults:
        yield f"not swept: {_where(fault)}: {fault.problem.message}"
        if fault.problem.hint:
            yield f"  what to do: {fault.problem.hint}"
    if not (swept.closed or swept.left or swept.unlocked or swept.faults):
        yield f"nothing to clear up in {swept.stages} stage{'' if swept.stages == 1 else 's'}, by {NAMED[recorded_in]}"
    if swept.dry_run:
        yield "Dry run: nothing was changed."


def approval_document(approval: Approval, recorded_in: str) -> dict[str, Any]:
    """`approve --json`. `tag` is null where the stage does not have the version yet."""
    return {
        "schema": APPROVAL_SCHEMA,
        **_end(Reason.APPROVAL_RECORDED),
        "recorded_in": recorded_in,
        "model": approval.model,
        "version": approval.version,
        "stage": approval.stage,
        "commit": approval.commit,
        "by": approval.by,
        "message": approval.message or None,
        "asked": approval.asked,
        "tag": approval.tag or None,
    }


def approval_page(approval: Approval, recorded_in: str) -> Iterator[Block]:
    """The same for people."""
    why = f": {approval.message}" if approval.message else ""
    what = f"{approval.model} {approval.version} for {approval.stage} (commit {approval.commit[:12]})"
    yield f"{approval.by} approved {what}{why}"
    yield f"  recorded in {NAMED[recorded_in]}"
    if not approval.asked:
        yield f"note: the mapping asks for no approval in {approval.stage}, so nothing waits for it"
    elif approval.tag:
        way = FLAGS.get(recorded_in, "")
        yield f"  to deploy it now: python -m model_stage_deploy deploy '{approval.tag}'{way}"


def _end(reason: Reason) -> dict[str, Any]:
    return {"result": reason.result.value, "reason": reason.value, "exit_code": reason.exit_code}


def _place(place: Place) -> dict[str, Any]:
    record = place.record
    return {
        "model": place.model,
        "stage": place.stage,
        "version": record.version,
        "commit": record.commit,
        "tag": record.tag,
        "deployment": record.id,
        "started": record.created or None,
        "actor": record.actor or None,
        "url": record.log_url or None,
        "placed": record.placed,
    }


def _told(place: Place) -> str:
    record = place.record
    by = f" by {record.actor}" if record.actor else ""
    return f"{place.model} {record.version} to {place.stage}, begun {record.created or 'at an unknown time'}{by}"


def _how_it_stood(place: Place) -> str:
    if place.record.state == SUCCESS:
        return "it was replaced, and still looked active"
    if place.record.placed:
        return "it was deployed and never verified; it is what runs"
    return "it never said how it ended; look at what runs"


def _last_sign(lock: Unlocked) -> str:
    return f"{lock.owner} has it no more: its last sign of life was at {moment(int(lock.renewed))}"


def _where(fault: Fault) -> str:
    return "/".join(name for name in (fault.model, fault.stage) if name) or "the locks"
