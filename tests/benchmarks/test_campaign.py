"""The campaign's own parts: what it counts, what it would complain of, and how it kills."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import campaign
from benchmarks.campaign import PARTS, Cost, Together, overlaps, show_costs, show_kills, show_together
from benchmarks.campaign_kills import BAD, OPEN, RIGHT, WRONG, Tally, after_a_run, what_is_told, where
from benchmarks.campaign_worlds import KILLED, Place, kill_tree, locks_of, records_of
from tests.faces.jobs import Ended, Job

FAMILY = (
    "import subprocess, sys\n"
    "words = [sys.executable, '-c', 'import time; print(1, flush=True); time.sleep(600)']\n"
    "subprocess.Popen(words, start_new_session=True).wait()\n"
)


def test_a_kill_leaves_no_process_of_a_run() -> None:
    process = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    kill_tree(process.pid)
    begun = time.monotonic()
    assert process.stdout.read() == "", "the pipe ends when the last one of them does"
    process.stdout.close()
    assert process.wait() == -9
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    ("words", "states", "locked", "found"),
    [
        ([], [], False, "1"),
        ([], [], True, "2"),
        ([], [["in_progress"]], True, "3"),
        (["begin"], [["in_progress"]], True, "4"),
        (["begin", "end"], [["in_progress", "in_progress"]], True, "5"),
        (["begin", "end"], [["in_progress", "in_progress", "success"]], True, "6"),
        (["begin", "end"], [["in_progress", "in_progress", "success"]], False, "7"),
    ],
)
def test_where_a_kill_struck(words: list[str], states: list[list[str]], locked: bool, found: str) -> None:
    assert where(words, states, locked=locked)[0] == found


def test_deployers_that_overlap_are_seen() -> None:
    one, other = ["v1.0.0", "a"], ["v2.0.0", "b"]
    good = [["begin", *one], ["end", *one], ["begin", *other], ["end", *other]]
    assert list(overlaps(good)) == []
    assert list(overlaps([])) == []
    assert list(overlaps([good[0], good[2], good[1], good[3]])) != []
    assert list(overlaps(good[:1])) != []


def test_tallies_add_up() -> None:
    one = Tally(killed=1, struck=Counter({"1 x": 1}), longest=2.0, broken=["x"], also_active=1)
    two = Tally(killed=2, struck=Counter({"1 x": 2}), longest=1.0, locks_passed=3)
    assert one + two == Tally(
        killed=3, struck=Counter({"1 x": 3}), longest=2.0, locks_passed=3, broken=["x"], also_active=1
    )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "world", KILLED, versions=2)


def put(place: Place, job: Job, version: str, *states: str, attempt: str = "a") -> None:
    """Record a deployment as ours are, with these states."""
    payload = {"schema": "model-stage-deploy/deployment/v1", "model": "m", "stage": "prod", "version": version}
    made = job.github.add_deployment(
        states=(), ref="a" * 40, environment="prod/m", task="deploy", payload=payload | {"attempt": attempt}
    )
    for state in states:
        job.github.state.create_deployment_status(made, {"state": state, "auto_inactive": False})


def test_what_would_be_wrong_after_a_run_is_said(place: Place, tmp_path: Path) -> None:
    good = Ended(0, "", {"reason": "deployed"}, "")
    with place.job() as job:
        (tmp_path / "world/live").write_text("v1.0.0", encoding="utf-8")
        put(place, job, "v1.0.0", "in_progress", "success")
        assert list(after_a_run(place, job, good, "v1.0.0")) == []
        assert what_is_told(place, job) == RIGHT
        assert "not v2.0.0" in " ".join(after_a_run(place, job, good, "v2.0.0"))
        assert "the next run ended as locked" in " ".join(
            after_a_run(place, job, Ended(3, "", {"reason": "locked"}, ""), "v1.0.0")
        )

        (tmp_path / "world/live").write_text("v2.0.0", encoding="utf-8")
        assert what_is_told(place, job) == WRONG
        assert "the records say that v1.0.0 is live" in " ".join(after_a_run(place, job, good, "v2.0.0"))
        put(place, job, "v2.0.0", "in_progress", attempt="b")
        assert what_is_told(place, job) == OPEN
        assert "left in progress" in " ".join(after_a_run(place, job, good, "v2.0.0"))
        put(place, job, "v2.0.0", "error", attempt="c")
        assert what_is_told(place, job) == BAD
        put(place, job, "v2.0.0", "success", attempt="d")
        assert "shows as active: ['v1.0.0', 'v2.0.0']" in " ".join(after_a_run(place, job, good, "v2.0.0"))
        assert len(records_of(job).newest_first) == 4


def test_a_world_has_what_a_run_needs(place: Place) -> None:
    with place.job() as job:
        assert (place.assign(job, "v1.0.0"), place.assign(job, "v2.0.0")) == ("m#prod#1", "m#prod#2")
        assert (place.live, place.journal, locks_of(job)) == ("", [], [])
        assert {"m@v1.0.0", "m#prod#2"} <= set(place.repository.tags())


def test_all_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show_kills(
        Tally(killed=2, struck=Counter({"4 the deployer was at work": 2}), after=Counter(deployed=2), longest=7.4)
    )
    show_together("9 runs", Together(ends=Counter(superseded=8, deployed=1), had_the_lock=3, deployers=1, seconds=4.2))
    show_costs([Cost("nothing", 1.0, 14, 13), Cost("all", 1.2, 27, 23)])
    out = capsys.readouterr().out
    for row in (
        "| … when the deployer was at work | 2 |",
        "| longest next run, with the wait for a lease of 5 s | 7 s |",
        "| `superseded` | 8 |",
        "| nothing | 1,000 ms | 1.00× | 14 | 13 |",
        "| all | 1,200 ms | 1.20× | 27 | 23 |",
        "| added by all of it | 200 ms |",
    ):
        assert row in out


def test_what_is_not_kept_is_told_and_ends_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "kills", lambda *_: Tally(killed=1, broken=["a lock stays"]))
    assert campaign.main(["--kills", "1", "--together", "0", "--runs", "0"]) == 1
    assert "NOT KEPT: a lock stays" in capsys.readouterr().out
    assert campaign.main(["--kills", "0", "--together", "0", "--runs", "0"]) == 0


def test_each_part_adds_to_the_one_before() -> None:
    mappings = [mapping for mapping, _ in PARTS.values()]
    assert mappings[0] == mappings[1]
    assert "use: none" in mappings[1]
    assert "use: none" not in mappings[2]
    assert all(later.startswith(earlier) for earlier, later in pairwise(mappings[2:]))
    assert all(word in mappings[-1] for word in ("gates:", "verify:", "on-failure: rollback"))
