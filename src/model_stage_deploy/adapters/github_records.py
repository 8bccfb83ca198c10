"""Reading deployments on GitHub: which are ours, what became of each, and by what names they go.

Writing them is next door, in github_deployments.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from model_stage_deploy.adapters.github_client import GitHubClient, Patience
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.lifecycle import ENDED_BADLY, INACTIVE, SUCCESS, Recorded, Records
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.records import recorded_from
from model_stage_deploy.core.tags import slug

TASK = "deploy"
PLACED = "deployed; verifying: "
"""How the description of an `in_progress` status begins that says: the deployer ended well."""
MOST_NAME = 255  # characters, of an environment and of a commit status' context
_LOOK_BACK = 300
_ATTEMPTS = 99  # deployments among which a lost attempt is looked for: it is among the newest
_STATUSES_READ = 100  # of one deployment, in one call: we make five at the most, others may add theirs

Deployment = dict[str, Any]
Payload = dict[str, Any]


class GitHubRecords:
    """Reads the deployments of one repository. `permission` is the one that is named where it is missing."""

    def __init__(self, client: GitHubClient, permission: str = "deployments: write") -> None:
        self._client = client
        self._permission = permission

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int) -> Records:
        """What became of the deployments of model and stage (see the CodeHost port).

        One call for each 100 deployments of the environment, 300 at the most, and one for each record that is handed
        over: at most 3 + `limit`, and mostly 2.
        """
        found: list[Recorded] = []
        parameters = {"environment": environment_name(environment, model), "task": TASK}
        read = 0
        for deployment in self._listed(parameters):
            read += 1
            payload = _payload_of(deployment, model, stage)
            if payload is None:
                continue
            if len(found) == limit:
                return Records(tuple(found), whole=False)
            found.append(_recorded(deployment, payload, self._statuses(str(deployment["id"]), _STATUSES_READ)))
            if len(found) >= past and any(record.settles for record in found):
                return Records(tuple(found), whole=False)
        return Records(tuple(found), whole=read < _LOOK_BACK)

    def ours(
        self, environment: str, model: str, stage: str, patience: Patience, *, limit: int = _LOOK_BACK
    ) -> Iterator[tuple[Deployment, Payload]]:
        """Deployments of one model and stage with their payloads, newest first. Raises MachineryFailed."""
        parameters = {"environment": environment_name(environment, model), "task": TASK}
        for deployment in self._listed(parameters, limit, patience):
            payload = _payload_of(deployment, model, stage)
            if payload is not None:
                yield deployment, payload

    def find_attempt(self, environment: str, model: str, stage: str, attempt: str, patience: Patience) -> str | None:
        """The deployment of one attempt, None where it never came to be. Raises MachineryFailed."""
        for deployment, payload in self.ours(environment, model, stage, patience, limit=_ATTEMPTS):
            if payload.get("attempt") == attempt:
                return str(deployment["id"])
        return None

    def last_state(self, deployment_id: str, patience: Patience = "patient") -> str:
        """The newest state of a deployment, "" for none yet. Raises MachineryFailed."""
        statuses = self._statuses(deployment_id, 1, patience)
        return _text(statuses[0], "state") if statuses else ""

    def place_of(self, deployment_id: str) -> tuple[str, str] | None:
        """Model and stage of a deployment, None where it is none of ours. Raises MachineryFailed."""
        path = f"/deployments/{int(deployment_id)}"
        deployment = self._client.get(path, permission=self._permission)
        if not isinstance(deployment, dict) or deployment.get("id") != int(deployment_id):
            raise MachineryFailed(Reason.GITHUB_FAILED, f"GitHub answered GET {path} with something else than that")
        payload = _read_payload(deployment.get("payload"))
        model, stage = payload.get("model"), payload.get("stage")
        return (model, stage) if isinstance(model, str) and isinstance(stage, str) else None

    def _listed(
        self, parameters: dict[str, Any], limit: int = _LOOK_BACK, patience: Patience = "patient"
    ) -> Iterator[Deployment]:
        return self._client.pages(
            "/deployments", parameters, limit=limit, patience=patience, permission=self._permission
        )

    def _statuses(self, deployment_id: str, most: int, patience: Patience = "patient") -> list[dict[str, Any]]:
        """The newest statuses of a deployment, newest first. Raises MachineryFailed."""
        path = f"/deployments/{int(deployment_id)}/statuses"
        statuses = self._client.get(path, {"per_page": most}, patience=patience, permission=self._permission)
        if not isinstance(statuses, list) or not all(isinstance(status, dict) for status in statuses):
            raise MachineryFailed(Reason.GITHUB_FAILED, f"GitHub answered GET {path} with something else than statuses")
        return statuses


def environment_name(environment: str, model: str) -> str:
    """The Deployment's environment; a name too long for GitHub keeps a hash, so that none is shared by accident."""
    whole = f"{environment}/{model}"
    return whole if len(whole) <= MOST_NAME else slug(whole, limit=MOST_NAME)


def status_context(prefix: str, name: str) -> str:
    """A commit status' context, within GitHub's limit like the environment's."""
    limit = MOST_NAME - len(prefix)
    return prefix + (name if len(name) <= limit else slug(name, limit=limit))


def _read_payload(payload: object) -> Payload:
    """A deployment's payload; GitHub hands back a JSON text or an object, others may have put anything there."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return {}
    return payload if isinstance(payload, dict) else {}


def _payload_of(deployment: Deployment, model: str, stage: str) -> Payload | None:
    """The payload of a deployment of this model and stage, None for any other's."""
    payload = _read_payload(deployment.get("payload"))
    ours = payload.get("model") == model and payload.get("stage") == stage and isinstance(deployment.get("id"), int)
    return payload if ours else None


def _recorded(deployment: Deployment, payload: Payload, statuses: list[dict[str, Any]]) -> Recorded:
    """A record from what GitHub says: `statuses` newest first. A later status may lack the links of the end's."""
    record = recorded_from(str(deployment["id"]), payload)
    newest = statuses[0] if statuses else {}
    ends = {SUCCESS, *ENDED_BADLY} | ({INACTIVE} if record.action != "deploy" else set())
    end = next((status for status in statuses if status.get("state") in ends), {})
    shown = end or newest
    outcome = _text(end, "state")
    return record._replace(
        state=_text(newest, "state"),
        created=_text(deployment, "created_at"),
        updated=_text(newest, "created_at") or _text(deployment, "updated_at"),
        outcome="" if outcome == INACTIVE else outcome,
        ended=_text(end, "created_at"),
        environment_url=_text(shown, "environment_url"),
        log_url=_text(shown, "log_url"),
        placed=any(map(_says_placed, statuses)),
        summary=_text(end, "description"),
    )


def _says_placed(status: dict[str, Any]) -> bool:
    """Whether a status says that the deployer ended well; a success says so by itself."""
    return status.get("state") == SUCCESS or (
        status.get("state") == "in_progress" and _text(status, "description").startswith(PLACED)
    )


def _text(facts: dict[str, Any], key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""
