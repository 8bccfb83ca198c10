"""What an answer to the question what runs says (`status` of `webhook`). Pure."""

from __future__ import annotations

from typing import Any, Literal

from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.json_paths import NotThere
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.contract import Status
from model_stage_deploy.deployers.retry import retry_after
from model_stage_deploy.deployers.webhook_answers import STARTING, STOPPED, StatusSource, is_one_of
from model_stage_deploy.deployers.webhook_polling import read_json, shown, text_at
from model_stage_deploy.deployers.webhook_requests import Exchange, place, tail

State = Literal["running", "starting", "stopped", "failed", "absent", "unknown"]


def looked(exchange: Exchange, source: StatusSource, now: float) -> Status:
    """What runs; `now` in Unix seconds. Raises DeploymentFailed where there is no answer, or a refusal."""
    answer, at = exchange.answer, place(source.url)
    if answer is not None and answer.status in (404, 410):
        return Status("absent", f"{at} answered with {exchange}", facts={"status": answer.status})
    if answer is None or not 200 <= answer.status <= 299:
        raise DeploymentFailed(
            Reason.DEPLOYER_FAILED,
            f"{at} answered with {exchange}" if answer is not None else f"{at} cannot be asked: {exchange}",
            tail=tail(exchange, source.url),
            retryable=exchange.retryable,
            after=retry_after(exchange.headers.get("retry-after", ""), now),
        )
    try:
        document = read_json(answer)
    except ValueError:
        return Status("unknown", f"{at} answered with no JSON that can be read", facts={"status": answer.status})
    version, state = _found(document, source.version), _found(document, source.state)
    facts = {"status": answer.status, **({"state": shown(state)} if state else {})}
    said = ", ".join(f"{name} {shown(word)}" for name, word in (("version", version), ("state", state)) if word)
    if not said:
        return Status("unknown", f"{at} says neither {source.state} nor {source.version}", facts=facts)
    return Status(_meaning(state, source), f"{at} says {said}", version=one_line(version, 100), facts=facts)


def _meaning(state: str, source: StatusSource) -> State:
    """What a state means; none at all beside a version is one that runs."""
    ours: list[tuple[State, tuple[str, ...]]] = [("failed", source.failed), ("running", source.running)]
    ours.sort(key=lambda row: row[0] not in source.model_fields_set)
    words = [*ours, ("starting", STARTING), ("stopped", STOPPED)]
    return next((meaning for meaning, many in words if is_one_of(state, many)), "unknown") if state else "running"


def _found(document: Any, path: str) -> str:
    try:
        return text_at(document, path) or ""
    except NotThere:
        return ""
