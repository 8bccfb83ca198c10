"""The gate `approval`: others than the one who deploys said yes to this version in this stage. Waits for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from model_stage_deploy.core.durations import format_duration
from model_stage_deploy.core.errors import MachineryFailed, ModelStageError
from model_stage_deploy.core.evidence import Approved
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.policy import Approval as Rule
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Verdict, failed, passed, unknown
from model_stage_deploy.core.who import told
from model_stage_deploy.gates.asking import ask
from model_stage_deploy.gates.contract import Case
from model_stage_deploy.ports import CodeHost, Forge


class Seen(NamedTuple):
    """One approval, and the text of `by` that makes it count, "" where none does (nor was it asked about)."""

    approved: Approved
    by: str


class Approval:
    """Fulfils the contract of gates."""

    name: ClassVar[str] = "approval"

    def __init__(self, host: CodeHost | None, forge: Forge | None) -> None:
        self._host = host
        self._forge = forge

    def facts(self, rule: Rule, case: Case) -> tuple[Seen, ...]:
        """The approvals of this version in this stage, newest first, each person's newest only.

        People are asked about until enough count. Raises MachineryFailed where too few count and one could not be
        asked about.
        """
        decision = case.decision
        if self._host is None:
            raise MachineryFailed(
                Reason.GATE_UNKNOWN,
                "approvals are kept with the records of deployments, and there are none here",
                hint="give it a token of the code host, and the repository, or run it in the clone",
            )
        found = self._host.approvals(decision.model, decision.version, decision.stage, decision.commit)
        seen: list[Seen] = []
        trouble: ModelStageError | None = None
        for approved in _newest(found):
            by = ""
            if sum(bool(each.by) for each in seen) < rule.count and _may_count(rule, approved, case):
                try:
                    by = ask(self._forge, approved.by, rule.by).by
                except ModelStageError as problem:
                    trouble = trouble or problem
            seen.append(Seen(approved, by))
        if trouble is not None and sum(bool(each.by) for each in seen) < rule.count:
            raise trouble
        return tuple(seen)

    @staticmethod
    def judge(rule: Rule, facts: tuple[Seen, ...], case: Case) -> Verdict:
        """Enough different people whose approval counts, none of them the one who deploys."""
        good = [each.approved for each in facts if each.by and _may_count(rule, each.approved, case)]
        what = f"{case.decision.model} {case.decision.version} for {case.decision.stage}"
        names = [one_line(each.by, 100) for each in good]
        if len(good) >= rule.count:
            if not case.actor:
                return unknown(
                    "approval",
                    f"{', '.join(names)} approved {what}; it is not known who deploys it, so it may be their own",
                    "start it in a job of the code host, which knows who started it",
                )
            return passed("approval", f"{', '.join(names)} approved {what}", approved=[_fact(each) for each in good])
        have = f"{len(good)} of {rule.count} approvals that {what} needs"
        others = [_why(rule, each, case) for each in facts if each.approved not in good]
        notes = f" ({'; '.join(others[:10])})" if others else ""
        return failed(
            "approval",
            "missing" if not facts else "too-few",
            f"{have}, from {told(rule.by)}{': ' + ', '.join(names) if names else ''}{notes}",
            _hint(case),
            needed=rule.count,
            approved=[_fact(each) for each in good],
        )


def _newest(approvals: Sequence[Approved]) -> list[Approved]:
    """One approval a person, the newest."""
    newest: dict[str, Approved] = {}
    for each in sorted(approvals, key=lambda each: each.time, reverse=True):
        newest.setdefault(each.by.casefold(), each)
    return list(newest.values())


def _may_count(rule: Rule, approved: Approved, case: Case) -> bool:
    """Whether it is young enough and somebody else's: whoever deploys has said yes by doing so."""
    return bool(approved.by) and not _is_own(approved, case) and not _is_old(rule, approved, case)


def _is_own(approved: Approved, case: Case) -> bool:
    return approved.by.casefold() == case.actor.casefold()


def _is_old(rule: Rule, approved: Approved, case: Case) -> bool:
    return rule.max_age is not None and case.now - approved.time > rule.max_age


def _why(rule: Rule, seen: Seen, case: Case) -> str:
    name = one_line(seen.approved.by, 100) or "somebody unknown"
    if _is_own(seen.approved, case):
        return f"{name} deploys it and cannot approve it as well"
    if _is_old(rule, seen.approved, case) and rule.max_age is not None:
        return f"that of {name} is older than {format_duration(rule.max_age)}"
    return f"{name} is not among them"


def _hint(case: Case) -> str:
    decision = case.decision
    words = " ".join(f"'{word}'" for word in (decision.model, decision.version, decision.stage))
    return (
        f"one of them runs: python -m model_stage_deploy approve {words}; then run this again. Or leave this gate out "
        "and let the code host ask: a job's `environment:` with required reviewers (docs/howto/require-an-approval.md)"
    )


def _fact(approved: Approved) -> dict[str, object]:
    return {"by": approved.by, "time": approved.time, "message": approved.message}
