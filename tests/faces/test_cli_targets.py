"""`targets` as a process: after real deployments to several targets, one of which fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faces.command_lines import run
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other

MAPPING = """\
version: 1
stages:
  staging: {deploy: {run: "true"}}
  prod:
    environment: production
    deploy: {run: 'test "$MSD_TARGET-$MSD_VERSION" != us-1-v2.0.0'}
    verify: [{run: "true"}]
    targets: [eu-1, {name: eu-2, labels: [canary]}, us-1]
    strategy: {waves: [canary, rest], on-failure: stop}
"""


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0, then v2.0.0 for prod, where the latter does not start on us-1."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING})
    made.tag("m@v1.0.0")
    made.tag("m#prod#1")
    made.commit()
    made.tag("m@v2.0.0")
    made.tag("m#prod#2")
    return made


def _rows(text: str) -> list[list[str]]:
    """Target, wave, version, state and verified of each row."""
    rows = [line.split() for line in text.splitlines()]
    return [row[:5] for row in rows if len(row) > 6 and (row[1].isdigit() or row[1] == "-")]


def test_before_anything_was_deployed_there_are_only_names(registry: GitRepository) -> None:
    told = run(registry.path, "targets", "m", "prod", "--no-github")
    assert _rows(told.out) == [
        [name, wave, "-", "-", "-"] for name, wave in (("eu-2", "1"), ("eu-1", "2"), ("us-1", "2"))
    ]
    assert (
        "m prod (production): 3 targets: 3 with none known (3 never deployed to); 0 verified; decided: v2.0.0"
        in told.out
    )


def test_what_each_target_has_after_a_failure(registry: GitRepository) -> None:
    assert run(registry.path, "deploy", "m#prod#1", "--no-github", "--force").exit_code in (0, 3)
    ended = run(registry.path, "deploy", "m#prod#2", "--no-github")
    assert ended.exit_code == 1, ended.err
    told = run(registry.path, "targets", "m", "prod", "--no-github")
    rows = {row[0]: row[1:] for row in _rows(told.out)}
    assert rows["eu-2"] == ["1", "v2.0.0", "deployed", "yes"]
    assert rows["us-1"][2] == "FAILED"
    failed = run(registry.path, "targets", "m", "prod", "--no-github", "--failed", "--json").json
    assert [entry["target"] for entry in failed["targets"]] == ["us-1"]
    assert (failed["count"], failed["failed"], failed["environment"]) == (3, 1, "production")
    status = run(registry.path, "status", "m", "--no-github")
    assert status.exit_code == 0
    history = run(registry.path, "history", "m", "prod", "--deployments", "--no-github")
    assert "v2.0.0" in history.out


def test_records_of_targets_that_the_mapping_no_longer_names_are_told(registry: GitRepository) -> None:
    run(registry.path, "deploy", "m#prod#2", "--no-github")
    registry.commit({"model-stages.yml": MAPPING.replace(", us-1]", ", asia-1]")})
    told = run(registry.path, "targets", "m", "prod", "--no-github")
    assert [row[0] for row in _rows(told.out)] == ["eu-2", "eu-1", "asia-1", "us-1"]
    assert "not in the mapping" in told.out
    assert "1 more that the mapping does not name any more" in told.out
    entries = run(registry.path, "targets", "m", "prod", "--no-github", "--json").json["targets"]
    assert [entry["named"] for entry in entries] == [True, True, True, False]


def test_a_stage_without_targets_says_so(registry: GitRepository) -> None:
    registry.tag("m#staging#3")
    told = run(registry.path, "targets", "m", "staging", "--no-github")
    assert (told.exit_code, told.out) == (
        0,
        "m staging has no targets: the mapping names none, and nothing is kept of any\n",
    )
    document = run(registry.path, "targets", "m", "staging", "--no-github", "--json").json
    assert (document["count"], document["targets"]) == (0, [])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["nothing", "prod"], "unknown-model"), (["m", "nowhere"], "unmapped-stage"), (["m"], "usage")],
)
def test_what_is_not_there_is_refused(registry: GitRepository, arguments: list[str], reason: str) -> None:
    told = run(registry.path, "targets", *arguments, "--no-github", "--json")
    assert told.exit_code in (2, 3)
    assert told.json["reason"] == reason


def test_what_somebody_put_there_fails_closed(registry: GitRepository) -> None:
    run(registry.path, "deploy", "m#prod#2", "--no-github")
    [whole] = registry.git("for-each-ref", "--format=%(refname)", "refs/model-stages/targets").splitlines()
    registry.git("update-ref", f"{whole.rpartition('/')[0]}/part-evil", "HEAD")
    told = run(registry.path, "targets", "m", "prod", "--no-github", "--json")
    assert (told.exit_code, told.json["reason"]) == (4, "log-failed")
    assert "part-evil" in told.json["message"]


def test_another_environment_is_looked_at_where_it_is_named(registry: GitRepository) -> None:
    run(registry.path, "deploy", "m#prod#2", "--no-github")
    told = run(registry.path, "targets", "m", "prod", "--no-github", "--environment", "old", "--json").json
    assert (told["environment"], {entry["state"] for entry in told["targets"]}) == ("old", {None})
