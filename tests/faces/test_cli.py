"""The command line as a user meets it: help, mistakes, planning, deploying, checking, starting, the demo."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from model_stage_deploy import __version__
from tests.faces.command_lines import COMMAND, COMMANDS, COMPLAINT, Done, assert_civil, environment, run, tree
from tests.standins.example_registry import build
from tests.standins.registries import GitRepository

ROOT = Path(__file__).parents[2]
OUTCOME = {
    *("schema", "result", "reason", "exit_code", "message", "hint", "tag", "event", "model", "version", "stage"),
    *("commit", "deployment_id", "environment_url", "ended_as", "plan", "steps", "warnings", "mistakes", "tail"),
    *("live_version", "verified", "gates", "overridden", "checks", "way_back", "parts"),
    *("receipt", "mirrors", "targets"),
}
PLAN = {
    *("environment", "production", "rollback", "registered", "previous", "model", "deployer", "options"),
    *("timeout_seconds", "config", "origins", "actions", "notes", "verify", "on_failure", "digest"),
}
HOOK = {"DEMO_HOOK_SECRET": "whsec_ZGVtby1ob29rLXNlY3JldC1vZi0yNC1iIQ=="}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo") / "registry"
    build(directory, 9)
    return directory


@pytest.fixture
def registry(built: Path, tmp_path: Path) -> Path:
    """The example registry, to do with as one likes. Its webhook's receiver is not there."""
    shutil.copytree(built, tmp_path / "registry", symlinks=True)
    return tmp_path / "registry"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_by_example(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, "--help")
    assert (done.exit_code, done.err) == (0, "")
    assert f"python -m model_stage_deploy {command}" in done.out.partition("examples:")[2]
    assert "--repo PATH" in done.out
    if command in ("deploy", "rollback"):
        assert "--no-github" in done.out
    assert command in run(tmp_path).out


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    assert run(tmp_path, "--version").out == f"model-stage-deploy {__version__}\n"


def test_the_installed_command_is_the_same(tmp_path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, function = project["scripts"]["model-stage-deploy"].partition(":")
    script = f"import sys; from {module} import {function}; sys.exit({function}())"  # what an installer writes
    command = [COMMAND[0], "-I", "-c", script, "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(tmp_path))
    assert told.stdout == f"model-stage-deploy {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nope"],
        ["explode"],
        ["parse"],
        ["parse", "a#b", "c"],
        ["show", "--jso"],
        ["deploy", "a#b", "--dry"],
        ["rollback", "churn"],
        ["which", "churn"],
        ["history", "--limit"],
        ["show", "--sort", "luck"],
        ["deploy", "a#b", "\u202eevil\x1b[2J"],
    ],
)
def test_a_mistake_in_the_arguments_is_one_line_and_a_hint(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, *arguments)
    assert (done.exit_code, done.out) == (2, "")
    error, hint = done.err.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("  what to do: see: model_stage_deploy")
    assert error.isprintable()

    told = run(tmp_path, *arguments, "--json")
    assert told.exit_code == 2
    assert set(told.json) == COMPLAINT
    assert told.json["reason"] == "usage"


def test_a_dry_run_shows_the_whole_plan_and_touches_nothing(registry: Path) -> None:
    before = tree(registry)
    done = run(registry, "deploy", "churn#prod#3", "--dry-run")

    assert done.exit_code == 0, done.err
    for told in (
        "Plan: deploy churn v3.0.0 -> prod",
        "environment  production (production)",
        "tag churn#prod#3",
        "POST http://127.0.0.1:9/models/churn",
        "signed with HMAC-SHA256",
        "deploy.with.url          stages.prod at .github/model-stages.yml:18:14",
        "Dry run: nothing was touched.",
    ):
        assert told in done.out, done.out
    document = run(registry, "deploy", "churn#prod#3", "--dry-run", "--json").json
    assert set(document) == OUTCOME
    assert set(document["plan"]) == PLAN
    assert (document["result"], document["reason"]) == ("planned", "dry-run")
    assert run(registry, "rollback", "churn", "dev", "--dry-run").exit_code == 0
    assert tree(registry) == before


@pytest.mark.thorough
def test_a_dry_run_leaves_nothing_in_temporary_places(registry: Path, tmp_path: Path) -> None:
    place = tmp_path / "temporary"
    place.mkdir()
    for arguments in (
        ["deploy", "churn#staging#2", "--dry-run"],
        ["deploy", "churn#staging#2", "--no-github"],
        ["deploy", "segment#dev#1", "--no-github"],
        ["check", "--config-ref", "main"],
    ):
        run(registry, *arguments, env={"TMPDIR": str(place)} | HOOK)
        assert list(place.iterdir()) == []


@pytest.mark.parametrize("json_", [[], ["--json"]], ids=["text", "json"])
def test_without_github_a_deployment_says_how_to_go_on(registry: Path, json_: list[str]) -> None:
    done = run(registry, "deploy", "churn#staging#2", *json_)
    assert done.exit_code == 2
    if json_:
        assert set(done.json) == OUTCOME
        assert done.json["reason"] == "usage"
        assert "--no-github" in done.json["hint"]
    else:
        assert "GITHUB_REPOSITORY" in done.out
        assert "--no-github" in done.out
    assert not (registry / "live").exists()


def test_a_local_deployment_runs_in_the_working_tree(registry: Path) -> None:
    done = run(registry, "deploy", "churn#staging#2", "--no-github", "--json")

    assert done.exit_code == 0, done.err
    assert set(done.json) == OUTCOME
    assert (done.json["result"], done.json["version"]) == ("deployed", "v3.1.0")
    assert "deploying churn v3.1.0 to staging" in done.err, "what the script says goes where it disturbs no document"
    assert (registry / "live" / "staging.churn").read_text() == "v3.1.0\n"


def test_a_failing_script_is_exit_1_with_its_last_words(registry: Path) -> None:
    done = run(registry, "deploy", "segment#dev#1", "--no-github", "--json")
    assert (done.exit_code, done.json["reason"]) == (1, "deployer-failed")
    assert "CUDA out of memory" in done.json["tail"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "reason"),
    [
        (["deploy", "churn@v3.1.0"], 0, "registration"),
        (["deploy", "v1.0.0"], 0, "not-a-stage-tag"),
        (["deploy", "churn#prod!#9"], 3, "tag-not-found"),
        (["deploy", "chürn#prod"], 2, "not-a-gto-tag"),
        (["deploy"], 2, "usage"),
        (["deploy", "churn#prod#99", "--no-github"], 3, "tag-not-found"),
        (["deploy", "churn#prod#3", "--no-github"], 2, "secret-missing"),
        (["deploy", "churn#prod#3", "--no-github", "--config", "no.yml"], 2, "mapping-not-found"),
        (["deploy", "churn#prod#3", "--no-github", "--config-ref", "nowhere"], 4, "git-failed"),
        (["rollback", "churn", "prod", "--no-github"], 3, "no-earlier-version"),
        (["rollback", "churn", "prod", "--to", "v9.9.9", "--no-github"], 3, "unknown-version"),
        (["rollback", "churn", "prod", "--to", "v3.1.0", "--no-github"], 3, "never-in-stage"),
        (["rollback", "churn", "dev", "--to", "v3.1.0", "--no-github"], 3, "already-live"),
        (["rollback", "nobody", "prod", "--no-github"], 3, "unknown-model"),
        (["rollback", "-x/", "prod", "--no-github"], 2, "usage"),
        (["rollback", "", "", "--no-github"], 2, "usage"),
        (["resolve", "churn#prod#3"], 0, "resolved"),
        (["resolve"], 2, "usage"),
    ],
)
def test_every_end_is_one_document_and_its_exit_code(
    registry: Path, arguments: list[str], exit_code: int, reason: str
) -> None:
    done = run(registry, *arguments, "--json")
    assert (done.exit_code, done.json["reason"], done.json["exit_code"]) == (exit_code, reason, exit_code), done.out
    assert set(done.json) in (OUTCOME, COMPLAINT)
    assert done.json["message"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "reason"),
    [
        (["deploy", "churn@v3.1.0"], 0, "registration"),
        (["deploy", "churn#prod#99", "--no-github"], 3, "tag-not-found"),
        (["rollback", "churn", "prod", "--no-github"], 3, "no-earlier-version"),
        (["resolve"], 2, "usage"),
    ],
)
def test_an_end_reads_well_too(registry: Path, arguments: list[str], exit_code: int, reason: str) -> None:
    said = run(registry, *arguments)
    assert said.exit_code == exit_code
    assert f"  reason: {reason} (exit code {exit_code})" in said.out.splitlines()


@pytest.mark.thorough
def test_a_repository_elsewhere_is_deployed_from_its_own_place(registry: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "deploy", "churn#staging#2", "--no-github", "--repo", "registry")
    assert done.exit_code == 0, done.out
    assert (registry / "live" / "staging.churn").exists()
    rolled = run(tmp_path, "rollback", "churn", "dev", "--no-github", "--repo", str(registry), "--json")
    assert (rolled.exit_code, rolled.json["reason"]) == (0, "rolled-back")


def test_modules_that_lie_about_in_the_repository_are_not_ours(registry: Path) -> None:
    for name in ("yaml.py", "jinja2.py", "requests.py", "git.py", "pydantic.py", "json.py", "subprocess.py"):
        (registry / name).write_text("raise SystemExit('not the library')\n")
    for arguments in (["check"], ["show"], ["deploy", "churn#staging#2", "--no-github"]):
        assert run(registry, *arguments).exit_code == 0


def test_check_says_what_each_model_and_stage_would_do(registry: Path) -> None:
    done = run(registry, "check")
    assert done.exit_code == 0, done.out
    assert "the mapping is right" in done.out
    assert "churn #prod: v3.0.0" in done.out
    assert "POST http://127.0.0.1:9/models/churn" in done.out
    assert "cv-class #prod" in done.out

    document = run(registry, "check", "churn", "--json").json
    assert (document["schema"], document["ok"]) == ("model-stage-deploy/check/v1", True)
    assert {row["model"] for row in document["stages"]} == {"churn"}
    keys = {"model", "stage", "version", "environment", "deployer", "actions", "problem", "hint", "gates"}
    assert set(document["stages"][0]) == keys | {"targets", "looked_at"}


def test_check_complains_of_everything_at_once(registry: Path) -> None:
    mapping = registry / ".github" / "model-stages.yml"
    mapping.write_text("version: 1\nstages:\n  prod:\n    deploy: {uses: webhok}\n    enviroment: x\n")
    done = run(registry, "check")
    assert (done.exit_code, done.out) == (2, "")
    for told in ("model-stages.yml:4:", "webhook", "model-stages.yml:5:", "environment"):
        assert told in done.err, done.err
    told = run(registry, "check", "--json").json
    assert set(told) == COMPLAINT
    assert told["reason"] == "mapping-invalid"

    mapping.write_text(
        "version: 1\nstages: {prod: {deploy: {uses: webhook, with: {url: 'http://x/{{ previous.tag }}'}}}}\n"
    )
    problem = run(registry, "check", "--json")
    assert (problem.exit_code, problem.json["ok"]) == (2, False)
    rows = {(row["model"], row["stage"]): row["problem"] for row in problem.json["stages"]}
    assert "nothing was in this stage before" in rows["churn", "prod"]
    assert "staging" in rows["churn", "staging"], "a stage that tags use and the mapping does not name"


def test_schema_prints_the_committed_file(tmp_path: Path) -> None:
    done = run(tmp_path, "schema")
    committed = files("model_stage_deploy").joinpath("mapping.schema.json").read_text(encoding="utf-8")
    assert done.out == committed
    assert json.loads(committed)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_init_writes_both_files_and_never_over_others(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository")
    done = run(repository.path, "init")
    assert done.exit_code == 0, done.err
    mapping = repository.path / ".github" / "model-stages.yml"
    workflow = repository.path / ".github" / "workflows" / "deploy-on-tag.yml"
    assert mapping.is_file()
    assert "tags: ['**#**']" in workflow.read_text(encoding="utf-8")
    assert run(repository.path, "check").exit_code == 0, "what it writes is right"

    mapping.write_text("mine")
    again = run(repository.path, "init", "--json")
    assert (again.exit_code, again.json["reason"]) == (2, "usage")
    assert mapping.read_text() == "mine"
    forced = run(tmp_path, "init", "--force", "--repo", str(repository.path), "--json")
    assert forced.json == {"written": [".github/model-stages.yml", ".github/workflows/deploy-on-tag.yml"]}
    assert mapping.read_text() != "mine"


def test_init_where_nothing_can_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / ".github").write_text("a file")
    done = run(tmp_path, "init", "--json")
    assert (done.exit_code, done.json["reason"]) == (2, "usage")
    assert ".github" in done.json["message"]
    assert run(tmp_path, "init", "--repo", str(tmp_path / "missing")).exit_code == 2


def test_the_demo_keeps_its_registry_only_in_an_empty_place(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    refused = run(tmp_path, "demo", "--keep", str(tmp_path / "kept"))
    assert (refused.exit_code, refused.out) == (2, "")
    assert "is not an empty directory" in refused.err
    assert run(tmp_path, "demo", "--keep", str(tmp_path / "kept" / "file" / "below")).exit_code == 2


@pytest.mark.thorough
def test_a_deployment_fails_with_its_exit_code_though_nobody_reads(registry: Path) -> None:
    for arguments, wanted in ((["segment#dev#1"], 1), (["churn#staging#2"], 0), (["segment#dev#1", "--json"], 1)):
        process = subprocess.Popen(
            [*COMMAND, "deploy", *arguments, "--no-github"],
            cwd=registry,
            env=environment(registry.parent),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        words = process.stderr.read().decode()
        process.stderr.close()
        assert_civil(Done(process.wait(), "", words))
        assert process.returncode == wanted


@pytest.mark.thorough
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_cancelled_command_ends_what_it_started(registry: Path, number: int) -> None:
    script = registry / "deploy.sh"
    script.write_text(
        "#!/usr/bin/env bash\ntrap '' INT TERM\necho $$ > pid\nmv pid started\nwhile :; do sleep 0.1; done\n"
    )
    process = subprocess.Popen(
        [*COMMAND, "deploy", "churn#staging#2", "--no-github", "--json"],
        cwd=registry,
        env=environment(registry.parent),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while not (registry / "started").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    begun = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)

    assert time.monotonic() - begun < 5
    assert_civil(Done(process.returncode, out, err))
    assert process.returncode == 130
    assert json.loads(out)["reason"] == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(int((registry / "started").read_text()), 0)


def test_in_a_workflow_a_command_speaks_to_the_runner(registry: Path) -> None:
    workflow = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(registry)}
    commit = GitRepository(registry).git("rev-parse", "HEAD")
    env = workflow | {"GITHUB_SHA": commit, "GITHUB_REF": "refs/heads/main", "GITHUB_EVENT_NAME": "workflow_dispatch"}
    done = run(registry, "deploy", "churn#staging#2", "--no-github", "--config-ref", "main", env=env)
    assert done.exit_code == 0, done.out
    assert "::group::shell: churn v3.1.0 -> staging" in done.out
    assert "::stop-commands::" in done.out
