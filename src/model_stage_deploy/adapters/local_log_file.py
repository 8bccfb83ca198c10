"""The file of the local deployment log: SQLite, opened, made and read carefully. What is written there: local_log.py.

A rollback journal, not a write-ahead log: that one needs memory that all writers share, which a network file system
does not give. With it `synchronous=EXTRA`, which syncs the directory, too, when the journal goes: what was
acknowledged is there after a power cut. Every use opens the file anew, so that nothing is held between two writes.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from weakref import finalize

from model_stage_deploy.core.errors import MachineryFailed
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.reasons import Reason

SCHEMA_VERSION = 1
_MESSAGE = 300  # characters of SQLite's own words, which may quote a damaged file
PATIENT, HURRIED = 15.0, 2.0  # seconds to wait for other writers
_GARBLED = (UnicodeError, IndexError)  # of a damaged file: SQLite quotes what it finds; a column has another name
_TROUBLE = (sqlite3.Error, OSError, *_GARBLED)
_APPLICATION_ID = 0x4D53444C  # "MSDL", in the file's header: https://www.sqlite.org/pragma.html#pragma_application_id
_SCHEMA = """
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL CHECK (kind IN ('started', 'placed', 'ended', 'closed', 'retired', 'approved')),
  deployment INTEGER REFERENCES events (id),
  attempt TEXT NOT NULL,
  time REAL NOT NULL,
  who TEXT NOT NULL,
  model TEXT NOT NULL,
  stage TEXT NOT NULL,
  environment TEXT NOT NULL,
  version TEXT NOT NULL,
  commit_id TEXT NOT NULL,
  state TEXT NOT NULL,
  summary TEXT NOT NULL,
  url TEXT NOT NULL,
  payload TEXT NOT NULL
);
CREATE UNIQUE INDEX one_start ON events (attempt) WHERE kind = 'started';
CREATE INDEX starts ON events (model, stage, environment, id) WHERE kind = 'started';
CREATE INDEX approvals ON events (model, version, stage, commit_id, id) WHERE kind = 'approved';
CREATE INDEX afterwards ON events (deployment, id) WHERE deployment IS NOT NULL;
CREATE TRIGGER nothing_changes BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
CREATE TRIGGER nothing_goes BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are only added'); END;
"""


class LogFile:
    """The log's file; None for a log in memory, that ends with the run. Made when something is first written."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory = None if path is not None else _connect(":memory:", PATIENT, same_thread=False)
        if self._memory is not None:
            finalize(self, self._memory.close)

    @property
    def shown(self) -> str:
        """The path, for people."""
        return str(self._path) if self._path is not None else "in memory"

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """The log as it is at one moment, None where nothing was ever written. Raises MachineryFailed (log-failed)."""
        with self._told("read"):
            if self._path is not None and not self._path.exists():
                yield None
                return
            with self._opened(PATIENT) as connection:
                connection.execute("BEGIN")
                yield connection if self._version(connection) else None
                connection.execute("COMMIT")

    @contextmanager
    def writing(self, *, hurry: bool = False) -> Iterator[sqlite3.Connection]:
        """One transaction that no other writer is in: all of it is kept, or nothing.

        Raises MachineryFailed (log-failed).
        """
        with self._told("written"):
            if self._path is not None:
                _make(self._path)
            with self._opened(HURRIED if hurry else PATIENT) as connection:
                connection.execute("BEGIN IMMEDIATE")
                if not self._version(connection):
                    _create(connection)
                yield connection
                connection.execute("COMMIT")

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Around what makes values of rows: SQLite notices damage to its own structures, and not to what is in them.

        Raises MachineryFailed (log-failed) for a row that no version of ours can have written.
        """
        try:
            yield
        except (ValueError, TypeError, AttributeError, OverflowError, LookupError) as problem:
            raise MachineryFailed(
                Reason.LOG_FAILED,
                f"the deployment log {self.shown} holds an event that makes no sense: it is damaged",
                hint=self._way_out(),
            ) from problem

    @contextmanager
    def _opened(self, timeout: float) -> Iterator[sqlite3.Connection]:
        """A connection; what it began and did not commit is undone, whatever ends it."""
        if self._memory is not None:
            try:
                yield self._memory
            finally:
                if self._memory.in_transaction:
                    self._memory.execute("ROLLBACK")
            return
        with closing(_connect(os.fspath(self._path or ""), timeout)) as connection:
            yield connection

    def _version(self, connection: sqlite3.Connection) -> int:
        """The schema's version, 0 for a file where nothing was written yet. Raises MachineryFailed (log-failed)."""
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application == _APPLICATION_ID and version > SCHEMA_VERSION:
            raise MachineryFailed(
                Reason.LOG_FAILED,
                f"the deployment log {self.shown} was written by a newer model-stage-deploy (format {version}, "
                f"this one knows {SCHEMA_VERSION})",
                hint="use the same version here as on the other runs: python -m pip install -U model-stage-deploy",
            )
        if (version or tables) and (application != _APPLICATION_ID or version != SCHEMA_VERSION):
            raise MachineryFailed(
                Reason.LOG_FAILED,
                f"the file {self.shown} is not a deployment log: other tables are in it",
                hint=self._way_out(),
            )
        return int(version)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What SQLite or the system says, as one message of ours."""
        try:
            yield
        except _TROUBLE as problem:
            raise MachineryFailed(
                Reason.LOG_FAILED,
                f"the deployment log {self.shown} cannot be {what}: {self._why(problem)}",
                hint=self._hint(problem),
            ) from problem

    def _why(self, problem: Exception) -> str:
        if isinstance(problem, OSError):
            return problem.strerror or type(problem).__name__
        if isinstance(problem, _GARBLED):
            return "it is damaged"
        if _is_damage(problem) and (damage := self._damage()):
            return one_line(f"{problem} ({damage})", _MESSAGE)
        return one_line(str(problem), _MESSAGE)

    def _damage(self) -> str:
        """What SQLite's own check says first; asked only when an error shows, because it reads the whole file."""
        with suppress(*_TROUBLE), closing(_connect(os.fspath(self._path or ""), HURRIED)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            return ", ".join(str(found).split("\n")) if found != "ok" else ""
        return ""

    def _hint(self, problem: Exception) -> str:
        name = getattr(problem, "sqlite_errorname", "") or ""
        if _is_damage(problem):
            return self._way_out()
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return "another process holds the log for longer than a write takes: see who has the file open, and repeat"
        if name.startswith("SQLITE_FULL"):
            return "make room on that disk, and repeat"
        if name.startswith("SQLITE_IOERR"):
            return "the disk or the network file system failed: see the system's log, and repeat"
        folder = shlex.quote(str(self._path.parent)) if self._path is not None else ""
        return f"this user must own, read and write it: ls -ld {folder}; ls -l {folder}"

    def _way_out(self) -> str:
        """How to go on where the file is of no use: it is kept, and the log begins anew."""
        path = shlex.quote(self.shown)
        return (
            f"keep it and begin a new log: mv {path} {shlex.quote(self.shown + '.damaged')}; the new one does not know "
            "what is live, so look at that first (sqlite3 FILE .recover may still read the old one)"
        )


def _is_damage(problem: Exception) -> bool:
    name = getattr(problem, "sqlite_errorname", "") or ""
    garbled = isinstance(problem, _GARBLED) or str(problem).startswith("Could not decode")
    return garbled or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _connect(path: str, timeout: float, *, same_thread: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=timeout, isolation_level=None, check_same_thread=same_thread)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA trusted_schema = OFF")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """An empty file that only this user may read, in such a directory; SQLite gives its journal the same mode."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):  # another process was quicker
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for directory in (path.parent, path.parent.parent):
        _sync(directory)


def _sync(directory: Path) -> None:
    """That a directory's new entry survives a power cut; not every file system can."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _create(connection: sqlite3.Connection) -> None:
    """The tables, in the transaction that is open: a log is never half made."""
    statement = ""
    for line in _SCHEMA.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
