"""What `show` and `history` print on the real public registry, against what GTO's own commands print."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command_lines import run
from tests.standins.registries import GitRepository, example_registry

pytestmark = pytest.mark.thorough  # processes, one after the other


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    return example_registry(tmp_path_factory.mktemp("example") / "registry")


def cells(text: str) -> list[list[str]]:
    """A printed table, cell by cell; none of them holds a space."""
    return [line.split() for line in text.splitlines()]


def test_show_is_what_gto_show_prints(registry: GitRepository) -> None:
    """Row for row and cell for cell; GTO leaves empty cells as `None` for its printer, which writes `-`."""
    from gto.api import show

    rows, _ = show(str(registry.path), table=True)
    theirs = {
        row["name"].removeprefix("*"): {key: value or "-" for key, value in row.items() if key != "name"}
        for row in rows
    }
    heading, *ours = cells(run(registry.path, "show").out)

    assert {row[0]: dict(zip(["latest", *heading[2:]], row[1:], strict=True)) for row in ours} == theirs
    assert [row[0] for row in ours] == list(theirs)
    assert len(ours) == 3


@pytest.mark.parametrize("model", ["churn", "cv-class", "segment"])
def test_versions_are_those_that_gto_shows(registry: GitRepository, model: str) -> None:
    from gto.api import show

    theirs = {
        version["version"]: (version["commit_hexsha"], sorted(held["stage"] for held in version["stages"]))
        for version in show(str(registry.path), name=model)
    }
    document = run(registry.path, "versions", model, "--json").json
    ours = {version["version"]: (version["commit"], sorted(version["stages"])) for version in document["versions"]}

    assert ours == theirs
    shown = run(registry.path, "show", model, "--json").json["models"][model]["versions"]
    assert {version["version"]: (version["commit"], version["stages"]) for version in shown} == theirs


@pytest.mark.parametrize("model", [None, "churn"])
def test_history_is_what_gto_history_prints(registry: GitRepository, model: str | None) -> None:
    """Event for event, in the same order, with every fact that GTO tells."""
    from gto.api import history

    theirs = [_told(event) for event in history(str(registry.path), artifact=model)]
    documents = run(registry.path, "history", *([model] if model else []), "--json").json["events"]
    ours = [
        (
            datetime.fromisoformat(event["time"]),
            *(event[key] for key in ("model", "event", "version", "stage", "commit")),
            *(event[key] for key in ("author", "author_email", "message", "tag")),
        )
        for event in documents
    ]

    assert ours == theirs
    assert len(ours) == (9 if model is None else 6)
    printed = cells(run(registry.path, "history", *([model] if model else [])).out)[1:]
    assert [row[3:8] for row in printed] == [
        [event["model"], event["event"], event["version"], event["stage"] or "-", event["commit"][:7]]
        for event in documents
    ]


def _told(event: dict[str, Any]) -> tuple[Any, ...]:
    keys = ("artifact", "event", "version", "stage", "commit", "author", "author_email", "message", "ref")
    found = datetime.fromtimestamp(event["timestamp"].timestamp(), UTC)
    return (found, *(event[key] for key in keys))


def test_check_ref_says_what_resolve_says(registry: GitRepository, tmp_path: Path) -> None:
    from gto.api import check_ref

    for name in registry.tags():
        [theirs] = check_ref(str(registry.path), name)
        ours = run(registry.path, "resolve", f"refs/tags/{name}", "--json").json
        assert (ours["model"], ours["commit"]) == (theirs.artifact, theirs.commit_hexsha)
        assert ours["version"] == theirs.version
        assert ours["stage"] == getattr(theirs, "stage", None)
