"""What every gate is given and what it promises. docs/reference/gates.md tells it to users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from model_stage_deploy.core.mapping import StageSettings
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.plan import Decision
from model_stage_deploy.core.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """The deployment that is judged.

    `tag` is the assignment's tag as Git stores it, None for a rollback to a version whose tag is not asked for.
    `environment` and `environments` are where this stage's and the needed stages' deployments are recorded (a needed
    stage that the mapping does not name is missing there). `unverifiable` are needed stages without `verify:`.
    `live_version` and `live_commit` are what runs there now, "" where nothing does; unless `live_known`, nobody can
    tell, and a gate that must know says so. `actor` is who pushed or
    started the run, "" where unknown. `now` is unix seconds.
    """

    decision: Decision
    settings: StageSettings
    tag: TagRecord | None
    environment: str
    environments: dict[str, str]
    unverifiable: frozenset[str]
    live_version: str
    live_commit: str
    actor: str
    now: float
    live_known: bool = True


class Gate(Protocol):
    """One rule. Built with the ports that its constructor names (repository, host, forge, signatures, files).

    `facts` asks the ports; `judge` is pure: the same rule, facts and case, the same verdict. `rule` is the gate's part
    of `gates:` (core/policy.py).
    """

    name: ClassVar[str]

    def facts(self, rule: Any, case: Case) -> Any:
        """What the rule must know. Raises ModelStageError where it cannot be known: the verdict is then unknown."""
        ...

    @staticmethod
    def judge(rule: Any, facts: Any, case: Case) -> Verdict:
        """Yes or no."""
        ...
