"""What the stand-in remembers of one GitLab project, and GitLab's rules for changing it that no schema states.

Sources: GitLab's app/models/deployment.rb (a status never follows itself; `running` follows `created` alone),
app/services/ci/create_commit_status_service.rb (a status under way of the same name, ref and user is changed, any other
is made anew; `running` never follows `running`), Gitlab::Regex.environment_name_regex.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_UNDER_WAY = ("created", "pending", "running")
_ENVIRONMENT = re.compile(r"[a-zA-Z0-9_\\$.{} -](?:[a-zA-Z0-9_/\\$.{} -]*[a-zA-Z0-9_\\$.{} -])?")

Facts = dict[str, Any]


class Refusal(Exception):
    """GitLab says no."""

    def __init__(self, status: int, body: Facts) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


@dataclass(frozen=True)
class User:
    """Whom a token belongs to, or a member. `level` is the access level: 10 Guest, 30 Developer, 40 Maintainer, …"""

    id: int
    username: str
    level: int
    state: str = "active"


@dataclass
class ProjectState:
    """One project. `commits` are those that exist (None: all), `branches` says of each whether it is protected."""

    id: int = 4321
    commits: set[str] | None = None
    branches: dict[str, bool] = field(default_factory=lambda: {"main": True})
    members: list[User] = field(default_factory=list)
    groups: dict[str, list[User]] = field(default_factory=dict)
    environments: list[Facts] = field(default_factory=list)
    deployments: list[Facts] = field(default_factory=list)
    statuses: list[Facts] = field(default_factory=list)

    def list_deployments(self, _user: User, _params: Facts, query: Facts, _body: Facts) -> list[Facts]:
        found = [
            each
            for each in self.deployments
            if query.get("environment", each["environment"]["name"]) == each["environment"]["name"]
            and query.get("status", each["status"]) == each["status"]
        ]
        return found[::-1] if query.get("sort") == "desc" else found

    def create_deployment(self, user: User, _params: Facts, _query: Facts, body: Facts) -> Facts:
        name = body["environment"]
        if len(name) > 255 or not _ENVIRONMENT.fullmatch(name):
            raise Refusal(400, {"message": {"name": ["can contain only letters, digits, '-', '_', '/', '$', …"]}})
        self._require_commit(body["sha"])
        environment = next((each for each in self.environments if each["name"] == name), None)
        if environment is None:
            environment = _environment(len(self.environments) + 1, name)
            self.environments.append(environment)
        environment["state"] = "available"
        deployment = {
            "id": 100 + len(self.deployments),
            "iid": 1 + len(self.deployments),
            "ref": body["ref"],
            "sha": body["sha"],
            "created_at": _now(),
            "updated_at": _now(),
            "status": body["status"],
            "user": _user(user),
            "environment": environment,
            "deployable": None,
        }
        self.deployments.append(deployment)
        return deployment

    def get_deployment(self, _user: User, params: Facts, _query: Facts, _body: Facts) -> Facts:
        return _by_id(self.deployments, params["deployment_id"])

    def update_deployment(self, _user: User, params: Facts, _query: Facts, body: Facts) -> Facts:
        deployment = _by_id(self.deployments, params["deployment_id"])
        wanted, now = body["status"], deployment["status"]
        if wanted == now or (wanted == "running" and now != "created"):
            raise Refusal(400, {"message": {"status": [f"cannot transition from {now} to {wanted}"]}})
        deployment |= {"status": wanted, "updated_at": _now()}
        return deployment

    def set_commit_status(self, user: User, params: Facts, _query: Facts, body: Facts) -> Facts:
        self._require_commit(params["sha"])
        name, ref, state = body.get("name") or body.get("context") or "default", body.get("ref", "main"), body["state"]
        status = next(
            (
                each
                for each in self.statuses
                if each["sha"] == params["sha"]
                and (each["name"], each["ref"]) == (name, ref)
                and each["status"] in ("pending", "running")
                and each["author"]["id"] == user.id
            ),
            None,
        )
        if status is not None and status["status"] == state:
            event = {"pending": "enqueue", "running": "run"}[state]
            why = f'(Reason(s): Status cannot transition via "{event}")'
            raise Refusal(400, {"message": f"Cannot transition status via :{event} from :{state} {why}"})
        if status is None:
            status = _status(5000 + len(self.statuses), params["sha"], ref, name, user)
            self.statuses.append(status)
        status |= {"status": state, "finished_at": None if state in _UNDER_WAY else _now()}
        status |= {key: body[key] for key in ("description", "target_url") if key in body}
        return status

    def list_commit_statuses(self, _user: User, params: Facts, query: Facts, _body: Facts) -> list[Facts]:
        self._require_commit(params["sha"])
        found = [each for each in self.statuses if each["sha"] == params["sha"]]
        found = [each for each in found if query.get("name", each["name"]) == each["name"]]
        if query.get("all") != "true":
            found = list({(each["name"], each["ref"]): each for each in found}.values())
        return found

    def update_environment(self, _user: User, params: Facts, _query: Facts, body: Facts) -> Facts:
        environment = _by_id(self.environments, params["environment_id"])
        environment |= body
        return environment

    def stop_environment(self, _user: User, params: Facts, _query: Facts, _body: Facts) -> Facts:
        environment = _by_id(self.environments, params["environment_id"])
        environment["state"] = "stopped"
        return environment

    def list_members(self, _user: User, _params: Facts, query: Facts, _body: Facts) -> list[Facts]:
        return [_member(each) for each in self.members if query.get("query", "").lower() in each.username.lower()]

    def list_group_members(self, _user: User, params: Facts, query: Facts, _body: Facts) -> list[Facts]:
        if params["id"] not in self.groups:
            raise Refusal(404, {"message": "404 Group Not Found"})
        members = self.groups[params["id"]]
        return [_member(each) for each in members if query.get("query", "").lower() in each.username.lower()]

    def get_branch(self, _user: User, params: Facts, _query: Facts, _body: Facts) -> Facts:
        name = params["branch"]
        if name not in self.branches:
            raise Refusal(404, {"message": "404 Branch Not Found"})
        protected = self.branches[name]
        return {"name": name, "merged": False, "protected": protected, "default": name == "main", "commit": {}}

    def _require_commit(self, sha: str) -> None:
        if self.commits is not None and sha not in self.commits:
            raise Refusal(404, {"message": "404 Commit Not Found"})


def _by_id(items: list[Facts], number: str) -> Facts:
    found = next((each for each in items if str(each["id"]) == number), None)
    if found is None:
        raise Refusal(404, {"message": "404 Not found"})
    return found


def _environment(number: int, name: str) -> Facts:
    slug = re.sub(r"[^a-z0-9]", "-", name.lower())[:24]
    return {"id": number, "name": name, "slug": slug, "external_url": None, "state": "available", "tier": "other"}


def _status(number: int, sha: str, ref: str, name: str, user: User) -> Facts:
    return {
        "id": number,
        "sha": sha,
        "ref": ref,
        "status": "created",
        "name": name,
        "target_url": None,
        "description": None,
        "created_at": _now(),
        "started_at": None,
        "finished_at": None,
        "allow_failure": False,
        "coverage": None,
        "pipeline_id": 1,
        "author": _user(user),
    }


def _user(user: User) -> Facts:
    return {
        "id": user.id,
        "username": user.username,
        "name": user.username.title(),
        "state": user.state,
        "avatar_url": None,
        "web_url": f"https://gitlab.example.com/{user.username}",
    }


def _member(user: User) -> Facts:
    return _user(user) | {"access_level": user.level, "expires_at": None}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
