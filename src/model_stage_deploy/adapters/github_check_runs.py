"""Check runs on GitHub: one for each run that asks for it, with annotations at the lines of files.

https://docs.github.com/rest/checks/runs
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from model_stage_deploy.adapters.github_client import GitHubClient, Patience
from model_stage_deploy.adapters.github_records import status_context
from model_stage_deploy.core.check_run import CheckRun
from model_stage_deploy.core.errors import MachineryFailed, Mistake
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

_PERMISSION = "checks: write"
_AT_ONCE = 50  # annotations that GitHub takes in one request; further ones come by updates
_MOST = 500
_MESSAGE = 2000
_TITLE = 255


class GitHubCheckRuns:
    """Fulfils the CheckRuns port.

    A check run is made when all is done, as ended: one that is under way would stay so for ever if the job was killed.
    """

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    def report(self, run: CheckRun, *, hurry: bool = False) -> str:
        """Make it (see the port)."""
        patience: Patience = "hurry" if hurry else "patient"
        output = {"title": one_line(run.title, _TITLE), "summary": run.summary}
        first, *more = list(_annotations(run)) or [[]]
        body: dict[str, Any] = {
            "name": status_context("model-deploy/", run.name),
            "head_sha": run.commit,
            "status": "completed",
            "conclusion": run.conclusion,
            "output": output | ({"annotations": first} if first else {}),
        }
        if run.url:
            body["details_url"] = run.url
        made = self._client.post("/check-runs", body, permission=_PERMISSION, patience=patience)
        if not isinstance(made, dict) or not isinstance(made.get("id"), int):
            raise MachineryFailed(Reason.GITHUB_FAILED, "GitHub's answer to POST /check-runs holds no id")
        for further in more:
            update = {"output": output | {"annotations": further}}
            self._client.patch(f"/check-runs/{made['id']}", update, permission=_PERMISSION, patience=patience)
        return str(made.get("html_url") or "")


def _annotations(run: CheckRun) -> Iterator[list[dict[str, Any]]]:
    """Annotations, as many at once as GitHub takes."""
    level = "failure" if run.conclusion == "failure" else "warning"
    told = [_annotation(mistake, level) for mistake in run.mistakes[:_MOST] if mistake.file]
    for begin in range(0, len(told), _AT_ONCE):
        yield told[begin : begin + _AT_ONCE]


def _annotation(mistake: Mistake, level: str) -> dict[str, Any]:
    line = max(mistake.line, 1)
    return {
        "path": mistake.file,
        "start_line": line,
        "end_line": line,
        "annotation_level": level,
        "title": one_line(mistake.path, _TITLE) or "model-stage-deploy",
        "message": one_line(mistake.said, _MESSAGE),
    }
