"""Runs foreign processes: output live, memory flat, and a whole process group that ends when it must.

What belongs to a command is its process group: everything it starts, unless that makes a session of its own
(setsid, a daemon). The rules, for people who write deployers:

- Output is what the command *and its children* write to stdout and stderr. Children that outlive the command
  and keep that pipe open are given LINGER_SECONDS to finish their words and are then ended, with a line that
  says so. Children that sent their output elsewhere are left alone.
- At the timeout, and when the run is cancelled, the group gets SIGTERM, some grace, then SIGKILL.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import IO

from model_stage_deploy.adapters.output_tail import OutputTail
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.ports import Command, Finished

GRACE_SECONDS = 2.0  # between SIGTERM and SIGKILL; a cancelled job has about five seconds in all
LINGER_SECONDS = 1.0  # for children that still hold the output when the command has ended
CHUNK_BYTES = 65536
TICK_SECONDS = 0.05  # how late the end of a command may be noticed while a child holds its output
REAP_SECONDS = 0.8

LEFT_BEHIND = "\n[ended the processes that the command left behind: they still held its output]\n"


class Subprocesses:
    """Fulfils ports.Process. `grace` is the time in seconds between SIGTERM and SIGKILL.

    Once `stop` is set, commands that run in other threads than the main one end as if the run had been cancelled there:
    a signal reaches the main thread only.
    """

    def __init__(self, grace: float = GRACE_SECONDS, stop: threading.Event | None = None) -> None:
        self._grace = grace
        self._stop = stop or threading.Event()

    def run(self, command: Command, output: Callable[[str], None]) -> Finished:
        """See ports.Process; also raises OSError or ValueError where the system refuses the arguments."""
        begun = time.monotonic()
        group = _Group(command, output, self._stop)
        try:
            group.start()
            timed_out = group.follow(command.timeout)
            if timed_out:
                group.end(self._grace)
            elif not group.silent and group.follow(LINGER_SECONDS, linger=True):
                group.tell(LEFT_BEHIND)
                group.end(self._grace)
        except BaseException:
            try:
                group.hear_out()
            finally:
                group.discard()
                group.end(self._grace)
            raise
        finally:
            group.close()
        return Finished(group.exit_code, time.monotonic() - begun, group.tail.text(), timed_out)


class _Group:
    """A command, the group of processes it became, its pipe, and where its words go."""

    def __init__(self, command: Command, output: Callable[[str], None], stop: threading.Event) -> None:
        self._command = command
        self._stop = stop
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: BaseException | None = None
        self._abandoned = False
        self._starting = threading.Lock()
        self._output = output
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.tail = OutputTail()
        self.silent = False  # nobody holds the write end of the pipe any more
        self.exit_code = 0

    def start(self) -> None:
        """Start it so that a signal handler which raises in the midst of that cannot lose the child.

        Python runs signal handlers in the main thread only, so Popen is called in another one; whoever gives up
        waiting for it calls `end`, which finds the process or keeps it from being started.
        """
        starter = threading.Thread(target=self._popen, name="start-process", daemon=True)
        starter.start()
        starter.join()
        if self._failure is not None:
            raise self._failure

    def _popen(self) -> None:
        with self._starting:
            if self._abandoned:
                return
            try:
                self._process = subprocess.Popen(
                    list(self._command.argv),
                    cwd=self._command.cwd,
                    env=dict(self._command.env),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    bufsize=0,
                    start_new_session=True,
                )
            except BaseException as problem:  # noqa: BLE001 - carried to the thread that asked
                self._failure = problem

    def follow(self, seconds: float | None, *, linger: bool = False) -> bool:
        """Hand output on until the command has ended (with `linger`: until the pipe closed too). True: out of time."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            if (self.silent or not linger) and self._ended():
                return False
            if self._stop.is_set() and not self._abandoned:
                raise Cancelled("stopped")
            left = TICK_SECONDS if until is None else min(TICK_SECONDS, until - time.monotonic())
            if left <= 0:
                return True
            self._read(left)

    def _read(self, seconds: float) -> None:
        """Wait up to `seconds` for output and hand on what has come."""
        if self.silent:
            time.sleep(min(seconds, 0.01))
            return
        pipe = self._pipe().fileno()
        poller = select.poll()  # not select.select: that fails on descriptors over 1023
        poller.register(pipe, select.POLLIN)
        if poller.poll(max(1, int(seconds * 1000))):
            piece = os.read(pipe, CHUNK_BYTES)
            self.silent = not piece
            self.tell(self._decoder.decode(piece, final=self.silent))

    def _pipe(self) -> IO[bytes]:
        if self._process is None or self._process.stdout is None:
            raise RuntimeError("the process was not started")
        return self._process.stdout

    def tell(self, text: str) -> None:
        """Hand a piece of output on."""
        if text:
            self.tail.add(text)
            self._output(text)

    def hear_out(self) -> None:
        """Hand on what was said before the run was cancelled, without waiting for more."""
        if self._process is not None and not self.silent:
            with contextlib.suppress(Exception):  # the cancellation matters more
                self._read(0)

    def discard(self) -> None:
        """Nobody listens any more."""
        self._output = lambda _text: None

    def _ended(self) -> bool:
        """Whether the command itself has ended. Does not reap it: its id names the group until that is gone."""
        if self._process is None or self._process.returncode is not None:
            return True
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._process.poll() is not None
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self, grace: float) -> None:
        """SIGTERM, `grace` seconds for last words, SIGKILL. Whatever interrupts the grace cuts it short."""
        with self._starting:
            self._abandoned = True
        if self._process is None:
            return
        try:
            self._signal(self._process.pid, signal.SIGTERM)
            self.follow(grace, linger=True)
        finally:
            self._signal(self._process.pid, signal.SIGKILL)

    @staticmethod
    def _signal(group: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone, or all changed their user
            os.killpg(group, number)

    def close(self) -> None:
        """Reap the command, and orphans of its group that became ours (we are process 1 in a container)."""
        process = self._process
        if process is None:
            return
        try:
            code = process.wait(REAP_SECONDS)
        except subprocess.TimeoutExpired:  # stuck in the kernel: nobody can end it
            code = -signal.SIGKILL
        self.exit_code = 128 - code if code < 0 else code
        self._pipe().close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-process.pid, os.WNOHANG)[0]:
                pass
