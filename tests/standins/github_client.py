"""A plain HTTP client for tests that talk to the stand-in without a GitHub library in between."""

from __future__ import annotations

from typing import Any

import requests

from tests.standins.github import GitHubStandIn


class Api:
    """A plain client of one repository, without retries or proxies."""

    def __init__(self, standin: GitHubStandIn, token: str = "test-token") -> None:
        self.standin = standin
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
        address = f"{self.standin.url}/repos/org/models{path}"
        return self.session.request(method, address, json=body, params=query, timeout=20)

    def created(self, path: str, body: Any) -> dict[str, Any]:
        answer = self("POST", path, body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def states(self, deployment: dict[str, Any]) -> list[str]:
        return [each.state for each in self.standin.deployment_statuses(deployment["id"])]
