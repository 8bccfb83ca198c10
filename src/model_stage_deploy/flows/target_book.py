"""What is known of a stage's targets during a run: read at its start, kept as the work goes on, joined at its end.

Keeping may take a push to a remote, so records are collected while one is under way (group commit). All of it happens
in the thread that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.targets import TargetRecord
from model_stage_deploy.ports import Clock, TargetLog

_OFTEN = 0.5  # seconds between two writes, at least
_SHARE = 4.0  # a write that takes long makes the next one wait that many times as long
_MOMENT = 0.001  # seconds
_RETRIES = (0.5, 2.0)  # seconds of pause before a write that must succeed is tried once more


class TargetBook:
    """The records of one run. `part` is its own part of the log; `known` the newest record of every target."""

    def __init__(
        self, log: TargetLog | None, clock: Clock, plan: Plan, part: str, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._log = log
        self._clock = clock
        self._plan = plan
        self._part = part
        self._tell = tell
        self._pending: dict[str, TargetRecord] = {}
        self._next = 0.0
        self._complained = False
        decision = plan.decision
        self.known: dict[str, TargetRecord] = (
            dict(log.read(decision.model, decision.stage, plan.environment)) if log is not None else {}
        )

    def begin(self, records: Sequence[TargetRecord]) -> None:
        """Keep that these targets are begun, before anything is. Raises MachineryFailed."""
        self._note(records)
        self.settle()

    def keep(self, record: TargetRecord, *, soon: bool = True) -> None:
        """Keep a record, soon; or else with the next that are written."""
        self._note([record])
        if soon:
            self.flush()

    def flush(self) -> None:
        """Write what was collected, if it is time to. A failure is told once; it counts when all must be written."""
        if not self._pending or self._clock.monotonic() < self._next:
            return
        begun = self._clock.monotonic()
        try:
            self._write()
        except MachineryFailed as problem:
            if not self._complained:
                self._tell(f"what became of some targets is not recorded yet, and is tried again: {problem.message}")
            self._complained = True
        took = self._clock.monotonic() - begun
        self._next = self._clock.monotonic() + max(_OFTEN, _SHARE * took)

    def settle(self) -> None:
        """Write all that was collected. Raises MachineryFailed."""
        for pause in (*_RETRIES, None):
            try:
                self._write()
            except MachineryFailed:
                if pause is None:
                    raise
                self._clock.sleep(pause)
            else:
                return

    def hurry(self) -> None:
        """Write what can be written within the seconds that are left. Raises MachineryFailed."""
        self._write(hurry=True)

    def join(self) -> None:
        """Write all, and make one whole of it with what others wrote. Raises MachineryFailed."""
        self.settle()
        if self._log is not None:
            self._log.join(self._plan)

    def _note(self, records: Sequence[TargetRecord]) -> None:
        for record in records:
            before = self.known.get(record.target)
            # The newest counts, even where clocks of machines differ, or one was turned back.
            time = record.time if before is None else max(record.time, before.time + _MOMENT)
            self.known[record.target] = self._pending[record.target] = record._replace(time=time)

    def _write(self, *, hurry: bool = False) -> None:
        if not self._pending:
            return
        batch = list(self._pending.values())
        if self._log is not None:
            self._log.add(self._plan, self._part, batch, hurry=hurry)
        for record in batch:
            if self._pending.get(record.target) is record:
                del self._pending[record.target]
