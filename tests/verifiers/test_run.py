"""The verifier `run`, with real scripts."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.core.errors import Cancelled
from model_stage_deploy.core.verdict import Finding, Verified
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.environment import msd_variables
from model_stage_deploy.ports import Finished
from model_stage_deploy.verifiers.run import TIMEOUT, Run
from tests.fakes.plans import HOSTILE, a_plan
from tests.fakes.process import FakeProcess
from tests.verifiers.checks import a_job, run


def _job(files: Path, said: list[str] | None = None, description: str = "") -> Job:
    plan = a_plan(description=description)
    return replace(a_job(files, said), env={**os.environ, **msd_variables(plan, "try-1", model_dir=files)})


def _verified(tmp_path: Path, text: str, **settings: object) -> Verified:
    return Run(Subprocesses(0.3)).verify(_job(tmp_path), run(text, **settings))


@pytest.mark.parametrize(
    ("text", "finding", "words"),
    [
        ("echo fine", Finding.PASSED, "status 0: fine"),
        ("true", Finding.PASSED, "exited with status 0"),
        ("echo no; exit 1", Finding.FAILED, "status 1: no"),
        ("false; echo went on", Finding.FAILED, "exited with status 1"),
        ("false | cat; echo went on", Finding.FAILED, "exited with status 1"),
        ("echo $NO_SUCH_VARIABLE", Finding.FAILED, "status 1: verify: "),
        ("echo 'no data yet'; exit 75", Finding.INCONCLUSIVE, "status 75: no data yet"),
        ("no-such-command", Finding.FAILED, "status 127"),
        ("kill -KILL $$", Finding.FAILED, "status 137"),
        ("printf 'one\\ntwo\\n\\n  \\n'", Finding.PASSED, "status 0: two"),
        ("printf '\\e[2Jx\\a'", Finding.PASSED, "status 0: \\e[2Jx\\u0007"),
        ("head -c 400 /dev/zero | tr '\\0' x", Finding.PASSED, "exited with status 0"),
    ],
)
def test_how_it_ends(text: str, finding: Finding, words: str, tmp_path: Path) -> None:
    verified = _verified(tmp_path, text)
    assert verified.finding is finding
    assert words in verified.sentence
    assert verified.sentence.isprintable()
    assert "went on" not in verified.sentence
    assert "xxx" not in verified.sentence


def test_it_runs_in_the_trusted_checkout_with_the_values_of_the_deployment(tmp_path: Path) -> None:
    said: list[str] = []
    check = run('pwd -P; echo "$MSD_MODEL $MSD_VERSION $MSD_STAGE $MSD_ACTION {{ version }}"')
    verified = Run(Subprocesses()).verify(_job(tmp_path, said), check)
    assert "".join(said) == f"{tmp_path.resolve()}\nchurn v3.1.0 prod deploy {{{{ version }}}}\n"
    assert verified.facts == {"exit_code": 0, "seconds": verified.facts["seconds"], "timed_out": False}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_stay_values(hostile: str, tmp_path: Path) -> None:
    said: list[str] = []
    job = _job(tmp_path, said, description=hostile)
    verified = Run(Subprocesses()).verify(job, run('printf %s "$MSD_MODEL_DESCRIPTION"'))
    assert "".join(said) == hostile
    assert verified.sentence.isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_script_that_does_not_end_is_bad(tmp_path: Path) -> None:
    verified = _verified(tmp_path, "echo waiting; sleep 60 & sleep 60", timeout=0.3)
    assert verified.finding is Finding.FAILED
    assert verified.sentence == "the script did not end within 0.3s and was ended: waiting"
    assert verified.facts["timed_out"] is True


@pytest.mark.parametrize("text", ["echo a\0b", "x" * 200_000], ids=["nul", "long"])
def test_a_script_that_cannot_be_started_tells_nothing(text: str, tmp_path: Path) -> None:
    verified = _verified(tmp_path, text)
    assert verified.finding is Finding.INCONCLUSIVE
    assert "was not started" in verified.sentence


def test_without_bash_or_a_checkout(tmp_path: Path) -> None:
    verified = Run(Subprocesses()).verify(replace(a_job(tmp_path), env={"PATH": str(tmp_path)}), run("true"))
    assert (verified.finding, verified.sentence) == (
        Finding.INCONCLUSIVE,
        "the script was not started: there is no bash on PATH",
    )
    verified = Run(Subprocesses()).verify(a_job(None), run("true"))
    assert (verified.finding, verified.sentence) == (
        Finding.INCONCLUSIVE,
        "there is no checkout to run the script in",
    )


def test_what_is_executed(tmp_path: Path) -> None:
    process = FakeProcess(Finished(0, 0.1, ""))
    job = a_job(tmp_path, MSD_MODEL="churn")
    Run(process).verify(job, run("echo hi\n"))
    Run(process).verify(job, run("echo hi\n", timeout="90s"))
    command, limited = process.commands
    assert command.argv == ("bash", "-euo", "pipefail", "-c", "echo hi\n", "verify")
    assert (command.cwd, command.env, command.timeout) == (tmp_path, {"MSD_MODEL": "churn"}, TIMEOUT)
    assert limited.timeout == 90


def test_cancelled_goes_through(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        Run(FakeProcess(failure=Cancelled())).verify(a_job(tmp_path), run("true"))


def test_describe() -> None:
    assert Run(FakeProcess()).describe(run("./a\n\x1b[2J\n", timeout="10m")) == [
        "run in the trusted checkout, with bash -euo pipefail:",
        "  | ./a",
        "  | \\e[2J",
        "status 0 is good, 75 says that it cannot tell, anything else is bad",
        "end it, with all that it started, after 10m; that is bad, too",
    ]
