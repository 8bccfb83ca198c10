"""How the targets of a stage get on, live on a terminal, by Rich: a bar for each wave, and who is at work now.

What is to stay (what failed, notes, what targets print) goes above the view, whatever says it. A thread of its own
draws, so that a slow terminal holds up no deployment; whatever becomes of the terminal, the work goes on.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import TextIO, cast

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from model_stage_deploy.adapters.announcing import Voice
from model_stage_deploy.core.durations import spoken
from model_stage_deploy.core.target_tally import Tally, end_line, in_words, wave_title
from model_stage_deploy.core.targets import TargetResult, Wave
from model_stage_deploy.ports import Clock

_OFTEN = 0.1  # seconds between two drawings
_LAST = 1.0  # seconds for the last drawing: a terminal that takes no more must not hold up the end
_WAVES = 8  # that are shown at once: those about the one that is under way
_NAMED = 12  # targets at work that are named
_LONGEST = 500  # characters of a line that stays
_ENOUGH = 10_000  # lines that wait to be drawn: more than anybody reads
_BAD, _DIM = "bold red", "dim"


class TerminalProgress:
    """Fulfils the Progress port on the terminal that `voice` writes to; it speaks above the view meanwhile."""

    def __init__(self, voice: Voice, clock: Clock) -> None:
        self._voice = voice
        self._clock = clock
        self._lock = threading.RLock()
        self._tally = Tally()
        self._above: list[Text] = []
        self._begun = ""
        self._stopped = threading.Event()
        self._painter: threading.Thread | None = None
        stream = cast("TextIO", _Unbreakable(voice.stream))
        self.console = Console(file=stream, highlight=False, markup=False, emoji=False)
        self._live = Live(
            console=self.console,
            get_renderable=self.frame,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def begin(self, what: str, waves: Sequence[Wave]) -> None:
        """See the port."""
        with self._lock:
            self._tally = Tally(waves, self._clock.monotonic())
            self._above.append(Text(self._voice.plain(what), style="bold"))
        self._stopped.clear()
        self._voice.detour = self._hear
        self._live.start()
        self._painter = threading.Thread(target=self._paint_on, name="progress", daemon=True)
        self._painter.start()

    def wave(self, wave: Wave) -> None:
        """See the port."""
        with self._lock:
            self._close()
            self._tally.current = wave.number

    def started(self, target: str) -> None:
        """See the port."""
        with self._lock:
            self._tally.started(target, self._clock.monotonic())

    def ended(self, result: TargetResult) -> None:
        """See the port. What went well is only counted."""
        with self._lock:
            self._tally.ended(result)
        if not result.is_good and result.result != "not-started":
            self._stay(end_line(result), _BAD)

    def note(self, text: str) -> None:
        """See the port."""
        self._stay(text, _DIM if " | " in text else "")

    def end(self) -> None:
        """See the port. It may come while anything else is under way, after an interruption."""
        self._voice.detour = None
        self._stopped.set()
        painter, self._painter = self._painter, None
        if painter is None:
            return
        painter.join(_LAST)
        if painter.is_alive():
            return
        with self._lock:
            self._close()
            self._tally.running.clear()
            if self._begun:
                self._stay(self._begun, "")
        with contextlib.suppress(Exception):  # a view that cannot be drawn is no reason to fail
            self._paint()
            self._live.stop()
        with contextlib.suppress(Exception):
            self.console.show_cursor(True)

    def frame(self) -> RenderableType:
        """The view as it is now."""
        return _Fitting(self)

    def draw(self, options: ConsoleOptions) -> RenderableType:
        """The view for a terminal of that size."""
        with self._lock:
            tally, now = self._tally, self._clock.monotonic()
            wide = options.max_width >= 60
            bars = Table.grid(padding=(0, 1), expand=True)
            bars.add_column(no_wrap=True, overflow="ellipsis", max_width=24)
            bars.add_column(ratio=1, min_width=4)
            bars.add_column(no_wrap=True, justify="right")
            if wide:
                bars.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            shown = _about(tally.waves, tally.current, max(1, min(_WAVES, options.size.height - 5)))
            for wave in shown:
                bars.add_row(*self._row(wave)[: 4 if wide else 3])
            lines: list[RenderableType] = [bars]
            if len(shown) < len(tally.waves):
                lines.append(Text(f"{len(shown)} of {len(tally.waves)} waves", style=_DIM))
            lines.append(self._now(options.max_width))
            lines.append(_cut(f"{tally.done} of {tally.total} targets, {self._pace(now)}"))
            return Group(*lines)

    def _row(self, wave: Wave) -> tuple[RenderableType, ...]:
        tally, count = self._tally, len(wave.targets)
        done, bad = tally.done_in(wave.number), tally.bad_in(wave.number)
        colour = "red" if bad else "green"
        bar = ProgressBar(
            total=max(1, count), completed=min(done, count), complete_style=colour, finished_style=colour, pulse=False
        )
        counts = in_words(tally.counts(wave.number).items()) if done else ""
        title = Text(f"{wave.number} {wave.name}", style="bold" if wave.number == tally.current else "")
        return title, bar, Text(f"{done}/{count}"), Text(counts, style="red" if bad else "")

    def _now(self, width: int) -> Text:
        """Who is at work, those that take longest first."""
        running = self._tally.running
        names = ", ".join(list(running)[:_NAMED])
        told = f"now {len(running)}: {names}" if running else "now: nothing"
        more = len(running) - _NAMED
        return _cut(told + (", …" if more > 0 and len(told) < width else ""))

    def _pace(self, now: float) -> str:
        tally = self._tally
        told, speed = spoken(tally.seconds(now)), tally.speed(now)
        left = tally.total - tally.done
        if not speed:
            return told
        return f"{told}, {speed:.1f} a second" + (f", {spoken(left / speed, up=True)} left" if left else "")

    def _close(self) -> None:
        """The wave that was under way has ended: what became of it stays."""
        tally = self._tally
        for wave in tally.waves:
            if wave.number == tally.current:
                counts = in_words(tally.counts(wave.number).items())
                style = "red" if tally.bad_in(wave.number) else "green"
                self._stay(f"{wave_title(wave, of=len(tally.waves))}: {counts}", style)
        tally.current = 0

    def _stay(self, text: str, style: str) -> None:
        told = self._voice.plain(text)
        cut = told if len(told) <= _LONGEST else f"{told[: _LONGEST - 1]}…"
        with self._lock:
            if len(self._above) < _ENOUGH:
                self._above.append(Text(cut, style=style))

    def _hear(self, text: str) -> None:
        """What the announcer writes meanwhile, already scrubbed: whole lines of it go above the view."""
        with self._lock:
            *whole, self._begun = (self._begun + text).split("\n")
            self._above += [Text(line) for line in whole]

    def _paint_on(self) -> None:
        while not self._stopped.wait(_OFTEN):
            try:
                self._paint()
            except Exception:  # noqa: BLE001 - a view that cannot be drawn is no reason to fail
                return

    def _paint(self) -> None:
        with self._lock:
            above, self._above = self._above, []
        if above:
            self.console.print(Text("\n").join(above), soft_wrap=True)  # the terminal breaks lines: they can be copied
        self._live.refresh()


class _Fitting:
    """The view, made when the size of the terminal is known."""

    def __init__(self, progress: TerminalProgress) -> None:
        self._progress = progress

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Sequence[RenderableType]:
        return [self._progress.draw(options)]


class _Unbreakable:
    """A stream that may go away (a closed window, `| head`) or lack a character: what is written then is lost."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            try:
                self._stream.write(text)
            except UnicodeEncodeError as problem:
                self._stream.write(text.encode(problem.encoding, "backslashreplace").decode(problem.encoding))
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def _about(waves: Sequence[Wave], current: int, count: int) -> Sequence[Wave]:
    """At most so many waves, the one that is under way and its predecessor among them."""
    at = next((index for index, wave in enumerate(waves) if wave.number == current), 0)
    first = max(0, min(at - 1, len(waves) - count))
    return waves[first : first + count]


def _cut(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")
