"""The command line on a terminal: a pseudo-terminal of a given width, and what was drawn on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

from tests.faces.command_lines import COMMAND, environment

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(cwd: Path, *arguments: str, columns: int = 100, env: Mapping[str, str] | None = None) -> str:
    """What a command draws on a terminal that is `columns` wide, with all its escapes. It must end well."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    whole = environment(cwd.parent, TERM="xterm-256color") | dict(env or {})
    process = subprocess.Popen([*COMMAND, *arguments], cwd=cwd, env=whole, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    drawn = b""
    try:
        while piece := os.read(ours, 65_536):
            drawn += piece
    except OSError:  # Linux says so when the other end has been closed
        pass
    os.close(ours)
    assert process.wait() == 0, drawn.decode(errors="replace")
    return drawn.decode(errors="replace").replace("\r\n", "\n")


def plain(drawn: str) -> str:
    """The same without colours."""
    return _COLOUR.sub("", drawn)
