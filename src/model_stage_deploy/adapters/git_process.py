"""One `git` process at a time, run so that nothing hostile in a name, a configuration or a remote gets its way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_stage_deploy.core.errors import Invalid, MachineryFailed
from model_stage_deploy.core.reasons import Reason

LOCAL_TIMEOUT = 60.0
NETWORK_TIMEOUT = 120.0

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

    def __init__(self, directory: Path, extra: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        self.environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
        self.environment |= _ENVIRONMENT | dict(extra or {})

    def attempt(
        self, arguments: Sequence[str], *, timeout: float = LOCAL_TIMEOUT
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git ARGUMENTS…` and hand back whatever came of it.

        Raises Invalid (not-a-repository) for a missing directory, MachineryFailed (git-failed) where git is not
        installed or does not end within `timeout` seconds.
        """
        try:
            return self._finished(["git", *_OPTIONS, *arguments], timeout)
        except (FileNotFoundError, NotADirectoryError) as problem:
            if not self.directory.is_dir():
                raise Invalid(
                    Reason.NOT_A_REPOSITORY,
                    f"there is no directory {str(self.directory)!r}",
                    hint="name the repository with --repo PATH",
                ) from problem
            raise MachineryFailed(
                Reason.GIT_FAILED, "git is not installed", hint="install git 2.30 or newer"
            ) from problem
        except subprocess.TimeoutExpired as problem:
            raise MachineryFailed(
                Reason.GIT_FAILED,
                f"git {arguments[0]} did not end within {timeout:.0f} s",
                hint="the remote may be slow or unreachable: try again",
            ) from problem

    def _finished(self, command: list[str], timeout: float) -> subprocess.CompletedProcess[bytes]:
        """Like subprocess.run, but whatever ends the wait also ends the processes that git started to ask a remote."""
        with subprocess.Popen(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise
            return subprocess.CompletedProcess(command, process.returncode, out, err)

    def run(self, arguments: Sequence[str], *, timeout: float = LOCAL_TIMEOUT) -> bytes:
        """Like `attempt`, but a failure raises MachineryFailed (git-failed) with git's last words."""
        done = self.attempt(arguments, timeout=timeout)
        if done.returncode != 0:
            raise MachineryFailed(
                Reason.GIT_FAILED, f"git {arguments[0]} failed: {last_words(done.stderr)}", hint=_hint(done.stderr)
            )
        return done.stdout


def last_words(stderr: bytes) -> str:
    """The line of git's complaint that says most, as text."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (telling or lines or ["it said nothing"])[0][:500]


def _hint(stderr: bytes) -> str:
    text = stderr.decode(errors="replace").lower()
    if "authentication failed" in text or "could not read username" in text or "403" in text:
        return "the token cannot read this repository: it needs `permissions: contents: read`"
    if "could not resolve host" in text or "unable to access" in text or "could not read from remote" in text:
        return "the remote cannot be reached: check its address and the network, then try again"
    return ""
