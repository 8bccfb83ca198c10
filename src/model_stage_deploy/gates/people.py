"""The gate `people`: who may move this stage, by who pushed (or started the run) and by who made the tag (T26)."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy import People as Rule
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict, failed, passed
from model_stage_deploy.core.who import listed, told
from model_stage_deploy.gates.asking import Asked, ask
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.ports import Forge


class Facts(NamedTuple):
    """`pusher` is what was asked about who pushed, None where the rule does not ask; `tagger` an e-mail address, ""
    where the tag has none, None where there is no tag."""

    pusher: Asked | None
    tagger: str | None


class People:
    """Fulfils the contract of gates."""

    name: ClassVar[str] = "people"

    def __init__(self, forge: Forge | None) -> None:
        self._forge = forge

    def facts(self, rule: Rule, case: Case) -> Facts:
        """Ask the host of the pusher what the list needs. Raises MachineryFailed, Invalid (mapping-invalid)."""
        if not rule.pushers and not rule.taggers:
            raise Invalid(
                Reason.MAPPING_INVALID,
                "`people` lists nobody",
                hint="add `pushers:` or `taggers:`, or leave `people` out",
            )
        pusher = ask(self._forge, case.actor, rule.pushers) if rule.pushers else None
        if rule.taggers:
            ask(None, "", rule.taggers)  # reads the list, so that a text that names nobody is complained of
        return Facts(pusher, None if case.tag is None else case.tag.email)

    @staticmethod
    def judge(rule: Rule, facts: Facts, case: Case) -> Verdict:
        """Both lists, where they are given, must name who did it."""
        against = _pusher(rule, facts) or _tagger(rule, facts, case)
        if against is not None:
            return against
        said = []
        if rule.pushers and facts.pusher is not None:
            said.append(f"{one_line(case.actor, 100)} may deploy here ({facts.pusher.by})")
        if rule.taggers:
            said.append(f"{one_line(facts.tagger or '', 100)} may tag for it")
        return passed("people", "; ".join(said), pusher=case.actor, tagger=facts.tagger or "")


def _pusher(rule: Rule, facts: Facts) -> Verdict | None:
    if not rule.pushers or facts.pusher is None:
        return None
    may, person = told(rule.pushers), facts.pusher.person
    if not person.name:
        return failed(
            "people",
            "unknown-pusher",
            f"it is not known who pushed the tag or started the run; {may} may",
            "start it in a job of the code host, which knows who started it",
        )
    if not listed(rule.pushers, person):
        return failed(
            "people",
            "pusher-not-listed",
            f"{one_line(person.name, 100)} pushed the tag or started the run; {may} may",
            f"ask one of them to start it: {may}",
            pusher=person.name,
        )
    return None


def _tagger(rule: Rule, facts: Facts, case: Case) -> Verdict | None:
    if not rule.taggers:
        return None
    may = told(rule.taggers)
    tag = one_line(case.tag.name if case.tag else case.decision.tag, 200)
    if not facts.tagger:
        return failed("people", "unknown-tagger", f"the tag {tag} says not who made it; {may} may", _again(may))
    if not any(facts.tagger.casefold() == address.casefold() for address in rule.taggers):
        return failed(
            "people",
            "tagger-not-listed",
            f"{one_line(facts.tagger, 100)} made the tag {tag}; {may} may",
            _again(may),
            tagger=facts.tagger,
        )
    return None


def _again(may: str) -> str:
    return f"one who may makes the next tag, with their address in git's user.email: {may}"
