"""The gate `metrics`: is the version good enough, and not worse than the one that is live?

Metrics are read from Git, at the commit of the version and at that of the live one. What a name means there:
core/metric_values.py; which files, and how they are read: metric_reading.py; what rules are: core/expressions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from model_stage_deploy.core import metric_values, policy
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.expression_tree import Name, Rule, as_float
from model_stage_deploy.core.expressions import BadRule, parse_rule
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict, failed, passed
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.gates.metric_reading import MetricReader
from model_stage_deploy.ports import Documents, Repository

_NOT_MET = "not-met"
_LOOK = "look at the numbers, and at the rule in the mapping"


class Seen(NamedTuple):
    """The metrics of the version, and those of the live one: None where none is live, or no rule asks for it."""

    new: metric_values.Metrics
    live: metric_values.Metrics | None


class Outcome(NamedTuple):
    """What one rule says: `code` "" where it holds; else which of the stated answers it is."""

    rule: str
    code: str
    told: str
    hint: str = ""
    left: Fraction | None = None
    right: Fraction | None = None
    numbers: Mapping[Name, Fraction] = {}


class Metrics:
    """Fulfils the contract of gates."""

    name = "metrics"

    def __init__(self, repository: Repository, documents: Documents) -> None:
        self._repository = repository
        self._documents = documents

    def facts(self, rule: policy.Metrics, case: Case) -> Seen:
        """The metrics at both commits; at the live one only where a rule reads it.

        Raises MachineryFailed, also where it is not known what is live: that is not the same as nothing.
        """
        wanted = any(parsed is not None and parsed.reads_live for parsed in map(_parsed, rule.rules))
        if wanted and not case.live_known:
            raise MachineryFailed(
                Reason.GATE_UNKNOWN,
                f"which version is live in {case.decision.stage} cannot be told, and a rule compares with it",
                hint="give it a token of the code host, or use this repository's own log: --records log",
            )
        new = self._metrics(case.decision.commit, rule, case)
        return Seen(new, self._metrics(case.live_commit, rule, case) if wanted and case.live_commit else None)

    @staticmethod
    def judge(rule: policy.Metrics, facts: Seen, case: Case) -> Verdict:
        """Every rule, in the order of the mapping; all must hold."""
        outcomes = [_outcome(text, rule, facts, case) for text in rule.rules]
        sentence = "; ".join(outcome.told for outcome in outcomes)
        known = _known(outcomes, facts, case)
        against = [outcome for outcome in outcomes if outcome.code]
        if not against:
            return passed("metrics", sentence, **known)
        codes = [outcome.code for outcome in against]
        hints = dict.fromkeys(outcome.hint for outcome in against if outcome.hint)
        return failed("metrics", _NOT_MET if _NOT_MET in codes else codes[0], sentence, "; ".join(hints), **known)

    def _metrics(self, commit: str, rule: policy.Metrics, case: Case) -> metric_values.Metrics:
        reader = MetricReader(self._repository.read_file, self._documents)
        return reader.at(commit, case.decision.model, rule.files)


def _parsed(text: str) -> Rule | None:
    try:
        return parse_rule(text)
    except BadRule:
        return None


def _outcome(text: str, policy_rule: policy.Metrics, facts: Seen, case: Case) -> Outcome:
    """What one rule says, with the numbers seen."""
    shown = one_line(text, 1000)
    try:
        rule = parse_rule(text)
    except BadRule as problem:  # the mapping is checked when it is read; this keeps it closed all the same
        return Outcome(shown, "bad-rule", f"{shown}: no rule: {problem}", "mend the rule in the mapping")
    nothing_live = rule.reads_live and facts.live is None
    numbers: dict[Name, Fraction] = {}
    for name in rule.names():
        metrics = facts.live if name.live else facts.new
        if metrics is None:
            continue
        reading = metric_values.read(name, metrics)
        if reading.number is None:
            return _without(shown, name, reading, case)
        numbers[name] = reading.number
    if nothing_live:
        return _with_nothing_live(rule, numbers, policy_rule, case)
    result = rule.evaluate(numbers)
    told = one_line(rule.told(numbers, result))
    if result.holds is None:
        return Outcome(shown, "undefined", f"{told}: no: {result.why}", _LOOK, result.left, result.right, numbers)
    code = "" if result.holds else _NOT_MET
    words = "yes" if result.holds else "no"
    hint = "" if result.holds else f"deploy a version for which `{shown}` holds"
    return Outcome(shown, code, f"{told}: {words}", hint, result.left, result.right, numbers)


def _without(shown: str, name: Name, reading: metric_values.Reading, case: Case) -> Outcome:
    """A rule that has no number to go by."""
    hint = reading.hint
    if name.live:
        version = one_line(case.live_version, 100) or "the version"
        live = f"`{shown}` compares with {version}, which is live; deploy one that has the metric first"
        hint = f"{hint}; {live}" if hint else live
    return Outcome(shown, reading.code, f"{shown}: no: {reading.sentence}", hint)


def _with_nothing_live(rule: Rule, numbers: Mapping[Name, Fraction], asked: policy.Metrics, case: Case) -> Outcome:
    """A rule that compares with a version that is not there; the version's own numbers are there."""
    told = one_line(rule.told(numbers))
    shown = one_line(rule.text, 1000)
    where = f"nothing is live in {one_line(case.decision.stage, 100)} yet"
    if asked.nothing_live == "pass":
        return Outcome(shown, "", f"{told}: yes: {where} (`nothing-live: pass`)", numbers=numbers)
    hint = "the first version needs `nothing-live: pass`, or an override"
    return Outcome(shown, "nothing-live", f"{told}: no: {where} (`nothing-live: fail`)", hint, numbers=numbers)


def _known(outcomes: list[Outcome], facts: Seen, case: Case) -> dict[str, Any]:
    """The facts as JSON."""
    made: dict[str, Any] = {
        "rules": [
            {
                "rule": outcome.rule,
                "holds": not outcome.code,
                "code": f"metrics-{outcome.code or 'passed'}",
                "left": None if outcome.left is None else as_float(outcome.left),
                "right": None if outcome.right is None else as_float(outcome.right),
                "numbers": {one_line(str(name), 200): as_float(value) for name, value in outcome.numbers.items()},
            }
            for outcome in outcomes
        ],
        "commit": facts.new.commit,
        "files": [one_line(path, 200) for path in facts.new.files],
    }
    if facts.live is not None:
        made["live"] = {
            "version": case.live_version,
            "commit": facts.live.commit,
            "files": [one_line(path, 200) for path in facts.live.files],
        }
    return made
