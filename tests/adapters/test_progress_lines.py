"""Progress as lines: what a log in CI, a pipe or a file gets."""

from __future__ import annotations

from model_stage_deploy.adapters.progress_lines import ProgressLines
from model_stage_deploy.core.targets import Target, TargetResult, Wave
from tests.adapters.progress_story import first_part, second_part
from tests.fakes.announcer import FakeAnnouncer
from tests.fakes.clock import FakeClock


def test_a_line_for_each_target_and_each_wave() -> None:
    announcer = FakeAnnouncer()
    progress = ProgressLines(announcer, FakeClock())
    first_part(progress, announcer)
    second_part(progress)
    progress.end()
    assert announcer.said[:12] == [
        "churn v3.1.0 in prod: 20 targets, in 3 waves",
        "wave 1 of 3 (canary): 2 targets",
        "[1/20] eu-0: deployed in 0.2s",
        "[2/20] eu-1: deployed in 0.2s",
        "wave 1 of 3 (canary) ends: 2 deployed",
        "wave 2 of 3 (25%): 5 targets",
        "eu-2 | POST https://eu-2.example.com/hook?key=s3cret: \x1b[2J202",
        "[3/20] eu-3: FAILED after 1.5s: HTTP 500: s3cret\n\x1b[31mboom",
        "[4/20] eu-4: deployed in 1.5s",
        "[5/20] eu-2: deployed in 2.0s",
        "[6/20] eu-5: deployed in 2.0s",
        "[7/20] eu-6: deployed in 2.0s",
    ]
    assert announcer.said[-2:] == ["wave 2 of 3 (25%) ends: 5 rolled back", "20 of 20 targets in 0.0s"]


def test_what_was_left_alone_is_named_a_few_times_and_then_counted() -> None:
    announcer = FakeAnnouncer()
    progress = ProgressLines(announcer, FakeClock())
    targets = tuple(Target(f"t-{number}") for number in range(1000))
    progress.begin("churn", [Wave(1, "rest", targets)])
    for target in targets[:-1]:
        progress.ended(TargetResult(target.name, 1, "already"))
    progress.wave(Wave(1, "rest", targets[-1:]))
    progress.ended(TargetResult("t-999", 1, "deployed"))
    progress.end()
    assert len(announcer.said) == 1 + 20 + 4
    assert announcer.said[-3:-1] == [
        "[1000/1000] t-999: deployed",
        "wave 1 (rest) ends: 1 deployed, 999 had it already",
    ]
