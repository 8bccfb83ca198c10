"""One git process: how it ends, what it says, and what it does not do for a hostile repository or environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from model_stage_deploy.adapters.git_process import Git, last_words
from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason
from tests.adapters.git_clones import isolate
from tests.standins.registries import GitRepository


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    made = GitRepository(tmp_path / "repository")
    made.commit({"a": "b"})
    return made


def test_output_and_failure(repository: GitRepository) -> None:
    git = Git(repository.path)
    assert git.run(["rev-parse", "HEAD"]).decode().strip() == repository.git("rev-parse", "HEAD")
    with pytest.raises(MachineryFailed, match=r"^git cat-file failed: fatal: Not a valid object name nope$") as failure:
        git.run(["cat-file", "-p", "nope"])
    assert failure.value.reason is Reason.GIT_FAILED
    assert git.attempt(["cat-file", "-p", "nope"]).returncode == 128


def test_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        Git(tmp_path / "nowhere").run(["status"])
    assert refusal.value.reason is Reason.NOT_A_REPOSITORY
    (tmp_path / "file").touch()
    with pytest.raises(Invalid):
        Git(tmp_path / "file").run(["status"])


def test_missing_git(repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineryFailed, match="git is not installed"):
        Git(repository.path).run(["status"])


def test_timeout(repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(MachineryFailed, match="git fetch did not end within 0 s") as failure:
        Git(repository.path).run(["fetch"], timeout=0.05)
    assert "try again" in failure.value.hint


def test_variables_of_a_calling_hook_do_not_lead_elsewhere(
    repository: GitRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_NAMESPACE", "elsewhere")
    assert Git(repository.path).run(["rev-parse", "HEAD"]).decode().strip() == repository.git("rev-parse", "HEAD")


def test_programs_that_a_repository_names_are_not_run(repository: GitRepository, tmp_path: Path) -> None:
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    program.chmod(0o755)
    repository.git("config", "core.fsmonitor", str(program))
    hook = repository.path / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(program.read_text())
    hook.chmod(0o755)
    git = Git(repository.path)
    git.run(["status"])
    git.run(["checkout", "--quiet", "--detach", "HEAD"])
    git.attempt(["fetch", f"ext::{program}"])
    assert not (tmp_path / "ran").exists()


def test_nobody_is_asked_and_traces_keep_the_token(repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TERMINAL_PROMPT", "1")
    monkeypatch.setenv("GIT_TRACE_REDACT", "0")
    environment = Git(repository.path, {"EXTRA": "1"}).environment
    assert (environment["GIT_TERMINAL_PROMPT"], environment["GIT_TRACE_REDACT"]) == ("0", "1")
    assert "BatchMode=yes" in environment["GIT_SSH_COMMAND"]
    assert environment["EXTRA"] == "1"
    assert environment["HOME"] == os.environ["HOME"]


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (b"warning: x\nfatal: y\nhint: z\n", "fatal: y"),
        (b"error: a\nfatal: b\n", "error: a"),
        (b"\n  plain \n", "plain"),
        (b"", "it said nothing"),
        (b"fatal: \xff\xfe", "fatal: \ufffd\ufffd"),
        (b"fatal: " + b"x" * 5000, "fatal: " + "x" * 493),
    ],
)
def test_last_words(stderr: bytes, words: str) -> None:
    assert last_words(stderr) == words


def test_what_git_starts_does_not_get_the_inputs_of_the_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INPUT_SECRETS", "KEY=only-for-tests")
    repository = GitRepository(tmp_path / "here")
    repository.git("config", "credential.helper", "!env > seen; true")
    Git(repository.path).attempt(["credential", "fill"], given=b"protocol=https\nhost=localhost\n\n")
    seen = (repository.path / "seen").read_text(encoding="utf-8")
    assert "PATH=" in seen
    assert "only-for-tests" not in seen
