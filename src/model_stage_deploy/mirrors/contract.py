"""What every mirror is given and what it promises. A mirror is another registry, which follows this one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from model_stage_deploy.core.policy_mirrors import Mirror as Settings


@dataclass(frozen=True, slots=True)
class Happened:
    """What a mirror is told: a version is `live` in a stage, or was `taken-out` of it."""

    action: Literal["live", "taken-out"]
    model: str
    version: str
    stage: str


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to tell. `variable` gives a variable of the environment, or a secret that the stage lists, "" for none.

    Secrets that a mirror takes from there go to `mask` before their first use. `left` tells how many seconds are left.
    """

    happened: Happened
    variable: Callable[[str], str]
    mask: Callable[[str], None]
    left: Callable[[], float] = lambda: math.inf


@dataclass(frozen=True, slots=True)
class Followed:
    """What a mirror did: `lines` for people; `changed` is False where all was right already.

    `facts` are plain JSON values for the outcome; no secret may be among them.
    """

    lines: tuple[str, ...]
    changed: bool
    facts: Mapping[str, Any] = field(default_factory=dict)


class MirrorProblem(Exception):
    """A mirror could not be told; the text says why, and holds no secret.

    `retryable`: the same once more may well succeed, after `after` seconds where the other side said so. `hint` says
    what to do.
    """

    def __init__(self, message: str, *, hint: str = "", retryable: bool = False, after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retryable = retryable
        self.after = after


class Mirror(Protocol):
    """Tells another registry. Built with the ports that its constructor names (web)."""

    uses: ClassVar[str]
    """Its name in the mapping: `mirrors: [{uses: NAME}]`."""

    def describe(self, happened: Happened, settings: Settings) -> list[str]:
        """Lines that say what `follow` would do, for a dry run. Touches nothing, asks nobody."""
        ...

    def follow(self, errand: Errand, settings: Settings) -> Followed:
        """Do it, once; what is right already is left as it is, so that once more does no harm. Raises MirrorProblem.

        It is called under the stage's lock.
        """
        ...
