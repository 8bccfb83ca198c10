"""Workflow files of many commits, read from real repositories of both kinds of object ids."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_process import Git
from model_stage_deploy.adapters.git_workflows import CommittedWorkflows
from tests.standins.registries import GitRepository, isolated_environment

WORKFLOW = "on: push\njobs: {a: {steps: [{uses: org/model-stage-deploy@v1}]}}\n"


def paths(repository: GitRepository, *commits: str) -> list[tuple[list[str], int] | None]:
    """Paths of the readable workflows and the number of complaints, for each commit."""
    read = CommittedWorkflows(Git(repository.path)).at(commits)
    assert list(read) == list(dict.fromkeys(commits))
    return [None if one is None else ([found.path for found in one[0]], len(one[1])) for one in read.values()]


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_each_commit_has_its_own(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "repository"
    subprocess.run(
        ["git", "init", "--quiet", "--initial-branch=main", f"--object-format={kind}", str(path)],
        check=True,
        env=isolated_environment(tmp_path),
    )
    repository = GitRepository(path)
    first = repository.commit({"model": "1"})
    folder = ".github/workflows"
    second = repository.commit(
        {f"{folder}/a.yml": WORKFLOW, f"{folder}/notes.md": "x", f"{folder}/deep/b.yml": WORKFLOW}
    )
    third = repository.commit({f"{folder}/b.yaml": WORKFLOW + "# b", f"{folder}/c.yml": "on: ["})
    absent = "0" * len(first)

    assert paths(repository, first, second, third, absent) == [
        ([], 0),
        ([f"{folder}/a.yml"], 0),
        ([f"{folder}/a.yml", f"{folder}/b.yaml"], 1),
        None,
    ]
    assert paths(repository) == []


def test_what_is_no_plain_small_file_is_passed_over_or_told(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    folder = repository.path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "link.yml").symlink_to("elsewhere.yml")
    at = repository.commit({".github/workflows/large.yml": "a: b\n" * 300_000})
    assert paths(repository, at) == [([], 1)]


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    assert paths(repository, repository.commit({".github/workflows": WORKFLOW})) == [([], 0)]
