"""`doctor` as a process, on real repositories: each finding by its own case, and what a sound registry says."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.core.health import AILMENTS
from model_stage_deploy.faces.cli import main
from tests.faces.command_lines import Done, assert_civil, environment, run, tree
from tests.standins.git_remote import GitRemote
from tests.standins.registries import FIRST_MOMENT, GitRepository, History, example_registry

pytestmark = pytest.mark.thorough

WORKFLOW = """\
name: Deploy models
on:
  push:
    tags: ['**#**']
permissions: {contents: write, deployments: write, statuses: write}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: org/model-stage-deploy@v1
"""
PLACE = ".github/workflows/deploy.yml"
DAY = 86_400


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """A sound registry: two versions of churn, the second in prod, and a workflow."""
    made = GitRepository(tmp_path / "repository")
    made.commit({"model": "1", PLACE: WORKFLOW})
    made.tag("churn@v1.0.0")
    made.tag("churn#prod#1")
    made.commit({"model": "2"})
    made.tag("churn@v2.0.0")
    made.tag("churn#prod#2")
    return made


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of `run`, for what is run in this process: a start costs more than most of these cases."""
    for name in os.environ:
        monkeypatch.delenv(name)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)


def doctor(repository: GitRepository, *arguments: str) -> Done:
    """`doctor` in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["doctor", "--repo", str(repository.path), *arguments])
    done = Done(code, out.getvalue(), err.getvalue())
    assert_civil(done)
    return done


def examined(repository: GitRepository, *arguments: str) -> dict[str, Any]:
    """The document of `doctor --json`, whose exit code must fit it."""
    done = doctor(repository, "--json", *arguments)
    document: dict[str, Any] = done.json
    assert done.exit_code == (0 if document["ok"] else 3), done.err
    assert document["ok"] == (not document["findings"])
    return document


def codes(repository: GitRepository, *arguments: str) -> list[tuple[str, str | None]]:
    """Code and tag of every finding."""
    return [(finding["code"], finding["tag"]) for finding in examined(repository, *arguments)["findings"]]


def the_finding(repository: GitRepository, code: str, *arguments: str) -> dict[str, Any]:
    """The one finding that there is, of that code."""
    [finding] = examined(repository, *arguments)["findings"]
    assert finding["code"] == code, finding
    assert finding["severity"] == AILMENTS[code].severity
    assert finding["fix"]
    found: dict[str, Any] = finding
    return found


def carry_out(repository: GitRepository, fix: str) -> None:
    """Run the last command of a fix as a person would paste it, without its push."""
    commands = [part.strip() for part in fix.rpartition(": ")[2].split("&&")]
    for command in commands:
        words = shlex.split(command)
        if words[:2] != ["git", "push"]:
            repository.git(*words[1:], when=repository.moment)


def remade(repository: GitRepository, text: str) -> None:
    repository.commit({PLACE: text})


def test_a_sound_registry_is_healthy_and_is_not_touched(repository: GitRepository) -> None:
    before = tree(repository.path)
    assert codes(repository) == []
    done = run(repository.path, "doctor")
    assert (done.exit_code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "nothing to mend"
    assert tree(repository.path) == before


def test_the_real_public_registry_is_healthy(tmp_path: Path) -> None:
    assert codes(example_registry(tmp_path / "repository")) == []


def test_an_empty_repository_is_healthy(tmp_path: Path) -> None:
    assert codes(GitRepository(tmp_path / "repository")) == []


def test_what_was_looked_at_is_told(repository: GitRepository) -> None:
    checked = {one["check"]: one for one in examined(repository)["checked"]}
    assert set(checked) == {ailment.check for ailment in AILMENTS.values()} - {"all"}
    assert {name for name, one in checked.items() if not one["done"]} == {"clone", "gto", "mapping"}
    assert checked["clone"]["note"] == "the clone has no remote `origin`"


def test_lightweight_tag(repository: GitRepository) -> None:
    commit = repository.git("rev-parse", "HEAD")
    repository.tag("churn#dev#3", annotated=False)
    finding = the_finding(repository, "lightweight-tag")
    assert (finding["tag"], finding["model"]) == ("churn#dev#3", "churn")
    assert f"git tag -a 'churn#dev#3' -m MESSAGE '{commit}'" in finding["fix"]
    repository.git("tag", "-d", "churn#dev#3")
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


def test_mismatched_tag(repository: GitRepository) -> None:
    repository.git("update-ref", "refs/tags/churn#dev#3", repository.git("rev-parse", "refs/tags/churn#prod#1"))
    assert "cat-file -p 'refs/tags/churn#dev#3'" in the_finding(repository, "mismatched-tag")["fix"]


def test_unusable_tag(repository: GitRepository) -> None:
    repository.tag("churn#dev#3", at="HEAD:model")
    assert the_finding(repository, "unusable-tag")["tag"] == "churn#dev#3"


def test_nested_tag(repository: GitRepository) -> None:
    repository.tag("churn#dev#3", at="refs/tags/churn@v2.0.0")
    finding = the_finding(repository, "nested-tag")
    repository.git("tag", "-d", "churn#dev#3")
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


def test_reserved_tag(repository: GitRepository) -> None:
    repository.tag("churn@created")
    assert the_finding(repository, "reserved-tag")["tag"] == "churn@created"


def test_ambiguous_version(repository: GitRepository) -> None:
    repository.tag("churn@v2.0.1")
    finding = the_finding(repository, "ambiguous-version")
    assert "'churn@v2.0.1'" in finding["fix"]
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


def test_unregistered_commit(repository: GitRepository) -> None:
    repository.commit({"model": "3"})
    repository.tag("churn#dev#3")
    finding = the_finding(repository, "unregistered-commit")
    assert "'churn@v2.0.1'" in finding["fix"]
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


@pytest.mark.parametrize(
    "name", ["churn@1.0.0", "churn#dev!!", "Churn@V1.0.0", "my.model#prod", "churn@latest", "a#b#c"]
)
def test_near_miss(repository: GitRepository, name: str) -> None:
    repository.tag(name)
    finding = the_finding(repository, "near-miss")
    assert finding["tag"] == name
    assert f"'{name}^{{commit}}'" in finding["fix"]


def test_tags_of_others_are_none_of_ours(repository: GitRepository) -> None:
    for name in ("v1.0.0", "release/2024", "package@1.0.0", "@scope/package@2.0.0", "x"):
        repository.tag(name)
    assert codes(repository) == []


def test_clock_ahead(repository: GitRepository) -> None:
    repository.tag("churn#dev#3", when=int(time.time()) + DAY)
    assert the_finding(repository, "clock-ahead")["tag"] == "churn#dev#3"


def test_a_clock_may_differ_by_five_minutes(repository: GitRepository) -> None:
    repository.tag("churn#dev#3", when=int(time.time()) + 120)
    assert codes(repository) == []


def test_back_dated(repository: GitRepository) -> None:
    repository.commit({"model": "3"}, when=FIRST_MOMENT + 30 * DAY)
    repository.tag("churn@v3.0.0")
    repository.tag("churn#prod#3", when=FIRST_MOMENT - DAY)
    assert set(codes(repository)) == {("back-dated", "churn#prod#3"), ("counter-order", "churn#prod#3")}
    [one, _] = examined(repository)["findings"]
    carry_out(repository, one["fix"])
    assert codes(repository) == []


def test_counter_order(repository: GitRepository) -> None:
    repository.tag("churn#prod#3", at="HEAD~1", when=FIRST_MOMENT + 100)
    finding = the_finding(repository, "counter-order")
    assert finding["tag"] == "churn#prod#3"
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


def test_ambiguous_order(repository: GitRepository) -> None:
    repository.tag("churn#dev#3", at="HEAD~1", when=repository.moment + 500)
    repository.tag("churn#dev#4", at="HEAD", when=repository.moment - 60)
    finding = the_finding(repository, "ambiguous-order")
    assert finding["tag"] == "churn#dev#4"
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


@pytest.mark.parametrize("taken", ["churn#prod!#3", "churn@v2.0.0!"])
def test_fell_back(repository: GitRepository, taken: str) -> None:
    repository.tag(taken)
    finding = the_finding(repository, "fell-back")
    assert finding["tag"] == taken
    assert "prod has v1.0.0 again" in finding["message"]
    carry_out(repository, finding["fix"])  # the second way: end that assignment, too
    assert codes(repository) == []
    assert run(repository.path, "which", "churn", "prod").exit_code == 3


def test_a_stage_that_was_emptied_on_purpose_is_healthy(repository: GitRepository) -> None:
    repository.tag("churn#prod!#3")
    repository.tag("churn#prod!#4", at="HEAD~1")
    assert codes(repository) == []


def test_dead_assignment(repository: GitRepository) -> None:
    repository.tag("churn@v1.0.0!", at="HEAD~1")
    assert codes(repository) == []
    repository.tag("churn#prod#3", at="HEAD~1")
    finding = the_finding(repository, "dead-assignment")
    assert "it still has v2.0.0" in finding["message"]
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


def test_deprecated_in_stage_and_revived(repository: GitRepository) -> None:
    repository.tag("churn@deprecated")
    assert "still has v2.0.0 in prod" in the_finding(repository, "deprecated-in-stage")["message"]
    repository.tag("churn#prod!#3", at="HEAD")
    repository.tag("churn#prod!#4", at="HEAD~1")
    finding = the_finding(repository, "revived")
    carry_out(repository, finding["fix"])
    assert codes(repository) == []


def test_moved_not_pushed_and_not_fetched(repository: GitRepository, tmp_path: Path) -> None:
    with GitRemote(tmp_path / "remotes") as remote:
        remote.add("org/models", repository)
        repository.git("remote", "add", "origin", remote.repository_url("org/models"))
        assert codes(repository) == []

        repository.git("tag", "-d", "churn#prod#1")
        assert "fetch origin --tags" in the_finding(repository, "not-fetched")["fix"]
        repository.git("fetch", "--quiet", "origin", "--tags")
        repository.tag("churn#dev#3")
        assert the_finding(repository, "not-pushed")["tag"] == "churn#dev#3"
        assert codes(repository, "fraud") == []
        repository.git("push", "--quiet", "origin", "churn#dev#3")
        repository.tag("churn#dev#3", at="HEAD~1", force=True)
        finding = the_finding(repository, "moved-tag")
        assert finding["tag"] == "churn#dev#3"
        repository.git(*shlex.split(finding["fix"].rpartition(": ")[2])[1:])
        assert codes(repository) == []

        remote.down = True
        finding = the_finding(repository, "check-failed")
        assert finding["message"].startswith("clone: ")
        assert doctor(repository, "--errors-only").exit_code == 0


def test_a_url_is_judged_without_a_clone(repository: GitRepository, tmp_path: Path) -> None:
    remade(repository, WORKFLOW.replace("deployments: write, ", ""))
    repository.tag("churn#dev#3", annotated=False)
    with GitRemote(tmp_path / "remotes") as remote:
        remote.add("org/models", repository)
        done = run(tmp_path, "doctor", "--json", "--repo", remote.repository_url("org/models"))
    assert done.exit_code == 3, done.err
    assert [finding["code"] for finding in done.json["findings"]] == ["lightweight-tag", "permissions-missing"]
    notes = {one["check"]: one["note"] for one in done.json["checked"] if not one["done"]}
    assert {"clone", "commits", "commit-times"} <= set(notes)


def test_gto_config(repository: GitRepository) -> None:
    (repository.path / ".gto").write_text("foo: 1\n")
    assert ".gto" in the_finding(repository, "gto-config")["message"]
    (repository.path / ".gto").write_text("stages: [prod]\n")
    assert codes(repository) == []


def test_stage_not_allowed(repository: GitRepository) -> None:
    (repository.path / ".gto").write_text("stages: [dev]\n")
    assert the_finding(repository, "stage-not-allowed")["tag"] == "churn#prod#2"


def test_mapping_invalid_and_unmapped_stage(repository: GitRepository) -> None:
    file = repository.path / ".github/model-stages.yml"
    file.write_text("version: 1\nstages: {dev: {deploy: {run: 'true'}}}\n")
    assert the_finding(repository, "unmapped-stage")["tag"] == "churn#prod#2"
    file.write_text("version: 1\nunmapped: ignore\nstages: {dev: {deploy: {run: 'true'}}}\n")
    assert codes(repository) == []
    file.write_text("version: 1\nstages: {dev: {deploi: {run: 'true'}}}\n")
    assert "model-stages.yml:2" in the_finding(repository, "mapping-invalid")["message"]


def test_filter_misses_tags(repository: GitRepository) -> None:
    remade(repository, WORKFLOW.replace("**#**", "*"))
    assert codes(repository) == []
    repository.tag("a/b=churn@v1.0.0")
    repository.tag("a/b=churn#prod#1")
    finding = the_finding(repository, "filter-misses-tags")
    assert finding["tag"] == "a/b=churn#prod#1"
    assert "1 of 3 stage tags" in finding["message"]


def test_several_workflows_may_share_the_tags(repository: GitRepository) -> None:
    repository.tag("churn#dev#3")
    repository.commit(
        {
            PLACE: WORKFLOW.replace("**#**", "**#prod*"),
            ".github/workflows/dev.yaml": WORKFLOW.replace("'**#**'", "'**#**', '!**#prod*'"),
        }
    )
    assert codes(repository) == []


def test_filter_unclear(repository: GitRepository) -> None:
    remade(repository, WORKFLOW.replace("**#**", "**#[a._]"))
    assert "[a._]" in the_finding(repository, "filter-unclear")["message"]


def test_no_tag_trigger(repository: GitRepository) -> None:
    remade(repository, WORKFLOW.replace("tags: ['**#**']", "branches: [main]"))
    assert the_finding(repository, "no-tag-trigger")["message"].startswith(PLACE)


def test_a_workflow_by_hand_beside_one_by_tags_is_healthy(repository: GitRepository) -> None:
    repository.commit(
        {".github/workflows/by-hand.yml": WORKFLOW.replace("push:\n    tags: ['**#**']", "workflow_dispatch:")}
    )
    assert codes(repository) == []


def test_a_workflow_that_calls_the_one_that_deploys(repository: GitRepository) -> None:
    caller = "on: {push: {tags: ['**#**']}}\njobs: {go: {uses: ./.github/workflows/deploy.yml}}\n"
    repository.commit(
        {PLACE: WORKFLOW.replace("push:\n    tags: ['**#**']", "workflow_call:"), ".github/workflows/a.yml": caller}
    )
    assert codes(repository) == []


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("permissions: {contents: write, deployments: write}", "permissions-missing"),
        ("permissions: read-all", "permissions-missing"),
        ("permissions: {}", "permissions-missing"),
        ("permissions:", "permissions-missing"),
        ("env: {}", "permissions-unset"),
        ("permissions: write-all", ""),
        ("permissions: {contents: write, deployments: write, statuses: write}", ""),
    ],
)
def test_permissions(repository: GitRepository, written: str, code: str) -> None:
    stated = "permissions: {contents: write, deployments: write, statuses: write}"
    remade(repository, WORKFLOW.replace(stated, written))
    assert [found for found, _ in codes(repository)] == ([code] if code else [])
    if code == "permissions-missing":  # a job's own permissions replace the workflow's
        job = WORKFLOW.replace(stated, written).replace("    steps:", f"    {stated}\n    steps:")
        remade(repository, job)
        assert codes(repository) == []


@pytest.mark.parametrize(
    "step", ["{uses: iterative/gto-action@v2}", "{uses: o/model-stage-deploy@v1, with: {command: resolve}}"]
)
def test_permissions_of_a_job_that_deploys_nothing(repository: GitRepository, step: str) -> None:
    text = WORKFLOW.replace("uses: org/model-stage-deploy@v1", step.strip("{}").replace("}}", "}"))
    text = text.replace("{contents: write, deployments: write, statuses: write}", "{contents: read}")
    remade(repository, "".join(line if "uses:" not in line else f"      - {step}\n" for line in text.splitlines(True)))
    assert codes(repository) == []


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("{group: deploy, cancel-in-progress: true}", "concurrency-cancels"),
        ("{group: deploy, cancel-in-progress: '${{ inputs.x }}'}", "concurrency-cancels"),
        ("deploy", "concurrency-drops"),
        ("{group: deploy, cancel-in-progress: false}", "concurrency-drops"),
        ("{group: deploy, queue: max}", ""),
        ("{group: 'deploy-${{ github.ref }}', cancel-in-progress: true}", ""),
    ],
)
def test_concurrency(repository: GitRepository, setting: str, code: str) -> None:
    for text in (
        WORKFLOW + f"concurrency: {setting}\n",
        WORKFLOW.replace("    steps:", f"    concurrency: {setting}\n    steps:"),
    ):
        remade(repository, text)
        assert [found for found, _ in codes(repository)] == ([code] if code else [])


@pytest.mark.parametrize("text", ["on: [push\njobs:", "on: push\n"], ids=["no YAML", "no workflow"])
def test_workflow_unreadable(repository: GitRepository, text: str) -> None:
    (repository.path / ".github/workflows/broken.yml").write_text(text)
    finding = the_finding(repository, "workflow-unreadable")
    assert finding["message"].startswith(".github/workflows/broken.yml")


def test_a_workflow_that_is_too_large_or_no_file(repository: GitRepository) -> None:
    folder = repository.path / ".github/workflows"
    (folder / "folder.yml").mkdir()
    (folder / "nowhere.yml").symlink_to("/nonexistent/model-stage-deploy")
    assert codes(repository) == []
    (folder / "large.yml").write_text("a: b\n" * 300_000)
    assert "1,048,57" in the_finding(repository, "workflow-unreadable")["message"]


def test_no_workflow_at_commit(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({"model": "1"})
    repository.tag("churn@v1.0.0")
    repository.tag("churn#prod#1")
    assert codes(repository) == []  # no workflow at all: something else deploys
    repository.commit({PLACE: WORKFLOW})
    finding = the_finding(repository, "no-workflow-at-commit")
    assert (finding["model"], finding["tag"]) == ("churn", "churn#prod#2")
    repository.tag("churn@v1.1.0")
    repository.tag("churn#prod#2")
    assert codes(repository) == []


def test_a_workflow_at_the_commit_with_an_older_filter(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    repository.commit({PLACE: WORKFLOW.replace("**#**", "*")})
    repository.tag("a/churn@v1.0.0")
    repository.tag("a/churn#prod#1")
    repository.commit({PLACE: WORKFLOW})
    assert "do not listen to it" in the_finding(repository, "no-workflow-at-commit")["message"]


def test_a_bare_clone_is_judged_by_its_head(repository: GitRepository, tmp_path: Path) -> None:
    remade(repository, WORKFLOW.replace("deployments: write, ", ""))
    repository.git("clone", "--quiet", "--bare", str(repository.path), str(tmp_path / "bare.git"))
    bare = GitRepository(tmp_path / "bare.git", bare=True)
    assert codes(bare) == [("permissions-missing", None)]


def test_a_shallow_clone_is_no_reason_to_guess(repository: GitRepository, tmp_path: Path) -> None:
    repository.git("clone", "--quiet", "--depth=1", f"file://{repository.path}", str(tmp_path / "shallow"))
    document = examined(GitRepository(tmp_path / "shallow"))
    assert document["ok"]
    notes = {one["check"]: one["note"] for one in document["checked"] if not one["done"]}
    assert "shallow" in notes["clone"]
    assert "shallow" in notes["commits"]


def test_one_model_and_errors_only(repository: GitRepository) -> None:
    repository.tag("fraud#prod#1")
    repository.tag("fraud#dev#2", annotated=False)
    assert codes(repository, "churn") == []
    assert codes(repository, "fraud") == [("lightweight-tag", "fraud#dev#2"), ("unregistered-commit", "fraud#prod#1")]
    repository.git("tag", "-d", "fraud#dev#2")
    repository.tag("churn@latest")
    assert doctor(repository, "churn").exit_code == 3
    done = doctor(repository, "churn", "--errors-only")
    assert done.exit_code == 0
    assert "warning: near-miss: churn@latest" in done.out
    assert doctor(repository, "no model").exit_code == 2


def test_one_bad_tag_hides_no_other(repository: GitRepository) -> None:
    repository.tag("churn@created")
    repository.tag("churn@v2.0.1")
    repository.tag("fraud#prod#1", annotated=False)
    repository.tag("fraud#prod#2", at="HEAD:model")
    found = {code for code, _ in codes(repository)}
    assert found == {"reserved-tag", "ambiguous-version", "lightweight-tag", "unusable-tag"}


def test_hostile_names_stay_inert(repository: GitRepository) -> None:
    for name in ("$(touch${IFS}x)#prod#1", "churn#a';touch x;'", "churn#prod\u202e#1", "churn#`id`"):
        repository.git("tag", "-a", "-m", "x", name.replace(" ", "_"), when=repository.moment)
    done = run(repository.path, "doctor")
    assert done.exit_code == 3
    assert all(line.isprintable() for line in done.out.splitlines())
    for finding in examined(repository)["findings"]:
        words = shlex.split(finding["fix"].replace("`", "").partition("make it anew under the right name: ")[2])
        assert f"{finding['tag']}^{{commit}}".replace("`", "") in [word.rstrip(";") for word in words]


def test_many_findings_of_one_kind_are_cut_on_the_page(repository: GitRepository) -> None:
    history = History(branch="other", moment=FIRST_MOMENT)
    at = history.commit()
    for number in range(40):
        history.tag(f"fraud#prod#{number}", at=at, annotated=False)
    history.write(repository)
    done = run(repository.path, "doctor")
    assert done.out.count("error: lightweight-tag: ") == 11
    assert "30 more; --json lists all" in done.out
    assert len(examined(repository)["findings"]) == 40


def counted(repository: GitRepository, folder: Path) -> int:
    """How many git processes one `doctor` starts, by a `git` that keeps a log, first on PATH."""
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    folder.mkdir(exist_ok=True)
    log = folder / "log"
    log.unlink(missing_ok=True)
    wrapper = folder / "git"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(log))}\nexec {shlex.quote(real)} "$@"\n')
    wrapper.chmod(0o755)
    done: Done = run(repository.path, "doctor", env={"PATH": f"{folder}{os.pathsep}{environment(folder)['PATH']}"})
    assert done.exit_code == 0, done.out
    return len(log.read_text().splitlines())


def test_git_processes_do_not_grow_with_the_tags(tmp_path: Path) -> None:
    few, many = (counted(_of(tmp_path / str(number), number), tmp_path / "wrapper") for number in (2, 200))
    assert few == many
    assert many <= 12


def _of(path: Path, number: int) -> GitRepository:
    history = History()
    for at in range(number):
        commit = history.commit({"model": str(at), PLACE: WORKFLOW + f"# {at}\n"})
        history.tag(f"m{at}@v1.0.0", at=commit)
        history.tag(f"m{at}#prod#1", at=commit)
    repository = GitRepository(path)
    history.write(repository)
    return repository
