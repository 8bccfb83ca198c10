"""What became of targets, in memory, with trouble on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.targets import TargetRecord

Where = tuple[str, str, str]


@dataclass
class FakeTargetLog:
    """Fulfils ports.TargetLog. `before` is called before each operation with its name, and may raise."""

    whole: dict[Where, dict[str, TargetRecord]] = field(default_factory=dict)
    parts: dict[Where, dict[str, dict[str, TargetRecord]]] = field(default_factory=dict)
    before: Callable[[str], None] = lambda operation: None
    calls: list[str] = field(default_factory=list)

    def read(self, model: str, stage: str, environment: str) -> Mapping[str, TargetRecord]:
        self._begin("read")
        return self._newest((model, stage, environment))

    def add(self, plan: Plan, part: str, records: Sequence[TargetRecord], *, hurry: bool = False) -> None:
        self._begin("hurry" if hurry else "add")
        if records:
            _take_in(self.parts.setdefault(_where(plan), {}).setdefault(part, {}), records)

    def join(self, plan: Plan) -> None:
        self._begin("join")
        where = _where(plan)
        self.whole[where] = self._newest(where)
        self.parts.pop(where, None)

    def _newest(self, where: Where) -> dict[str, TargetRecord]:
        found = dict(self.whole.get(where, {}))
        for part in self.parts.get(where, {}).values():
            _take_in(found, part.values())
        return found

    def _begin(self, operation: str) -> None:
        self.calls.append(operation)
        self.before(operation)


def _take_in(into: dict[str, TargetRecord], records: Iterable[TargetRecord]) -> None:
    for record in records:
        known = into.get(record.target)
        if known is None or known.time <= record.time:
            into[record.target] = record


def _where(plan: Plan) -> Where:
    return plan.decision.model, plan.decision.stage, plan.environment
