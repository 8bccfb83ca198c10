"""Whether a clone's tags have changed, by a cheap look: the times of the files that hold them, and git where in doubt.

A tag is made, moved or deleted by a file that is renamed into its directory, so that the directory's time changes, or
by a new `packed-refs`. What changed within the last moments is not trusted, as with git's own index: the next change
might leave the same time. Other ways of keeping refs are not looked into; git is asked then.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from model_stage_deploy.adapters.git_process import Git

RACY = 3.0
"""Seconds within which two changes may leave the same time; some file systems count in steps of two."""
DOUBT = 60.0
"""Seconds after which git is asked all the same: a file may have been written in place."""


class _Directory(NamedTuple):
    """What a directory has below it; `sure` where it was read long after its time."""

    stamp: tuple[int, int]
    below: tuple[str, ...]
    sure: bool


class TagLook:
    """Looks at the tags of one clone. `common` is where its work trees keep what they share. For several threads."""

    def __init__(self, git: Git, common: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        self._git = git
        self._common = os.fspath(common)
        self._clock = clock
        self._lock = threading.Lock()
        self._directories: dict[str, _Directory] = {}
        self._seen: object = None
        self._until = 0.0
        self._digest = ""
        self._count = 0
        self._name = secrets.token_hex(4)

    def fingerprint(self) -> str:
        """A text that changes whenever a tag does, and rarely else. It means nothing to another look.

        Raises MachineryFailed (git-failed), Invalid (not-a-repository).
        """
        with self._lock:
            now = self._clock()
            seen, newest = self._look()
            if seen is not None and seen == self._seen and now < self._until:
                return self._told()
            trusted = seen is not None and newest < now - RACY
            # Whoever looks for the first time reads all tags in any case: there is nothing to compare them with.
            digest = "" if trusted and not self._count else self._asked()
            if not digest or digest != self._digest:
                self._count += 1
            self._digest = digest
            self._seen, self._until = (seen, now + DOUBT) if trusted else (None, 0.0)
            return self._told()

    def _told(self) -> str:
        return f"{self._name}-{self._count}"

    def _asked(self) -> str:
        digest = hashlib.sha256()
        form = "--format=%(objectname) %(refname)"
        for piece in self._git.stream(["for-each-ref", form, "refs/tags"]):
            digest.update(piece.encode())
        return digest.hexdigest()

    def _look(self) -> tuple[object, float]:
        """What can be seen, and the newest time in it, in unix seconds; None where that says nothing."""
        if Path(self._common, "reftable").exists():
            return None, 0.0
        found: list[object] = []
        newest = 0
        try:
            packed = _stamp(f"{self._common}/packed-refs")
            found.append(packed)
            newest = packed[0] if packed else 0
            for path, stamps in self._walked():
                found.append((path, stamps))
                newest = max(newest, stamps[0])
        except OSError:
            self._directories = {}
            return None, 0.0  # it changes at this very moment
        return tuple(found), newest / 1e9

    def _walked(self) -> list[tuple[str, tuple[int, int]]]:
        """The directories below refs/tags. One that has not changed has the same directories in it as before."""
        found: list[tuple[str, tuple[int, int]]] = []
        known: dict[str, _Directory] = {}
        waiting = [f"{self._common}/refs/tags"]
        while waiting:
            path = waiting.pop()
            try:
                status = Path(path).stat()
            except FileNotFoundError:
                continue
            stamp = (status.st_mtime_ns, status.st_ino)
            here = self._directories.get(path)
            if here is None or here.stamp != stamp or not here.sure:
                sure = stamp[0] / 1e9 < self._clock() - RACY
                with os.scandir(path) as entries:
                    below = tuple(entry.path for entry in entries if entry.is_dir(follow_symlinks=False))
                here = _Directory(stamp, below, sure)
            known[path] = here
            found.append((path, stamp))
            waiting.extend(here.below)
        self._directories = known
        return sorted(found)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        return None
    return (status.st_mtime_ns, status.st_size, status.st_ino)
