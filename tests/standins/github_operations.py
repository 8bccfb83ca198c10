"""What each operation does: from a request that the description permits to GitHub's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.standins import github_checks as checks
from tests.standins import github_forge as forge
from tests.standins.github_answers import Answers
from tests.standins.github_state import Deployment, Refusal, RepositoryState
from tests.standins.github_workflows import Asked, Workflows

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
    "repos/create-dispatch-event": ("contents", "write"),
    "checks/create": ("checks", "write"),
    "checks/update": ("checks", "write"),
    "checks/list-for-ref": ("checks", "read"),
    "repos/get-branch": ("contents", "read"),
    "teams/get-by-name": ("members", "read"),  # of the organization: no workflow's own token has it
    "teams/get-membership-for-user-in-org": ("members", "read"),
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


def ask_workflows(visit: Visit) -> Result:
    visit.workflows.events.append(Asked(visit.body["event_type"], dict(visit.body.get("client_payload", {}))))
    return Result(204, None)


def get_permission(visit: Visit) -> Result:
    login = visit.params["username"]
    found = visit.state.forge.role(login)
    if found is None:
        raise Refusal(404, f"{login} is not a user")
    return Result(200, forge.permission_answer(visit.answers.user(login, "User"), *found))


def get_team(visit: Visit) -> Result:
    org, slug = visit.params["org"], visit.params["team_slug"]
    _team(visit)
    return Result(200, forge.team_answer(visit.answers.base, org, slug))


def get_membership(visit: Visit) -> Result:
    state = visit.state.forge.membership(_team(visit), visit.params["username"])
    if state is None:
        raise Refusal(404, "Not Found")
    return Result(200, forge.membership_answer(visit.answers.base + visit.path, state))


def _team(visit: Visit) -> str:
    name = f"{visit.params['org']}/{visit.params['team_slug']}"
    if name not in visit.state.forge.teams:
        raise Refusal(404, "Not Found")
    return name


def list_check_runs(visit: Visit) -> Result:
    runs = visit.state.forge.runs.get(visit.sha, [])
    page, headers = _page(visit, runs[::-1])
    shown = [forge.run_answer(visit.answers.repository_url, visit.sha, each) for each in page]
    return Result(200, {"total_count": len(runs), "check_runs": shown}, headers)


def create_check_run(visit: Visit) -> Result:
    state = visit.state
    run = checks.create(state.forge, state.check_runs, state.resolve(visit.body["head_sha"]), visit.body)
    body = checks.answer(visit.answers.repository_url, state.forge, run)
    return Result(201, body, {"Location": body["url"]})


def update_check_run(visit: Visit) -> Result:
    run = checks.update(visit.state.check_runs, int(visit.params["check_run_id"]), visit.body)
    return Result(200, checks.answer(visit.answers.repository_url, visit.state.forge, run))


def get_branch(visit: Visit) -> Result:
    name = visit.params["branch"]
    found = visit.state.forge.branches.get(name)
    if found is None:
        raise Refusal(404, "Branch not found")
    return Result(200, forge.branch_answer(visit.answers.repository_url, name, found))


def list_branch_rules(visit: Visit) -> Result:
    found = visit.state.forge.branches.get(visit.params["branch"])  # a branch need not be there to have rules
    page, headers = _page(visit, found.rules if found else ())
    return Result(200, [forge.rule_answer(each) for each in page], headers)


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
    "repos/create-dispatch-event": ask_workflows,
    "checks/create": create_check_run,
    "checks/update": update_check_run,
    "checks/list-for-ref": list_check_runs,
    "repos/get-branch": get_branch,
    "repos/get-branch-rules": list_branch_rules,
    "repos/get-collaborator-permission-level": get_permission,
    "teams/get-by-name": get_team,
    "teams/get-membership-for-user-in-org": get_membership,
}


def _page(visit: Visit, items: Sequence[_T]) -> tuple[list[_T], dict[str, str]]:
    per_page = min(max(int(visit.query.get("per_page", PER_PAGE)), 1), MOST_PER_PAGE)
    number = max(int(visit.query.get("page", 1)), 1)
    last = max(-(-len(items) // per_page), 1)
    start = (number - 1) * per_page
    link = visit.answers.page_links(visit.path, dict(visit.query), number, last)
    return list(items[start : start + per_page]), {"Link": link} if link else {}
