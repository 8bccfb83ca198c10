"""Approvals on GitHub: a commit status on the version's commit, made by whoever says yes.

GitHub itself says who made a status and when, so no tag and no message can forge that. The newest status of each
person counts: one that is not `success` takes an earlier yes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from model_stage_deploy.adapters.github_client import GitHubClient
from model_stage_deploy.adapters.github_records import status_context
from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.evidence import Approved
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.lifecycle import seconds
from model_stage_deploy.core.reasons import Reason

_LOOK_BACK = 1000  # statuses of a commit; the newest come first, so what is not read can withdraw nothing
_DESCRIPTION = 140  # characters (T41)
_WRITE, _READ = "statuses: write", "statuses: read"


class GitHubApprovals:
    """Records and reads approvals. `scrub` takes secrets out of what is written."""

    def __init__(self, client: GitHubClient, scrub: Callable[[str], str], run_url: str = "") -> None:
        self._client = client
        self._scrub = scrub
        self._run_url = run_url

    def approve(self, model: str, version: str, stage: str, commit: str, message: str) -> str:
        """Record the approval of whoever the token is of; the login, as GitHub answers it. Raises MachineryFailed."""
        body = {"state": "success", "context": _context(model, version, stage)}
        if message:
            body["description"] = one_line(self._scrub(message), _DESCRIPTION)
        if self._run_url:
            body["target_url"] = self._run_url
        answer = self._client.post(f"/statuses/{commit}", body, permission=_WRITE)
        login = _creator(answer)
        if not isinstance(answer, dict) or answer.get("state") != "success" or not login:
            raise MachineryFailed(
                Reason.GITHUB_FAILED,
                "GitHub's answer does not say that the approval was recorded, and whose it is",
                hint="does a proxy answer for GitHub? then approve again",
            )
        return login

    def approvals(self, model: str, version: str, stage: str, commit: str) -> Sequence[Approved]:
        """Whose newest word on this version in this stage is yes, newest first. Raises MachineryFailed."""
        return tuple(self._standing(_context(model, version, stage), commit))

    def _standing(self, context: str, commit: str) -> Iterator[Approved]:
        heard: set[str] = set()
        path = f"/commits/{commit}/statuses"
        for status in self._client.pages(path, {}, limit=_LOOK_BACK, permission=_READ):
            login = _creator(status)
            if status.get("context") != context or not login or login.casefold() in heard:
                continue
            heard.add(login.casefold())
            time = seconds(str(status.get("created_at", "")))
            if status.get("state") == "success" and time is not None:
                yield Approved(login, time, str(status.get("description") or ""))


def _context(model: str, version: str, stage: str) -> str:
    return status_context("model-approve/", f"{model}/{version}/{stage}")


def _creator(status: Any) -> str:
    """Who made a status, "" where GitHub does not say (the account is gone)."""
    creator = status.get("creator") if isinstance(status, dict) else None
    login = creator.get("login") if isinstance(creator, dict) else None
    return login if isinstance(login, str) else ""
