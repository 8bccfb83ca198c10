"""What GitLab knows of people, checks and branches. Only what it says outright counts; anything else is unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from model_stage_deploy.adapters.gitlab_client import GitLabClient, GitLabProblem, quoted, strange, text_of
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

_MOST = 2000  # members that a search finds, statuses of a commit
_LEVELS = ((50, "admin"), (40, "maintain"), (30, "write"), (20, "triage"), (10, "read"))
"""Access levels (doc/api/members.md) and the permissions that they come nearest to: Owner, Maintainer, Developer (may
push), Reporter, Guest. Levels between two of them, such as 15 (Planner), count as the lower one."""
_ENDED = {"success": "success", "failed": "failure", "canceled": "cancelled", "skipped": "skipped"}


class GitLabForge:
    """Fulfils the Forge port."""

    def __init__(self, client: GitLabClient) -> None:
        self._client = client

    def permission(self, login: str) -> str:
        """A person's permission on the project (see the port), inherited ones too."""
        members = self._client.pages("/members/all", {"query": login}, limit=_MOST)
        level = max(_levels(members, login), default=0)
        return next((name for least, name in _LEVELS if level >= least), "none")

    def is_member(self, login: str, team: str) -> bool:
        """Whether a person is an active member of a group (see the port), inherited membership too."""
        path = f"/groups/{quoted(team)}/members/all"
        try:
            members = list(self._client.pages(path, {"query": login}, limit=_MOST, outside=True))
        except GitLabProblem as problem:
            if problem.status not in (403, 404):
                raise
            raise MachineryFailed(
                Reason.PERMISSION_MISSING,
                f"the token may not see who is in @{one_line(team, 200)}: {problem.message}",
                hint="a project access token knows its own project alone: give a token that can read the group (scope "
                "read_api), or list names or permission:maintain instead",
            ) from problem
        return max(_levels(members, login), default=0) > 0

    def checks(self, commit: str) -> Mapping[str, str]:
        """The newest state of every commit status and job by name (see the port): for GitLab, jobs are statuses.

        Of several pipelines of a commit, the newest that has the job counts.
        """
        path = f"/repository/commits/{quoted(commit)}/statuses"
        newest: dict[str, tuple[int, str]] = {}
        for status in self._client.pages(path, {}, limit=_MOST):
            name, number = text_of(status, "name"), status.get("id")
            if not isinstance(number, int):
                raise strange(f"GET {path}", "holds a status without an id")
            if number >= newest.get(name, (0, ""))[0]:
                newest[name] = (number, _ENDED.get(text_of(status, "status"), "pending"))
        return {name: state for name, (_, state) in newest.items()}

    def is_protected(self, branch: str) -> bool:
        """Whether a branch is protected (see the port), by its name or by a wildcard."""
        path = f"/repository/branches/{quoted(branch)}"
        answer = self._client.get(path)
        protected = answer.get("protected") if isinstance(answer, dict) else None
        if not isinstance(protected, bool) or text_of(answer, "name") != branch:
            raise strange(f"GET {path}", f"does not say whether {one_line(branch, 200)} is protected")
        return protected


def _levels(members: Iterable[Mapping[str, Any]], login: str) -> list[int]:
    """Access levels of the active member of that very name; a search finds names that hold it, too."""
    return [
        level
        for member in members
        if text_of(member, "username").casefold() == login.casefold() and member.get("state") == "active"
        if isinstance(level := member.get("access_level"), int)
    ]
