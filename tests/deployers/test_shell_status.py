"""What programs tell the shell deployer: of what runs, of the version that is live, and of failures that pass."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.core.errors import DeploymentFailed
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, Status, can_tell_status
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.deployers.shell import Shell
from tests.fakes.plans import a_plan


def _job(files: Path, said: list[str] | None = None) -> Job:
    plan = a_plan()
    env = {**child_environment(os.environ), **msd_variables(plan, "look-1", model_dir=files, action="status")}
    return Job(plan, "look-1", env, 20.0, (said if said is not None else []).append, files, files)


def _options(**given: Any) -> Any:
    return options_of(Shell, {"run": "exit 1", **given})


def _seen(tmp_path: Path, text: str, said: list[str] | None = None) -> Status:
    return Shell(Subprocesses(0.3)).status(_job(tmp_path, said), _options(status=text))


def test_exit_status_0_says_that_it_runs(tmp_path: Path) -> None:
    said: list[str] = []
    seen = _seen(tmp_path, 'echo "looking at $MSD_MODEL in $MSD_STAGE: $MSD_ACTION"', said)
    assert seen == Status("running", "its program exited with status 0", facts={"exit_code": 0})
    assert said == ["looking at churn in prod: status\n"]


def test_the_program_may_say_which_version_runs_and_where(tmp_path: Path) -> None:
    lines = "version=v3.0.0\nurl=https://models.example.com/churn\nversion=v3.1.0"
    seen = _seen(tmp_path, f'echo "{lines}" > "$MSD_OUTPUT"')
    assert (seen.state, seen.version, seen.url) == ("running", "v3.1.0", "https://models.example.com/churn")


@pytest.mark.parametrize("state", ["starting", "stopped", "failed", "absent", "unknown", "running"])
@pytest.mark.parametrize("code", [0, 3])
def test_a_state_that_it_writes_counts_more_than_its_exit_status(state: str, code: int, tmp_path: Path) -> None:
    assert _seen(tmp_path, f'echo state={state} > "$MSD_OUTPUT"; exit {code}').state == state


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("exit 1", "a line `state=stopped`"),
        ("exit 75", "status 75"),
        ('echo "state=well, $(printf %s "\x1b[2J")" > "$MSD_OUTPUT"', "wrote a state that is none"),
    ],
)
def test_what_is_not_clear_is_not_guessed(text: str, words: str, tmp_path: Path) -> None:
    seen = _seen(tmp_path, text)
    assert seen.state == "unknown"
    assert words in seen.sentence
    assert seen.sentence.isprintable()


@pytest.mark.parametrize("text", ["no-such-program-anywhere", "kill -KILL $$", "kill -TERM $$"])
def test_a_program_that_could_not_look_is_no_answer(text: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed, match="the program of `status`"):
        _seen(tmp_path, text)


def test_a_look_that_hangs_ends(tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed) as caught:
        Shell(Subprocesses(0.3)).status(replace(_job(tmp_path), timeout=0.3), _options(status="sleep 60"))
    assert caught.value.reason is Reason.DEPLOYER_TIMEOUT


def test_without_a_program_it_cannot_tell(tmp_path: Path) -> None:
    shell = Shell(Subprocesses())
    assert can_tell_status(shell, _options()) == "`deploy.with.status` says no program that looks"
    assert can_tell_status(shell, _options(status="true")) == ""
    with pytest.raises(DeploymentFailed, match=r"deploy\.with\.status"):
        shell.status(_job(tmp_path), _options())


@pytest.mark.parametrize("verb", ["deploy", "undeploy"])
def test_a_program_may_say_which_version_is_live(verb: str, tmp_path: Path) -> None:
    text = 'echo "version= v3.1.0 " >> "$MSD_OUTPUT"'
    receipt = getattr(Shell(Subprocesses()), verb)(_job(tmp_path), _options(run=text, undeploy=text))
    assert receipt.version == "v3.1.0"


@pytest.mark.parametrize(("code", "again"), [(75, True), (1, False), (74, False), (76, False), (127, False)])
def test_exit_status_75_is_worth_another_try(code: int, again: bool, tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed) as caught:
        Shell(Subprocesses()).deploy(_job(tmp_path), _options(run=f"exit {code}"))
    assert caught.value.retryable is again
    assert caught.value.after is None
