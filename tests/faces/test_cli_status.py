"""`status` as a process: real git, the stand-in for GitHub, real deployments that succeed, fail and are rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faces.command_lines import COMPLAINT, Done, environment, run
from tests.standins.github import GitHubStandIn
from tests.standins.registries import STEP, GitRepository

pytestmark = pytest.mark.thorough

MAPPING = """\
version: 1
stages:
  staging: {deploy: {run: "true"}}
  prod:
    environment: production
    url: https://models.example.com/{{ model.slug }}
    deploy: {run: 'test "$MSD_VERSION" != v2.0.0'}
"""


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0 is for prod by m#prod#1, v2.0.0 (whose deployment to prod fails) for staging, too."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING, "dvc.yaml": "artifacts: {}\n"})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    made.commit()
    made.tag("m@v2.0.0")
    made.tag("m#staging#2")
    return made


@pytest.fixture
def github(registry: GitRepository) -> Iterator[GitHubStandIn]:
    """Its clock stands half a minute after the newest tag."""
    with GitHubStandIn(clock=lambda: datetime.fromtimestamp(registry.moment - STEP / 2, UTC)) as standin:
        yield standin
        standin.assert_clean()


def _environ(github: GitHubStandIn) -> dict[str, str]:
    return {"GITHUB_TOKEN": "test-token", "GITHUB_REPOSITORY": "org/models", "GITHUB_API_URL": github.url}


def _status(registry: GitRepository, github: GitHubStandIn | None, *arguments: str) -> Done:
    return run(registry.path, "status", *arguments, env=_environ(github) if github else {})


def _rows(done: Done) -> list[list[str]]:
    return [line.split() for line in done.out.splitlines() if line.startswith("m ")]


def _deploy(registry: GitRepository, github: GitHubStandIn, *arguments: str) -> int:
    return run(registry.path, *arguments, env=_environ(github)).exit_code


def _stage(done: Done, stage: str) -> Mapping[str, object]:
    [row] = [row for row in done.json["stages"] if row["stage"] == stage]
    found: Mapping[str, object] = row
    return found


def test_the_whole_life_of_two_versions(registry: GitRepository, github: GitHubStandIn) -> None:
    before = _status(registry, github)
    assert [(row[1], row[5], row[6]) for row in _rows(before)] == [
        ("prod", "approved", "-"),
        ("staging", "approved", "-"),
    ]

    assert _deploy(registry, github, "deploy", "m#prod#1") == 0
    done = _status(registry, github, "m")
    assert [row[5:7] for row in _rows(done)[:2]] == [["deployed", "v1.0.0"], ["approved", "-"]]
    assert "https://models.example.com/m" in done.out

    registry.tag("m#prod#3", at="m@v2.0.0^{commit}")
    decided = _status(registry, github)
    assert "m: prod should have v2.0.0, but v1.0.0 is running: m#prod#3 was not deployed yet" in decided.out
    assert _deploy(registry, github, "deploy", "m#prod#3") == 1
    failed = _status(registry, github, "--exit-code")
    assert "m: prod should have v2.0.0, but v1.0.0 is running: its deployment failed" in failed.out
    assert failed.exit_code == 3

    registry.tag("m#prod#4", at="m@v1.0.0^{commit}")
    assert _deploy(registry, github, "deploy", "m#prod#4") == 0
    assert _deploy(registry, github, "deploy", "m#staging#2") == 0
    well = _status(registry, github, "--exit-code")
    assert (well.exit_code, len(well.out.splitlines())) == (0, 3), well.out

    told = _status(registry, github, "m", "--json").json
    newest, oldest = told["journeys"]
    assert [f"{step['stage'] or ''} {step['kind']}".strip() for step in oldest["steps"]] == [
        "registered", "prod approved", "prod deployed", "prod approved", "prod removed", "prod deployed",
    ]  # fmt: skip
    assert [step["ok"] for step in newest["steps"] if step["stage"] == "prod"] == [True, False]


def test_a_rollback_is_told_until_a_tag_says_the_same(registry: GitRepository, github: GitHubStandIn) -> None:
    registry.tag("m#staging#5", at="m@v1.0.0^{commit}")
    assert _deploy(registry, github, "deploy", "m#staging#5") == 0
    assert _deploy(registry, github, "rollback", "m", "staging", "--no-tag") == 0
    done = _status(registry, github, "m", "--json")
    staging = _stage(done, "staging")
    assert (staging["state"], staging["differs"]) == ("rolled-back", True)
    assert staging["message"] == "staging should have v1.0.0, but v2.0.0 is running: it was rolled back"


def test_a_stage_that_was_emptied_still_shows_what_runs(registry: GitRepository, github: GitHubStandIn) -> None:
    assert _deploy(registry, github, "deploy", "m#prod#1") == 0
    registry.tag("m#prod!#6", at="m@v1.0.0^{commit}")
    done = _status(registry, github, "--exit-code", "--json")
    prod = _stage(done, "prod")
    assert (prod["state"], prod["decided"], prod["differs"], done.exit_code) == ("deployed", None, True, 3)

    registry.git("tag", "--delete", "m#prod#1", "m#prod!#6")
    assert _stage(_status(registry, github, "--json"), "prod")["state"] == "deployed"


@pytest.mark.parametrize("given", [[], ["m"], ["--no-github"], ["--json"]])
def test_without_github_it_is_the_decided_side_and_one_line(registry: GitRepository, given: list[str]) -> None:
    done = _status(registry, None, *given)
    assert (done.exit_code, done.err) == (0, "")
    if "--json" in given:
        assert done.json["asked"] is False
        assert [row["state"] for row in done.json["stages"]] == ["unknown", "unknown"]
        return
    assert done.out.splitlines()[0].split() == ["MODEL", "STAGE", "DECIDED", "TAG", "SINCE"]
    assert ("GITHUB_REPOSITORY=OWNER/NAME" in done.out) is ("--no-github" not in given)
    assert "approved" not in "".join(done.out.splitlines()[:3])


def test_no_github_asks_nothing(registry: GitRepository, github: GitHubStandIn) -> None:
    assert _status(registry, github, "--no-github").exit_code == 0
    assert github.calls == []


def test_an_exit_code_without_github_is_a_mistake(registry: GitRepository) -> None:
    done = _status(registry, None, "--exit-code", "--json")
    assert done.exit_code == 2
    assert set(done.json) == COMPLAINT
    assert "GITHUB_TOKEN" in done.json["hint"]


def test_trouble_with_one_stage_hides_no_other(registry: GitRepository, github: GitHubStandIn) -> None:
    assert _deploy(registry, github, "deploy", "m#staging#2") == 0
    github.fail_next("GET", "/deployments$", status=422, body={"message": "GitHub's own word\x1b[2J"})
    done = _status(registry, github, "--exit-code")
    assert [row[5:7] for row in _rows(done)] == [["unknown", "?"], ["deployed", "v2.0.0"]]
    assert "not known for m prod: GitHub answered 422" in done.out
    assert "\x1b" not in done.out
    assert done.exit_code == 4


def test_a_missing_permission_names_its_line(registry: GitRepository) -> None:
    with GitHubStandIn(permissions={"contents": "read"}) as github:
        done = _status(registry, github)
        assert done.exit_code == 0
        assert "`deployments: " in done.out
        assert len(github.calls) == 1


def test_a_registry_without_a_mapping_shows_what_was_decided(registry: GitRepository, github: GitHubStandIn) -> None:
    (registry.path / "model-stages.yml").unlink()
    done = _status(registry, github, "--exit-code")
    assert [row[2] for row in _rows(done)] == ["v1.0.0", "v2.0.0"]
    assert "not known for m prod, m staging: there is no " in done.out
    assert done.exit_code == 2
    assert github.calls == []


def test_in_a_job_it_reads_the_mapping_of_the_default_branch(
    registry: GitRepository, github: GitHubStandIn, tmp_path: Path
) -> None:
    assert _deploy(registry, github, "deploy", "m#prod#1") == 0
    registry.git("clone", "--quiet", "--bare", str(registry.path), str(tmp_path / "org" / "models.git"))
    clone = tmp_path / "clone"
    registry.git("clone", "--quiet", str(tmp_path / "org" / "models.git"), str(clone))
    (clone / "model-stages.yml").write_text("nonsense: [", encoding="utf-8")
    job = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(clone), "GITHUB_SHA": registry.git("rev-parse", "HEAD")}
    job |= {"GITHUB_SERVER_URL": f"file://{tmp_path}", "GITHUB_EVENT_NAME": "schedule"}
    done = run(clone, "status", "--json", env=_environ(github) | job, home=tmp_path)
    assert done.exit_code == 0, done.err
    assert _stage(done, "prod")["state"] == "deployed", done.out


def test_an_unknown_model_is_refused(registry: GitRepository, github: GitHubStandIn) -> None:
    done = _status(registry, github, "n", "--json")
    assert (done.exit_code, done.json["reason"]) == (3, "unknown-model")
    assert github.calls == []


def test_an_address_needs_a_clone_to_be_joined(registry: GitRepository, github: GitHubStandIn, tmp_path: Path) -> None:
    url = f"file://{registry.path}"
    decided = run(tmp_path, "status", "--repo", url, "--no-github", env=environment(tmp_path))
    assert [row[2] for row in _rows(decided)] == ["v1.0.0", "v2.0.0"]
    joined = run(tmp_path, "status", "--repo", url, "--json", env=_environ(github))
    assert (joined.exit_code, joined.json["reason"]) == (2, "usage")
