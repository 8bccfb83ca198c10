"""What a deployer prints instead of handing it to `job.output`: heard all the same, and scrubbed with the rest."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout


class _Ear(io.TextIOBase):
    def __init__(self, output: Callable[[str], None]) -> None:
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._output(text)
        return len(text)


@contextmanager
def overheard(output: Callable[[str], None]) -> Iterator[None]:
    """While inside, Python's own standard output and error go to `output`.

    Processes that a deployer starts without the `process` port inherit the real ones, and are not heard.
    """
    ear = _Ear(output)
    with redirect_stdout(ear), redirect_stderr(ear):
        yield
