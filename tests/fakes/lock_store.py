"""Locks in memory, with others who change them at the same time, and with trouble on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from model_stage_deploy.core.locks import place_of
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.ports import LockClash


@dataclass
class FakeLockStore:
    """Fulfils ports.LockStore. `before` is called before each operation with its name, and may change or raise."""

    held: dict[tuple[str, str], LockEntry] = field(default_factory=dict)
    before: Callable[[str], None] = lambda operation: None
    calls: list[str] = field(default_factory=list)
    changes: int = 0

    def entries(self) -> Sequence[LockEntry]:
        self._begin("entries")
        return list(self.held.values())

    def put(self, entry: LockEntry, *, replacing: str) -> str:
        self._begin("put")
        return self.place(entry, replacing=replacing)

    def remove(self, entry: LockEntry) -> None:
        self._begin("remove")
        there = self.held.get(_place(entry))
        if there is None or there.version != entry.version:
            raise LockClash(entry.key)
        del self.held[_place(entry)]

    def hurry(self) -> None:
        """Nothing here takes long."""

    def place(self, entry: LockEntry, *, replacing: str = "") -> str:
        """What `put` does, for others: nothing comes before it."""
        there = self.held.get(_place(entry))
        if (there.version if there else "") != replacing:
            raise LockClash(entry.key)
        self.changes += 1
        self.held[_place(entry)] = replace(entry, version=f"v{self.changes}")
        return f"v{self.changes}"

    def _begin(self, operation: str) -> None:
        self.calls.append(operation)
        self.before(operation)


def _place(entry: LockEntry) -> tuple[str, str]:
    return entry.kind, place_of(entry.key)
