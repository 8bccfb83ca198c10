"""Progress on a terminal: what a person sees, on a terminal of any size, and what becomes of it when it ends."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.console import Console

from model_stage_deploy.adapters.announcing import Voice
from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.adapters.terminal_progress import TerminalProgress
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.targets import Target, Wave
from tests.adapters.progress_story import WAVES, first_part
from tests.fakes.clock import FakeClock

STAYS = """\
churn v3.1.0 in prod: 20 targets
wave 1 of 3 (canary): 2 deployed
eu-2 | POST https://eu-2.example.com/hook?key=***: \\e[2J202
warning: the lock could not be renewed
eu-3: FAILED after 1.5s: HTTP 500: ***\\n\\e[31mboom
"""


def test_a_bar_for_each_wave_who_is_at_work_and_how_quick_it_is() -> None:
    progress, _ = _begun()
    assert (
        _frame(progress, 90)
        == """\
1 canary ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  2/2 2 deployed
2 25%    ━━━━━━━━━━━━━━╸                        2/5 1 deployed, 1 failed
3 rest                                         0/13
now 3: eu-2, eu-5, eu-6
4 of 20 targets, 8s, 0.5 a second, 32s left
"""
    )
    progress.end()


@pytest.mark.parametrize("width", [10, 20, 40, 59, 200])
def test_it_fits_on_any_terminal(width: int) -> None:
    progress, _ = _begun()
    lines = _frame(progress, width).splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= width
    assert all(str(number) in line for number, line in zip("123", lines, strict=False))
    progress.end()


def test_of_very_many_waves_those_about_the_current_one_are_shown() -> None:
    waves = [Wave(number, f"w{number}", (Target(f"t{number}"),)) for number in range(1, 101)]
    progress = TerminalProgress(Voice(io.StringIO(), Scrubber()), FakeClock())
    progress.begin("churn", waves)
    progress.wave(waves[49])
    shown = [line.split()[0] for line in _frame(progress, 80).splitlines()]
    assert shown == [*map(str, range(49, 57)), "8", "now:", "0"]
    progress.wave(waves[99])
    assert _frame(progress, 80).splitlines()[7].startswith("100 w100")
    assert len(_frame(progress, 80, height=8).splitlines()) <= 8
    progress.end()


def test_of_very_many_at_work_some_are_named() -> None:
    progress = TerminalProgress(Voice(io.StringIO(), Scrubber()), FakeClock())
    progress.begin("churn", [Wave(1, "rest", tuple(Target(f"t{number}") for number in range(64)))])
    for number in range(64):
        progress.started(f"t{number}")
    line = _frame(progress, 100).splitlines()[1]
    assert line == "now 64: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, …"
    progress.end()


def test_what_stays_is_above_scrubbed_and_inert() -> None:
    progress, stream = _begun()
    progress.end()
    assert stream.getvalue() == STAYS + "wave 2 of 3 (25%): 1 deployed, 1 failed\n"


def test_whole_lines_of_foreign_output_go_above() -> None:
    stream = io.StringIO()
    announcer = TerminalAnnouncer(stream, Scrubber())
    progress = TerminalProgress(announcer.voice, FakeClock())
    progress.begin("churn", WAVES)
    announcer.begin("mlem")
    announcer.output("half a li")
    announcer.output("ne, and the re")
    progress.end()
    announcer.output("st\n")
    assert stream.getvalue() == "churn\n--- mlem\nhalf a line, and the re\nst\n"


@pytest.mark.parametrize("problem", [BrokenPipeError, OSError, ValueError])
def test_a_terminal_that_goes_away_breaks_nothing(problem: type[Exception]) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise problem(text)

    announcer = TerminalAnnouncer(Gone(), Scrubber())
    progress = TerminalProgress(announcer.voice, FakeClock())
    first_part(progress, announcer)
    progress.end()
    progress.end()


def test_an_encoding_without_bars_gets_other_bars() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    announcer = TerminalAnnouncer(stream, Scrubber())
    progress = TerminalProgress(announcer.voice, FakeClock())
    progress.begin("churn café", WAVES)
    progress.end()
    stream.flush()
    assert raw.getvalue() == b"churn caf\\xe9\n"


@pytest.mark.parametrize("interrupted", [False, True])
def test_on_a_real_terminal_the_view_goes_and_what_was_said_stays(interrupted: bool) -> None:
    drawn = _on_terminal(*["interrupted"] * interrupted)
    assert "now 3: eu-2, eu-5, eu-6" in drawn  # it was there
    assert "\x1b[?25l" in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l")  # the cursor is shown again
    stays = STAYS + "wave 2 of 3 (25%): 1 deployed, 1 failed\n"
    if not interrupted:
        failed = "".join(f"eu-{number}: ROLLED BACK: back at v3.0.0\n" for number in range(2, 7))
        stays = f"{STAYS}wave 2 (25%) failed: 5 targets go back\n{failed}wave 2 of 3 (25%): 5 rolled back\n"
    assert _screen(drawn) == stays + "what comes after\n"


def _begun() -> tuple[TerminalProgress, io.StringIO]:
    """The first part of the story, eight seconds ago."""
    stream, clock = io.StringIO(), FakeClock()
    announcer = TerminalAnnouncer(stream, Scrubber())
    announcer.mask("s3cret")
    progress = TerminalProgress(announcer.voice, clock)
    first_part(progress, announcer)
    clock.sleep(8)
    return progress, stream


def _frame(progress: TerminalProgress, width: int, height: int = 24) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, height=height, force_terminal=True, color_system=None)
    console.print(progress.frame())
    return "".join(f"{line.rstrip()}\n" for line in stream.getvalue().splitlines())


def _on_terminal(*arguments: str, columns: int = 90) -> str:
    """What the story draws on a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": "1", "CI": "", "COLUMNS": str(columns), "LINES": "24"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.adapters.progress_story", *arguments],
        cwd=Path(__file__).parents[2],
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    drawn = b""
    try:
        with process:
            assert process.stderr is not None
            if arguments and process.stderr.readline() == b"ready\n":
                process.send_signal(signal.SIGTERM)
            while piece := os.read(ours, 65_536):
                drawn += piece
    except OSError:  # Linux says so when the other end has been closed
        pass
    finally:
        os.close(ours)
    return drawn.decode()


def _screen(drawn: str) -> str:
    """What is to be seen in the end: a terminal that knows how to go up, to the left, and to erase a line."""
    rows: list[str] = [""]
    row = column = 0
    for match in re.finditer(r"\x1b\[\??(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)", drawn):
        count, order, end, text = match.groups()
        if order == "A":
            row -= int(count or 1)
        elif order == "K":
            rows[row] = ""
        elif end == "\r":
            column = 0
        elif end == "\n":
            row += 1
            rows += [""] * (row >= len(rows))
        elif text:
            rows[row] = rows[row][:column].ljust(column) + text + rows[row][column + len(text) :]
            column += len(text)
    return "\n".join(line.rstrip() for line in rows).rstrip("\n") + "\n"
