"""A code host whose records a test writes down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.evidence import Approved, Evidence
from model_stage_deploy.core.lifecycle import Recorded, Records
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.ports import Ending


@dataclass
class FakeCodeHost:
    """Fulfils ports.CodeHost: `known` by (model, stage), an error to raise or records.

    `asked` are (model, stage, environment), in order; `approved` by (model, version, stage). What was closed, and what
    is approved by `login`, is remembered; deployments cannot be recorded.
    """

    known: dict[tuple[str, str], Records | ModelStageError] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    approved: dict[tuple[str, str, str], list[Approved]] = field(default_factory=dict)
    closed: list[tuple[str, str]] = field(default_factory=list)
    login: str = "ada"

    def start(self, plan: Plan, attempt: str, evidence: Evidence) -> str:
        raise NotImplementedError

    def placed(self, plan: Plan, deployment_id: str) -> None:
        raise NotImplementedError

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        raise NotImplementedError

    def close(self, record: Recorded, summary: str) -> None:
        self.closed.append((record.id, summary))

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        self.asked.append((model, stage, environment))
        found = self.known.get((model, stage), Records())
        if isinstance(found, ModelStageError):
            raise found
        return found

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        self.approved.setdefault((model, version, stage), []).insert(0, Approved(self.login, 0.0, message))
        return self.login

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        return self.approved.get((model, version, stage), [])
