"""The gate `checks`: named status checks and check runs are green on the commit that is deployed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import ClassVar

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict, failed, passed
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.ports import Forge

_WAITING = frozenset({"pending", "queued", "in_progress", "waiting", "requested", "expected"})
_LOOKED_AT_NOTHING = frozenset({"skipped", "neutral", "stale"})


class Checks:
    """Fulfils the contract of gates."""

    name: ClassVar[str] = "checks"

    def __init__(self, forge: Forge | None) -> None:
        self._forge = forge

    def facts(self, rule: list[str], case: Case) -> Mapping[str, str]:
        """The newest state of every check of the commit by name. Raises MachineryFailed."""
        if self._forge is None:
            raise MachineryFailed(
                Reason.GATE_UNKNOWN,
                f"whether {', '.join(rule)} passed on commit {case.decision.commit[:12]} is for the code host to say, "
                "and it cannot be asked",
                hint="give it a token of the code host, and the repository",
            )
        return self._forge.checks(case.decision.commit)

    @staticmethod
    def judge(rule: list[str], facts: Mapping[str, str], case: Case) -> Verdict:
        """Each named check must have ended with success; the sentence tells of all that did not."""
        commit = case.decision.commit[:12]
        states = {name: facts.get(name, "missing") for name in dict.fromkeys(rule)}
        told = [f"{one_line(name, 200)} {_word(state)}" for name, state in states.items() if state != "success"]
        if not told:
            return passed("checks", f"{', '.join(states)}: green on commit {commit}", commit=case.decision.commit)
        return failed(
            "checks",
            _worst(states.values()),
            f"on commit {commit}: {'; '.join(told)}",
            _hint(states, facts),
            commit=case.decision.commit,
            states=dict(states),
        )


def _word(state: str) -> str:
    if state == "missing":
        return "was never reported"
    if state in _WAITING:
        return "has not ended yet"
    if state in _LOOKED_AT_NOTHING:
        return f"is {state}, which says nothing about this commit"
    return f"ended with {one_line(state, 50)}"


def _worst(states: Iterable[str]) -> str:
    """The code's ending: a failure says more than a check that is missing, that more than one that still runs."""
    kinds = {_kind(state) for state in states}
    return next(kind for kind in ("failed", "skipped", "missing", "pending") if kind in kinds)


def _kind(state: str) -> str:
    if state == "success":
        return "passed"
    if state == "missing":
        return "missing"
    if state in _WAITING:
        return "pending"
    return "skipped" if state in _LOOKED_AT_NOTHING else "failed"


def _hint(states: Mapping[str, str], facts: Mapping[str, str]) -> str:
    hints = []
    kinds = {_kind(state) for state in states.values()}
    if kinds & {"failed", "skipped"}:
        hints.append("mend what failed and deploy a commit on which it is green, or run the check again")
    if "pending" in kinds:
        hints.append("run this again when the checks have ended")
    for name in (name for name, state in states.items() if state == "missing"):
        near = difflib.get_close_matches(name, facts, n=1)
        known = ", ".join(one_line(each, 100) for each in list(facts)[:10])
        meant = f"did you mean {one_line(near[0], 200)!r}?" if near else f"the commit has: {known or 'none'}"
        hints.append(f"see that {name!r} runs on this commit ({meant})")
    return "; ".join(hints)
