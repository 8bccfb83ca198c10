"""How a run went: the timeline of its steps, its result and reason, and the same as outputs and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from model_stage_deploy.core.errors import DeploymentFailed, Mistake, ModelStageError, NothingToDo
from model_stage_deploy.core.mirrored import Mirrored
from model_stage_deploy.core.plan import Decision, ModelFacts, Plan
from model_stage_deploy.core.reasons import Reason, Result
from model_stage_deploy.core.reported import Reported
from model_stage_deploy.core.target_outcome import targets_document
from model_stage_deploy.core.targets import TargetResult
from model_stage_deploy.core.verdict import Finding, Verdict, Verified
from model_stage_deploy.core.way import Way

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
class WayBack:
    """The rollback that answered a failed deployment: of which version, and whether it is live and verified."""

    version: str
    live: bool
    verified: bool
    message: str
    deployment_id: str = ""
    decision: Decision | None = None


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

    as_result: Result | None = None
    """Another result than the reason's own: `superseded` is refused where a person asked."""
    gates: tuple[Verdict, ...] = ()
    checks: tuple[Verified, ...] = ()
    """What the verifiers said."""
    placed: bool = False
    """Whether the deployer ended well: what it deployed is live, even if the run failed."""
    receipt: Reported | None = None
    """What the deployer reports to be live, None where it did not end well."""
    back: WayBack | None = None
    mirrors: tuple[Mirrored, ...] = ()
    """What became of the registries that follow this one."""
    overridden: str = ""
    """The reason that was given for going past the gates."""
    parts: tuple[Outcome, ...] = ()
    """One for each stage, where a tag concerns several."""
    mistakes: tuple[Mistake, ...] = ()
    """The places in the mapping that an invalid end is about."""
    targets: tuple[TargetResult, ...] = ()
    """What became of each target, where the stage has some."""
    way: Way | None = None
    """How the model's stages stood when the run had read tags and records, before it did anything."""

    @property
    def result(self) -> Result:
        """The result that goes with the reason."""
        return self.as_result or self.reason.result

    @property
    def exit_code(self) -> int:
        """Process exit code."""
        return self.result.exit_code

    @property
    def verified(self) -> bool:
        """Whether something was deployed, and at least one verification said that it serves."""
        good = bool(self.checks) and all(check.finding is Finding.PASSED for check in self.checks)
        return good and self.result is Result.DEPLOYED

    @property
    def live_version(self) -> str:
        """The version that this run knows to be live at its end; "" where it does not know."""
        if self.back is not None:
            return self.back.version if self.back.live else ""
        return self.subject.version if self.placed and not self.undeployed else ""

    @property
    def undeployed(self) -> bool:
        """Whether it took away what ran, however the run ended."""
        taken = self.placed and self.plan is not None and self.plan.decision.action == "undeploy"
        return taken or self.result is Result.UNDEPLOYED


class Journal:
    """Collects what is known while a run goes on: steps, warnings, subject. `now` gives seconds that only grow."""

    def __init__(self, now: Callable[[], float], subject: Subject | None = None) -> None:
        self._now = now
        self.subject = subject or Subject()
        self.steps: list[Step] = []
        self.warnings: list[str] = []
        self.gates: tuple[Verdict, ...] = ()
        self.overridden = ""
        self.way: Way | None = None

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
        as_result=error.result if error.result is not error.reason.result else None,
        gates=journal.gates,
        overridden=journal.overridden,
        doubtful=isinstance(error, NothingToDo) and error.doubtful,
        mistakes=error.mistakes,
        way=journal.way,
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
        "live-version": outcome.live_version,
        "verified": "true" if outcome.verified else "false",
        "matrix": "",
        "count": "",
        "waves": "",
        "finish": "",
        "spread": "",
        "keep-going": "",
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
        "live_version": outcome.live_version or None,
        "verified": outcome.verified,
        "gates": [gate_document(verdict) for verdict in outcome.gates],
        "overridden": outcome.overridden or None,
        "checks": [
            {"check": told.check, "finding": told.finding.value, "sentence": told.sentence, "facts": _plain(told.facts)}
            for told in outcome.checks
        ],
        "receipt": outcome.receipt.document() if outcome.receipt else None,
        "way_back": _fields(outcome.back, "version", "live", "verified", "message", "deployment_id")
        if outcome.back
        else None,
        "mirrors": [told.document() for told in outcome.mirrors],
        "targets": targets_document(outcome.targets),
        "plan": _plan_document(plan, outcome.actions) if plan else None,
        "steps": [{"name": step.name, "seconds": round(step.seconds, 3), "ok": step.ok} for step in outcome.steps],
        "warnings": list(outcome.warnings),
        "mistakes": [
            _fields(mistake, "file", "line", "column", "path", "message", "hint") for mistake in outcome.mistakes
        ],
        "tail": outcome.tail or None,
        "parts": [document(part) for part in outcome.parts],
    }


def gate_document(verdict: Verdict) -> dict[str, Any]:
    """A gate's answer as JSON."""
    return {
        "gate": verdict.gate,
        "answer": verdict.answer.value,
        "code": verdict.code,
        "sentence": verdict.sentence,
        "hint": verdict.hint or None,
        "facts": _plain(verdict.facts),
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
        "verify": [check.name or check.kind for check in plan.verify],
        "on_failure": plan.on_failure,
        "digest": plan.digest,
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
