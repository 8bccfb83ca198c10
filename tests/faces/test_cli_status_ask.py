"""`status --ask` as a process: each stage's deployer looks at what runs, and says so beside the records."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faces.command_lines import Done, run, tree
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes, one after the other

MAPPING = """\
version: 1
stages:
  prod:
    secrets: [TOKEN]
    deploy:
      run: 'echo "$MSD_VERSION" > "$LIVE"'
      env: {LIVE: "{{ vars.live }}"}
      with:
        status: |
          echo "said while looking: $TOKEN"
          [ -e "$LIVE" ] || { echo state=absent > "$MSD_OUTPUT"; exit 0; }
          echo "version=$(cat "$LIVE")" >> "$MSD_OUTPUT"
          echo "url=http://127.0.0.1:9/$TOKEN" >> "$MSD_OUTPUT"
  silent: {deploy: {run: "true"}}
  own: {deploy: {uses: ./own.py}}
  broken: {deploy: {uses: ./own.py, with: {ends: raise}}}
  nothing: {deploy: {uses: ./own.py, with: {ends: none}}}
  lost: {deploy: {run: "true", with: {status: "kill -KILL $$"}}}
  many:
    deploy: {run: "true", with: {status: "true"}}
    targets: [here, there]
  secret:
    secrets: [NOT_SET]
    deploy: {run: "true", env: {A: "{{ secrets.NOT_SET }}"}, with: {status: "true"}}
vars: {live: /nonexistent}
"""
OWN = """\
from model_stage_deploy.deployers.contract import Receipt, Status

class Deployer:
    def describe(self, plan, options): return []
    def deploy(self, job, options): return Receipt()
    def status(self, job, options):
        print("printed while looking")
        if options.get("ends") == "raise":
            raise KeyError("gone\\x1b[2J")
        if options.get("ends") == "none":
            return None
        facts, runs = {"a": float("nan")}, job.plan.decision.version
        return Status("asleep", "it \\x1b[2J sleeps", version=runs, url="javascript:x", facts=facts)
"""
SECRET = "hunter2hunter2"


@pytest.fixture
def registry(tmp_path: Path) -> GitRepository:
    """Model m: v1.0.0 is for every stage; it was deployed to prod."""
    made = GitRepository(tmp_path / "registry")
    made.commit({"model-stages.yml": MAPPING.replace("/nonexistent", str(tmp_path / "live")), "own.py": OWN})
    made.tag("m@v1.0.0")
    for number, stage in enumerate(("prod", "silent", "own", "broken", "nothing", "lost", "many", "secret"), 1):
        made.tag(f"m#{stage}#{number}")
    assert _run(made, "deploy", "m#prod#1", "--no-github").exit_code == 0
    return made


def _run(registry: GitRepository, *arguments: str) -> Done:
    return run(registry.path, *arguments, env={"TOKEN": SECRET})


def _asked(registry: GitRepository, *arguments: str) -> Done:
    return _run(registry, "status", *arguments, "--ask", "--no-github")


def test_each_stage_says_what_runs_or_why_it_cannot_be_told(registry: GitRepository) -> None:
    before = tree(registry.path)
    done = _asked(registry, "--json")
    assert done.exit_code == 0, done.err
    seen = {stage["stage"]: stage["seen"] for stage in done.json["stages"]}
    assert seen["prod"] == {
        "deployer": "shell",
        "state": "running",
        "version": "v1.0.0",
        "expected": "v1.0.0",
        "agrees": True,
        "url": "http://127.0.0.1:9/***",
        "sentence": "its program exited with status 0",
        "facts": {"exit_code": 0},
        "problem": None,
    }
    own = seen["own"]
    assert (own["state"], own["version"], own["url"], own["facts"]) == ("unknown", "v1.0.0", None, {"a": "nan"})
    assert own["sentence"] == "it \\e[2J sleeps"
    problems = {stage: told["problem"] for stage, told in seen.items() if told["problem"]}
    assert set(problems) == {"silent", "broken", "nothing", "lost", "many", "secret"}
    assert "`deploy.with.status` says no program" in problems["silent"]
    assert "broke: KeyError" in problems["broken"]
    assert "returned no Status" in problems["nothing"]
    assert "SIGKILL" in problems["lost"]
    assert "targets m many" in problems["many"]
    assert "NOT_SET" in problems["secret"]
    assert SECRET not in done.out + done.err
    assert "while looking" not in done.out + done.err
    assert tree(registry.path) == before


def test_another_version_than_the_recorded_one_is_told(registry: GitRepository, tmp_path: Path) -> None:
    assert _asked(registry, "m", "prod", "--exit-code").exit_code == 0
    (tmp_path / "live").write_text("v0.9.0\n")
    done = _asked(registry, "m", "prod", "--exit-code")
    assert "m prod: v1.0.0 should run, but v0.9.0 does; shell: its program exited with status 0" in done.out
    assert "m  silent" not in done.out
    assert done.exit_code == 3
    (tmp_path / "live").unlink()
    done = _asked(registry, "m", "prod", "--exit-code")
    assert "m prod: v1.0.0 should run, but it is absent; shell: " in done.out
    assert done.exit_code == 3


def test_without_ask_nobody_is_asked(registry: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "live").write_text("v0.9.0\n")
    done = _run(registry, "status", "m", "prod", "--no-github", "--json", "--exit-code")
    assert done.exit_code == 0
    assert [stage["seen"] for stage in done.json["stages"]] == [None]
    assert [stage["stage"] for stage in done.json["stages"]] == ["prod"]


def test_a_stage_that_there_is_not_is_a_mistake(registry: GitRepository) -> None:
    done = _run(registry, "status", "m", "prd", "--no-github")
    assert done.exit_code == 2
    assert "its stages: " in done.err


def test_a_mapping_that_cannot_be_read_is_no_reason_to_say_nothing(registry: GitRepository) -> None:
    (registry.path / "model-stages.yml").write_text("version: 2\n")
    done = _asked(registry, "m", "prod")
    assert done.exit_code == 0
    assert "m prod: its deployer does not say: " in done.out
