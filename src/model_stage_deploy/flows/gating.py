"""Asking the gates: each is given its facts, all answer, and a person sees every reason at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from model_stage_deploy.core.errors import MachineryFailed, ModelStageError, Refused
from model_stage_deploy.core.lifecycle import Recorded, Records, now_running
from model_stage_deploy.core.outcome import Journal
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.policy import Gates, People
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Answer, Verdict, overall, unknown
from model_stage_deploy.flows.context import Context
from model_stage_deploy.flows.override import may_override
from model_stage_deploy.flows.planning import Prepared, environment_of, settings_for
from model_stage_deploy.gates.catalogue import rule_of
from model_stage_deploy.gates.contract import Case

Kind = Literal["assignment", "rollback", "removal"]
"""Why something is deployed: a stage tag said so; somebody goes back; a tag took another version away."""

_ALWAYS: dict[Kind, frozenset[str] | None] = {
    "assignment": None,  # all
    "rollback": frozenset({"people"}),
    "removal": frozenset({"people", "signed"}),
}


def judge(context: Context, prepared: Prepared, records: Records | None, kind: Kind) -> tuple[Verdict, ...]:
    """What every gate of the stage says.

    Going back to a version that was verified here before is judged by who does it alone: in an emergency no metric,
    window or other stage may be in the way.
    """
    gates = _asked(prepared, records, kind)
    if not gates.asked:
        return ()
    case = _case(context, prepared, records)
    return tuple(_verdict(context, prepared, gates, name, case) for name in gates.asked)


def require(context: Context, prepared: Prepared, verdicts: Sequence[Verdict], journal: Journal) -> None:
    """Raise unless all gates say yes, or they are overridden by one who may.

    Raises Refused (gates-refused, override-refused), MachineryFailed (gate-unknown).
    """
    journal.gates = tuple(verdicts)
    answer = overall(verdicts)
    if answer is Answer.PASSED:
        if context.wishes.override:
            journal.warnings.append("there was nothing to override: every gate says yes")
        return
    against = [verdict for verdict in verdicts if not verdict.passed]
    decision = prepared.plan.decision
    if context.wishes.override:
        reason = context.wishes.override
        may_override(prepared.settings.gates.override, context.owner, reason, context.forge)
        journal.overridden = reason
        against_what = "; ".join(verdict.sentence for verdict in against)
        loud = f"by {context.owner or 'somebody unknown'}, because: {reason}; against: {against_what}"
        journal.warnings.append(f"GATES OVERRIDDEN {loud}")
        context.announcer.note("warning", loud, title="GATES OVERRIDDEN")
        return
    names = ", ".join(verdict.gate for verdict in against)
    told = "\n".join(f"{verdict.gate}: {verdict.sentence}" for verdict in against)
    what = f"{decision.model} {decision.version} may not go to {decision.stage} ({names}):\n{told}"
    hints = list(dict.fromkeys(verdict.hint for verdict in against if verdict.hint))
    if prepared.settings.gates.override is not None:
        hints.append("in an emergency: --override REASON")
    if answer is Answer.FAILED:
        raise Refused(Reason.GATES_REFUSED, what, hint="; ".join(hints))
    raise MachineryFailed(Reason.GATE_UNKNOWN, what, hint="; ".join(hints) or "run it again when it can be known")


def _asked(prepared: Prepared, records: Records | None, kind: Kind) -> Gates:
    """The gates that count for this kind of deployment."""
    gates, decision = prepared.settings.gates, prepared.plan.decision
    only = _ALWAYS[kind]
    if only is None or (decision.action == "deploy" and not _was_verified(decision, records)):
        return gates if kind != "rollback" else _without_taggers(gates)
    kept = {name: getattr(gates, name) for name in only}
    narrowed = Gates.model_construct(**kept)
    return _without_taggers(narrowed) if kind == "rollback" else narrowed


def _without_taggers(gates: Gates) -> Gates:
    """For a rollback, which no tag asks for: who made the old tag, and how it was signed, says nothing."""
    people = gates.people
    if people is not None and people.taggers is not None:
        people = People.model_construct(pushers=people.pushers, taggers=None) if people.pushers else None
    return gates.model_copy(update={"people": people, "signed": None})


def _was_verified(decision: Decision, records: Records | None) -> bool:
    found: Iterator[Recorded] = iter(records.newest_first if records else ())
    return any(one.version == decision.version and one.commit == decision.commit and one.verified for one in found)


def _verdict(context: Context, prepared: Prepared, gates: Gates, name: str, case: Case) -> Verdict:
    try:
        gate = context.gate(name, prepared.configuration)
        rule = rule_of(gates, name)
        return gate.judge(rule, gate.facts(rule, case), case)
    except ModelStageError as problem:
        return unknown(name, problem.message, problem.hint)


def _case(context: Context, prepared: Prepared, records: Records | None) -> Case:
    decision = prepared.plan.decision
    environments: dict[str, str] = {}
    unverifiable = set()
    for needed in prepared.settings.gates.needs or ():
        try:
            settings = settings_for(prepared.configuration, decision.model, needed.stage)
            environments[needed.stage] = environment_of(context, settings, decision.model, needed.stage)
        except ModelStageError:
            continue  # the gate says that the mapping does not name it
        if not settings.verify:
            unverifiable.add(needed.stage)
    live = now_running(records) if records else None
    return Case(
        decision=decision,
        settings=prepared.settings,
        tag=decision.proof,
        environment=prepared.plan.environment,
        environments=environments,
        unverifiable=frozenset(unverifiable),
        live_version=live.version if live else "",
        live_commit=live.commit if live else "",
        actor=context.owner,
        now=context.clock.now(),
        live_known=records is not None and (records.whole or any(one.settles for one in records.newest_first)),
    )
