"""A short story of targets in three waves, told to something that shows progress; also on the terminal that runs it.

`python -m tests.adapters.progress_story [interrupted]`
"""

from __future__ import annotations

import sys
import time

from model_stage_deploy.adapters.terminal_announcer import TerminalAnnouncer
from model_stage_deploy.core.redaction import Scrubber
from model_stage_deploy.core.targets import Target, TargetResult, Wave
from model_stage_deploy.faces.progress import progress_beside
from model_stage_deploy.faces.signals import cancellable
from model_stage_deploy.ports import Announcer, Progress

TARGETS = tuple(Target(f"eu-{number}") for number in range(20))
WAVES = (Wave(1, "canary", TARGETS[:2]), Wave(2, "25%", TARGETS[2:7]), Wave(3, "rest", TARGETS[7:]))


def first_part(progress: Progress, announcer: Announcer) -> None:
    """The first wave is done, the second one under way."""
    progress.begin("churn v3.1.0 in prod: 20 targets", WAVES)
    progress.wave(WAVES[0])
    for target in WAVES[0].targets:
        progress.started(target.name)
        progress.ended(TargetResult(target.name, 1, "deployed", seconds=0.25))
    progress.wave(WAVES[1])
    for target in WAVES[1].targets:
        progress.started(target.name)
    progress.note("eu-2 | POST https://eu-2.example.com/hook?key=s3cret: \x1b[2J202")
    announcer.note("warning", "the lock could not be renewed")
    progress.ended(TargetResult("eu-3", 2, "failed", message="HTTP 500: s3cret\n\x1b[31mboom", seconds=1.5))
    progress.ended(TargetResult("eu-4", 2, "deployed", seconds=1.5))


def second_part(progress: Progress) -> None:
    """The second wave is rolled back; the third one is never begun."""
    for name in ("eu-2", "eu-5", "eu-6"):
        progress.ended(TargetResult(name, 2, "deployed", seconds=2.0))
    progress.note("wave 2 (25%) failed: 5 targets go back")
    for target in WAVES[1].targets:
        progress.ended(TargetResult(target.name, 2, "rolled-back", message="back at v3.0.0"))
    for target in WAVES[2].targets:
        progress.ended(TargetResult(target.name, 3, "not-started"))


if __name__ == "__main__":
    voice = TerminalAnnouncer(sys.stdout, Scrubber())
    voice.mask("s3cret")
    shown = progress_beside(voice)
    with cancellable():
        try:
            first_part(shown, voice)
            time.sleep(0.3)
            if "interrupted" in sys.argv:
                print("ready", file=sys.stderr, flush=True)
                time.sleep(30)
            second_part(shown)
        finally:
            shown.end()
            voice.say("what comes after")
