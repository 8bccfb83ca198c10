"""Many targets from the command line: real processes, a real repository, and what is left when a run dies."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faces.command_lines import COMMAND, Done, assert_civil, environment, run
from tests.standins.registries import GitRepository

pytestmark = pytest.mark.thorough  # processes that hang, are cancelled and killed

MAPPING = """\
version: 1
stages:
  prod:
    deploy:
      timeout: 3s
      retries: 0
      run: |
        echo "$MSD_TARGET $MSD_VERSION" >> "$WORLD/calls"
        while [ -e "$WORLD/hold-$MSD_TARGET" ]; do sleep 0.05; done
        echo "$MSD_VERSION" > "$WORLD/has-$MSD_TARGET"
    verify:
      - run: test "$(cat "$WORLD/has-$MSD_TARGET")" = "$MSD_VERSION"
    lock: {use: none}
    targets: [{name: c1, labels: [canary]}, e1, e2, e3]
    strategy: {waves: [canary, rest], max-parallel: 2}
"""
NAMES = ("c1", "e1", "e2", "e3")


class Place:
    """A repository with a version in prod that is to be deployed, and a directory that is the world."""

    def __init__(self, top: Path) -> None:
        self.world = top / "world"
        self.world.mkdir(parents=True)
        self.path = top / "repository"
        self.home = top / "home"
        self.home.mkdir()
        repository = GitRepository(self.path)
        repository.commit({".github/model-stages.yml": MAPPING})
        repository.tag("churn@v1.0.0")
        repository.tag("churn#prod#1")

    @property
    def calls(self) -> list[str]:
        """What deployers were started for, in order."""
        file = self.world / "calls"
        return file.read_text().split("\n")[:-1] if file.exists() else []

    @property
    def has(self) -> dict[str, str]:
        """What each target has."""
        files = {name: self.world / f"has-{name}" for name in NAMES}
        return {name: file.read_text().strip() for name, file in files.items() if file.exists()}

    def hold(self, *names: str) -> None:
        """Let the deployer hang at targets."""
        for name in names:
            (self.world / f"hold-{name}").touch()

    def free(self) -> None:
        """Nothing hangs any more."""
        for file in self.world.glob("hold-*"):
            file.unlink()

    def forget(self) -> None:
        """Begin a new list of calls."""
        (self.world / "calls").unlink()

    def deploy(self, *more: str, command: str = "deploy") -> Done:
        """Deploy, to the end."""
        words = [command, "churn#prod#1", "--no-github", *more]
        return run(self.path, *words, env={"WORLD": str(self.world)}, home=self.home)

    def started(self) -> subprocess.Popen[bytes]:
        """Deploy, in the background."""
        return subprocess.Popen(
            [*COMMAND, "deploy", "churn#prod#1", "--no-github"],
            cwd=self.path,
            env=environment(self.home, WORLD=str(self.world)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for what another process brings about."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(process: subprocess.Popen[bytes]) -> Done:
    """The end of a process that was told to end."""
    out, err = process.communicate(timeout=30)
    return Done(process.returncode, out.decode(), err.decode())


def test_all_targets_have_it(place: Place) -> None:
    done = place.deploy()
    assert done.exit_code == 0, done.out + done.err
    assert place.has == dict.fromkeys(NAMES, "v1.0.0")
    assert place.calls[0] == "c1 v1.0.0"
    assert "Deployed: churn v1.0.0 deployed to prod (4 targets)" in done.out


def test_a_target_that_hangs_is_ended_and_told(place: Place) -> None:
    place.hold("e2")
    done = place.deploy()
    assert done.exit_code == 1
    assert "e2: bash did not end within 3 s" in done.out
    assert "e2" not in place.has
    place.free()
    place.forget()
    assert place.deploy().exit_code == 0
    assert "e2 v1.0.0" in place.calls
    assert "c1 v1.0.0" not in place.calls


def test_a_cancelled_run_ends_what_it_started_and_is_taken_up(place: Place) -> None:
    place.hold("e1", "e2")
    process = place.started()
    until(lambda: len(place.calls) == 3)
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert_civil(done)
    assert done.exit_code == 130, done.out + done.err
    place.free()
    time.sleep(0.2)
    assert place.has == {"c1": "v1.0.0"}  # what hung was ended with the run
    place.forget()
    assert place.deploy().exit_code == 0
    assert sorted(place.calls) == ["e1 v1.0.0", "e2 v1.0.0", "e3 v1.0.0"]


def test_a_killed_run_is_taken_up(place: Place) -> None:
    place.hold("e2")
    process = place.started()
    until(lambda: {"e1", "e3"} <= set(place.has))
    time.sleep(1.0)  # what was done is kept within a second or so
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    place.free()
    place.forget()
    done = place.deploy()
    assert done.exit_code == 0, done.out
    assert "e2 v1.0.0" in place.calls
    assert "c1 v1.0.0" not in place.calls


def test_parts_and_finish(place: Place) -> None:
    assert place.deploy("--wave", "1").exit_code == 0
    assert place.has == {"c1": "v1.0.0"}
    early = place.deploy(command="finish")
    assert early.exit_code == 1
    assert "3 of 4 targets do not have it" in early.out
    for shard in ("1/2", "2/2"):
        assert place.deploy("--wave", "2", "--shard", shard).exit_code == 0
    done = place.deploy(command="finish")
    assert done.exit_code == 0, done.out
    assert sorted(place.calls) == [f"{name} v1.0.0" for name in NAMES]
    assert "v1.0.0" in run(place.path, "history", "churn", "prod", "--deployments", "--no-github", home=place.home).out


def test_one_target_by_name(place: Place) -> None:
    done = place.deploy("--target", "e2")
    assert done.exit_code == 0, done.out
    assert place.has == {"e2": "v1.0.0"}
    unknown = place.deploy("--target", "nobody")
    assert unknown.exit_code == 2
    assert "there is no target nobody" in unknown.out + unknown.err


def records(place: Place) -> list[dict[str, Any]]:
    """What `targets --json` says of each target, less times, ids and sentences."""
    told = run(place.path, "targets", "churn", "prod", "--json", "--no-github", home=place.home)
    keep = ("target", "name", "wave", "version", "commit", "tag", "state", "verified", "rollback")
    return [{key: one[key] for key in keep if key in one} for one in told.json["targets"]]


def jobs_of(place: Place, *what: str) -> list[dict[str, str]]:
    """The inputs of the jobs that a plan makes, `finish` the last."""
    words = ["plan", *what, "--no-github", "--spread", "4", "--json"]
    told = run(place.path, *words, env={"WORLD": str(place.world)}, home=place.home)
    assert told.exit_code == 0, told.err
    plan = told.json
    waves = [entry["with"] for wave in plan["waves"] for entry in wave["include"]]
    return [*waves, *(entry["with"] for entry in plan["finish"]["include"])]


def carry_out(place: Place, job: dict[str, str]) -> Done:
    """One job of a matrix, by the command line."""
    named = ["--rollback", job["model"], job["stage"]] if job["command"] == "finish" and job["model"] else []
    if job["command"] == "rollback":
        named = [job["model"], job["stage"]]
    options = [("--to", "to"), ("--wave", "wave"), ("--shard", "shard"), ("--planned", "planned")]
    given = [word for flag, key in options if job.get(key) for word in (flag, str(job[key]))]
    words = [job["command"], *(named or [job["tag"] or "churn#prod#1"]), *given, "--no-github"]
    return run(place.path, *words, env={"WORLD": str(place.world)}, home=place.home)


def test_one_process_and_the_jobs_of_a_plan_leave_the_same_records(tmp_path: Path) -> None:
    alone, spread = (Place(tmp_path / name) for name in ("alone", "spread"))
    assert alone.deploy().exit_code == 0
    for job in jobs_of(spread, "churn#prod#1"):
        done = carry_out(spread, job)
        assert done.exit_code == 0, done.out + done.err
    assert alone.has == spread.has == dict.fromkeys(NAMES, "v1.0.0")
    assert records(alone) == records(spread)
    assert {(one["version"], one["verified"]) for one in records(alone)} == {("v1.0.0", True)}


def test_targets_that_changed_after_the_plan_are_not_deployed_to(place: Place) -> None:
    first, *_ = jobs_of(place, "churn#prod#1")
    changed = MAPPING.replace("e1, e2, e3]", "e1, e2, e3, new]")
    (place.path / ".github/model-stages.yml").write_text(changed)
    done = carry_out(place, first)
    assert done.exit_code == 3, done.out
    assert "is not what was planned any more" in done.out
    assert place.calls == []
