"""`serve` as a real process, and the address that it prints."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.browser.world import World, server_environment
from tests.faces.command_lines import COMMAND

_START = 60  # seconds
_END = 20  # seconds from Ctrl-C to its end


@dataclass(frozen=True)
class Served:
    """A server that runs. `address` has the token in it, as the terminal prints it; `log` is what it said there."""

    process: subprocess.Popen[bytes]
    address: str
    log: Path

    @property
    def home(self) -> str:
        """Its address alone, without a slash at the end."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def at(self, path: str) -> str:
        """The address of a path of it."""
        return f"{self.home}{path}"

    def model(self, name: str) -> str:
        """The address of a model's page."""
        return self.at(f"/m/{quote(name, safe='/')}")


@contextmanager
def serving(world: World, *arguments: str, repo: str = "", env: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve the clone, or what `repo` names, on a free port; then end it as Ctrl-C does. It ends well and in time."""
    whole = server_environment(world) | dict(env or {})
    with started(world.directory, whole, "serve", "--repo", repo or str(world.clone.path), *arguments) as served:
        yield served


@contextmanager
def started(
    directory: Path, env: Mapping[str, str], command: str, *arguments: str, patience: float = _START
) -> Iterator[Served]:
    """A command that serves, in `directory`. It has `patience` seconds to say where. Raises AssertionError."""
    log = directory / f"{command}-{secrets.token_hex(4)}.log"
    line = [*COMMAND, command, *arguments, "--port", "0", "--json"]
    with log.open("wb") as said:
        process = subprocess.Popen(
            line,
            cwd=directory,
            env={**env, "PYTHONFAULTHANDLER": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        )
    with process:
        try:
            yield Served(process, _address(process, log, patience), log)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(_END)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # it says where each of its threads is
                process.wait()
                raise AssertionError(f"{command} did not end within {_END} s: {log.read_text('utf-8')}") from None
    told = log.read_text("utf-8", "replace")
    assert "Traceback" not in told, told
    assert code == 0, (code, told)


def _address(process: subprocess.Popen[bytes], log: Path, patience: float) -> str:
    """The address in the document that it prints first. Raises AssertionError where it ends, or says nothing."""
    assert process.stdout is not None
    told, until = b"", time.monotonic() + patience
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([process.stdout], [], [], left)
        read = os.read(process.stdout.fileno(), 65_536) if ready else b""
        told += read
        with contextlib.suppress(ValueError):
            address: str = json.loads(told)["open"]
            return address
        if not read:
            break
    raise AssertionError(f"no address was said: {told!r} {log.read_text('utf-8', 'replace')}")
