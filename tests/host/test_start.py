"""The set-up of the host action: what is installed, once, from the lock alone, and how it fails."""

from __future__ import annotations

import ast
import os
import platform
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from host import start
from model_stage_deploy.core.errors import MachineryFailed
from tests.fakes.announcer import FakeAnnouncer
from tests.host.host_steps import ROOT, Tree, command, step

pytestmark = pytest.mark.thorough


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A checkout of the action on a runner that never saw it."""
    return Tree(tmp_path / "tree")


def test_the_first_run_installs_and_the_next_one_finds_it(tree: Tree) -> None:
    first, again = tree.run(), tree.run()

    assert (first.exit_code, again.exit_code) == (0, 0), first.log + again.log
    assert "set up in " in first.log.splitlines()[0]
    assert "set up before" in again.log.splitlines()[0]
    assert first.told["tiny"] == again.told["tiny"] == "1.0"
    assert len(tree.environments) == 1


def test_the_runners_process_is_the_action(tree: Tree) -> None:
    """Whom the runner signals is who closes the records (T44)."""
    ended = tree.run()
    assert ended.told["pid"] == ended.pid


def test_inputs_with_hyphens_arrive(tree: Tree) -> None:
    assert tree.run().told["inputs"] == {"INPUT_DRY-RUN": "true"}


def test_nothing_of_the_workspace_or_the_runner_is_imported(tree: Tree) -> None:
    for name in ("tiny.py", "sitecustomize.py", "usercustomize.py", "pip.py", "json.py", "model_stage_deploy.py"):
        (tree.workspace / name).write_text("raise SystemExit('a module of the workspace was run')\n", encoding="utf-8")
    ended = tree.run(PYTHONPATH=str(tree.workspace), PYTHONSTARTUP=str(tree.workspace / "tiny.py"))

    assert ended.exit_code == 0, ended.log
    assert not [place for place in ended.told["path"] if "site-packages" in place or "dist-packages" in place]
    assert {"", str(tree.workspace)}.isdisjoint(ended.told["path"])


def test_settings_of_pip_change_neither_what_is_installed_nor_where(tree: Tree) -> None:
    nowhere = str(tree.path / "nowhere")
    hostile = {"USER": "1", "TARGET": nowhere, "PREFIX": nowhere, "CONSTRAINT": nowhere, "REQUIREMENT": nowhere}
    strict = {"REQUIRE_VIRTUALENV": "1", "NO_BINARY": ":all:", "REQUIRE_HASHES": "0", "DRY_RUN": "1", "LOG": nowhere}
    ended = tree.run(**{f"PIP_{name}": value for name, value in (hostile | strict).items()})

    assert ended.exit_code == 0, ended.log
    assert not Path(nowhere).exists()


def test_jobs_that_start_together_do_not_disturb_each_other(tree: Tree) -> None:
    processes = [tree.begin() for _ in range(4)]
    ended = [tree.finish(process) for process in processes]

    assert [each.exit_code for each in ended] == [0] * 4, [each.log for each in ended]
    assert len(tree.environments) == 1


def test_what_a_killed_job_left_is_removed_once_it_is_old(tree: Tree) -> None:
    place = tree.tools / "model-stage-deploy"
    for name, age in (("part-dead", 7200), ("part-alive", 60)):
        (place / name / "libraries").mkdir(parents=True)
        os.utime(place / name, (time.time() - age,) * 2)
    assert tree.run().exit_code == 0

    assert [name for name in tree.environments if name.startswith("part-")] == ["part-alive"]


def test_what_another_job_removes_meanwhile_is_no_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Another job ends its set-up between our listing of the half-made ones and our look at their age."""
    monkeypatch.setattr(Path, "glob", lambda *_: iter([tmp_path / "part-gone"]))
    monkeypatch.setattr(start, "_install", lambda part, *_: (part / "libraries").mkdir())
    announcer: Any = FakeAnnouncer()
    start._make(tmp_path / "made", {}, announcer)
    assert [place.name for place in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o755), (0o077, 0o700), (0o002, 0o755)])
def test_other_users_are_let_in_where_they_can_read_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mask: int, mode: int
) -> None:
    monkeypatch.setattr(start, "_install", lambda part, *_: (part / "libraries").mkdir())
    announcer: Any = FakeAnnouncer()
    before = os.umask(mask)
    try:
        start._make(tmp_path / "made", {}, announcer)
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == mode


def test_without_a_tool_cache_the_jobs_own_directory_serves(tree: Tree) -> None:
    (tree.path / "file").touch()
    for tools in ("", str(tree.path / "file/below")):
        assert tree.run(RUNNER_TOOL_CACHE=tools).exit_code == 0
    assert len(list((tree.temp / "model-stage-deploy").iterdir())) == 1


def test_with_no_directory_at_all_it_says_so(tree: Tree) -> None:
    ended = tree.run(RUNNER_TOOL_CACHE="", RUNNER_TEMP="")
    assert ended.exit_code == 4
    assert "neither RUNNER_TOOL_CACHE nor RUNNER_TEMP" in ended.log


@pytest.mark.parametrize(
    ("hashed", "links", "words"),
    [(False, True, "DO NOT MATCH THE HASHES"), (True, False, "Could not find a version that satisfies")],
    ids=["another-file", "unreachable"],
)
def test_what_cannot_be_installed_is_one_clear_error(tmp_path: Path, hashed: bool, links: bool, words: str) -> None:
    tree = Tree(tmp_path / "tree", hashed=hashed)
    ended = tree.run(PIP_FIND_LINKS=str(tree.wheels) if links else "")

    assert ended.exit_code == 4
    assert (ended.outputs["result"], ended.outputs["reason"]) == ("error", "setup-failed")
    [shown] = [line for line in ended.log.splitlines() if line.startswith("::error")]
    assert words in shown
    assert "What to do: " in shown
    assert "Traceback" not in ended.log
    assert tree.environments == []


def test_a_password_in_an_address_that_pip_complains_of_is_not_shown(tree: Tree) -> None:
    proxy = "http://ada:only-for-tests-0123@localhost:bad"
    ended = tree.run(PIP_NO_INDEX="", PIP_INDEX_URL="https://localhost:1/simple", PIP_PROXY=proxy, PIP_RETRIES="0")

    assert ended.exit_code == 4
    shown = [line for line in ended.log.splitlines() if not line.startswith("::add-mask::")]
    assert "only-for-tests" not in "\n".join([*shown, *ended.outputs.values()])
    assert "Failed to parse: http://***@localhost:bad" in ended.log


def test_an_older_python_is_told_so_in_words_that_it_understands(tree: Tree) -> None:
    ast.parse(step()["run"], feature_version=(3, 4))
    old = "import sys; sys.version_info = (3, 8, 10); sys.version = '3.8.10 (default)'; exec(open(sys.argv[1]).read())"
    output = tree.path / "output"
    done = subprocess.run(
        [sys.executable, "-c", old, command(tree.temp / "script")[-1]],
        env={"GITHUB_OUTPUT": str(output), "GITHUB_ACTION_PATH": str(tree.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stdout.startswith("::error title=model-stage-deploy::Python 3.11 or newer is needed")
    assert "3.8.10. Add a step with actions/setup-python" in done.stdout
    assert output.read_text(encoding="utf-8") == "result=error\nreason=setup-failed\n"


def test_a_python_without_pip_borrows_one(tree: Tree) -> None:
    venv.create(tree.path / "bare", with_pip=False)
    ended = tree.run(python=str(tree.path / "bare/bin/python"))

    assert ended.exit_code == 0, ended.log
    assert ended.told["tiny"] == "1.0"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_cancelled_set_up_leaves_nothing(tree: Tree, number: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        process = tree.begin(PIP_NO_INDEX="", PIP_FIND_LINKS="", PIP_INDEX_URL=index)
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            begun = time.monotonic()
            process.send_signal(number)
            ended = tree.finish(process)

    assert time.monotonic() - begun < 5
    assert ended.exit_code == 130
    assert (ended.outputs["result"], ended.outputs["reason"]) == ("cancelled", "cancelled")
    assert "Traceback" not in ended.log
    assert tree.environments == []


class Asked:
    """Takes what pip would be asked, and answers."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = list(answers)
        self.environments: list[Mapping[str, str]] = []

    def __call__(self, _command: list[str], environ: Mapping[str, str], _directory: Path) -> str | None:
        self.environments.append(environ)
        return self.answers.pop(0)


def _install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: Asked, environ: Mapping[str, str]) -> None:
    monkeypatch.setattr(start, "_run", asked)
    announcer: Any = FakeAnnouncer()
    start._install(tmp_path, environ, announcer)


def test_no_input_and_no_other_setting_reaches_pip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = Asked(None)
    environ = {"INPUT_TOKEN": "secret", "PIP_TARGET": "x", "PIP_INDEX_URL": "https://mirror.example.com", "PATH": "p"}
    _install(monkeypatch, tmp_path, asked, environ)

    assert asked.environments == [
        {
            "PIP_INDEX_URL": "https://mirror.example.com",
            "PATH": "p",
            "PIP_USER": "0",
            "PIP_REQUIRE_VIRTUALENV": "0",
            "TMPDIR": str(tmp_path),
        }
    ]


def test_a_bad_moment_of_the_network_is_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = Asked("ERROR: connection reset", None)
    _install(monkeypatch, tmp_path, asked, {})
    assert asked.answers == []


def test_neither_pip_nor_venv_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = Asked("/usr/bin/python3: No module named pip\n", "Error: ensurepip is not available")
    with pytest.raises(MachineryFailed, match="neither pip nor venv") as caught:
        _install(monkeypatch, tmp_path, asked, {})
    assert "actions/setup-python" in caught.value.hint


def test_pip_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(start, "TRY_SECONDS", 0.2)
    endless = [sys.executable, "-I", "-S", "-c", "while True: pass"]
    assert start._run(endless, {}, tmp_path) == "ERROR: it was not done after 0.2 s"


def test_another_lock_or_another_c_library_is_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {start.fingerprint(lock) for lock in (b"a", b"b", b"a")}
    monkeypatch.setattr(platform, "libc_ver", lambda: ("musl", "1.2"))
    assert len(names | {start.fingerprint(b"a")}) == 3


def test_elsewhere_than_on_linux_and_macos_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(start, "POSIX", False)
    monkeypatch.delenv("GITHUB_OUTPUT", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert start.main() == 4
    assert "the action needs Linux or macOS" in capsys.readouterr().out


def test_the_lock_is_the_one_of_the_image() -> None:
    assert start.LOCK == ROOT / "requirements/runtime.lock"
    assert "requirements/runtime.lock" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
