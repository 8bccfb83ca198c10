"""How the progress of many targets is shown: live where a person watches a terminal, else line by line."""

from __future__ import annotations

import os

from model_stage_deploy.adapters.progress_lines import ProgressLines
from model_stage_deploy.adapters.system_clock import SystemClock
from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.ports import Announcer, Progress


def progress_beside(announcer: Announcer) -> Progress:
    """What shows progress where the announcer speaks; the two do not get in each other's way."""
    clock = SystemClock()
    if isinstance(announcer, TerminalAnnouncer) and _is_watched(announcer):
        from model_stage_deploy.adapters.terminal_progress import TerminalProgress  # Rich takes a while to load

        return TerminalProgress(announcer.voice, clock)
    return ProgressLines(announcer, clock)


def _is_watched(announcer: TerminalAnnouncer) -> bool:
    if os.environ.get("TERM") in (None, "", "dumb") or os.environ.get("CI") == "true":
        return False
    try:
        return announcer.voice.stream.isatty()
    except ValueError:  # it was closed
        return False
