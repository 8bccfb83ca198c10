"""Writing a report to disk: only into places that are ours, file by file, each whole or not at all.

A folder of ours has a file that lists what was written there. Only what is listed is ever replaced or taken away.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason

MARKER = ".model-stage-deploy-report"
"""The file that makes a folder ours: a heading, then the paths that were written, a line each."""
_HEADING = "# written by model-stage-deploy report: this folder is replaced by the next one\n"
_MARK, _WITHIN = b"model-stage-deploy", 4096  # what begins a file of ours
_ENDPOINT = b'{"schemaVersion": 1,'


def write_folder(directory: Path, files: Iterable[tuple[str, bytes]], *, force: bool) -> list[str]:
    """Write every file below `directory`, then take away what an earlier report has there and this one has not.

    The paths, in the order in which they were written. Raises Invalid (usage) where the directory is not empty and not
    ours, without `force`, or cannot be written.
    """
    earlier = _claimed(directory, force=force)
    written: list[str] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        top = directory.resolve()
        _write(top / MARKER, _listing(earlier))  # from now on it is ours, also where this ends in the middle
        with (top / MARKER).open("a", encoding="utf-8", newline="\n") as marker:
            for path, content in files:
                _require_inside(top, path)
                marker.write(f"{path}\n")
                marker.flush()
                _write(top / path, content)
                written.append(path)
        for path in sorted(set(earlier) - set(written)):
            _take_away(top, path)
        _write(top / MARKER, _listing(written))
    except OSError as problem:
        raise _unwritable(directory, problem) from problem
    return written


def write_file(path: Path, parts: Iterable[str], *, force: bool) -> None:
    """Write one file, whole or not at all. Raises Invalid (usage) where another one than ours is there, without
    `force`, or where it cannot be written.
    """
    try:
        if path.is_dir() or (path.exists() and not force and not _is_ours(path)):
            raise Invalid(
                Reason.USAGE,
                f"{str(path)!r} is there, and no report or badge of ours",
                hint="name another file" + ("" if path.is_dir() else ", or replace it with --force"),
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, (part.encode("utf-8", "replace") for part in parts))
    except OSError as problem:
        raise _unwritable(path, problem) from problem


def _claimed(directory: Path, *, force: bool) -> list[str]:
    """What an earlier report wrote there."""
    try:
        there = os.listdir(directory) if directory.exists() else []  # noqa: PTH208 - only whether it is empty
        if MARKER in there:
            lines = (directory / MARKER).read_text(encoding="utf-8").splitlines()
            return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    except (OSError, UnicodeDecodeError) as problem:
        raise _unwritable(directory, problem) from problem
    if there and not force:
        raise Invalid(
            Reason.USAGE,
            f"{str(directory)!r} is not empty, and no report of ours is in it",
            hint="name a directory that does not exist yet, or write beside what is there with --force",
        )
    return []


def _listing(paths: Iterable[str]) -> bytes:
    return (_HEADING + "".join(f"{path}\n" for path in paths)).encode()


def _require_inside(top: Path, path: str) -> None:
    """Raise Invalid (usage) where a symbolic link would lead the file elsewhere."""
    parent = (top / path).parent
    parent.mkdir(parents=True, exist_ok=True)
    if not parent.resolve().is_relative_to(top):
        raise Invalid(Reason.USAGE, f"{str(parent)!r} leads out of {str(top)!r}", hint="take the symbolic link away")


def _take_away(top: Path, path: str) -> None:
    """Remove a file of an earlier report, and its directory where that is empty then. What is no plain file stays."""
    parts = PurePosixPath(path).parts
    target = top / path
    if not parts or ".." in parts or target.is_symlink() or not target.is_file():
        return
    if not target.parent.resolve().is_relative_to(top):
        return
    target.unlink()
    while target.parent != top and not any(target.parent.iterdir()):
        target = target.parent
        target.rmdir()


def _write(path: Path, content: bytes | Iterable[bytes]) -> None:
    """The whole content under that name, or what was there before."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    try:
        with os.fdopen(handle, "wb") as file:
            for part in (content,) if isinstance(content, bytes) else content:
                file.write(part)
        os.chmod(name, 0o644)  # noqa: PTH101 - for whoever serves it; mkstemp makes it for the owner alone
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        begun = file.read(_WITHIN)
    return not begun or _MARK in begun or begun.startswith(_ENDPOINT)


def _unwritable(path: Path, problem: Exception) -> Invalid:
    said = problem.strerror if isinstance(problem, OSError) else "it is no text"
    return Invalid(Reason.USAGE, f"{str(path)!r} cannot be written: {said}")
