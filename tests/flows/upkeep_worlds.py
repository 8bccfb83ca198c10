"""What a sweep and an approval work with: a mapping, a clock and locks that a test writes down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model_stage_deploy.adapters.jinja_templates import JinjaTemplates
from model_stage_deploy.adapters.mapping_yaml import load_mapping
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.stored import LockEntry
from model_stage_deploy.deployers import catalogue
from model_stage_deploy.flows.context import Configuration, Context
from model_stage_deploy.ports import LockClash
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.clock import FakeClock


@dataclass
class Locks:
    """Fulfils ports.LockStore with what a test writes down; `read` counts how often it was asked."""

    held: list[LockEntry] = field(default_factory=list)
    down: MachineryFailed | None = None
    clash: bool = False
    read: int = 0

    def entries(self) -> Sequence[LockEntry]:
        self.read += 1
        if self.down is not None:
            raise self.down
        return tuple(self.held)

    def put(self, entry: LockEntry, *, replacing: str) -> str:
        raise NotImplementedError

    def remove(self, entry: LockEntry) -> None:
        if self.clash:
            raise LockClash
        self.held.remove(entry)

    def hurry(self) -> None:
        raise NotImplementedError


def context(mapping: str, clock: FakeClock, locks: Locks | None = None) -> Context:
    """A context in which nothing can be deployed."""
    nobody: Any = None
    read = load_mapping(mapping.encode(), "model-stages.yml", catalogue.known(), JinjaTemplates())
    return Context(
        repository=nobody,
        configuration=lambda _: Configuration(read, "model-stages.yml", Path, nobody),
        deployer=nobody,
        templates=JinjaTemplates(),
        annotation=nobody,
        announcer=FakeAnnouncer(),
        clock=clock,
        host=None,
        environ={},
        gate=nobody,
        verifier=nobody,
        locks=locks,
    )
