"""A code host whose records a test writes down."""

from __future__ import annotations

from dataclasses import dataclass, field

from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.core.lifecycle import Recorded, Records
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.ports import Ending


@dataclass
class FakeCodeHost:
    """Fulfils ports.CodeHost for one who looks: `known` by (model, stage), an error to raise or records.

    `asked` are (model, stage, environment), in order. Nothing can be recorded.
    """

    known: dict[tuple[str, str], Records | ModelStageError] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    def start(self, plan: Plan, attempt: str) -> str:
        raise NotImplementedError

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        raise NotImplementedError

    def live(self, model: str, stage: str, environment: str) -> Recorded | None:
        raise NotImplementedError

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        self.asked.append((model, stage, environment))
        found = self.known.get((model, stage), Records())
        if isinstance(found, ModelStageError):
            raise found
        return found
