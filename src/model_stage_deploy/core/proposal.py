"""What a change that a person is about to confirm would do: the tags, the plan, the gates. Pure values.

Making it is flows/proposing.py's; nothing is changed by it.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

from model_stage_deploy.core.reasons import Reason

if TYPE_CHECKING:
    from model_stage_deploy.core.verdict import Verdict
    from model_stage_deploy.core.writing import Change


class Refusal(NamedTuple):
    """Why something cannot be done, and what to do instead."""

    reason: Reason
    message: str
    hint: str = ""


class StagePlan(NamedTuple):
    """What a deployment to a stage would do. `actions` are lines for people, with secrets masked; `gates` all answers.

    `problem` says why there is no plan (no mapping, a stage that it does not name), and then the rest is empty.
    `ignored` says that a deployment would do nothing here, and that is no mistake (`problem` says why).
    """

    stage: str
    environment: str = ""
    deployer: str = ""
    replacing: str = ""
    actions: tuple[str, ...] = ()
    gates: tuple[Verdict, ...] = ()
    problem: Refusal | None = None
    ignored: bool = False
    config: str = ""


class Proposal(NamedTuple):
    """What would happen. `refusal` is set where it may not be done at all; `change` are the tags that would be made.

    `plan` is what the deployment would do that the tag starts, None where the tag starts none.
    """

    change: Change | None = None
    plan: StagePlan | None = None
    notes: tuple[str, ...] = ()
    refusal: Refusal | None = None

    @property
    def promise(self) -> str:
        """What was shown, as a digest: whoever confirms hands it back, and nothing is made where it differs by then.

        The tags' times and messages are not in it, nor what gates say, which are asked again by whoever deploys.
        """
        change, plan = self.change, self.plan
        parts = {
            "tags": [] if change is None else [[tag.name, tag.commit] for tag in change.tags],
            "moves": [] if change is None else [[str(part) for part in move] for move in change.moves],
            "replaced": None if change is None or change.replaced is None else list(change.replaced),
            "plan": None if plan is None else [plan.stage, plan.environment, plan.deployer, plan.replacing],
            "refused": self.refusal.reason.value if self.refusal else "",
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
