"""What a change that a person is about to confirm would do: the tags, the plan, the gates. Pure values.

Making it is flows/proposing.py's; nothing is changed by it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.verdict import Answer, overall

if TYPE_CHECKING:
    from model_stage_deploy.core.errors import ModelStageError
    from model_stage_deploy.core.verdict import Verdict
    from model_stage_deploy.core.writing import Change


class Refusal(NamedTuple):
    """Why something cannot be done, and what to do instead."""

    reason: Reason
    message: str
    hint: str = ""


class StagePlan(NamedTuple):
    """What a deployment to a stage would do. `actions` are lines for people, with secrets masked; `gates` all answers.

    `version` is what would be there afterwards ("" for nothing: `action` is undeploy then), `replacing` what is there
    by the records, or by the tags where nothing is recorded. `planned` is the promise of core/planned.py, for a run
    that may do nothing else; `digest` is the plan's, of the settings that make the deployment what it is.

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
    version: str = ""
    action: Literal["deploy", "undeploy"] = "deploy"
    planned: str = ""
    digest: str = ""

    @property
    def allowed(self) -> bool:
        """Whether nothing is known by which the deployment would be refused: no gate says no, none is unknown."""
        return self.problem is None and overall(self.gates) is Answer.PASSED


class Proposal(NamedTuple):
    """What would happen. `refusal` is set where it may not be done at all; `change` are the tags that would be made.

    `plan` is what the deployment would do that the tag starts, None where the tag starts none. `newest` is the newest
    tag of the model that counted, "" where there was none: what came later is what others did since.

    What is no tag is said in `told`, a sentence each; `state` is what else must be the same when it is confirmed.
    """

    change: Change | None = None
    plan: StagePlan | None = None
    notes: tuple[str, ...] = ()
    refusal: Refusal | None = None
    newest: str = ""
    told: tuple[str, ...] = ()
    state: str = ""

    @property
    def promise(self) -> str:
        """What was shown, as a digest: whoever confirms hands it back, and nothing is made where it differs by then.

        The tags' times and messages are not in it. Of the gates it has whether they let the deployment through, not
        their words: whoever deploys asks them again.
        """
        change, plan = self.change, self.plan
        parts = {
            "tags": [] if change is None else [[tag.name, tag.commit] for tag in change.tags],
            "moves": [] if change is None else [[str(part) for part in move] for move in change.moves],
            "replaced": None if change is None or change.replaced is None else list(change.replaced),
            "plan": None if plan is None else _facts(plan),
            "state": self.state,
            "refused": self.refusal.reason.value if self.refusal else "",
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def still(self, change: Change) -> bool:
        """Whether a change that was decided later is the one that was shown."""
        return self._replace(change=change).promise == self.promise


def refused(problem: ModelStageError, scrub: Callable[[str], str] = str) -> Refusal:
    """An end that a person is to read before anything is done, `scrub` takes secrets out of it."""
    return Refusal(problem.reason, scrub(problem.message), scrub(problem.hint))


def _facts(plan: StagePlan) -> list[str]:
    problem = plan.problem.reason.value if plan.problem else ""
    return [
        plan.stage,
        plan.environment,
        plan.deployer,
        plan.replacing,
        plan.version,
        plan.action,
        plan.planned,
        plan.digest,
        "allowed" if plan.allowed else "",
        problem,
    ]
