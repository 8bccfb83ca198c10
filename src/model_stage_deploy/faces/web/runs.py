"""Deployments that the page started on this machine: a process of its own each, its words, and how it ended.

They end with the server, and not with the reader: a closed tab loses nothing. One at a time for each stage.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import secrets
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from model_stage_deploy.core.errors import MachineryFailed, Refused
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

MOST_KEPT = 200_000
"""Characters of a run's words that are kept: the last ones."""
_MOST_RUNS = 50
_GRACE = 5.0  # seconds between SIGTERM and SIGKILL: a deployment that is cancelled closes its record first
_LONGEST_END = 1_000_000  # bytes of the document that a run ends with


class Run:
    """One process. `place` is the stage that it is about, `title` what it does, for people."""

    def __init__(self, argv: Sequence[str], *, place: str, title: str, back: str, scrub: Callable[[str], str]) -> None:
        self.id = secrets.token_urlsafe(9)
        self.argv = tuple(argv)
        self.place = place
        self.title = title
        self.back = back
        self._scrub = scrub
        self._lock = threading.Lock()
        self._words = ""
        self._letters = codecs.getincrementaldecoder("utf-8")("replace")  # a piece may end within a letter
        self._document = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._readers: list[threading.Thread] = []
        self.cut = False

    def start(self, environ: Mapping[str, str]) -> None:
        """Start it in a group of its own. Raises MachineryFailed where the system does not let us."""
        try:
            process = subprocess.Popen(
                list(self.argv),
                env={**environ, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as problem:
            raise MachineryFailed(Reason.SETUP_FAILED, f"the deployment could not be started: {problem}") from problem
        self._process = process
        for stream, take in ((process.stderr, self._hear), (process.stdout, self._keep)):
            reader = threading.Thread(target=self._read, args=(stream, take), name=f"run-{self.place}", daemon=True)
            reader.start()
            self._readers.append(reader)

    @staticmethod
    def _read(stream: IO[bytes], take: Callable[[bytes], None]) -> None:
        with stream:
            while piece := os.read(stream.fileno(), 65536):
                take(piece)

    def _hear(self, piece: bytes) -> None:
        with self._lock:
            self._words += self._letters.decode(piece)
            if len(self._words) > MOST_KEPT:
                kept = self._words[-MOST_KEPT:]
                self._words = kept.partition("\n")[2] or kept
                self.cut = True

    def _keep(self, piece: bytes) -> None:
        with self._lock:
            self._document = (self._document + piece)[-_LONGEST_END:]

    @property
    def log(self) -> str:
        """What it said, without secrets, and nothing in it that turns a page around."""
        with self._lock:
            said = self._scrub(self._words)
        return "\n".join(one_line(line, MOST_KEPT) for line in said.split("\n"))

    @property
    def exit_code(self) -> int | None:
        """None while it works."""
        if self._process is None:
            return None
        code = self._process.poll()
        if code is None:
            return None
        readers, self._readers = self._readers, []
        for reader in readers:
            reader.join(1.0)  # what it said is all there, unless a child of it holds the pipe: waited for once
        return code

    @property
    def outcome(self) -> Mapping[str, Any]:
        """The document that it ended with; empty as long as there is none, or where it cannot be read."""
        with self._lock:
            text = self._document
        try:
            found = json.loads(self._scrub(text.decode("utf-8", "replace").strip().rpartition("\n")[2]))
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def command(self) -> str:
        """As a person would type it: without what only the page adds."""
        words, skipped = ["python", *self.argv[1:]], {"-P", "--json"}
        if "--planned" in words:
            at = words.index("--planned")
            del words[at : at + 2]
        return shlex.join([word for word in words if word not in skipped])

    def signal(self, number: int) -> None:
        """Tell the whole group."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


class Runs:
    """All runs of a server, the newest of them kept. Whoever ends the server ends them."""

    def __init__(self, environ: Mapping[str, str], scrub: Callable[[str], str] = str) -> None:
        self._environ = environ
        self._scrub = scrub
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._ended = False

    def start(self, argv: Sequence[str], *, place: str, title: str, back: str = "") -> Run:
        """Start one. Raises Refused (locked) where one is at work in that stage, MachineryFailed."""
        run = Run(argv, place=place, title=title, back=back, scrub=self._scrub)
        with self._lock:
            for other in self._runs.values():
                if other.place == place and other.exit_code is None:
                    raise Refused(
                        Reason.LOCKED,
                        f"a run that this page started is still at work there: {other.title}",
                        hint=f"see how it goes: /runs/{other.id}",
                    )
            if self._ended:
                raise MachineryFailed(Reason.SETUP_FAILED, "the server is about to end")
            run.start(self._environ)
            self._runs[run.id] = run
            done = [one for one in self._runs.values() if one.exit_code is not None]
            for old in done[: max(0, len(self._runs) - _MOST_RUNS)]:
                del self._runs[old.id]
        return run

    def get(self, id_: str) -> Run | None:
        """A run by its id."""
        with self._lock:
            return self._runs.get(id_)

    def end(self) -> None:
        """End all that work still: SIGTERM, so that they close their records, and SIGKILL some seconds later."""
        with self._lock:
            self._ended = True
            alive = [run for run in self._runs.values() if run.exit_code is None]
        for run in alive:
            run.signal(signal.SIGTERM)
        until = time.monotonic() + _GRACE
        while any(run.exit_code is None for run in alive) and time.monotonic() < until:
            time.sleep(0.05)
        for run in alive:
            run.signal(signal.SIGKILL)
