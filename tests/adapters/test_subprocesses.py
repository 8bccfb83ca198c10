"""Real processes that behave badly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from model_stage_deploy.adapters.output_tail import TAIL_CHARACTERS
from model_stage_deploy.adapters.subprocesses import Subprocesses, _Group
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.ports import Command, Finished

pytestmark = pytest.mark.thorough

GRACE = 0.4


def _run(text: str, tmp_path: Path, *, timeout: float | None = 20.0) -> tuple[Finished, str]:
    said: list[str] = []
    command = Command(("bash", "-c", text), tmp_path, {"PATH": os.environ["PATH"]}, timeout)
    return Subprocesses(GRACE).run(command, said.append), "".join(said)


def _gone(pid: int, within: float = 3.0) -> bool:
    """Whether the process has ended (a zombie that somebody else must reap has ended too)."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        threading.Event().wait(0.02)
    return False


def _pid_in(path: Path, within: float = 5.0) -> int:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if path.exists() and path.read_text().strip().isdigit():
            return int(path.read_text())
        threading.Event().wait(0.02)
    raise AssertionError(f"nobody wrote {path}")


def test_output_of_both_streams_comes_in_order_with_the_exit_code(tmp_path: Path) -> None:
    done, said = _run("echo one; echo two >&2; echo three; exit 7", tmp_path)
    assert (done.exit_code, done.timed_out) == (7, False)
    assert said == "one\ntwo\nthree\n"
    assert done.tail == "one\ntwo\nthree"


def test_output_comes_while_it_runs(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)

    def listen(text: str) -> None:
        seen.append((text, (tmp_path / "ended").exists()))
        if "first" in text:
            go_on.write_text("x")  # the command waits for this: it cannot have ended yet

    text = "echo first; read x < go-on || true; touch ended; echo second"
    done = Subprocesses().run(Command(("bash", "-c", text), tmp_path, dict(os.environ), 20), listen)
    assert done.exit_code == 0
    assert seen == [("first\n", False), ("second\n", True)]


def test_stdin_is_empty_and_the_environment_is_just_what_was_given(tmp_path: Path) -> None:
    done, said = _run("cat; env | cut -d= -f1 | sort | tr '\\n' ' '", tmp_path)
    assert done.exit_code == 0
    assert set(said.split()) <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}


def test_arguments_arrive_as_they_are(tmp_path: Path) -> None:
    hostile = "$(touch x) `touch x` ' \" \n ::set-env name=a::b \u202e ../"
    said: list[str] = []
    program = "import sys; sys.stdout.buffer.write(sys.argv[1].encode())"
    Subprocesses().run(Command((sys.executable, "-c", program, hostile), tmp_path, dict(os.environ), 20), said.append)
    assert "".join(said) == hostile
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("text", "code"), [("exit 137", 137), ("kill -KILL $$", 137), ("kill -TERM $$", 143), ("kill -SEGV $$", 139)]
)
def test_exit_code_of_a_signal_is_128_and_its_number(text: str, code: int, tmp_path: Path) -> None:
    assert _run(text, tmp_path)[0].exit_code == code


def test_what_hangs_is_ended_at_the_timeout(tmp_path: Path) -> None:
    done, said = _run("echo begun; echo $$ > pid; sleep 60", tmp_path, timeout=0.3)
    assert (done.timed_out, done.exit_code, said) == (True, 143, "begun\n")
    assert done.seconds < 2
    assert _gone(_pid_in(tmp_path / "pid"))


def test_what_forks_and_hangs_and_ignores_sigterm_is_killed_with_all_its_children(tmp_path: Path) -> None:
    text = "trap '' TERM; (trap '' TERM; echo $BASHPID > child; while :; do sleep 1; done) & sleep 60; sleep 60"
    done, _ = _run(text, tmp_path, timeout=0.4)
    assert (done.timed_out, done.exit_code) == (True, 137)
    assert done.seconds < 0.4 + GRACE + 1.5
    assert _gone(_pid_in(tmp_path / "child"))


def test_last_words_after_sigterm_are_heard(tmp_path: Path) -> None:
    done, said = _run(
        "trap 'echo cleaning up; exit 3' TERM; echo x; while :; do sleep 0.05; done", tmp_path, timeout=0.3
    )
    assert done.timed_out
    assert done.exit_code == 3
    assert said.endswith("cleaning up\n")


def test_a_child_that_holds_the_output_does_not_hold_us(tmp_path: Path) -> None:
    done, said = _run("sleep 60 & echo $! > child; echo done; exit 0", tmp_path)
    assert (done.exit_code, done.timed_out) == (0, False)
    assert done.seconds < 1 + GRACE + 1.5
    assert said.startswith("done\n")
    assert "left behind" in said
    assert _gone(_pid_in(tmp_path / "child"))


def test_a_child_that_finishes_its_words_soon_is_waited_for(tmp_path: Path) -> None:
    done, said = _run("(sleep 0.2; echo late) & echo done", tmp_path)
    assert (done.exit_code, said) == (0, "done\nlate\n")


def test_a_child_with_output_elsewhere_is_left_alone(tmp_path: Path) -> None:
    done, said = _run("sleep 30 > /dev/null 2>&1 & echo $! > child; echo up", tmp_path)
    child = _pid_in(tmp_path / "child")
    try:
        assert (done.exit_code, said) == (0, "up\n")
        assert not _gone(child, within=0.1)
    finally:
        os.kill(child, signal.SIGKILL)


def test_what_closes_its_output_and_goes_on_is_waited_for(tmp_path: Path) -> None:
    done, said = _run("echo x; exec >&- 2>&-; sleep 0.4; touch worked; exit 5", tmp_path)
    assert (done.exit_code, said) == (5, "x\n")
    assert (tmp_path / "worked").exists()


def test_what_closes_its_output_and_hangs_is_ended(tmp_path: Path) -> None:
    done, _ = _run("exec >&- 2>&-; sleep 60", tmp_path, timeout=0.3)
    assert done.timed_out
    assert done.seconds < 2


def test_what_never_stops_printing_is_ended(tmp_path: Path) -> None:
    said = 0

    def listen(text: str) -> None:
        nonlocal said
        said += len(text)

    done = Subprocesses(GRACE).run(Command(("yes",), tmp_path, dict(os.environ), 0.3), listen)
    assert done.timed_out
    assert said > 0
    assert done.seconds < 2


def test_200_mb_of_output_take_no_memory(tmp_path: Path) -> None:
    program = (
        "import os, resource, sys, tracemalloc\n"
        "from pathlib import Path\n"
        "from model_stage_deploy.adapters.subprocesses import Subprocesses\n"
        "from model_stage_deploy.ports import Command\n"
        "count = 0\n"
        "def listen(text):\n"
        "    global count\n"
        "    count += len(text)\n"
        "run = Subprocesses().run\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "flood = 'yes $(printf %079d 0) | head -c 200000000'\n"
        "done = run(Command(('bash', '-c', flood), Path('/'), dict(os.environ), 60), listen)\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(done.exit_code, count, after - before, len(done.tail))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    code, count, grown, tail = (int(word) for word in done.stdout.split())
    assert (code, count) == (0, 200_000_000)
    assert grown < 20_000, f"grew by {grown} KiB"
    assert tail <= TAIL_CHARACTERS


def test_what_is_not_utf8_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    done, said = _run(r"printf 'a\xff\xfe'; printf '\xc3'; sleep 0.1; printf '\xa9\n'; printf 'end\xc3'", tmp_path)
    assert done.exit_code == 0
    assert said == "a\ufffd\ufffdé\nend\ufffd"


@pytest.mark.parametrize(
    ("argv", "mode", "problem"),
    [
        (("no-such-program-anywhere",), None, FileNotFoundError),
        (("./plain",), 0o644, PermissionError),
        (("./plain/x",), 0o644, NotADirectoryError),
        (("echo", "a\0b"), None, ValueError),
        (("./plain",), 0o755, OSError),  # no interpreter line, no binary
    ],
)
def test_what_cannot_start_says_so(
    argv: tuple[str, ...], mode: int | None, problem: type[Exception], tmp_path: Path
) -> None:
    if mode is not None:
        (tmp_path / "plain").write_bytes(b"\x01\x02")
        (tmp_path / "plain").chmod(mode)
    with pytest.raises(problem):
        Subprocesses().run(Command(argv, tmp_path, dict(os.environ), 5), lambda _text: None)


def test_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Subprocesses().run(Command(("true",), tmp_path / "none", dict(os.environ), 5), lambda _text: None)


def test_what_was_said_before_the_cancellation_is_heard(tmp_path: Path) -> None:
    said: list[str] = []

    def follow(group: _Group, seconds: float | None, *, linger: bool = False) -> bool:
        if linger:
            return False
        _pid_in(tmp_path / "spoke")
        raise Cancelled

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Cancelled):
        patch.setattr(_Group, "follow", follow)
        command = Command(("bash", "-c", "echo working; echo 1 > spoke; sleep 9"), tmp_path, dict(os.environ), 20.0)
        Subprocesses(GRACE).run(command, said.append)
    assert said == ["working\n"]


def test_an_exception_of_the_listener_ends_the_group_and_goes_on(tmp_path: Path) -> None:
    def listen(_text: str) -> None:
        raise RuntimeError("full disk")

    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="full disk"):
        Subprocesses(GRACE).run(
            Command(("bash", "-c", "echo $$ > pid; echo x; sleep 60"), tmp_path, dict(os.environ), 60), listen
        )
    assert time.monotonic() - begun < 3
    assert _gone(_pid_in(tmp_path / "pid"))


_CANCELLED = """
import os, signal, sys, threading
from pathlib import Path
from model_stage_deploy.adapters.subprocesses import Subprocesses, _Group
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.ports import Command

def stop(number, frame):
    raise Cancelled("told to stop")

signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
text, where = sys.argv[1:]
try:
    Subprocesses().run(Command(("bash", "-c", text), Path(where), dict(os.environ), 60), lambda text: None)
except Cancelled:
    left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    try:
        print("cancelled", left, os.waitpid(-1, os.WNOHANG))
    except ChildProcessError:
        print("cancelled", left, "no children")
"""


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]])
def test_a_cancelled_run_ends_the_group_within_three_seconds(signals: list[signal.Signals], tmp_path: Path) -> None:
    text = "trap '' TERM INT; (trap '' TERM INT; echo $BASHPID > child; sleep 61) & sleep 62; sleep 60"
    runner = subprocess.Popen(
        [sys.executable, "-c", _CANCELLED, text, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child = _pid_in(tmp_path / "child", within=20)
    begun = time.monotonic()
    for number in signals:
        runner.send_signal(number)
        threading.Event().wait(0.2)
    said, complained = runner.communicate(timeout=20)
    assert time.monotonic() - begun < 3.5
    assert said == "cancelled [] no children\n", complained
    assert _gone(child, within=0.5)


def test_a_signal_at_any_moment_loses_no_child(tmp_path: Path) -> None:
    """Cancel ever later, from before the start until well into the run."""
    marks = []
    for number in range(12):
        mark = tmp_path / f"pid{number}"
        marks.append(mark)
        timer = threading.Timer(number * 0.0015, os.kill, [os.getpid(), signal.SIGUSR1])

        def stop(_number: int, _frame: object) -> None:
            raise Cancelled("now")

        before = signal.signal(signal.SIGUSR1, stop)
        try:
            with pytest.raises(Cancelled):
                timer.start()
                Subprocesses(GRACE).run(
                    Command(("bash", "-c", f"echo $$ > {mark.name}; exec sleep 60"), tmp_path, dict(os.environ), 60),
                    lambda _text: None,
                )
        finally:
            timer.join()
            signal.signal(signal.SIGUSR1, before)
    for mark in marks:
        if mark.exists() and mark.read_text().strip():
            assert _gone(int(mark.read_text()))
    with pytest.raises(ChildProcessError):  # none is left, not even one that had no time to write its id
        os.waitpid(-1, os.WNOHANG)


def test_what_was_given_up_before_it_began_never_begins(tmp_path: Path) -> None:
    group = _Group(Command(("touch", "ran"), tmp_path, dict(os.environ), 5), lambda _text: None, threading.Event())
    group.end(GRACE)
    group.start()
    group.close()
    assert not (tmp_path / "ran").exists()


def test_no_zombies_and_no_threads_stay(tmp_path: Path) -> None:
    threads = threading.active_count()
    for _ in range(5):
        _run("true", tmp_path)
        _run("sleep 60", tmp_path, timeout=0.05)
    assert threading.active_count() == threads
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
