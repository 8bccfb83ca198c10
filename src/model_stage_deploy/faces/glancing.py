"""A cheap look at the files beside the tags that pages depend on: the mapping, the log of deployments, the commit that
is checked out."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from model_stage_deploy.adapters.git_repository import GitRepository
from model_stage_deploy.adapters.local_log import PLACE
from model_stage_deploy.adapters.local_log_file import LogFile
from model_stage_deploy.core.errors import ModelStageError
from model_stage_deploy.faces.configurations import CONFIG_PATHS
from model_stage_deploy.faces.kept_registry import Place
from model_stage_deploy.faces.settings import Settings

EVERY = 2.0
"""Seconds for which a commit that is checked out is taken to stay so."""
_RACY = 2.5  # seconds within which a file may change twice and keep its time


class Glance:
    """Looks at one registry's files. `from_commit` says that the mapping is read from a commit, not a working tree."""

    def __init__(self, settings: Settings, place: Place, *, from_commit: bool) -> None:
        self._place = place
        self._from_commit = from_commit or bool(settings.config_ref)
        self._lock = threading.Lock()
        self._head: tuple[float, str] = (float("-inf"), "")
        self._paths: list[Path] = []
        self._log: Path | None = None
        if place.kept is None:
            local = GitRepository(place.git)
            self._log = local.common_directory / PLACE
            self._paths.append(self._log)
            if not self._from_commit:
                top = local.top
                named = [Path(settings.config), top / settings.config] if settings.config else []
                self._paths += named or [top / path for path in CONFIG_PATHS]

    def stamp(self, *, sure: bool = True) -> object:
        """Changes when the mapping or the log does.

        Where it is to be `sure`, None while they changed so lately that they might change again and keep their times.
        """
        found: list[object] = [self.head()] if self._from_commit else []
        now = time.time()
        for path in self._paths:
            try:
                status = path.stat()
            except OSError:
                found.append(None)
                continue
            if sure and status.st_mtime > now - _RACY:
                return None
            found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)

    def log_tells(self) -> bool:
        """Whether the clone's own log has a deployment, of whichever model. Raises MachineryFailed (log-failed)."""
        if self._log is None:
            return False
        with LogFile(self._log).reading() as log:
            return log is not None and log.execute("SELECT 1 FROM events WHERE kind = 'started'").fetchone() is not None

    def head(self) -> str:
        """The commit that is checked out, of a URL the default branch's; "" where there is none yet."""
        with self._lock:
            seen, head = self._head
            if time.monotonic() - seen > EVERY:
                try:
                    head = GitRepository(self._place.git).commit_of("HEAD") or ""
                except ModelStageError:
                    head = ""
                self._head = (time.monotonic(), head)
            return head
