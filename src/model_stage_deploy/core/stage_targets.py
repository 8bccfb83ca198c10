"""The targets of a stage as the mapping names them, beside what is kept of each. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from model_stage_deploy.core.targets import TargetRecord, TargetState, Wave

BAD = (TargetState.STARTED, TargetState.FAILURE, TargetState.ERROR)
"""Attempts that did not end well; one that was started and never ended may be under way."""


class TargetRow(NamedTuple):
    """One target. `named` says that the mapping names it; `record` is None where none is kept."""

    name: str
    wave: int
    named: bool
    record: TargetRecord | None

    @property
    def state(self) -> str:
        """How its newest attempt stands; "" where none is known."""
        return self.record.state.value if self.record is not None else ""

    @property
    def now(self) -> str:
        """The version that it has, as far as is known; "" for none, and where that is not known."""
        return self.record.now if self.record is not None else ""

    @property
    def is_bad(self) -> bool:
        """Whether its newest attempt did not end well."""
        return self.record is not None and self.record.state in BAD


class StageTargets(NamedTuple):
    """All targets of a stage. `decided` is the version that the registry decides, "" for none."""

    model: str
    stage: str
    environment: str
    decided: str
    rows: Sequence[TargetRow]

    @property
    def versions(self) -> dict[str, int]:
        """How many targets of the mapping have which version, most first; "" counts those of which none is known."""
        return dict(Counter(row.now for row in self.rows if row.named).most_common())


def joined(waves: Sequence[Wave], records: Mapping[str, TargetRecord]) -> list[TargetRow]:
    """Rows in the order of the waves; records of targets that the mapping does not name come last, by name."""
    rows = [
        TargetRow(target.name, wave.number, True, records.get(target.name)) for wave in waves for target in wave.targets
    ]
    named = {row.name for row in rows}
    return rows + [
        TargetRow(name, record.wave, False, record) for name, record in sorted(records.items()) if name not in named
    ]
