"""What each operation does: from a request that the description permits to GitHub's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.standins.github_answers import Answers
from tests.standins.github_state import Deployment, Refusal, RepositoryState
from tests.standins.github_workflows import Workflows

_T = TypeVar("_T")

PER_PAGE, MOST_PER_PAGE = 30, 100

# What a token needs, by operation, in the words of `permissions:` (GitHub's "Permissions required" tables).
PERMISSIONS: Mapping[str, tuple[str, str]] = {
    "repos/create-deployment": ("deployments", "write"),
    "repos/list-deployments": ("deployments", "read"),
    "repos/get-deployment": ("deployments", "read"),
    "repos/list-deployment-statuses": ("deployments", "read"),
    "repos/create-deployment-status": ("deployments", "write"),
    "repos/create-commit-status": ("statuses", "write"),
    "repos/list-commit-statuses-for-ref": ("statuses", "read"),
    "repos/get-combined-status-for-ref": ("statuses", "read"),
    "actions/create-workflow-dispatch": ("actions", "write"),
}


@dataclass(frozen=True)
class Visit:
    """One permitted request, with all that an operation may touch."""

    state: RepositoryState
    workflows: Workflows
    answers: Answers
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    budget: tuple[int, int, int]  # rate limit: limit, used, reset (seconds since 1970)

    @property
    def deployment(self) -> Deployment:
        found = self.state.deployments.get(int(self.params["deployment_id"]))
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    @property
    def sha(self) -> str:
        sha = self.state.resolve(self.params["ref"])
        if sha is None:
            raise Refusal(404, "Not Found")
        return sha


@dataclass(frozen=True)
class Result:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def lacks_permission(operation: str, permissions: Mapping[str, str] | None) -> tuple[str, str] | None:
    """The permission that a token of these `permissions` (None: all) lacks for an operation, if any."""
    needed = PERMISSIONS.get(operation)
    if needed is None or permissions is None:
        return None
    scope, level = needed
    return None if permissions.get(scope, "none") in {level, "write"} else needed


def get_rate_limit(visit: Visit) -> Result:
    return Result(200, visit.answers.rate_limit(*visit.budget))


def get_repository(visit: Visit) -> Result:
    return Result(200, visit.answers.full_repository())


def create_deployment(visit: Visit) -> Result:
    made = visit.state.create_deployment(visit.body)
    if isinstance(made, str):
        return Result(202, {"message": made})
    body = visit.answers.deployment(made)
    return Result(201, body, {"Location": body["url"]})


def list_deployments(visit: Visit) -> Result:
    filters = {name: visit.query[name] for name in ("sha", "ref", "task", "environment") if name in visit.query}
    page, headers = _page(visit, visit.state.find_deployments(filters))
    return Result(200, [visit.answers.deployment(each) for each in page], headers)


def get_deployment(visit: Visit) -> Result:
    return Result(200, visit.answers.deployment(visit.deployment))


def create_deployment_status(visit: Visit) -> Result:
    status = visit.state.create_deployment_status(visit.deployment, visit.body)
    body = visit.answers.deployment_status(status)
    return Result(201, body, {"Location": body["url"]})


def list_deployment_statuses(visit: Visit) -> Result:
    newest_first = visit.state.deployment_statuses[visit.deployment.id][::-1]
    page, headers = _page(visit, newest_first)
    return Result(200, [visit.answers.deployment_status(each) for each in page], headers)


def create_commit_status(visit: Visit) -> Result:
    status = visit.state.create_commit_status(visit.params["sha"], visit.body)
    body = visit.answers.commit_status(status)
    return Result(201, body, {"Location": body["url"]})


def list_commit_statuses(visit: Visit) -> Result:
    newest_first = visit.state.commit_statuses.get(visit.sha, [])[::-1]
    page, headers = _page(visit, newest_first)
    return Result(200, [visit.answers.commit_status(each) for each in page], headers)


def get_combined_status(visit: Visit) -> Result:
    latest = visit.state.latest_by_context(visit.sha)
    page, headers = _page(visit, latest)
    return Result(200, visit.answers.combined_status(visit.sha, latest, page), headers)


def start_workflow(visit: Visit) -> Result:
    ref = visit.body["ref"]
    if ref not in (visit.state.default_branch, f"refs/heads/{visit.state.default_branch}"):
        raise Refusal(422, f"No ref found for: {ref}")
    started = visit.workflows.start(visit.params["workflow_id"], visit.body)
    if not visit.body.get("return_run_details", False):
        return Result(204, None)
    return Result(200, visit.answers.workflow_run(started.run_id))


HANDLERS: Mapping[str, Callable[[Visit], Result]] = {
    "rate-limit/get": get_rate_limit,
    "repos/get": get_repository,
    "repos/create-deployment": create_deployment,
    "repos/list-deployments": list_deployments,
    "repos/get-deployment": get_deployment,
    "repos/create-deployment-status": create_deployment_status,
    "repos/list-deployment-statuses": list_deployment_statuses,
    "repos/create-commit-status": create_commit_status,
    "repos/list-commit-statuses-for-ref": list_commit_statuses,
    "repos/get-combined-status-for-ref": get_combined_status,
    "actions/create-workflow-dispatch": start_workflow,
}


def _page(visit: Visit, items: Sequence[_T]) -> tuple[list[_T], dict[str, str]]:
    per_page = min(max(int(visit.query.get("per_page", PER_PAGE)), 1), MOST_PER_PAGE)
    number = max(int(visit.query.get("page", 1)), 1)
    last = max(-(-len(items) // per_page), 1)
    start = (number - 1) * per_page
    link = visit.answers.page_links(visit.path, dict(visit.query), number, last)
    return list(items[start : start + per_page]), {"Link": link} if link else {}
