"""Tells a GitHub Actions runner: workflow commands, step outputs, the job summary.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from model_stage_deploy.adapters.announcing import Voice
from model_stage_deploy.core.errors import Mistake
from model_stage_deploy.core.inert import one_line
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.ports import Level

_SUMMARY_LIMIT = 1024 * 1024  # bytes a step; the runner refuses a larger file whole
_NO_ROOM = b"*A summary is left out here, as the runner takes no more than 1 MiB of them from a step.*"
_ANNOTATION_LIMIT = 4000


class RunnerAnnouncer:
    """Fulfils the Announcer port. `output_file` and `summary_file` are the runner's, None where it gave none."""

    def __init__(
        self, stream: TextIO, scrubber: Scrubber, *, output_file: Path | None = None, summary_file: Path | None = None
    ) -> None:
        self._voice = Voice(stream, scrubber)
        self._output_file = output_file
        self._summary_file = summary_file
        self._stop_token: str | None = None

    def mask(self, secret: str) -> None:
        """The runner must star it out too: whole, and line by line (it masks single lines)."""
        if not secret.strip():
            return
        self._voice.scrubber.add(secret)
        for text in dict.fromkeys([secret, *secret.splitlines()]):
            if text.strip():
                self._voice.line(f"::add-mask::{_data(text)}")

    def say(self, text: str) -> None:
        """One line that the runner cannot take for a command."""
        plain = self._voice.plain(text)
        disarmed = plain.replace("##[", "## [").replace("::", ": :") if _looks_like_command(plain) else plain
        self._voice.line(disarmed)

    def note(self, level: Level, text: str, *, title: str = "", at: Mistake | None = None) -> None:
        """An annotation on the run's page, and at its line where the page shows the file."""
        known = {"title": title}
        if at is not None and at.file:
            known |= {"file": at.file, "line": str(at.line or 1), "col": str(at.column or 1)}
        properties = [f"{name}={_property(self._voice.plain(value))}" for name, value in known.items() if value]
        heading = f" {','.join(properties)}" if properties else ""
        shown = "\n".join(one_line(line) for line in self._voice.scrubber.text(text).split("\n"))
        self._voice.line(f"::{level}{heading}::{_data(shown[:_ANNOTATION_LIMIT])}")

    def begin(self, title: str) -> None:
        """A folded group in which no line is a command: a deployer's output is not ours to trust."""
        self._stop_token = secrets.token_hex(16)
        self._voice.line(f"::group::{_data(self._voice.plain(title))}")
        self._voice.line(f"::stop-commands::{self._stop_token}")
        self._voice.open_foreign()

    def output(self, text: str) -> None:
        """A piece of foreign output."""
        self._voice.foreign(text)

    def end(self) -> None:
        """Commands work again."""
        if self._stop_token is None:
            return
        self._voice.close_foreign()
        self._voice.line(f"::{self._stop_token}::")
        self._voice.line("::endgroup::")
        self._stop_token = None

    def outputs(self, values: Mapping[str, str]) -> None:
        """Step outputs, each between delimiters that no value can guess (T49)."""
        if self._output_file is None:
            return
        blocks = []
        for name, value in values.items():
            delimiter = f"msd_{secrets.token_hex(16)}"
            blocks.append(f"{name}<<{delimiter}\n{self._voice.scrubber.text(value)}\n{delimiter}\n")
        try:
            with self._output_file.open("a", encoding="utf-8", errors="replace", newline="") as file:
                file.write("".join(blocks))
        except OSError as problem:
            self._unwritten(self._output_file, problem)

    def summary(self, markdown: str) -> None:
        """Add to the job summary; what does not fit beside what is there is left out whole, as half a table is none."""
        if self._summary_file is None:
            return
        text = self._voice.scrubber.text(markdown).encode("utf-8", errors="replace")
        try:
            with self._summary_file.open("ab") as file:
                room = _SUMMARY_LIMIT - file.tell() - 1
                told = next((each for each in (text, _NO_ROOM) if len(each) <= room), None)
                if told is not None:
                    file.write(told + b"\n")
        except OSError as problem:
            self._unwritten(self._summary_file, problem)

    def _unwritten(self, path: Path, problem: OSError) -> None:
        """Said, and no more: the run still ends as its work did."""
        self.note("error", f"{path} cannot be written: {problem.strerror}")


def _looks_like_command(text: str) -> bool:
    return text.lstrip().startswith("::") or "##[" in text


def _data(text: str) -> str:
    """Escape for the message of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape for a property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
