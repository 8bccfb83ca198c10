"""What others run in our name: every action pinned, every job with the least it needs, every install locked."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract import lint
from tests.contract.generate import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
WRITTEN = sorted(
    [
        *WORKFLOWS,
        *(ROOT / "workflows-examples").rglob("*.yml"),
        *(ROOT / "src/model_stage_deploy/starter").glob("*.yml"),
        *(path for path in (ROOT / "action.yml", ROOT / "host/action.yml") if path.is_file()),
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
_USES = re.compile(r"^\s*(?:- )?uses: (.*)$", re.MULTILINE)
_PINNED = re.compile(r"(?P<action>[\w.-]+/[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)")
# Ours, by any name that a mirror gives its owner; an action of the same repository; and `uses` of a mapping.
_OURS = re.compile(
    r"(?:[\w.-]+/model-stage-deploy(?:/[\w./-]+)?@(?:v1|<[^>]+>|[0-9a-f]{40})|\$?\./.*|\$/.*|[\w-]+)(?:\s+#.*)?"
)

by_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def workflow(name: str) -> dict[Any, Any]:
    """One of our own workflows."""
    read: dict[Any, Any] = yaml.safe_load((ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))
    return read


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    """The jobs of a workflow, by name."""
    read: dict[str, dict[str, Any]] = workflow(path.name)["jobs"]
    return read


def used(path: Path) -> Iterator[str]:
    """What a file says behind `uses:`, comment included."""
    yield from (found.strip() for found in _USES.findall(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_action_is_ours_or_pinned_by_commit_with_its_version(path: Path) -> None:
    assert [name for name in used(path) if not _PINNED.fullmatch(name) and not _OURS.fullmatch(name)] == []


def test_one_version_of_each_action_everywhere() -> None:
    pins = {found.groups() for path in WRITTEN for name in used(path) if (found := _PINNED.fullmatch(name))}
    assert len({action for action, _, _ in pins}) == len(pins), sorted(pins)


@pytest.mark.parametrize(
    ("name", "well"),
    [
        ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", True),
        ("actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1", False),
        ("actions/checkout@v7", False),
        ("docker://ghcr.io/somebody/image:latest", False),
        ("org/model-stage-deploy@v1", True),
        ("org/model-stage-deploy/.github/workflows/deploy.yml@v1", True),
        ("org/model-stage-deployer@v1", False),
    ],
)
def test_what_is_pinned_is_told_from_what_is_not(name: str, well: bool) -> None:
    assert bool(_PINNED.fullmatch(name) or _OURS.fullmatch(name)) is well


@by_workflow
def test_jobs_have_a_time_limit_and_say_what_they_may_do(path: Path) -> None:
    read = workflow(path.name)
    called = "workflow_call" in (read[True] or {})
    # A reusable workflow may have no more than its caller gives; it says what it needs on top or in its jobs.
    assert read.get("permissions") == {} or called
    for name, job in read["jobs"].items():
        assert "timeout-minutes" in job or "uses" in job or called, name
        assert "permissions" in job or called, name


@by_workflow
def test_nothing_is_pasted_into_a_shell_and_no_token_is_left_in_a_checkout(path: Path) -> None:
    steps = [step for job in jobs(path).values() for step in job.get("steps", [])]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [step for step in checkouts if step["with"].get("persist-credentials") is not False] == []


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "Dockerfile", ROOT / "Makefile"], ids=lambda path: path.name)
def test_what_is_installed_is_locked(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    installs = [line.strip() for line in text.splitlines() if re.search(r"\bpip\"? install", line)]
    # uv writes the locks: there is none to install it from.
    assert [
        line for line in installs if "--require-hashes" not in line and not line.endswith("pip install --quiet uv")
    ] == []


def test_only_what_publishes_may_write() -> None:
    writing = {
        (name, permission)
        for name, job in jobs(ROOT / ".github/workflows/release.yml").items()
        for permission, allowed in job["permissions"].items()
        if allowed == "write"
    }
    assert writing == {
        ("image", "packages"),
        ("attest", "attestations"),
        ("attest", "id-token"),
        ("attest", "packages"),
        ("pypi", "id-token"),
        ("tag", "contents"),
        ("tag", "packages"),
        ("major", "contents"),
    }
    assert jobs(ROOT / ".github/workflows/ci.yml")["test"]["permissions"] == {"contents": "read"}


def before(release: dict[str, dict[str, Any]], name: str) -> set[str]:
    """Every job that has ended well before this one starts."""
    needs = release[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct | {further for need in direct for further in before(release, need)}


def test_a_release_goes_from_what_can_be_undone_to_what_cannot() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    everything = set(release)
    assert before(release, "major") == everything - {"major"}  # the floating tag is last of all
    assert before(release, "tag") == everything - {"major", "tag"}
    assert before(release, "pypi") == {"check", "wheel", "image", "smoke", "attest"}  # nothing is seen before the smoke
    assert before(release, "smoke") == {"check", "image"}
    assert all("check" in before(release, name) for name in everything - {"check"})


def test_a_rehearsal_publishes_nothing() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    rehearsed = {name for name, job in release.items() if job.get("if") != "inputs.publish"}
    assert rehearsed == {"check", "wheel", "image"}
    [build] = [step for step in release["image"]["steps"] if step.get("id") == "build"]
    assert build["with"]["push"] == "${{ inputs.publish }}"
    [login] = [step for step in release["image"]["steps"] if step.get("uses", "").startswith("docker/login-action@")]
    assert login["if"] == "inputs.publish"


@pytest.mark.parametrize(
    ("there", "calls"), [("false", ["view"]), ("none", ["view", "create"]), ("true", ["view", "delete", "create"])]
)
def test_a_release_that_a_dead_run_left_as_a_draft_is_made_again(tmp_path: Path, there: str, calls: list[str]) -> None:
    [script] = [
        step["run"] for step in workflow("release.yml")["jobs"]["tag"]["steps"] if step.get("name") == "Release"
    ]
    (tmp_path / "gh").write_text(
        f"""#!/bin/sh\necho "$2" >> calls\ntest "$2" != view || test {there} != none || exit 1\necho {there}\n"""
    )
    (tmp_path / "python3").write_text("#!/bin/sh\necho notes\n")
    for name in ("gh", "python3"):
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "VERSION": "1.2.3"}
    subprocess.run(["bash", "-e", "-c", script], cwd=tmp_path, env=environment, check=True)  # as the runner does
    assert (tmp_path / "calls").read_text().split() == calls


def test_an_image_of_a_second_run_does_not_take_the_name_of_a_release() -> None:
    """Git refuses another tag of a version; the registry would let its tag be moved."""
    told = "".join(step.get("run", "") for step in workflow("release.yml")["jobs"]["tag"]["steps"])
    assert 0 < told.index("python3 -m release tag") < told.index("imagetools create")


def test_the_image_tells_where_it_comes_from_and_what_is_in_it() -> None:
    [build] = [step for step in workflow("release.yml")["jobs"]["image"]["steps"] if step.get("id") == "build"]
    assert build["with"]["provenance"] == "mode=max"
    assert re.fullmatch(r"generator=\S+@sha256:[0-9a-f]{64}", build["with"]["sbom"])
    assert build["with"]["platforms"] == "linux/amd64,linux/arm64"


def test_the_tests_that_hold_our_promises_exist() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.]+)`", page)
    assert named
    assert [name for name in named if not (ROOT / name).is_file()] == []
    promises = page.partition("## What this tool promises")[2].partition("\n## ")[0]
    for promise in re.split(r"^- ", promises, flags=re.MULTILINE)[1:]:
        assert "`tests/" in promise, promise


def test_the_linters_find_nothing(tmp_path: Path) -> None:
    assert lint.complaints(lint.papers(tmp_path)) == []


def test_the_linters_see_what_is_wrong(tmp_path: Path) -> None:
    nothing = lint.Papers([], [], [], [], [])
    bad = tmp_path / "bad.yml"
    bad.write_text(
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v4\n      - run: echo ${{ github.head_ref }}\n",
        encoding="utf-8",
    )
    mapping = tmp_path / "model-stages.yml"
    mapping.write_text("version: 1\nstages: {prod: {enviroment: production}}\n", encoding="utf-8")
    said = lint.complaints(nothing._replace(workflows=[bad], mappings=[mapping]))
    assert len(said) == 2
    assert "unpinned-uses" in said[0]
    assert "template-injection" in said[0]
    assert "enviroment" in said[1]
    wrong = tmp_path / "wrong.yml"
    wrong.write_text("on: push\njobs: {a: {runs-on: x, stepps: []}}\n", encoding="utf-8")
    assert any("stepps" in text for text in lint.complaints(nothing._replace(workflows=[wrong])))


def test_what_the_docs_show_is_linted(tmp_path: Path) -> None:
    found = lint.papers(tmp_path)
    names = {path.name for path in found.workflows}
    assert {"ci.yml", "release.yml", "deploy-on-tag.yml", "README-0.yml"} <= names
    assert {"model-stages.yml", "docs-howto-write-a-mapping-0.yml"} <= {path.name for path in found.mappings}
