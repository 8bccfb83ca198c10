"""The deployer with all verbs of docs/howto/write-a-deployer.md, as a user runs it: in a repository, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_examples import example
from tests.faces.command_lines import Done, run
from tests.standins.receiver import Answer, Receiver
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other

MAPPING = """\
version: 1
stages:
  prod:
    deploy:
      uses: ./deployers/ml_platform.py
      with: {{url: "{url}/models/{{{{ model.slug }}}}"}}
    events: {{unassign: undeploy}}
"""


@pytest.fixture
def platform() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def registry(tmp_path: Path, platform: Receiver) -> GitRepository:
    made = GitRepository(tmp_path / "registry")
    program = example("write-a-deployer.md", "ml_platform.py")
    mapping = MAPPING.format(url=platform.url)
    made.commit({"model-stages.yml": mapping, "deployers/ml_platform.py": program})
    made.tag("churn@v1.0.0")
    made.tag("churn#prod#1")
    return made


def _answer(version: str | None) -> Answer:
    return Answer(200, json.dumps({"version": version, "url": "https://models.example.com/churn"}).encode())


def _deploy(registry: GitRepository, *arguments: str) -> Done:
    return run(registry.path, "deploy", "churn#prod#1", "--no-github", "--json", *arguments)


def _outcome(done: Done) -> Any:
    return {key: done.json[key] for key in ("result", "reason", "receipt", "live_version", "environment_url")}


def test_it_deploys_and_tells_what_it_was_told(registry: GitRepository, platform: Receiver) -> None:
    platform.behave(_answer("v1.0.0"))
    assert _outcome(_deploy(registry)) == {
        "result": "deployed",
        "reason": "deployed",
        "receipt": {"url": "https://models.example.com/churn", "version": "v1.0.0", "facts": {}},
        "live_version": "v1.0.0",
        "environment_url": "https://models.example.com/churn",
    }
    [asked] = platform.requests
    assert (asked.method, asked.target, asked.json) == ("PUT", "/models/churn", {"version": "v1.0.0"})


def test_another_version_than_the_tags_has_failed(registry: GitRepository, platform: Receiver) -> None:
    platform.behave(_answer("v0.9.0"))
    done = _deploy(registry)
    assert (done.exit_code, done.json["reason"]) == (1, "deployer-failed")
    assert "v0.9.0 is live" in done.json["message"]
    assert "not v1.0.0" in done.json["message"]
    assert done.json["live_version"] is None
    assert done.json["receipt"] is None


def test_a_busy_platform_is_asked_again_as_the_same_deployment(registry: GitRepository, platform: Receiver) -> None:
    program = registry.path / "deployers/ml_platform.py"
    program.write_text(program.read_text().replace("after=5.0", "after=0.01"))
    platform.behave(Answer(503), Answer(429), _answer("v1.0.0"))
    assert _deploy(registry).exit_code == 0
    assert len(platform.requests) == 3
    assert len({request.headers["idempotency-key"] for request in platform.requests}) == 1


def test_it_is_not_asked_longer_than_the_mapping_lets_it(registry: GitRepository, platform: Receiver) -> None:
    mapping = registry.path / "model-stages.yml"
    mapping.write_text(mapping.read_text().replace("    events", "      timeout: 2s\n    events"))
    platform.behave(Answer(503))
    done = _deploy(registry)
    assert done.json["reason"] == "deployer-timeout"
    assert "last: it answered 503" in done.json["message"]
    mapping.write_text(mapping.read_text().replace("timeout: 2s", "retries: 0"))
    assert _deploy(registry).json["message"].endswith("it answered 503")
    assert len(platform.requests) == 2


def test_it_tells_what_runs_and_takes_it_away(registry: GitRepository, platform: Receiver) -> None:
    platform.behave(_answer("v1.0.0"))
    assert _deploy(registry).exit_code == 0
    seen = run(registry.path, "status", "churn", "--ask", "--no-github", "--json").json["stages"][0]["seen"]
    assert (seen["state"], seen["version"], seen["agrees"]) == ("running", "v1.0.0", True)
    platform.behave(Answer(404))
    registry.tag("churn#prod!#2")
    for _ in range(2):
        done = run(registry.path, "deploy", "churn#prod!#2", "--no-github", "--force", "--json")
        assert (done.exit_code, done.json["result"]) == (0, "undeployed"), done.out
    assert [request.method for request in platform.requests] == ["PUT", "GET", "DELETE", "DELETE"]


def test_a_dry_run_says_what_it_would_do(registry: GitRepository, platform: Receiver) -> None:
    actions = _deploy(registry, "--dry-run").json["plan"]["actions"]
    assert actions == [
        f"PUT {platform.url}/models/churn: version v1.0.0",
        "up to 4 retries, where a failure is worth it",
    ]
    assert platform.requests == []
