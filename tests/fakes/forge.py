"""A forge whose answers a test writes down, and which remembers what it was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model_stage_deploy.core.errors import MachineryFailed


@dataclass
class FakeForge:
    """Fulfils ports.Forge. `trouble` is an error that a question of that kind raises."""

    permissions: dict[str, str] = field(default_factory=dict)
    teams: dict[str, set[str]] = field(default_factory=dict)
    states: dict[str, dict[str, str]] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    trouble: dict[str, MachineryFailed] = field(default_factory=dict)
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def permission(self, login: str) -> str:
        self._hear("permission", login)
        return self.permissions.get(login, "none")

    def is_member(self, login: str, team: str) -> bool:
        self._hear("is_member", login, team)
        return login in self.teams.get(team, set())

    def checks(self, commit: str) -> Mapping[str, str]:
        self._hear("checks", commit)
        return self.states.get(commit, {})

    def is_protected(self, branch: str) -> bool:
        self._hear("is_protected", branch)
        return branch in self.protected

    def _hear(self, question: str, *words: str) -> None:
        self.asked.append((question, *words))
        if question in self.trouble:
            raise self.trouble[question]
