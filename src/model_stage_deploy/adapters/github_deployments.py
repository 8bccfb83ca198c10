"""The deployment's record on GitHub: Deployments, their statuses, and the commit status people see.

A Deployment belongs to one model and stage: its environment is `<environment>/<model>`, so no model can hide or
inactivate another (T30, T31, T35), and the payload says which stage. Older ones go inactive only after a success.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from model_stage_deploy.adapters.github_client import GitHubClient, Patience
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.lifecycle import ENDED_BADLY, SETTLED, SUCCESS, Recorded, Records
from model_stage_deploy.core.plan import Plan
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import slug
from model_stage_deploy.ports import Ending

PAYLOAD_SCHEMA = "model-stage-deploy/deployment/v1"
_DEPLOYMENTS = "deployments: write"
_STATUSES = "statuses: write"
_TASK = "deploy"
_DESCRIPTION = 140  # characters; GitHub cuts or refuses longer ones (T41)
_ENVIRONMENT = 255  # characters, of an environment and of a commit status' context
_LOOK_BACK = 300
_STATUSES_READ = 30  # of one deployment: we make three


class GitHubDeployments:
    """Fulfils the CodeHost port."""

    def __init__(self, client: GitHubClient, scrub: Callable[[str], str], run_url: str = "") -> None:
        self._client = client
        self._scrub = scrub
        self._run_url = run_url

    def start(self, plan: Plan, attempt: str) -> str:
        """Record the start (see the port): the Deployment, `in_progress`, and a pending commit status."""
        try:
            deployment_id = self._create(plan, attempt)
            self._set_state(deployment_id, "in_progress", _doing(plan), None, "patient")
            self._set_commit_status(plan, "pending", _doing(plan), "patient")
        except MachineryFailed as problem:
            self._abandon(plan, attempt)
            if problem.reason is Reason.PERMISSION_MISSING:
                raise
            raise MachineryFailed(
                Reason.START_NOT_RECORDED,
                f"nothing was deployed, because the start could not be recorded: {problem.message}",
                hint=f"{problem.hint}; to deploy without a record on GitHub, use --no-github",
            ) from problem
        return deployment_id

    def finish(self, plan: Plan, attempt: str, deployment_id: str | None, ending: Ending) -> list[str]:
        """Record the end (see the port)."""
        patience: Patience = "hurry" if ending.hurry else "patient"
        try:
            found = deployment_id or self._find_attempt(plan, attempt, patience)
            if found is not None:
                self._set_state(found, ending.state, ending.summary, ending.environment_url, patience)
            self._set_commit_status(plan, ending.state, ending.summary, patience)
        except MachineryFailed as problem:
            raise MachineryFailed(
                Reason.END_NOT_RECORDED,
                f"the end ({ending.state}) could not be recorded on GitHub: {problem.message}",
                hint=f"{problem.hint}; what GitHub shows for {_environment(plan)} is out of date",
            ) from problem
        if ending.state != "success" or found is None:
            return []
        return self._retire_older(plan, found, patience)

    def live(self, model: str, stage: str, environment: str) -> Recorded | None:
        """The newest deployment of model and stage whose last state is success (see the port)."""
        for deployment, payload in self._ours(_name(environment, model), model, stage, "patient"):
            if self._last_state(deployment, "patient") == SUCCESS:
                return _recorded(deployment, payload, [{"state": SUCCESS}])
        return None

    def records(self, model: str, stage: str, environment: str, *, limit: int, past: int = 0) -> Records:
        """What became of the deployments of model and stage (see the port).

        One call for each 100 deployments of the environment, 300 at the most, and one for each record that is handed
        over: at most 3 + `limit`, and mostly 2.
        """
        found: list[Recorded] = []
        parameters = {"environment": _name(environment, model), "task": _TASK}
        read = 0
        for deployment in self._client.pages("/deployments", parameters, limit=_LOOK_BACK):
            read += 1
            payload = _payload_of(deployment, model, stage)
            if payload is None:
                continue
            if len(found) == limit:
                return Records(tuple(found), whole=False)
            found.append(_recorded(deployment, payload, self._statuses(deployment)))
            if len(found) >= past and any(record.state in SETTLED for record in found):
                return Records(tuple(found), whole=False)
        return Records(tuple(found), whole=read < _LOOK_BACK)

    def _create(self, plan: Plan, attempt: str) -> str:
        """Create the Deployment exactly once: after an unclear failure, look for it before trying again."""
        decision = plan.decision
        body = {
            "ref": decision.commit,
            "task": _TASK,
            "auto_merge": False,  # true would merge the default branch into an old version (T33)
            "required_contexts": [],  # our own pending status would block us (T32)
            "payload": _payload(plan, attempt),
            "environment": _environment(plan),
            "description": _cut(_doing(plan)),
            "transient_environment": False,
            "production_environment": plan.production,
        }
        try:
            deployment = self._client.post("/deployments", body, permission=_DEPLOYMENTS, patience="once")
        except MachineryFailed as problem:
            if problem.reason is Reason.PERMISSION_MISSING:
                raise
            found = self._find_attempt(plan, attempt, "patient")
            if found is not None:
                return found
            deployment = self._client.post("/deployments", body, permission=_DEPLOYMENTS, patience="once")
        if not isinstance(deployment, dict) or not isinstance(deployment.get("id"), int):
            raise MachineryFailed(Reason.GITHUB_FAILED, "GitHub's answer holds no deployment id")
        if deployment.get("sha") != decision.commit:
            raise MachineryFailed(
                Reason.GITHUB_FAILED,
                f"GitHub made the deployment for commit {str(deployment.get('sha'))[:12]}, "
                f"not for {decision.commit[:12]} (T36)",
            )
        return str(deployment["id"])

    def _abandon(self, plan: Plan, attempt: str) -> None:
        """Close what a failed start left behind, if that is possible at all; the start's own error matters more."""
        try:
            found = self._find_attempt(plan, attempt, "hurry")
            if found is not None:
                self._set_state(found, "error", "the start could not be recorded; nothing was deployed", None, "hurry")
        except MachineryFailed:
            return

    def _set_state(self, deployment_id: str, state: str, text: str, url: str | None, patience: Patience) -> None:
        body: dict[str, Any] = {"state": state, "description": _cut(self._scrub(text)), "auto_inactive": False}
        if self._run_url:
            body["log_url"] = self._run_url
        if url:
            body["environment_url"] = self._scrub(url)
        path = f"/deployments/{int(deployment_id)}/statuses"
        _require_state(self._client.post(path, body, permission=_DEPLOYMENTS, patience=patience), state)

    def _set_commit_status(self, plan: Plan, state: str, text: str, patience: Patience) -> None:
        decision = plan.decision
        body = {
            "state": state,
            "context": _context(decision.model, decision.stage),
            "description": _cut(self._scrub(text)),
        }
        if self._run_url:
            body["target_url"] = self._run_url
        path = f"/statuses/{decision.commit}"
        _require_state(self._client.post(path, body, permission=_STATUSES, patience=patience), state)

    def _retire_older(self, plan: Plan, current: str, patience: Patience) -> list[str]:
        """Make inactive what was live before, newest first, up to the first that already is."""
        decision = plan.decision
        try:
            for deployment, _ in self._ours(_environment(plan), decision.model, decision.stage, patience):
                if int(deployment["id"]) >= int(current):
                    continue
                state = self._last_state(deployment, patience)
                if state == "inactive":
                    break
                if state == "success":
                    text = f"replaced by {decision.model} {decision.version}"
                    self._set_state(str(deployment["id"]), "inactive", text, None, patience)
        except MachineryFailed as problem:
            return [f"the deployment before this one still looks active on GitHub: {problem.message}"]
        return []

    def _find_attempt(self, plan: Plan, attempt: str, patience: Patience) -> str | None:
        decision = plan.decision
        for deployment, payload in self._ours(_environment(plan), decision.model, decision.stage, patience, limit=99):
            if payload.get("attempt") == attempt:
                return str(deployment["id"])
        return None

    def _ours(
        self, environment: str, model: str, stage: str, patience: Patience, *, limit: int = _LOOK_BACK
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Deployments of one model and stage with their payloads, newest first."""
        parameters = {"environment": environment, "task": _TASK}
        for deployment in self._client.pages("/deployments", parameters, limit=limit, patience=patience):
            payload = _payload_of(deployment, model, stage)
            if payload is not None:
                yield deployment, payload

    def _last_state(self, deployment: dict[str, Any], patience: Patience) -> str:
        statuses = self._client.get(f"/deployments/{deployment['id']}/statuses", {"per_page": 1}, patience=patience)
        newest = statuses[0] if isinstance(statuses, list) and statuses else {}
        return str(newest.get("state", "")) if isinstance(newest, dict) else ""

    def _statuses(self, deployment: dict[str, Any]) -> list[dict[str, Any]]:
        """The newest statuses of a deployment, newest first: its end is among them. Raises MachineryFailed."""
        path = f"/deployments/{deployment['id']}/statuses"
        statuses = self._client.get(path, {"per_page": _STATUSES_READ})
        if not isinstance(statuses, list) or not all(isinstance(status, dict) for status in statuses):
            raise MachineryFailed(Reason.GITHUB_FAILED, f"GitHub answered GET {path} with something else than statuses")
        return statuses


def _require_state(answer: object, state: str) -> None:
    """What is in between may answer 200 with a page of its own: only GitHub's word that it recorded `state` counts."""
    if not isinstance(answer, dict) or answer.get("state") != state:
        raise MachineryFailed(
            Reason.GITHUB_FAILED,
            f"GitHub's answer does not say that the state {state} was recorded",
            hint="does a proxy answer for GitHub? then run the job again",
        )


def _environment(plan: Plan) -> str:
    return _name(plan.environment, plan.decision.model)


def _name(environment: str, model: str) -> str:
    """The Deployment's environment; a name too long for GitHub keeps a hash, so that none is shared by accident."""
    whole = f"{environment}/{model}"
    return whole if len(whole) <= _ENVIRONMENT else slug(whole, limit=_ENVIRONMENT)


def _context(model: str, stage: str) -> str:
    """The commit status' own name, within GitHub's limit like the environment's."""
    prefix = "model-deploy/"
    name = f"{model}/{stage}"
    limit = _ENVIRONMENT - len(prefix)
    return prefix + (name if len(name) <= limit else slug(name, limit=limit))


def _doing(plan: Plan) -> str:
    decision = plan.decision
    verb = "rolling back to" if decision.rollback else "deploying"
    replacing = f", replacing {decision.previous.version}" if decision.previous else ""
    return f"{verb} {decision.model} {decision.version} to {decision.stage}{replacing}"


def _payload(plan: Plan, attempt: str) -> dict[str, Any]:
    decision, previous = plan.decision, plan.decision.previous
    return {
        "schema": PAYLOAD_SCHEMA,
        "attempt": attempt,
        "model": decision.model,
        "version": decision.version,
        "stage": decision.stage,
        "tag": decision.tag,
        "commit": decision.commit,
        "environment": plan.environment,
        "rollback": decision.rollback,
        "previous": {"version": previous.version, "tag": previous.tag, "commit": previous.commit} if previous else None,
        "deployer": plan.deployer,
        "config": plan.config,
        "run": {"id": plan.run.id, "attempt": plan.run.attempt, "url": plan.run.url, "actor": plan.run.actor},
    }


def _read_payload(payload: object) -> dict[str, Any]:
    """A deployment's payload; GitHub hands back a JSON text or an object, others may have put anything there."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return {}
    return payload if isinstance(payload, dict) else {}


def _payload_of(deployment: dict[str, Any], model: str, stage: str) -> dict[str, Any] | None:
    """The payload of a deployment of this model and stage, None for any other's."""
    payload = _read_payload(deployment.get("payload"))
    ours = payload.get("model") == model and payload.get("stage") == stage and isinstance(deployment.get("id"), int)
    return payload if ours else None


def _recorded(deployment: dict[str, Any], payload: dict[str, Any], statuses: list[dict[str, Any]]) -> Recorded:
    """A record from what GitHub says: `statuses` newest first. A later status may lack the links of the end's."""
    newest = statuses[0] if statuses else {}
    end = next((status for status in statuses if status.get("state") in ENDED_BADLY | {SUCCESS}), {})
    shown = end or newest
    return Recorded(
        id=str(deployment["id"]),
        version=_text(payload, "version"),
        commit=_text(payload, "commit"),
        tag=_text(payload, "tag"),
        state=_text(newest, "state"),
        rollback=payload.get("rollback") is True,
        created=_text(deployment, "created_at"),
        updated=_text(newest, "created_at") or _text(deployment, "updated_at"),
        outcome=_text(end, "state"),
        ended=_text(end, "created_at"),
        environment_url=_text(shown, "environment_url"),
        log_url=_text(shown, "log_url"),
    )


def _text(facts: dict[str, Any], key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""


def _cut(text: str) -> str:
    """At most 140 characters of printable text."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return plain if len(plain) <= _DESCRIPTION else plain[: _DESCRIPTION - 1] + "…"
