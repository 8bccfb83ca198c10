"""Which progress is shown: live on a terminal that a person watches, else lines."""

from __future__ import annotations

import io

import pytest

from model_stage_deploy.adapters.progress_lines import ProgressLines
from model_stage_deploy.adapters.runner_announcer import RunnerAnnouncer
from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.adapters.terminal_progress import TerminalProgress
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.faces.progress import progress_beside


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "live"),
    [
        (_Terminal(), {"TERM": "xterm"}, True),
        (_Terminal(), {"TERM": "dumb"}, False),
        (_Terminal(), {}, False),
        (_Terminal(), {"TERM": "xterm", "CI": "true"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_a_terminal_is_drawn_on_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environ: dict[str, str], live: bool
) -> None:
    for name in ("TERM", "CI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    shown = progress_beside(TerminalAnnouncer(stream, Scrubber()))
    assert type(shown) is (TerminalProgress if live else ProgressLines)


def test_a_runners_log_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert type(progress_beside(RunnerAnnouncer(_Terminal(), Scrubber()))) is ProgressLines


def test_a_terminal_that_was_closed_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    stream.close()
    assert type(progress_beside(TerminalAnnouncer(stream, Scrubber()))) is ProgressLines
