"""`history --deployments` as a process: real git, the stand-in for GitHub, attempts that ended in every way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faces.command_lines import COMPLAINT, Done, run
from tests.standins.github import GitHubStandIn
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other

MAPPING = """\
version: 1
stages:
  staging: {deploy: {run: "true"}}
  prod: {environment: production, deploy: {run: "true"}}
"""
RUN = "https://github.example.com/org/models/actions/runs/77"
BEGUN = datetime(2026, 1, 10, 12, tzinfo=UTC)


class _Minutes:
    def __init__(self) -> None:
        self.now = BEGUN

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0 is for prod and for a stage that nobody mapped."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    made.tag("m#attic#2")
    return made


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    """Four attempts: three in prod, the newest in staging."""
    with GitHubStandIn(clock=_Minutes()) as standin:
        _add(standin, "in_progress", "success", "inactive", version="v0.9.0")
        _add(standin, "in_progress", "failure", version="v1.0.0", override="the site is down\x1b[2J", actor="alice")
        _add(standin, "in_progress", "success", version="v0.9.0", rollback=True, automatic=True, checks=1)
        _add(standin, "in_progress", version="v1.0.0", stage="staging", environment="staging")
        yield standin
        standin.assert_clean()


def _add(
    github: GitHubStandIn, *states: str, stage: str = "prod", environment: str = "production", **facts: object
) -> None:
    payload = {"model": "m", "stage": stage, "environment": environment, "commit": "a" * 40, "tag": "m#prod#1"}
    github.add_deployment(
        ref="a" * 40,
        environment=f"{environment}/m",
        production_environment=True,
        payload=payload | facts,
        states=states,
    )


def _history(registry: GitRepository, github: GitHubStandIn, *arguments: str) -> Done:
    env = {"GITHUB_TOKEN": "test-token", "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}
    return run(registry.path, "history", *arguments, "--deployments", env=env)


def test_every_attempt_newest_first(registry: GitRepository, github: GitHubStandIn) -> None:
    done = _history(registry, github, "m")
    assert done.exit_code == 0, done.err
    heading, *rows = done.out.splitlines()
    assert heading.split()[:7] == ["TIME", "MODEL", "STAGE", "ENVIRONMENT", "VERSION", "TAG", "RESULT"]
    told = [
        ("staging", "v1.0.0", "deploying"),
        ("prod", "v0.9.0", "rolled back automatically, verified"),
        ("prod", "v1.0.0", "failed"),
        ("prod", "v0.9.0", "deployed"),
    ]
    for row, texts in zip(rows[:4], told, strict=True):
        assert all(text in row for text in texts), row
    assert "gates overridden by alice for m v1.0.0 in prod" in done.out
    assert "the site is down\\e[2J" in done.out and "\x1b" not in done.out
    assert "not known for m attic: the mapping does not name it" in done.out


def test_one_stage_and_the_newest_alone(registry: GitRepository, github: GitHubStandIn) -> None:
    done = _history(registry, github, "m", "prod", "--limit", "2", "--json").json
    assert (done["schema"], done["recorded_in"], done["problems"]) == (
        "model-stage-deploy/deployments/v1",
        "github",
        [],
    )
    assert [(each["result"], each["automatic"], each["seconds"]) for each in done["deployments"]] == [
        ("verified", True, 120.0),
        ("failed", False, 120.0),
    ]
    since = _history(registry, github, "m", "prod", "--since", "2026-01-10T12:06:00Z", "--json").json
    assert [each["result"] for each in since["deployments"]] == ["verified"]


def test_all_models_and_none(registry: GitRepository, github: GitHubStandIn) -> None:
    registry.tag("n@v1.0.0")
    done = _history(registry, github, "--json").json
    assert [(each["model"], each["stage"]) for each in done["deployments"]] == [("m", "staging"), *[("m", "prod")] * 3]
    assert _history(registry, github, "n").out == "no deployment is recorded on GitHub\n"


def test_what_could_not_be_read_is_told_beside_the_rest(registry: GitRepository, github: GitHubStandIn) -> None:
    github.fail_next("GET", "/deployments$", status=422, body={"message": "GitHub's own word"})
    done = _history(registry, github, "m")
    assert done.exit_code == 4
    assert "not known for m prod: GitHub answered 422" in done.out
    assert "deploying" in done.out


@pytest.mark.parametrize(
    ("given", "reason", "exit_code"),
    [
        (["x"], "unknown-model", 3),
        (["m", "nowhere"], "never-in-stage", 3),
        (["m", "--at", "7d"], "usage", 2),
        (["m", "--limit", "301"], "usage", 2),
        (["m", "--repo", "https://example.com/r.git"], "usage", 2),
    ],
)
def test_what_cannot_be_asked(
    registry: GitRepository, github: GitHubStandIn, given: list[str], reason: str, exit_code: int
) -> None:
    done = _history(registry, github, *given, "--json")
    assert (done.exit_code, done.json["reason"]) == (exit_code, reason)
    assert set(done.json) == COMPLAINT and done.json["hint"]
    assert github.calls == []


def test_without_deployments_a_stage_narrows_the_events(registry: GitRepository) -> None:
    done = run(registry.path, "history", "m", "prod", "--json")
    assert [event["tag"] for event in done.json["events"]] == ["m#prod#1"]


VERIFIED = """\
version: 1
stages:
  prod:
    deploy: {run: "true"}
    verify: [{run: 'test "$MSD_VERSION" != v2.0.0'}]
    on-failure: rollback
"""


def test_an_automatic_rollback_is_told_as_it_was(tmp_path: Path) -> None:
    registry = GitRepository(tmp_path / "registry")
    registry.commit({"model-stages.yml": VERIFIED})
    registry.tag("m@v1.0.0")
    registry.tag("m#prod#1")
    with GitHubStandIn(clock=_Minutes()) as github:
        env = {"GITHUB_TOKEN": "test-token", "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}
        assert run(registry.path, "deploy", "m#prod#1", env=env).exit_code == 0
        registry.commit()
        registry.tag("m@v2.0.0")
        registry.tag("m#prod#2")
        assert run(registry.path, "deploy", "m#prod#2", env=env).exit_code == 1
        told = _history(registry, github, "m", "--json").json["deployments"]
        github.assert_clean()

    assert [(each["version"], each["result"], each["automatic"]) for each in told] == [
        ("v1.0.0", "verified", True),
        ("v2.0.0", "verification-failed", False),
        ("v1.0.0", "verified", False),
    ]
    assert told[0]["answers"] == told[1]["attempt"]
    assert told[0]["previous"] == {"version": "v2.0.0", "tag": "m#prod#2"}
    assert [each["state"] for each in told] == ["success", "failure", "inactive"]
    assert told[1]["tagger"] == "Ada Model <ada@example.com>"
    assert told[1]["tag_object"] == registry.git("rev-parse", "refs/tags/m#prod#2")
