"""How to bring each gate of the catalogue into the situations that test_gates.py asks about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved
from model_stage_deploy.core.model import TagRecord
from model_stage_deploy.core.policy import Gates
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.stored import Signature
from model_stage_deploy.gates.catalogue import build, load, rule_of
from model_stage_deploy.gates.contract import Case, Gate
from tests.fakes.code_host import FakeCodeHost
from tests.fakes.forge import FakeForge
from tests.gates.judged import COMMIT, NOW, a_case
from tests.gates.stage_records import attempt, records

BROKEN = MachineryFailed(Reason.GITHUB_FAILED, "nobody answers", hint="try again")


@dataclass(frozen=True)
class World:
    """All that gates may ask. `trouble` makes every question fail."""

    verified: bool = True
    accuracy: str = "0.95"
    signed: bool = True
    green: bool = True
    merged: bool = True
    approved: bool = True
    trouble: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def ports(self) -> Mapping[str, object]:
        kinds = ("permission", "is_member", "checks", "is_protected")
        forge = FakeForge(
            states={COMMIT: {"test": "success" if self.green else "failure"}},
            protected={"main"},
            trouble=dict.fromkeys(kinds, BROKEN) if self.trouble else {},
        )
        return {
            "repository": self,
            "host": _Host(self),
            "forge": forge,
            "signatures": self,
            "trusted": lambda _path: self._answer(b"keys"),
            "documents": lambda text, _path: json.loads(text),
        }

    def read_file(self, commit: str, path: str) -> bytes | None:
        """Of ports.Repository."""
        found = self._answer(b'{"accuracy": %s}' % self.accuracy.encode())
        return found if path == "metrics.json" else None

    def is_reachable(self, commit: str, branch: str) -> bool | None:
        """Of ports.Repository."""
        return bool(self._answer(b"x")) and self.merged

    def check(self, tag: TagRecord, *, allowed_signers: bytes | None, gpg_keys: bytes | None) -> Signature | str:
        """Of ports.Signatures."""
        return Signature("ada@example.com", "SHA256:abc", "ssh") if self.signed else "is not signed"

    def _answer(self, found: bytes) -> bytes:
        if self.trouble:
            raise BROKEN
        return found


class _Host(FakeCodeHost):
    """Records and approvals of a world."""

    def __init__(self, world: World) -> None:
        known: dict[tuple[str, str], Any] = {}
        known["churn", "staging"] = BROKEN if world.trouble else records(attempt(ago=30, checks=int(world.verified)))
        super().__init__(known, approved={("churn", "v2.0.0", "prod"): _approvals(world)})
        self._trouble = world.trouble

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Any:
        if self._trouble:
            raise BROKEN
        return super().approvals(model, version, stage, commit)


def _approvals(world: World) -> list[Approved]:
    return [Approved("bob", NOW - 60)] if world.approved else []


@dataclass(frozen=True)
class Bench:
    """A rule of `gates:`, and the worlds (and changes of the case) in which it says no.

    `needs_nobody` marks a gate that asks nobody, so that no trouble of others can keep it from knowing.
    """

    gates: Mapping[str, Any]
    bad: World = World()
    bad_case: Mapping[str, Any] = field(default_factory=dict)
    needs_nobody: bool = False

    def gate(self, name: str, world: World) -> Gate:
        return build(load(name), world.ports)

    def rule(self, name: str) -> Any:
        return rule_of(Gates.model_validate(self.gates), name)

    def case(self, *, bad: bool = False) -> Case:
        known = replace(a_case(), environments={"staging": "staging"})
        return replace(known, **self.bad_case) if bad else known


BENCHES: Mapping[str, Bench] = {
    "needs": Bench({"needs": ["staging"], "soak": "24h"}, World(verified=False)),
    "metrics": Bench({"metrics": ["accuracy >= 0.9"]}, World(accuracy="0.5")),
    "signed": Bench({"signed": {"allowed-signers": ".github/allowed_signers"}}, World(signed=False)),
    "people": Bench({"people": {"pushers": ["ada", "permission:admin"]}}, bad_case={"actor": "eve"}),
    "checks": Bench({"checks": ["test"]}, World(green=False)),
    "reachable-from": Bench({"reachable-from": "main"}, World(merged=False)),
    "window": Bench({"window": {"days": "fri"}}, bad_case={"now": NOW + 3 * 86400}, needs_nobody=True),
    "approval": Bench({"approval": {"by": ["bob"]}}, World(approved=False)),
}
