"""Where a demo's registry lies: in a place that goes when the story ends, or in a directory that is kept and marked."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_stage_deploy.adapters.local_log import PLACE, LocalLog
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.core.errors import Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.ports import Clock

_MARK = Path(".git", "model-stages", "demo.json")
_SERVED = Path(".git", "model-stages", "demo.lock")


def mark(directory: Path, port: int) -> None:
    """Say that the directory is a demo's, whose servers are at that port."""
    place = directory / _MARK
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"port": port}) + "\n", encoding="utf-8")


def marked_port(directory: Path) -> int | None:
    """Where the servers of a kept demo were, None where the directory is none."""
    try:
        found = json.loads((directory / _MARK).read_text(encoding="utf-8"))
        return int(found["port"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """While a demo is served, or made anew, nobody else does: two would send each other's deployments to a dead end.

    Raises Invalid (usage). Systems without such locks have none.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (directory / _SERVED).open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise Invalid(
                Reason.USAGE,
                f"{str(directory)!r} is being served already",
                hint="open the link that its terminal shows, or end that one with Ctrl-C",
            ) from problem
        yield


def log_of(directory: Path, clock: Clock | None = None) -> LocalLog:
    """The record of deployments of a demo's registry."""
    return LocalLog(directory / ".git" / PLACE, who="demo", clock=clock or SystemClock())


@contextmanager
def place_of(keep: str, *, replace: bool = False) -> Iterator[Path]:
    """An empty directory: `keep`, which stays, or for "" one that goes. With `replace` an earlier demo's is emptied.

    Raises Invalid (usage).
    """
    if not keep:
        with tempfile.TemporaryDirectory(prefix="model-stage-deploy-demo-") as directory:
            yield Path(directory)
        return
    place = Path(keep).resolve()
    try:
        if replace and not Path(keep).is_symlink() and marked_port(place) is not None:
            with alone(place):
                shutil.rmtree(place)
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            hint = "name one that does not exist yet"
            if marked_port(place) is not None:
                hint += "; to begin this demo anew, add --replace"
            raise Invalid(Reason.USAGE, f"{keep!r} is not an empty directory", hint=hint)
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise Invalid(Reason.USAGE, f"{keep!r} cannot be made: {problem.strerror}") from problem
    yield place
