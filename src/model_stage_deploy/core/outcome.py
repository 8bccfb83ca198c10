"""How a run went: the timeline of its steps, its result and reason, and the same as outputs and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from model_stage_deploy.core.errors import DeploymentFailed, ModelStageError, NothingToDo
from model_stage_deploy.core.plan import Decision, ModelFacts, Plan
from model_stage_deploy.core.reasons import Reason, Result

SCHEMA = "model-stage-deploy/outcome/v1"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run; `seconds` it took, and whether it went well."""

    name: str
    seconds: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """What the run was about, as far as it became known: the words of iterative/gto-action's outputs."""

    tag: str = ""
    event: str = ""
    model: str = ""
    version: str = ""
    stage: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a run. `tail` is the end of the deployer's output where that failed."""

    reason: Reason
    message: str
    subject: Subject = field(default_factory=Subject)
    hint: str = ""
    plan: Plan | None = None
    model: ModelFacts | None = None
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    tail: str = ""
    deployment_id: str = ""
    environment_url: str = ""
    actions: tuple[str, ...] = ()
    """What the deployer does, line by line (a dry run shows these)."""
    doubtful: bool = False
    """Nothing was done, and a person may have meant otherwise: shown as a warning."""
    ended_as: str = ""
    """For a run that deployed but could not record it, or was cancelled while recording: how the deployer ended."""

    @property
    def result(self) -> Result:
        """The result that goes with the reason."""
        return self.reason.result

    @property
    def exit_code(self) -> int:
        """Process exit code."""
        return self.reason.exit_code


class Journal:
    """Collects what is known while a run goes on: steps, warnings, subject. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float], subject: Subject | None = None) -> None:
        self._now = now
        self.subject = subject or Subject()
        self.steps: list[Step] = []
        self.warnings: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what happens inside; an exception marks the step as failed and goes on."""
        begun = self._now()
        try:
            yield
        except BaseException:
            self.steps.append(Step(name, self._now() - begun, ok=False))
            raise
        self.steps.append(Step(name, self._now() - begun, ok=True))


def subject_of(decision: Decision) -> Subject:
    """The subject of a decided deployment."""
    return Subject(
        tag=decision.tag,
        event=decision.event,
        model=decision.model,
        version=decision.version,
        stage=decision.stage,
        commit=decision.commit,
    )


def from_error(error: ModelStageError, journal: Journal, plan: Plan | None = None) -> Outcome:
    """The outcome of a run that an error ended."""
    return Outcome(
        reason=error.reason,
        message=error.message,
        hint=error.hint,
        subject=journal.subject,
        plan=plan,
        steps=tuple(journal.steps),
        warnings=tuple(journal.warnings),
        tail=error.tail if isinstance(error, DeploymentFailed) else "",
        doubtful=isinstance(error, NothingToDo) and error.doubtful,
    )


def outputs(outcome: Outcome, json_text: str) -> dict[str, str]:
    """Step outputs, all of them always: `event` … `description` mean what iterative/gto-action@v2's mean."""
    plan, subject = outcome.plan, outcome.subject
    model = plan.model if plan else outcome.model
    previous = plan.decision.previous if plan else None
    return {
        "event": subject.event,
        "name": subject.model,
        "version": subject.version,
        "stage": subject.stage,
        "type": (model.type if model else None) or "",
        "path": (model.path if model else None) or "",
        "description": (model.description if model else None) or "",
        "tag": subject.tag,
        "commit": subject.commit,
        "environment": plan.environment if plan else "",
        "environment-url": outcome.environment_url or (plan.environment_url if plan else None) or "",
        "previous-version": previous.version if previous else "",
        "result": outcome.result.value,
        "reason": outcome.reason.value,
        "deployment-id": outcome.deployment_id,
        "json": json_text,
    }


def document(outcome: Outcome) -> dict[str, Any]:
    """The versioned JSON document (docs/reference/outcome.md). Not yet scrubbed of secrets."""
    plan, subject = outcome.plan, outcome.subject
    return {
        "schema": SCHEMA,
        "result": outcome.result.value,
        "reason": outcome.reason.value,
        "exit_code": outcome.exit_code,
        "message": outcome.message,
        "hint": outcome.hint or None,
        "tag": subject.tag or None,
        "event": subject.event or None,
        "model": subject.model or None,
        "version": subject.version or None,
        "stage": subject.stage or None,
        "commit": subject.commit or None,
        "deployment_id": outcome.deployment_id or None,
        "environment_url": outcome.environment_url or (plan.environment_url if plan else None),
        "ended_as": outcome.ended_as or None,
        "plan": _plan_document(plan, outcome.actions) if plan else None,
        "steps": [{"name": step.name, "seconds": round(step.seconds, 3), "ok": step.ok} for step in outcome.steps],
        "warnings": list(outcome.warnings),
        "tail": outcome.tail or None,
    }


def _plan_document(plan: Plan, actions: tuple[str, ...]) -> dict[str, Any]:
    previous = plan.decision.previous
    return {
        "environment": plan.environment,
        "production": plan.production,
        "rollback": plan.decision.rollback,
        "registered": plan.decision.registered,
        "previous": _fields(previous, "version", "tag", "commit") if previous else None,
        "model": _fields(plan.model, "name", "slug", "dir", "path", "type", "description"),
        "deployer": plan.deployer,
        "options": _plain(plan.options),
        "timeout_seconds": plan.timeout,
        "config": plan.config or None,
        "origins": dict(plan.origins),
        "actions": list(actions),
        "notes": list(plan.notes),
    }


def _fields(value: object, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
