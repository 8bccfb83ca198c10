"""The gate `needs`: was the same version deployed, verified, and good for long enough, in the stages before?

How it fared there is told by core/soaking.py from the records of deployments.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from model_stage_deploy.core.durations import spoken
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.lifecycle import Records
from model_stage_deploy.core.policy import Gates, Needed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.soaking import Fared, fared
from model_stage_deploy.core.verdict import Verdict, failed, passed, unknown
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.ports import CodeHost

MOST = 50
"""How many deployments of a stage are looked at."""
_FIRST = 5  # of which so many are asked for at first: mostly they tell

Facts = Mapping[str, Records]
"""The records of each needed stage that the mapping names for the model."""


class _Answer(NamedTuple):
    """What one needed stage says. `code` is "" where it says yes, `unknown` where nobody can tell."""

    code: str
    sentence: str
    hint: str
    facts: Mapping[str, Any]


class Needs:
    """Every needed stage had the same version, of the same commit, before."""

    name: ClassVar[str] = "needs"

    def __init__(self, host: CodeHost | None) -> None:
        self._host = host

    def facts(self, rule: Gates, case: Case) -> Facts:
        """The deployments of each needed stage. Raises MachineryFailed where there are no records, or what they are."""
        if self._host is None:
            stages = ", ".join(need.stage for need in rule.needs or ())
            raise MachineryFailed(
                Reason.GATE_UNKNOWN,
                f"deployments are not recorded in this run, so nobody knows what was in {stages}",
                hint="give it a token of the code host, or use this repository's own log: --records log",
            )
        return {need.stage: self._records(rule, need, case) for need in _needed(rule) if _is_open(need, case)}

    def _records(self, rule: Gates, need: Needed, case: Case) -> Records:
        """The newest records first, and more of them only where those do not tell."""
        assert self._host is not None  # noqa: S101 - facts() has looked
        model, environment = case.decision.model, case.environments[need.stage]
        found = self._host.records(model, need.stage, environment, limit=MOST, past=_FIRST)
        if found.whole or not _answer(rule, need, case, found).code:
            return found
        return self._host.records(model, need.stage, environment, limit=MOST, past=MOST)

    @staticmethod
    def judge(rule: Gates, facts: Facts, case: Case) -> Verdict:
        """Whether every needed stage says yes. One that says no outweighs one that cannot tell."""
        answers = {need.stage: _answer(rule, need, case, facts.get(need.stage)) for need in _needed(rule)}
        known = {name: dict(answer.facts) for name, answer in answers.items()}
        against = [answer for answer in answers.values() if answer.code]
        if not against:
            return passed("needs", "; ".join(answer.sentence for answer in answers.values()) or "nothing", stages=known)
        sentence = "; ".join(answer.sentence for answer in against)
        hint = "; ".join(dict.fromkeys(answer.hint for answer in against if answer.hint))
        code = next((answer.code for answer in against if answer.code != "unknown"), "")
        if not code:
            return unknown("needs", sentence, hint)
        return failed("needs", code, sentence, hint, stages=known)


def _needed(rule: Gates) -> list[Needed]:
    """Each needed stage once; of one that is named twice, the stricter way."""
    stages: dict[str, Needed] = {}
    for need in rule.needs or ():
        if need.stage not in stages or need.verified:
            stages[need.stage] = need
    return list(stages.values())


def _is_open(need: Needed, case: Case) -> bool:
    """Whether the records have anything to say: not where the mapping alone says no."""
    return need.stage in case.environments and not (need.verified and need.stage in case.unverifiable)


def _answer(rule: Gates, need: Needed, case: Case, records: Records | None) -> _Answer:
    decision, stage = case.decision, need.stage
    what = f"{decision.model} {decision.version}"
    if stage not in case.environments:
        sentence = f"the mapping does not say what stage {stage} means for {decision.model}"
        return _Answer("unmapped", sentence, f"map {stage}, or take it out of `needs` of {decision.stage}", {})
    if need.verified and stage in case.unverifiable:
        hint = f"add `verify:` to {stage}, or write `needs: [{{stage: {stage}, verified: false}}]`"
        return _Answer("unverifiable", f"nothing verifies what is deployed to {stage}", hint, {})
    if records is None:
        return _Answer("unknown", f"nobody looked at what was deployed to {stage}", "run it again", {})
    known = fared(records, decision.version, decision.commit, verified=need.verified)
    if known.failed is not None:
        sentence = f"{what} failed in {stage}, and did not succeed there since"
        hint = f"deploy it to {stage} again, or promote another version"
        return _Answer("failed", sentence, hint, {"deployment": known.failed.id})
    if known.stretches:
        return _soaked(rule, need, case, known)
    return _never(need, case, known, records)


def _never(need: Needed, case: Case, known: Fared, records: Records) -> _Answer:
    """It never was good there, as far as the records go back."""
    decision, stage = case.decision, need.stage
    what, wanted = f"{decision.model} {decision.version}", "verified" if need.verified else "deployed"
    words = f"'{decision.model}' --version '{decision.version}' --to '{stage}'"
    promote = f"python -m model_stage_deploy promote {words}"
    if known.succeeded:
        hint = f"deploy it there again, so that it is verified: with --force, or {promote}"
        return _Answer("not-verified", f"{what} was deployed to {stage} and not verified there", hint, {})
    if known.tried:
        hint = f"wait until it ends; if nobody works on it any more, deploy it there again: {promote}"
        return _Answer("not-deployed", f"the deployment of {what} to {stage} has not ended", hint, {})
    if not records.whole:
        sentence = f"none of the newest {len(records.newest_first)} deployments to {stage} is of {what}"
        return _Answer("unknown", f"{sentence}; older ones were not looked at", f"deploy it there again: {promote}", {})
    hint = f"promote it there first: {promote}; where a tag says so already, deploy that tag"
    return _Answer("not-deployed", f"{what} was never {wanted} in {stage}", hint, {})


def _soaked(rule: Gates, need: Needed, case: Case, known: Fared) -> _Answer:
    """It was good there: for long enough?"""
    decision, stage, now = case.decision, need.stage, case.now
    stretch = known.longest(now)
    assert stretch is not None  # noqa: S101 - the caller has looked
    record, lasted, asked = stretch.first, stretch.lasted(now), rule.soak or 0.0
    ago = f"{spoken(max(0.0, now - stretch.start))} ago" if stretch.start is not None else "at a time nobody knows"
    sentence = f"{decision.model} {decision.version} was {'verified' if need.verified else 'deployed'} in {stage} {ago}"
    facts: dict[str, Any] = {"deployment": record.id, "tag": record.tag, "ended": record.ended}
    if not asked:
        return _Answer("", sentence, "", facts)
    facts |= {"soaked": int(lasted), "soak": asked, "lasts": stretch.end is None}
    if lasted >= asked:
        return _Answer("", f"{sentence} and good there for {spoken(lasted)}", "", facts)
    if stretch.end is None and stretch.start is not None:
        left = spoken(stretch.start + asked - now, up=True)
        sentence += f"; {decision.stage} asks for {spoken(asked)}, which is in {left}"
        return _Answer("not-soaked", sentence, f"run this again in {left}", facts)
    current = known.stretches[-1]
    sentence += f" and good there for {spoken(lasted)}; {decision.stage} asks for {spoken(asked)} without a break"
    if current.end is None and current.start is not None:
        left = spoken(current.start + asked - now, up=True)
        return _Answer("not-soaked", f"{sentence}: in {left}", f"run this again in {left}", facts)
    hint = f"deploy it to {stage} again and leave it there for {spoken(asked)}"
    return _Answer("not-soaked", sentence, hint, facts)
