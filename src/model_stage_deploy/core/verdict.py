"""What gates and verifiers answer: yes, no, or that nobody can know; and what all answers together mean.

A gate is pure: it is given facts and gives back a verdict. "The rule said no" and "the machinery broke" are told
apart, down to the exit code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple


class Answer(StrEnum):
    """Yes, no, or that the facts cannot be had (nothing is deployed then, either)."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"


_NO_FACTS: Mapping[str, Any] = {}


class Verdict(NamedTuple):
    """What one gate says. `code` is stable (`needs-not-verified`); `sentence` is for people, on one line, and says
    what was looked at; `hint` says what to do, "" where it passed. `facts` are JSON values: what the verdict rests on.
    """

    gate: str
    answer: Answer
    code: str
    sentence: str
    hint: str = ""
    facts: Mapping[str, Any] = _NO_FACTS

    @property
    def passed(self) -> bool:
        """Whether the gate lets the deployment through."""
        return self.answer is Answer.PASSED


def passed(gate: str, sentence: str, **facts: Any) -> Verdict:
    """A gate that says yes."""
    return Verdict(gate, Answer.PASSED, f"{gate}-passed", sentence, "", facts)


def failed(gate: str, what: str, sentence: str, hint: str = "", **facts: Any) -> Verdict:
    """A gate that says no; `what` completes the code: `not-verified` -> `needs-not-verified`."""
    return Verdict(gate, Answer.FAILED, f"{gate}-{what}", sentence, hint, facts)


def unknown(gate: str, sentence: str, hint: str = "") -> Verdict:
    """A gate whose facts cannot be had."""
    return Verdict(gate, Answer.UNKNOWN, f"{gate}-unknown", sentence, hint)


def overall(verdicts: Sequence[Verdict]) -> Answer:
    """All together: one no is a no; else one that cannot be known is that; no gate at all is a yes."""
    answers = {verdict.answer for verdict in verdicts}
    return next((answer for answer in (Answer.FAILED, Answer.UNKNOWN) if answer in answers), Answer.PASSED)


class Finding(StrEnum):
    """What a verifier says: it serves, it does not, or nobody can tell."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Verified(NamedTuple):
    """The answer of one verifier. `sentence` is one line for people, with what was seen; `facts` are JSON values."""

    check: str
    finding: Finding
    sentence: str
    facts: Mapping[str, Any] = _NO_FACTS
