"""An outcome in plain lines: for a log and for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from model_stage_deploy.core.outcome import Outcome
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Result
from model_stage_deploy.core.verdict import Answer, Verdict
from model_stage_deploy.report.targets import target_lines

_SHORTEST = 0.05  # seconds of a step that is worth a word
_WORDS = {
    Result.DEPLOYED: "Deployed",
    Result.PLANNED: "Dry run",
    Result.RESOLVED: "Resolved",
    Result.CHECKED: "Checked",
    Result.WRITTEN: "Written",
    Result.UNDEPLOYED: "Undeployed",
    Result.NOTHING_TO_DO: "Nothing to do",
    Result.FAILED: "Failed",
    Result.INVALID: "Invalid",
    Result.REFUSED: "Refused",
    Result.ERROR: "Error",
    Result.UNRECORDED: "NOT RECORDED",
    Result.CANCELLED: "Cancelled",
}


def word(result: Result) -> str:
    """The result as a word that begins a sentence."""
    return _WORDS[result]


def headline(outcome: Outcome) -> str:
    """The result in one line."""
    return f"{_WORDS[outcome.result]}: {outcome.message}"


def describe(outcome: Outcome) -> Iterator[str]:
    """The outcome line by line: a dry run's plan, else the headline, hint and timing."""
    planned = outcome.plan is not None and bool(outcome.actions)
    if outcome.plan is not None and planned:
        yield from plan_lines(outcome.plan, outcome.actions, outcome.gates)
    if planned and outcome.result is Result.PLANNED:
        yield "Dry run: nothing was touched."
        return
    first, *rest = headline(outcome).split("\n")
    yield first
    yield from (f"  {line}" for line in rest)
    if outcome.hint:
        yield f"  what to do: {outcome.hint}"
    if outcome.exit_code or outcome.result is Result.NOTHING_TO_DO:
        yield f"  reason: {outcome.reason.value} (exit code {outcome.exit_code})"
    if outcome.environment_url and outcome.result is Result.DEPLOYED:
        yield f"  live at: {outcome.environment_url}"
    if outcome.back is not None or (outcome.exit_code and outcome.placed):
        yield f"  live now: {outcome.live_version or 'not known: look at it'}"
    yield from target_lines(outcome.targets)
    if outcome.overridden and outcome.placed:
        yield f"  GATES OVERRIDDEN: {outcome.overridden}"
    for part in outcome.parts:
        yield f"  {part.subject.stage}: {headline(part)}"
        yield from (f"  {line}" for line in target_lines(part.targets))
    long = [step for step in outcome.steps if step.seconds >= _SHORTEST or not step.ok]
    if long:
        took = ", ".join(f"{step.name} {step.seconds:.1f} s{'' if step.ok else ' (failed)'}" for step in long)
        yield f"  took: {took}"


def annotation(outcome: Outcome) -> tuple[Literal["notice", "warning", "error"], str] | None:
    """The annotation that the run's page shows, None where nobody needs one."""
    text = headline(outcome) + (f"\nWhat to do: {outcome.hint}" if outcome.hint else "")
    if outcome.exit_code:
        return ("error", text)
    return ("warning", text) if outcome.doubtful else None


def plan_lines(plan: Plan, actions: tuple[str, ...], gates: Sequence[Verdict] = ()) -> Iterator[str]:
    """The whole plan: what, where, replacing what, how, what the gates say, and where each setting came from."""
    decision, previous = plan.decision, plan.decision.previous
    rows = [
        ("model", plan.model.name),
        ("version", f"{decision.version}  (commit {decision.commit[:12]}, tag {decision.tag})"),
        ("stage", decision.stage),
        ("environment", plan.environment + (" (production)" if plan.production else "")),
        ("replacing", f"{previous.version}  (tag {previous.tag})" if previous else "nothing: the stage is empty"),
        ("url", plan.environment_url or "-"),
        ("deployer", f"{plan.deployer}, at most {_duration(plan.timeout)}"),
        ("mapping", plan.config),
    ]
    if plan.model.path or plan.model.type:
        rows.insert(
            1, ("artifact", " ".join(filter(None, [plan.model.path, plan.model.type and f"({plan.model.type})"])))
        )
    verb = "roll back" if decision.rollback else decision.action
    yield f"Plan: {verb} {decision.model} {decision.version} -> {decision.stage}"
    yield from (f"  {name:<12} {value}" for name, value in rows)
    if gates:
        yield "  gates"
        yield from (f"    {line}" for line in gate_lines(gates))
    yield "  would do"
    yield from (f"    {line}" for action in actions for line in action.split("\n"))
    if plan.origins:
        yield "  settings from"
        yield from (f"    {path:<24} {origin}" for path, origin in sorted(plan.origins.items()))
    for note in plan.notes:
        yield f"  note: {note}"


_MARKS = {Answer.PASSED: "pass", Answer.FAILED: "NO", Answer.UNKNOWN: "?"}


def gate_lines(gates: Sequence[Verdict]) -> Iterator[str]:
    """What each gate says, a line each, and what to do where it says no."""
    for verdict in gates:
        yield f"{_MARKS[verdict.answer]:<5}{verdict.gate}: {verdict.sentence}"
        if verdict.hint and not verdict.passed:
            yield f"     what to do: {verdict.hint}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{value} {unit}" for value, unit in ((hours, "h"), (minutes, "min"), (rest, "s")) if value]
    return " ".join(parts) or f"{seconds:g} s"
