"""Starting a workflow on GitHub by hand (`workflow_dispatch`), once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from model_stage_deploy.adapters.github_client import GitHubClient, GitHubProblem
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason

_ACTIONS = "actions: write"
_FOLDER = ".github/workflows/"
_DETAILS = "return_run_details"  # github.com knows it since February 2026, Enterprise Server 3.17 does not


class GitHubWorkflows:
    """Fulfils the WorkflowStarter port.

    `pages` is the repository's address for people (`https://github.com/org/models`); `branch` its default branch,
    "" to ask GitHub.
    """

    def __init__(self, client: GitHubClient, pages: str, branch: str = "") -> None:
        self._client = client
        self._pages = pages
        self._branch = branch

    def start(self, workflow: str, inputs: Mapping[str, str]) -> str:
        """Start a workflow (see the port). Also raises Invalid (usage) for what cannot be a file's name."""
        name = workflow.removeprefix(_FOLDER)
        if not name or "/" in name or name in (".", ".."):
            raise Invalid(
                Reason.USAGE,
                f"{workflow[:120]!r} is not the name of a workflow file",
                hint="name it as in .github/workflows: deploy-by-hand.yml",
            )
        runs = f"{self._pages}/actions/workflows/{quote(name, safe='')}"
        branch = self._branch or self._default_branch(name)
        body = {"ref": branch, "inputs": dict(inputs)}
        try:
            answer = self._send(name, body)
        except GitHubProblem as problem:
            raise _explained(problem, name, branch, inputs, runs) from problem
        return _run_page(answer, name, runs)

    def _send(self, name: str, body: dict[str, Any]) -> Any:
        """POST it, once: only a refusal, by which nothing was started, is asked again in older words."""
        path = f"/actions/workflows/{quote(name, safe='')}/dispatches"
        if self._client.is_enterprise_server:
            return self._client.post(path, body, permission=_ACTIONS, patience="once")
        try:
            return self._client.post(path, body | {_DETAILS: True}, permission=_ACTIONS, patience="once")
        except GitHubProblem as problem:
            if problem.status not in (400, 422) or _DETAILS not in problem.message:
                raise
        return self._client.post(path, body, permission=_ACTIONS, patience="once")

    def _default_branch(self, name: str) -> str:
        try:
            repository = self._client.get("", permission="metadata: read")
        except MachineryFailed as problem:
            raise MachineryFailed(
                Reason.DISPATCH_FAILED,
                f"{name} was not started: the default branch is not known: {problem.message}",
                hint=problem.hint,
            ) from problem
        branch = repository.get("default_branch") if isinstance(repository, dict) else None
        if not isinstance(branch, str) or not branch:
            raise MachineryFailed(
                Reason.DISPATCH_FAILED, f"{name} was not started: GitHub's answer names no default branch"
            )
        return branch


def _run_page(answer: object, name: str, runs: str) -> str:
    """Where to look: the run, if GitHub says which (200), else the workflow's runs (204, so no body)."""
    if answer is None:
        return runs
    page = answer.get("html_url") if isinstance(answer, dict) else None
    if isinstance(page, str) and page:
        return page
    raise _unclear(name, "GitHub's answer does not say that it was", runs)


def _explained(problem: GitHubProblem, name: str, branch: str, inputs: Mapping[str, str], runs: str) -> MachineryFailed:
    """Why the workflow was not started, or that it may have been, in words that say what to do."""
    status = problem.status
    if status is None or status >= 500:
        return _unclear(name, problem.message, runs)
    message = f"{name} was not started: {problem.message}"
    taken = ", ".join(f"{key}: {{type: string}}" for key in inputs)
    if problem.reason is Reason.PERMISSION_MISSING and status == 403:
        hint = f"{problem.hint}; a token of your own needs to write Actions of the repository"
        return MachineryFailed(Reason.DISPATCH_FAILED, message, hint=hint)
    hints = {
        404: f"{_FOLDER}{name} must be on the default branch, {branch}; "
        f"the token must reach the repository: `permissions:` with `{_ACTIONS}`",
        422: f"{_FOLDER}{name} on {branch} must start by hand and take these inputs: "
        f"on: {{workflow_dispatch: {{inputs: {{{taken}}}}}}}",
    }
    return MachineryFailed(Reason.DISPATCH_FAILED, message, hint=hints.get(status, problem.hint))


def _unclear(name: str, why: str, runs: str) -> MachineryFailed:
    return MachineryFailed(
        Reason.DISPATCH_FAILED,
        f"{name} may have started, or not: {why}",
        hint=f"look at {runs} before you start it again",
    )
