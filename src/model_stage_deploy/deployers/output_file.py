"""The file that a program may report to, named by MSD_OUTPUT: lines such as `url=…`. What it says is not trusted."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from model_stage_deploy.core.inert import one_line
from model_stage_deploy.deployers.reported_url import usable_url

LARGEST = 64 * 1024
"""Bytes that are read of it."""
NAMES = ("url", "version", "state")
_LONGEST_VERSION = 200  # characters


class OutputFile:
    """One such file, for one run of a program."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def url(self, output: Callable[[str], None]) -> str | None:
        """The last `url=…`, None where there is none that may be shown; `output` then hears of it."""
        written = self.last("url")
        url = usable_url(written) if written else None
        if written and url is None:
            output("[the url written to MSD_OUTPUT is not used: it is no plain http or https URL]\n")
        return url

    @property
    def version(self) -> str:
        """The last `version=…`, on one line."""
        return one_line(self.last("version"), _LONGEST_VERSION)

    def last(self, name: str) -> str:
        """The last value that was written for a name, "" for none."""
        lines = _read_small(self.path).decode("utf-8", errors="replace").splitlines()
        values = [line.removeprefix(f"{name}=").strip() for line in lines if line.startswith(f"{name}=")]
        return values[-1] if values else ""


@contextmanager
def output_file() -> Iterator[OutputFile]:
    """A new, empty one in a private directory, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="msd-output-", ignore_cleanup_errors=True) as private:
        path = Path(private) / "output"
        path.touch(mode=0o600)
        yield OutputFile(path)


def _read_small(path: Path) -> bytes:
    """The first LARGEST bytes of a regular file; nothing where the program put something else in its place."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(opened, LARGEST) if stat.S_ISREG(os.fstat(opened).st_mode) else b""
    finally:
        os.close(opened)
