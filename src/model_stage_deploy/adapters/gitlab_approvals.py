"""Approvals on GitLab: a commit status on the version's commit, made by whoever says yes.

GitLab itself says who made a status and when, so no tag and no message can forge that. The newest status of each
person counts: one that is not `success` takes an earlier yes back. `all` asks for statuses that a newer one of the
same name has replaced, too: else one person's word would hide another's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from model_stage_deploy.adapters.gitlab_client import GitLabClient, GitLabProblem, strange, text_of
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import seconds
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.core.tags import slug

MOST_TEXT = 255
"""Characters of a status' name, description, ref and address (doc/api/commits.md)."""
_LOOK_BACK = 1000  # statuses of a commit; more are refused, for one that is not read could withdraw


class GitLabApprovals:
    """Records and reads approvals. `scrub` takes secrets out of what is written."""

    def __init__(self, client: GitLabClient, scrub: Callable[[str], str], run_url: str = "") -> None:
        self._client = client
        self._scrub = scrub
        self._run_url = run_url

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record the approval of whoever the token is of; the name, as GitLab answers it. Raises MachineryFailed."""
        body = {"state": "success", "name": _context(model, version, stage)}
        if message:
            body["description"] = one_line(self._scrub(message), MOST_TEXT)
        if self._run_url and len(self._run_url) <= MOST_TEXT:
            body["target_url"] = self._run_url
        try:
            answer = self._client.send("POST", f"/statuses/{commit}", body)
        except GitLabProblem as problem:
            if problem.status != 404 or "References for commit" not in problem.message:
                raise
            raise MachineryFailed(
                Reason.GITLAB_FAILED,
                f"the approval could not be recorded: no branch holds commit {commit[:12]}, and no pipeline ran for it",
                hint="GitLab keeps a status with a pipeline: push the version's tag for the stage, or a branch that "
                "holds the commit, then approve again",
            ) from problem
        name = _author(answer)
        if text_of(answer, "status") != "success" or not name:
            raise strange(f"POST /statuses/{commit}", "does not say that the approval was recorded, and whose it is")
        return name

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Whose newest word on this version in this stage is yes, newest first. Raises MachineryFailed."""
        return tuple(self._standing(_context(model, version, stage), commit))

    def _standing(self, context: str, commit: str) -> Iterator[Approved]:
        heard: set[str] = set()
        asked = {"name": context, "all": "true"}
        statuses = list(self._client.pages(f"/repository/commits/{commit}/statuses", asked, limit=_LOOK_BACK))
        if not all(isinstance(status.get("id"), int) for status in statuses):
            raise strange(f"GET /repository/commits/{commit}/statuses", "holds a status without an id")
        for status in sorted(statuses, key=lambda status: int(status["id"]), reverse=True):
            name = _author(status)
            if status.get("name") != context or not name or name.casefold() in heard:
                continue
            heard.add(name.casefold())
            time = seconds(text_of(status, "created_at"))
            if status.get("status") == "success" and time is not None:
                yield Approved(name, time, text_of(status, "description"))


def named(prefix: str, name: str) -> str:
    """A commit status' name; one too long for GitLab keeps a hash, so that none is shared by accident."""
    limit = MOST_TEXT - len(prefix)
    return prefix + (name if len(name) <= limit else slug(name, limit=limit))


def _context(model: str, version: str, stage: str) -> str:
    return named("model-approve/", f"{model}/{version}/{stage}")


def _author(status: Any) -> str:
    """Who made a status, "" where GitLab does not say (the account is gone)."""
    return text_of(status.get("author"), "username") if isinstance(status, dict) else ""
