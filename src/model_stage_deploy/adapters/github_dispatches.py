"""Asking a repository's workflows for something through GitHub's API (`repository_dispatch`), once."""

from __future__ import annotations

from collections.abc import Mapping

from model_stage_deploy.adapters.github_client import GitHubClient

_CONTENTS = "contents: write"


class GitHubDispatches:
    """Fulfils flows.relaying.Dispatcher. GitHub answers 204 whether or not any workflow listens."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    def dispatch(self, event: str, payload: Mapping[str, str]) -> None:
        """See there. GitHub takes at most ten keys."""
        body = {"event_type": event, "client_payload": dict(payload)}
        self._client.post("/dispatches", body, permission=_CONTENTS, patience="once")
