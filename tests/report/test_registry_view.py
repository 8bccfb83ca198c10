"""The registry as documents and rows, on the real registry and on odd ones."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_repository import GitRepository as Reader
from model_stage_deploy.core.registry import Registry, fold
from model_stage_deploy.report.registry import first_line, for_people, history, history_rows, show_rows, shown
from tests.standins.registries import GitRepository, example_registry


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return _read(example_registry(tmp_path_factory.mktemp("example") / "registry"))


def _read(repository: GitRepository) -> Registry:
    return fold(Reader.open(repository.path).tags(None))


def test_a_row_a_model_and_a_column_a_stage(registry: Registry) -> None:
    heading, *rows = show_rows(registry)
    assert heading == ("MODEL", "LATEST", "#dev", "#prod", "#staging")
    assert ("churn", "v3.1.0", "v3.1.0", "v3.0.0", "v3.1.0") in rows
    assert all(len(row) == len(heading) for row in rows)


def test_the_document_says_which_stages_a_version_is_in(registry: Registry) -> None:
    churn = shown(registry)["models"]["churn"]
    stages = {version["version"]: version["stages"] for version in churn["versions"]}
    assert sorted(stages["v3.1.0"]) == ["dev", "staging"]
    assert stages["v3.0.0"] == ["prod"]
    assert all(len(version["commit"]) == 40 for version in churn["versions"])


def test_history_rows_are_as_wide_as_their_heading(registry: Registry) -> None:
    events = [event for model in registry for event in model.events]
    rows = history_rows(history(events, registry.models))
    assert len(rows) == len(events) + 1
    assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize("zone", ["+0530", "-0800", "+0000", "+1400"])
def test_time_is_the_taggers_own(tmp_path: Path, zone: str) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"a": "a"})
    repository.git("tag", "-a", "-m", "x", "churn@v1.0.0", env={"GIT_COMMITTER_DATE": f"1700000000 {zone}"})
    model = _read(repository).model("churn")
    told = history(model.events, {"churn": model})[0]["time"]

    assert datetime.fromisoformat(told).timestamp() == 1700000000
    assert told.endswith(f"{zone[:3]}:{zone[3:]}")


def test_a_deprecated_model_is_marked(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"a": "a"})
    for tag in ("churn@v1.0.0", "churn@deprecated"):
        repository.tag(tag)
    registry = _read(repository)
    assert show_rows(registry)[1][0] == "churn (deprecated)"
    assert shown(registry)["models"]["churn"]["deprecated"] is True


def test_a_model_that_nobody_can_read_one_way_shows_no_version(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"a": "a"})
    for tag in ("churn@v1.0.0", "churn@v2.0.0", "churn#prod#1", "fraud@v1.0.0", "fraud#prod#1"):
        repository.tag(tag)
    registry = _read(repository)
    document = shown(registry)
    assert document["models"]["churn"]["stages"] == {}
    assert show_rows(registry) == [
        ("MODEL", "LATEST", "#prod"),
        ("churn", "v2.0.0", "?"),
        ("fraud", "v1.0.0", "v1.0.0"),
    ]
    assert {warning["code"] for warning in document["warnings"]} == {"ambiguous-version"}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("why", "why"),
        ("why\n\nmore", "why"),
        ("why\r\nmore", "why"),
        ("", ""),
        ("\nlate", ""),
        ("x" * 72, "x" * 72),
        ("x" * 73, "x" * 71 + "…"),
        ("x" * 10**6, "x" * 71 + "…"),
    ],
)
def test_a_table_shows_the_first_line_of_a_message(message: str, shown: str) -> None:
    assert first_line(message) == shown


@pytest.mark.parametrize(
    ("time", "shown"),
    [("2023-09-04T07:58:15+02:00", "2023-09-04 07:58:15 +02:00"), ("@253402300800", "@253402300800")],
)
def test_a_table_shows_times_that_can_be_broken(time: str, shown: str) -> None:
    assert for_people(time) == shown
