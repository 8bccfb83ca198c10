"""What GitHub knows of people, checks and branches. Only what it says outright counts; anything else is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from model_stage_deploy.adapters.github_client import GitHubClient, GitHubProblem
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.who import PERMISSIONS

_METADATA = "metadata: read"  # every token has it
_CONTENTS = "contents: read"
_CHECKS = "checks: read"
_STATUSES = "statuses: read"
_MOST = 2000  # statuses or check runs of a commit, rules of a branch; beyond that nothing is known
_GUARDING = frozenset(
    {
        "pull_request",
        "update",
        "merge_queue",
        "required_status_checks",
        "required_deployments",
        "workflows",
        "code_scanning",
    }
)
"""Rules of a rule set by which not everybody who can push can put a commit on the branch."""


class GitHubForge:
    """Fulfils the Forge port."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    def permission(self, login: str) -> str:
        """A person's permission (see the port). A role that an organization made counts as the one it builds on."""
        path = f"/collaborators/{_quoted(login)}/permission"
        try:
            answer = self._client.get(path, permission=_METADATA)
        except GitHubProblem as problem:
            if problem.status == 404:  # no such person, or a robot
                return "none"
            raise
        role, base = _text(answer, "role_name"), _text(answer, "permission")
        found = next((each for each in (role, base) if each in PERMISSIONS), "")
        if not found:
            raise _strange(path, "names no permission")
        return found

    def is_member(self, login: str, team: str) -> bool:
        """Whether a person is an active member of a team (see the port)."""
        org, _, slug = team.partition("/")
        place = f"/orgs/{_quoted(org)}/teams/{_quoted(slug)}"
        path = f"{place}/memberships/{_quoted(login)}"
        try:
            answer = self._client.get_outside(path, permission=_METADATA)
        except GitHubProblem as problem:
            if problem.status == 404 and self._sees(place):
                return False
            raise _teams_hidden(problem, team) from problem
        state = _text(answer, "state")
        if state not in ("active", "pending"):
            raise _strange(path, "says not whether the membership is active")
        return state == "active"

    def checks(self, commit: str) -> Mapping[str, str]:
        """The newest state of every commit status and check run by name (see the port).

        Where a status and a check run, or runs of several workflows, share a name, it is green if both kinds are:
        of the runs, the newest counts.
        """
        place = f"/commits/{_quoted(commit)}"
        found = {
            _text(status, "context"): _text(status, "state")
            for status in self._client.pages_of(f"{place}/status", "statuses", {}, limit=_MOST, permission=_STATUSES)
        }
        newest: dict[str, tuple[int, str]] = {}
        latest = {"filter": "latest"}
        for run in self._client.pages_of(f"{place}/check-runs", "check_runs", latest, limit=_MOST, permission=_CHECKS):
            name, number = _text(run, "name"), run.get("id")
            if not isinstance(number, int):
                raise _strange(f"{place}/check-runs", "holds a check run without an id")
            if number >= newest.get(name, (0, ""))[0]:
                newest[name] = (number, _run_state(run))
        for name, (_, state) in newest.items():
            if found.get(name, "success") == "success":
                found[name] = state
        return found

    def is_protected(self, branch: str) -> bool:
        """Whether a branch is protected (see the port): by a branch rule, or by a rule set that guards what gets in."""
        path = f"/branches/{_quoted(branch)}"
        answer = self._client.get(path, permission=_CONTENTS)
        protected = answer.get("protected") if isinstance(answer, dict) else None
        if not isinstance(protected, bool) or _text(answer, "name") != branch:  # a renamed branch is another's answer
            raise _strange(path, f"does not say whether {one_line(branch, 200)} is protected")
        if protected:
            return True
        rules = self._client.pages(f"/rules/branches/{_quoted(branch)}", {}, limit=_MOST, permission=_METADATA)
        return any(rule.get("type") in _GUARDING for rule in rules)

    def _sees(self, team: str) -> bool:
        """Whether the token can see the team at all: only then does a 404 say that somebody is not in it."""
        try:
            answer = self._client.get_outside(team, permission=_METADATA)
        except GitHubProblem as problem:
            if problem.status in (403, 404):
                return False
            raise
        return isinstance(answer, dict) and bool(_text(answer, "slug"))


def _run_state(run: dict[str, Any]) -> str:
    status = _text(run, "status")
    return status if status != "completed" else _text(run, "conclusion") or "unknown"


def _teams_hidden(problem: GitHubProblem, team: str) -> MachineryFailed:
    """A workflow's own token knows nothing of teams, whatever `permissions:` say."""
    if problem.status not in (403, 404):
        return problem
    return MachineryFailed(
        Reason.PERMISSION_MISSING,
        f"the token may not see who is in @{one_line(team, 200)}: {problem.message}",
        hint="a workflow's own token cannot read teams: give a token of a GitHub App (organization permission "
        "`members: read`) or a person's (`read:org`), or list logins or permission:maintain instead",
    )


def _quoted(text: str) -> str:
    """One segment of a path; `.` and `..` would be taken for folders on the way (T14)."""
    return quote(text, safe="").replace(".", "%2E") if text in (".", "..") else quote(text, safe="")


def _text(answer: object, key: str) -> str:
    value = answer.get(key) if isinstance(answer, dict) else None
    return value if isinstance(value, str) else ""


def _strange(path: str, what: str) -> MachineryFailed:
    return MachineryFailed(
        Reason.GITHUB_FAILED,
        f"GitHub's answer to GET {path} {what}",
        hint="does a proxy answer for GitHub? then run the job again",
    )
