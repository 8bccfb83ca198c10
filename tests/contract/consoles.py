"""Follows a page of the docs: writes the files it shows and runs its console blocks. No shell is involved."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.standins.registries import isolated_environment

FENCE = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
# What sets up a machine is not run; the tests look at it by itself.
_SET_UP = re.compile(r"git clone https://|make |cd model-stage-deploy$|pip install git\+https://|bash \.ci/run$")
_FIRST_MOMENT = 2_000_000_000  # after every tag of the demo; each command comes a second later


@dataclass
class Page:
    """A page told to a machine, in order. `replace` is done to commands; `said` is what each of `ran` printed."""

    text: str
    directory: Path
    replace: Mapping[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    set_up: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def follow(self) -> None:
        """Do all that the page says. Raises AssertionError for a command that fails, or that nobody knows."""
        for fence in FENCE.finditer(self.text):
            kind, _, rest = (fence["note"] or "").partition(": ")
            if kind == "file":
                path = self.directory / rest
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(fence["text"], encoding="utf-8")
            elif fence["language"] in ("console", "bash") and kind not in ("not run", "example"):
                self._block(fence["text"])

    def _block(self, block: str) -> None:
        for line in block.splitlines():
            for command in line.removeprefix("$ ").split("  #")[0].split(" && "):
                if command.strip():
                    self._command(command.strip())

    def _command(self, command: str) -> None:
        if _SET_UP.match(command):
            self.set_up.append(command)
            return
        for text, other in self.replace.items():
            command = command.replace(text, other)
        words = shlex.split(command)
        if words[0] == "cd":
            self.directory = self.directory / words[1]
            return
        if words[0] in ("python", ".venv/bin/python"):
            words[0] = sys.executable
        assert words[0] in (sys.executable, "git", "chmod"), f"nobody knows how to run {command!r}"
        done = subprocess.run(
            words,
            cwd=self.directory,
            env=isolated_environment(self.directory, when=_FIRST_MOMENT + len(self.ran)),
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        self.ran.append(command)
        self.said.append(done.stdout)
