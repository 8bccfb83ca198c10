"""One `git` process at a time, run so that nothing hostile in a name, a configuration or a remote gets its way."""

from __future__ import annotations

import codecs
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason

LOCAL_TIMEOUT = 60.0
NETWORK_TIMEOUT = 120.0
_NOT_LET_IN = ("authentication failed", "could not read username", "returned error: 401", "returned error: 403")
_READ = (
    "the token cannot read this repository: it needs `permissions: contents: read` "
    "(on GitLab the scope read_repository)"
)

# Never ask a person, never run the repository's own hooks or monitors, speak English, never write locks on reads.
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
    "GIT_TRACE_REDACT": "1",
    "LC_ALL": "C",
}
_OPTIONS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "advice.detachedHead=false")
# Left over from a caller's hook or alias, these would point us at another repository.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")


class Git:
    """Runs git in one directory. `extra` is added to the environment: credentials go there, never on a command line."""

    def __init__(self, directory: str | os.PathLike[str], extra: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        # Without the action's inputs: helpers that a configuration names need know neither token nor secrets.
        self.environment = {
            name: value for name, value in os.environ.items() if name not in _FOREIGN and not name.startswith("INPUT_")
        }
        self.environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        self.environment |= _ENVIRONMENT | dict(extra or {})

    def attempt(
        self, arguments: Sequence[str], *, timeout: float = LOCAL_TIMEOUT, given: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git ARGUMENTS…` and hand back whatever came of it; `given` is its standard input.

        Raises Invalid (not-a-repository) for a missing directory, MachineryFailed (git-failed) where git is not
        installed or does not end within `timeout` seconds.
        """
        with self._started(arguments, given) as process:
            try:
                out, err = process.communicate(given, timeout=timeout)
            except subprocess.TimeoutExpired as problem:
                raise _too_slow(arguments, timeout) from problem
            return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def stream(
        self,
        arguments: Sequence[str],
        *,
        timeout: float = LOCAL_TIMEOUT,
        size: int = 1 << 16,
        given: bytes | None = None,
        encoding: str = "utf-8",
    ) -> Iterator[str]:
        """Run `git ARGUMENTS…` and give its output as text, in pieces of up to `size` bytes, while it comes.

        `given` is its standard input. Raises what `run` raises; a failure shows after the last piece.
        """
        words: list[bytes] = []
        late = threading.Event()
        with self._started(arguments, given) as process:
            if process.stdout is None or process.stderr is None:
                raise AssertionError

            def end() -> None:
                late.set()
                _kill(process)

            complaints = threading.Thread(target=lambda errors: words.append(errors.read()), args=(process.stderr,))
            watch = threading.Timer(timeout, end)
            watch.daemon = complaints.daemon = True
            complaints.start()
            if given is not None and process.stdin is not None:
                threading.Thread(target=_feed, args=(process.stdin, given), daemon=True).start()
            watch.start()
            try:
                decode, source = codecs.getincrementaldecoder(encoding)("replace").decode, process.stdout.fileno()
                while piece := os.read(source, size):  # whatever is there, so that git and we work side by side
                    yield decode(piece)
                if rest := decode(b"", final=True):
                    yield rest
                process.wait()
            finally:
                watch.cancel()
            complaints.join()
        if late.is_set():
            raise _too_slow(arguments, timeout)
        if process.returncode != 0:
            raise _failed(arguments, b"".join(words))

    @contextlib.contextmanager
    def _started(self, arguments: Sequence[str], given: bytes | None) -> Iterator[subprocess.Popen[bytes]]:
        """A running git; whatever ends the wait for it also ends the processes that it started to ask a remote."""
        try:
            process = subprocess.Popen(
                ["git", *_OPTIONS, *arguments],
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError) as problem:
            raise self._not_started(problem) from problem
        with process:
            try:
                yield process
            except BaseException:
                _kill(process)
                raise

    def _not_started(self, problem: OSError) -> Invalid | MachineryFailed:
        if not os.path.isdir(self.directory):
            return Invalid(
                Reason.NOT_A_REPOSITORY,
                f"there is no directory {os.fspath(self.directory)!r}",
                hint="name the repository with --repo PATH",
            )
        if isinstance(problem, PermissionError):
            return Invalid(
                Reason.NOT_A_REPOSITORY, f"{os.fspath(self.directory)!r} may not be entered ({problem.strerror})"
            )
        return MachineryFailed(Reason.GIT_FAILED, "git is not installed", hint="install git 2.31 or newer")

    def run(self, arguments: Sequence[str], *, timeout: float = LOCAL_TIMEOUT, given: bytes | None = None) -> bytes:
        """Like `attempt`, but a failure raises MachineryFailed (git-failed, permission-missing) in git's words."""
        done = self.attempt(arguments, timeout=timeout, given=given)
        if done.returncode != 0:
            raise _failed(arguments, done.stderr)
        return done.stdout


def _feed(sink: IO[bytes], given: bytes) -> None:
    with contextlib.suppress(OSError):  # it ended before it had read all: that shows by itself
        sink.write(given)
        sink.close()


def last_words(stderr: bytes) -> str:
    """The line of git's complaint that says most, as text."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (telling or lines or ["it said nothing"])[0][:500]


def _failed(arguments: Sequence[str], stderr: bytes) -> MachineryFailed:
    message = f"git {arguments[0]} failed: {last_words(stderr)}"
    if any(words in stderr.decode(errors="replace").lower() for words in _NOT_LET_IN):
        return MachineryFailed(Reason.PERMISSION_MISSING, message, hint=_READ)
    return MachineryFailed(Reason.GIT_FAILED, message, hint=_hint(stderr))


def _too_slow(arguments: Sequence[str], timeout: float) -> MachineryFailed:
    return MachineryFailed(
        Reason.GIT_FAILED,
        f"git {arguments[0]} did not end within {timeout:.0f} s",
        hint="the remote may be slow or unreachable: try again",
    )


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _hint(stderr: bytes) -> str:
    text = stderr.decode(errors="replace").lower()
    if "could not resolve host" in text or "unable to access" in text or "could not read from remote" in text:
        return "the remote cannot be reached: check its address and the network, then try again"
    return ""
