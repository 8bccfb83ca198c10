"""The environment and event file that a runner hands to a job, for events made here and for GitHub's own examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model_stage_deploy.faces.event import WorkflowEvent, read_event

EXAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/events/payloads.json").read_text(encoding="utf-8")
)["payloads"]
"""GitHub's example payloads: `event`, `source`, `payload`."""
BRANCH = "refs/heads/main"


def environ(folder: Path, name: str, body: Any, ref: str = "") -> dict[str, str]:
    """What a job of the event finds in its environment."""
    file = folder / "event.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(file),
        "GITHUB_REF": ref,
        "GITHUB_SHA": "c" * 40,
        "GITHUB_REPOSITORY": "org/models",
        "GITHUB_RUN_ID": "77",
        "GITHUB_ACTOR": "ada",
    }


def read(folder: Path, name: str, body: Any, ref: str = "") -> WorkflowEvent:
    """That event as it is read at the door."""
    return read_event(environ(folder, name, body, ref))


def documented_ref(name: str, payload: Mapping[str, Any]) -> str:
    """GITHUB_REF as GitHub documents it for the event ("Events that trigger workflows")."""
    if name in ("push", "workflow_dispatch"):
        # Where a ref was deleted, the run is one of the default branch.
        return BRANCH if payload.get("deleted") else str(payload["ref"])
    if name == "create":
        return f"refs/{'tags' if payload['ref_type'] == 'tag' else 'heads'}/{payload['ref']}"
    if name == "release":
        return f"refs/tags/{payload['release']['tag_name']}"
    if name in ("deployment", "deployment_status"):
        return ""  # empty for a Deployment that was made for a commit
    if name == "pull_request":
        return f"refs/pull/{payload['number']}/merge"
    return BRANCH
