"""lock, unlock and locks on the command line: a clone with a remote, one without, and a URL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from model_stage_deploy.core.locks import place_of
from model_stage_deploy.faces.cli import main
from tests.faces.command_lines import Done, assert_civil, environment
from tests.faces.command_lines import run as run_as_process
from tests.standins.git_remote import GitRemote
from tests.standins.registries import AUTHOR, GitRepository

REF = "refs/model-stages/locks"
OWNER = f"{AUTHOR[0]} <{AUTHOR[1]}>"


class Run(Protocol):
    """One command in a directory; in this process, which is quicker."""

    def __call__(self, cwd: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Done: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_ACTIONS", "GITHUB_ACTOR", "GITHUB_TOKEN", "GITHUB_REPOSITORY", "GITHUB_EVENT_PATH"):
        monkeypatch.delenv(name, raising=False)

    def act(cwd: Path, *arguments: str, env: Mapping[str, str] | None = None) -> Done:
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            done = Done(main(list(arguments)), *capsys.readouterr())
        assert_civil(done)
        return done

    return act


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry for those who are refused."""
    made = GitRepository(tmp_path_factory.mktemp("refusing") / "registry")
    made.commit({"model.bin": "1"})
    made.tag("churn@v1.0.0")
    return made.path


@pytest.fixture
def clone(tmp_path: Path) -> GitRepository:
    """A registry with one model, and a bare remote."""
    bare = GitRepository(tmp_path / "remote.git", bare=True)
    made = GitRepository(tmp_path / "clone")
    made.commit({"model.bin": "1"})
    made.tag("churn@v1.0.0")
    made.tag("churn#prod#1")
    made.git("remote", "add", "origin", str(bare.path))
    made.git("push", "--quiet", "origin", "main", "--tags")
    return made


def locks(run: Run, clone: GitRepository) -> list[tuple[str, str | None, str | None]]:
    found = run(clone.path, "locks", "--json")
    assert (found.exit_code, found.err) == (0, "")
    assert found.json["schema"] == "model-stage-deploy/locks/v1"
    return [(one["kind"], one["model"], one["stage"]) for one in found.json["locks"]]


def reason(done: Done) -> tuple[int, str]:
    return done.exit_code, done.json["reason"]


def put_run(clone: GitRepository, **fields: object) -> None:
    """The lock of a deployment, as another machine would put it."""
    document = {
        "schema": "model-stage-deploy/lock/v1",
        "kind": "run",
        "key": "churn#prod",
        "claim": "c",
        "owner": "Bob",
        "reason": "deploy v1.0.0",
        "url": "https://ci.example.com/7",
        "since": 1.0,
        "renewed": 1.0,
        "lease": 60.0,
        **fields,
    }
    tree = clone.git("mktree")
    commit = clone.git("commit-tree", tree, stdin=json.dumps(document).encode())
    clone.git("push", "--quiet", "--force", "origin", f"{commit}:{REF}/run/{place_of('churn#prod')}")


@pytest.mark.thorough
def test_a_stage_is_locked_and_unlocked(clone: GitRepository) -> None:
    run = run_as_process
    assert run(clone.path, "locks").out == "nothing is locked\n"
    done = run(clone.path, "lock", "churn", "prod", "-m", "incident 42")
    assert (done.exit_code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "churn in prod is locked: nothing is deployed there until it is unlocked",
        "to end it: python -m model_stage_deploy unlock churn prod",
    ]
    assert REF in clone.git("ls-remote", "origin")
    assert run(clone.path, "locks", "other", "--json").json["locks"] == []
    assert REF not in clone.git("show-ref")
    heading, row = run(clone.path, "locks").out.splitlines()
    assert heading.split() == ["WHAT", "KIND", "OWNER", "SINCE", "AGE", "STATE", "REASON"]
    assert row.startswith(f"churn in prod  freeze  {OWNER}  ")
    assert row.endswith("held   incident 42")
    again = run(clone.path, "lock", "churn", "prod", "-m", "me too", "--json")
    assert reason(again) == (3, "locked")
    assert "incident 42" in again.json["message"]
    done = run(clone.path, "unlock", "churn", "prod")
    assert done.out.splitlines()[0] == "churn in prod is unlocked"
    assert reason(run(clone.path, "unlock", "churn", "prod", "--json")) == (3, "not-locked")
    assert REF not in clone.git("ls-remote", "origin")


def test_a_model_and_everything(run: Run, clone: GitRepository) -> None:
    done = run(clone.path, "lock", "churn", "-m", "retraining", "--json")
    assert reason(done) == (0, "stage-locked")
    assert done.json["result"] == "written"
    assert [one["model"] for one in done.json["locks"]] == ["churn"]
    assert run(clone.path, "lock", "--all", "-m", "the cluster moves").exit_code == 0
    assert locks(run, clone) == [("freeze", None, None), ("freeze", "churn", None)]
    narrow = run(clone.path, "unlock", "churn", "prod", "--json")
    assert reason(narrow) == (3, "not-locked")
    assert narrow.json["hint"].endswith("unlock --all")
    done = run(clone.path, "unlock", "churn")
    assert done.out.startswith("that lock is gone, but churn in every stage is still locked by another\n")
    assert "still there: the lock of" in done.out
    assert run(clone.path, "unlock", "--all", "--json").json["reason"] == "stage-unlocked"
    assert locks(run, clone) == []


def test_a_deployment_at_work(run: Run, clone: GitRepository) -> None:
    put_run(clone, renewed=4e9, since=4e9)
    done = run(clone.path, "lock", "churn", "-m", "stop", "--json")
    assert [one["owner"] for one in done.json["working"]] == ["Bob"]
    shown = run(clone.path, "locks").out
    assert "churn in prod: https://ci.example.com/7" in shown
    assert reason(run(clone.path, "unlock", "churn", "prod", "--json")) == (3, "not-locked")
    refused = run(clone.path, "unlock", "churn", "prod", "--run", "--json")
    assert reason(refused) == (3, "locked")
    assert refused.json["hint"].endswith("unlock churn prod --run --force")
    assert run(clone.path, "unlock", "churn", "prod", "--run", "--force").exit_code == 0
    assert locks(run, clone) == [("freeze", "churn", None)]


def test_a_dead_deployment(run: Run, clone: GitRepository) -> None:
    put_run(clone)
    [found] = run(clone.path, "locks", "--json").json["locks"]
    assert (found["stale"], found["lease"], found["since"]) == (True, 60.0, "1970-01-01T00:00:01+00:00")
    assert "stale" in run(clone.path, "locks").out
    assert run(clone.path, "unlock", "churn", "prod", "--run").exit_code == 0
    assert locks(run, clone) == []


def test_a_foreign_ref(run: Run, clone: GitRepository) -> None:
    place = place_of("churn#prod")
    clone.git("push", "--quiet", "origin", f"main:{REF}/freeze/{place}")
    shown = run(clone.path, "locks")
    assert "unreadable" in shown.out
    assert f"git push origin ':{REF}/freeze/{place}'" in shown.out
    [found] = run(clone.path, "locks", "--json").json["locks"]
    assert (found["readable"], found["place"], found["owner"]) == (False, place, None)
    assert run(clone.path, "unlock", "churn", "prod").exit_code == 0
    assert locks(run, clone) == []


def test_hostile_words(run: Run, clone: GitRepository) -> None:
    put_run(clone, owner="\x1b[31mBob\n::error::x", reason="\u202eevil", url="javascript:x\x07")
    done = run(clone.path, "locks")
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    assert "\n::error" not in done.out
    assert "\x1b" not in run(clone.path, "unlock", "churn", "prod", "--run").out


def test_without_a_remote(run: Run, clone: GitRepository) -> None:
    clone.git("remote", "remove", "origin")
    assert run(clone.path, "lock", "churn", "prod", "-m", "x").exit_code == 0
    assert REF in clone.git("show-ref")
    assert locks(run, clone) == [("freeze", "churn", "prod")]
    assert run(clone.path, "unlock", "churn", "prod").exit_code == 0
    assert REF not in clone.git("show-ref")


def test_by_url(run: Run, clone: GitRepository, tmp_path: Path) -> None:
    with GitRemote(tmp_path / "served") as remote:
        remote.add("org/models", clone)
        url = remote.repository_url("org/models")
        done = run(tmp_path, "lock", "churn", "prod", "-m", "x", "--repo", url, "--json", env={"GITHUB_ACTOR": "ann"})
        assert reason(done) == (0, "stage-locked")
        assert done.json["locks"][0]["owner"] == "ann"
        assert len(run(tmp_path, "locks", "--repo", url, "--json").json["locks"]) == 1
        assert run(tmp_path, "unlock", "churn", "prod", "--repo", url).exit_code == 0


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["lock", "churn", "prod"], 2, "usage"),
        (["lock", "churn", "prod", "-m", "  "], 2, "usage"),
        (["lock", "churn", "prod", "-m", "x" * 1001], 2, "usage"),
        (["lock", "-m", "x"], 2, "usage"),
        (["lock", "churn", "--all", "-m", "x"], 2, "usage"),
        (["lock", "churn", "pr od", "-m", "x"], 2, "usage"),
        (["lock", "chrun", "prod", "-m", "x"], 3, "unknown-model"),
        (["unlock", "churn", "--run"], 2, "usage"),
        (["unlock", "--all", "--run"], 2, "usage"),
        (["unlock", "churn", "prod", "--force"], 2, "usage"),
        (["unlock"], 2, "usage"),
        (["locks", "no good"], 2, "usage"),
    ],
)
def test_refusals(run: Run, registry: Path, words: Sequence[str], code: int, why: str) -> None:
    done = run(registry, *words, "--json")
    assert reason(done) == (code, why)
    assert done.json["hint"]


def test_a_stage_that_nobody_knows_is_noted(run: Run, clone: GitRepository) -> None:
    done = run(clone.path, "lock", "churn", "prdo", "-m", "x")
    assert "note: no version of churn was ever in prdo" in done.out


def test_a_remote_that_is_gone(run: Run, clone: GitRepository, tmp_path: Path) -> None:
    (tmp_path / "remote.git").rename(tmp_path / "elsewhere")
    for words in (["locks"], ["lock", "churn", "prod", "-m", "x"], ["unlock", "churn", "prod"]):
        done = run(clone.path, *words, "--json")
        assert reason(done) == (4, "lock-failed")
        assert done.json["hint"]
