"""What the stand-in remembers of one repository, and GitHub's rules for changing it that no schema states.

Sources of the rules: GitHub's REST pages for deployments, deployment statuses and commit statuses, and
error bodies that users reported. Shapes of answers live next door in `github_answers`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from tests.standins.github_forge import ForgeState

if TYPE_CHECKING:
    from tests.standins.github_checks import MadeCheckRun

FIRST_DEPLOYMENT_ID = 3_000_000_001  # real ids have outgrown 32 bits; ours do so from the first one
FIRST_DEPLOYMENT_STATUS_ID = 5_000_000_001
FIRST_COMMIT_STATUS_ID = 7_000_000_001
MAX_DESCRIPTION = 140  # characters
MAX_NAME = 255  # characters, of a context or an environment
MAX_STATUSES = 1000  # per commit and context

Behind = Literal["merges", "conflicts"]


class Refusal(Exception):
    """GitHub says no: HTTP status, message, the items of a validation error, further headers."""

    def __init__(
        self,
        status: int,
        message: str,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors
        self.headers = headers or {}


@dataclass(frozen=True)
class Deployment:
    id: int
    sha: str
    ref: str
    task: str
    environment: str
    original_environment: str
    description: str | None
    payload: dict[str, Any] | str
    transient_environment: bool
    production_environment: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class DeploymentStatus:
    id: int
    deployment_id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    created_at: datetime


@dataclass(frozen=True)
class CommitStatus:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    created_at: datetime
    creator: str = "github-actions[bot]"


@dataclass
class RepositoryState:
    """The deployments and statuses of one repository; not safe for threads by itself.

    Arguments: `known_commits` (None: any 40 hex digits name a commit), `refs` (full or short name to
    commit), `behind` (refs that the default branch is ahead of, and what merging it into them does).
    """

    known_commits: Collection[str] | None = None
    refs: Mapping[str, str] = field(default_factory=dict)
    behind: dict[str, Behind] = field(default_factory=dict)
    default_branch: str = "main"
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    login: str = "github-actions[bot]"  # whose token is used: who makes a commit status
    deployments: dict[int, Deployment] = field(default_factory=dict)
    deployment_statuses: dict[int, list[DeploymentStatus]] = field(default_factory=dict)
    commit_statuses: dict[str, list[CommitStatus]] = field(default_factory=lambda: defaultdict(list))
    forge: ForgeState = field(default_factory=ForgeState)
    check_runs: dict[int, MadeCheckRun] = field(default_factory=dict)

    def resolve(self, ref: str) -> str | None:
        """The commit that a branch, tag or full SHA means, or None."""
        short = re.sub(r"^(refs/)?(heads|tags)/", "", ref)
        for name in (ref, short, f"refs/tags/{short}", f"refs/heads/{short}"):
            if name in self.refs:
                return self.refs[name]
        if not re.fullmatch(r"[0-9a-f]{40}", ref):
            return None
        known = self.known_commits is None or ref in self.known_commits or ref in self.refs.values()
        return ref if known else None

    def create_deployment(self, body: Mapping[str, Any]) -> Deployment | str:
        """Create a deployment; a text is the message of the 202 that a merge of the base branch gives.

        Raises: Refusal 409 for a merge conflict or for statuses that are not success, 422 for a bad field.
        """
        ref = body["ref"]
        sha = self.resolve(ref)
        if sha is None:
            raise Refusal(422, f"No ref found for: {ref}")
        environment = body.get("environment", "production")
        _limit("Deployment", "environment", environment, MAX_NAME)
        if body.get("auto_merge", True) and ref in self.behind:
            if self.behind[ref] == "conflicts":
                raise Refusal(409, f"Conflict merging {self.default_branch} into {ref}.")
            del self.behind[ref]  # merged: the client is meant to ask again
            return f"Auto-merged {self.default_branch} into {ref} on deployment."
        self._check_contexts(ref, sha, body.get("required_contexts"))
        now = self.clock()
        deployment = Deployment(
            id=FIRST_DEPLOYMENT_ID + len(self.deployments),
            sha=sha,
            ref=ref,
            task=body.get("task", "deploy"),
            environment=environment,
            original_environment=environment,
            description=body.get("description", ""),
            payload=body.get("payload", {}),
            transient_environment=body.get("transient_environment", False),
            production_environment=body.get("production_environment", environment == "production"),
            created_at=now,
            updated_at=now,
        )
        self.deployments[deployment.id] = deployment
        self.deployment_statuses[deployment.id] = []
        return deployment

    def find_deployments(self, filters: Mapping[str, str]) -> list[Deployment]:
        """Deployments whose fields equal all `filters` ("none" is the declared default: no filter)."""
        wanted = {name: value for name, value in filters.items() if value != "none"}
        newest_first = sorted(self.deployments.values(), key=lambda each: each.id, reverse=True)
        return [each for each in newest_first if all(getattr(each, name) == value for name, value in wanted.items())]

    def create_deployment_status(self, deployment: Deployment, body: Mapping[str, Any]) -> DeploymentStatus:
        """Add a status, and retire the earlier deployments that `auto_inactive` names.

        Raises: Refusal 422 for a description over 140 characters or an address that is not http(s).
        """
        resource = "DeploymentStatus"
        description = body.get("description", "")
        _limit(resource, "description", description, MAX_DESCRIPTION)
        _limit(resource, "environment", body.get("environment", ""), MAX_NAME)
        for name in ("target_url", "log_url", "environment_url"):
            _web_address(resource, name, body.get(name))
        before = self.deployment_statuses[deployment.id]
        environment = before[-1].environment if before else deployment.environment
        status = self._append_status(
            deployment,
            state=body["state"],
            description=description,
            environment=body.get("environment", environment),
            environment_url=body.get("environment_url", ""),
            log_url=body.get("log_url", body.get("target_url", "")),
        )
        if status.state == "success" and body.get("auto_inactive", True):
            self._retire_before(self.deployments[deployment.id])
        return status

    def create_commit_status(self, sha: str, body: Mapping[str, Any]) -> CommitStatus:
        """Add a commit status.

        Raises: Refusal 422 for an unknown commit, a text that is too long, an address that is not http(s),
        or the 1001st status of one commit and context.
        """
        if self.resolve(sha) != sha:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        context = body.get("context", "default")
        description, target_url = body.get("description"), body.get("target_url")
        _limit("Status", "description", description or "", MAX_DESCRIPTION)
        _limit("Status", "context", context, MAX_NAME)
        _web_address("Status", "target_url", target_url)
        earlier = [each for each in self.commit_statuses[sha] if _same_context(each.context, context)]
        if len(earlier) >= MAX_STATUSES:
            message = "This SHA and context has reached the maximum number of statuses."
            raise _invalid({"resource": "Status", "code": "custom", "message": message})
        number = FIRST_COMMIT_STATUS_ID + sum(len(each) for each in self.commit_statuses.values())
        status = CommitStatus(number, sha, body["state"], context, description, target_url, self.clock(), self.login)
        self.commit_statuses[sha].append(status)
        return status

    def latest_by_context(self, sha: str) -> list[CommitStatus]:
        """The newest status of each context of a commit (contexts are compared without regard to case)."""
        latest = {each.context.casefold(): each for each in self.commit_statuses.get(sha, ())}
        return sorted(latest.values(), key=lambda each: each.id, reverse=True)

    def _check_contexts(self, ref: str, sha: str, required: list[str] | None) -> None:
        statuses = self.latest_by_context(sha)
        green = {each.context.casefold() for each in statuses if each.state == "success"}
        names = [each.context for each in statuses] if required is None else required
        if all(name.casefold() in green for name in names):
            return
        contexts = [{"context": each.context, "state": each.state} for each in statuses]
        error = {"resource": "Deployment", "field": "required_contexts", "code": "invalid"}
        raise Refusal(409, f"Conflict: Commit status checks failed for {ref}.", [{**error, "contexts": contexts}])

    def _append_status(self, deployment: Deployment, **facts: str) -> DeploymentStatus:
        now = self.clock()
        number = FIRST_DEPLOYMENT_STATUS_ID + sum(len(each) for each in self.deployment_statuses.values())
        status = DeploymentStatus(id=number, deployment_id=deployment.id, created_at=now, **facts)
        self.deployment_statuses[deployment.id].append(status)
        changed = replace(deployment, environment=status.environment, updated_at=now)
        self.deployments[deployment.id] = changed
        return status

    def _retire_before(self, newest: Deployment) -> None:
        for old in list(self.deployments.values()):
            states = [each.state for each in self.deployment_statuses[old.id]]
            retired = old.transient_environment or old.production_environment or states[-1:] == ["inactive"]
            prior = old.id < newest.id and old.environment == newest.environment
            if prior and not retired and "success" in states:
                last = self.deployment_statuses[old.id][-1]
                self._append_status(
                    old,
                    state="inactive",
                    description="",
                    environment=old.environment,
                    environment_url=last.environment_url,
                    log_url=last.log_url,
                )


def _same_context(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _invalid(error: dict[str, Any]) -> Refusal:
    return Refusal(422, "Validation Failed", [error])


def _limit(resource: str, name: str, text: str, most: int) -> None:
    if len(text) > most:
        message = f"{name} is too long (maximum is {most} characters)"
        raise _invalid({"resource": resource, "code": "custom", "field": name, "message": message})


def _web_address(resource: str, name: str, text: str | None) -> None:
    if text and not re.match(r"https?://", text, re.IGNORECASE):
        message = f"{name} must use http(s) scheme"
        raise _invalid({"resource": resource, "code": "custom", "field": name, "message": message})
