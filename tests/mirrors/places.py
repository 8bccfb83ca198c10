"""An MLflow server as whoever trains models uses it, by its REST API and without our client."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NamedTuple

ROOT = "/api/2.0/mlflow/"


class Place(NamedTuple):
    """A server, and the name of a model that is this test's own. `user` is a name and a password, where it asks."""

    url: str
    model: str
    user: tuple[str, str] | None = None

    def call(self, method: str, path: str, asked: dict[str, Any] | None = None) -> tuple[int, dict[str, Any] | str]:
        """Status and body (as JSON where it is some) of a raw request."""
        query = f"?{urllib.parse.urlencode(asked)}" if method == "GET" and asked else ""
        body = json.dumps(asked).encode() if method != "GET" else None
        headers = {"Content-Type": "application/json"}
        if self.user is not None:
            headers["Authorization"] = f"Basic {base64.b64encode(':'.join(self.user).encode()).decode()}"
        request = urllib.request.Request(f"{self.url}{ROOT}{path}{query}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status, text = answer.status, answer.read().decode()
        except urllib.error.HTTPError as problem:
            with problem:
                status, text = problem.code, problem.read().decode()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def make(self, *versions: str, tag: str = "gto_version") -> Place:
        """The model, with an MLflow version for each of ours; "" for one without a tag."""
        self.call("POST", "registered-models/create", {"name": self.model})
        for version in versions:
            tags = [{"key": tag, "value": version}] if version else []
            made, _ = self.call(
                "POST", "model-versions/create", {"name": self.model, "source": "s3://bucket/path", "tags": tags}
            )
            assert made == 200
        return self

    def alias(self, alias: str) -> str:
        """The number that an alias points to, "" for none."""
        status, told = self.call("GET", "registered-models/alias", {"name": self.model, "alias": alias})
        return str(told["model_version"]["version"]) if status == 200 and isinstance(told, dict) else ""

    def stage(self, number: str) -> str:
        """The stage of a version."""
        return str(self._version(number)["current_stage"])

    def tags(self, number: str) -> dict[str, str]:
        """The tags of a version."""
        return {tag["key"]: tag["value"] for tag in self._version(number).get("tags", [])}

    def _version(self, number: str) -> dict[str, Any]:
        status, told = self.call("GET", "model-versions/get", {"name": self.model, "version": number})
        assert status == 200
        assert isinstance(told, dict)
        found: dict[str, Any] = told["model_version"]
        return found
