"""The shell deployer, with real processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.core.errors import Cancelled, DeploymentFailed, Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job
from model_stage_deploy.deployers.environment import child_environment, msd_variables
from model_stage_deploy.deployers.shell import Shell, ShellOptions
from model_stage_deploy.ports import Finished
from tests.fakes.plans import HOSTILE, a_plan
from tests.fakes.process import FakeProcess


def _options(**given: Any) -> ShellOptions:
    options = options_of(Shell, {name.replace("_", "-"): value for name, value in given.items()})
    assert isinstance(options, ShellOptions)
    return options


def _job(files: Path | None, said: list[str] | None = None, timeout: float = 20.0, **changes: Any) -> Job:
    plan = a_plan(**changes)
    env = {**child_environment(os.environ), **msd_variables(plan, "try-1", model_dir=files)}
    return Job(plan, "try-1", env, timeout, (said if said is not None else []).append, files, files)


def _failure(job: Job, options: ShellOptions) -> DeploymentFailed:
    with pytest.raises(DeploymentFailed) as caught:
        Shell(Subprocesses(0.3)).deploy(job, options)
    return caught.value


def test_text_runs_in_the_checkout_with_values_in_the_environment(tmp_path: Path) -> None:
    said: list[str] = []
    text = 'pwd -P; echo "$MSD_MODEL $MSD_VERSION $MSD_STAGE $MSD_ATTEMPT"'
    receipt = Shell(Subprocesses()).deploy(_job(tmp_path, said), _options(run=text))
    assert "".join(said) == f"{tmp_path.resolve()}\nchurn v3.1.0 prod try-1\n"
    assert receipt.url is None
    assert receipt.facts == {"exit_code": 0}
    assert receipt.tail.endswith("churn v3.1.0 prod try-1")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("false; touch went-on", "-e"),
        ("echo $NO_SUCH_VARIABLE; touch went-on", "-u"),
        ("false | cat; touch went-on", "pipefail"),
    ],
)
def test_bash_is_strict(text: str, why: str, tmp_path: Path) -> None:
    _failure(_job(tmp_path), _options(run=text))
    assert not (tmp_path / "went-on").exists(), why


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_values_arrive_whole_and_nothing_of_them_runs(hostile: str, tmp_path: Path) -> None:
    said: list[str] = []
    job = _job(tmp_path, said, name="m", description=hostile)
    Shell(Subprocesses()).deploy(job, _options(run='printf %s "$MSD_MODEL_DESCRIPTION"'))
    assert "".join(said) == hostile
    said.clear()
    Shell(Subprocesses()).deploy(job, _options(argv=["printf", "%s", hostile]))
    assert "".join(said) == hostile
    assert list(tmp_path.iterdir()) == []


def test_arguments_meet_no_shell(tmp_path: Path) -> None:
    said: list[str] = []
    Shell(Subprocesses()).deploy(_job(tmp_path, said), _options(argv=["echo", "$HOME", "*", ">x", "&&"]))
    assert "".join(said) == "$HOME * >x &&\n"


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("exit 3", "exited with status 3", ""),
        ("exit 137", "killed (SIGKILL; out of memory?)", "memory"),
        ("kill -KILL $$", "killed (SIGKILL; out of memory?)", "memory"),
        ("kill -TERM $$", "killed (SIGTERM)", ""),
        ("exit 255", "exited with status 255", ""),
        ("./plain", "exited with status 126", "executable bit"),
        ("no-such-command-anywhere", "exited with status 127", "PATH"),
    ],
)
def test_failures_in_words(text: str, words: str, hint: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("echo hi")
    problem = _failure(_job(tmp_path), _options(run=f"echo before; {text}"))
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert words in problem.message
    assert hint in problem.hint
    assert problem.tail.startswith("before")


def test_timeout(tmp_path: Path) -> None:
    problem = _failure(_job(tmp_path, timeout=0.3), _options(run="echo begun; sleep 60 & sleep 60"))
    assert problem.reason is Reason.DEPLOYER_TIMEOUT
    assert "0.3 s" in problem.message
    assert problem.tail == "begun"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["no-such-program-anywhere"], "no-such-program-anywhere was not found"),
        (["./plain"], "may not be executed"),
        (["./garbage"], "Exec format error"),
        (["echo", "a\0b"], "NUL"),
        (["echo", "x" * 200_000], "Argument list too long"),
    ],
)
def test_programs_that_cannot_start(argv: list[str], words: str, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("echo hi")
    (tmp_path / "garbage").write_bytes(b"\x01\x02")
    (tmp_path / "garbage").chmod(0o755)
    problem = _failure(_job(tmp_path), _options(argv=argv))
    assert problem.reason is Reason.DEPLOYER_FAILED
    assert words in problem.message


def test_without_bash_the_hint_names_argv(tmp_path: Path) -> None:
    job = _job(tmp_path)
    problem = _failure(Job(job.plan, "a", {"PATH": str(tmp_path)}, 5, print, tmp_path), _options(run="true"))
    assert "argv" in problem.hint


def test_working_directory(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("b")
    said: list[str] = []
    for directory in ("a/b", "./a/b/", "a/link"):
        Shell(Subprocesses()).deploy(_job(tmp_path, said), _options(run="pwd -P", working_directory=directory))
    assert "".join(said) == f"{(tmp_path / 'a' / 'b').resolve()}\n" * 3


def test_a_working_directory_never_leads_out(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "out").symlink_to(tmp_path)
    (files / "file").write_text("")
    for directory, words in (("out", "leads out"), ("none", "no directory"), ("file", "no directory")):
        problem = _failure(_job(files), _options(run="touch ran", working_directory=directory))
        assert words in problem.message
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "just one of"),
        ({"run": "x", "argv": ["x"]}, "just one of"),
        ({"run": " \n"}, "deploy.with.run: is empty"),
        ({"run": "x" * 200_000}, "longer than"),
        ({"argv": []}, "name of a program"),
        ({"argv": "ls -l"}, "must be a list"),
        ({"argv": ["echo", {}]}, "deploy.with.argv.1: must be a text"),
        ({"run": "x", "working_directory": "../x"}, "inside the checkout"),
        ({"run": "x", "working_directory": "/etc"}, "inside the checkout"),
        ({"run": "x", "working_directory": "a/../../x"}, "inside the checkout"),
        ({"run": "x", "workdir": "a"}, "did you mean `working-directory`?"),
    ],
)
def test_settings_that_are_wrong(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        _options(**given)
    assert caught.value.reason is Reason.MAPPING_INVALID
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("echo url=https://models.example.com/churn >> $MSD_OUTPUT", "https://models.example.com/churn"),
        ("printf 'x=1\\nurl=https://a.example\\nurl=https://b.example\\n' > $MSD_OUTPUT", "https://b.example"),
        ("echo url=javascript:alert > $MSD_OUTPUT", None),
        ("echo nothing > $MSD_OUTPUT", None),
        ("rm $MSD_OUTPUT", None),
        ("rm $MSD_OUTPUT; mkfifo $MSD_OUTPUT", None),
        ("rm $MSD_OUTPUT; ln -s /dev/zero $MSD_OUTPUT", None),
        ("echo url=https://a.example > f; rm $MSD_OUTPUT; ln -s $PWD/f $MSD_OUTPUT", None),
        ("rm $MSD_OUTPUT; mkdir $MSD_OUTPUT", None),
        ("rm -r ${MSD_OUTPUT%/*}", None),
        ("head -c 10000000 /dev/zero > $MSD_OUTPUT; echo url=https://late.example >> $MSD_OUTPUT", None),
        ("printf 'url=\\xff\\xfe' > $MSD_OUTPUT", None),
    ],
)
def test_the_url_that_a_program_reports(text: str, url: str | None, tmp_path: Path) -> None:
    assert Shell(Subprocesses()).deploy(_job(tmp_path), _options(run=text)).url == url


def test_the_output_file_does_not_stay(tmp_path: Path) -> None:
    said: list[str] = []
    Shell(Subprocesses()).deploy(_job(tmp_path, said), _options(run="echo $MSD_OUTPUT"))
    assert not Path("".join(said).strip()).exists()
    process = FakeProcess(failure=Cancelled())
    with pytest.raises(Cancelled):
        Shell(process).deploy(_job(tmp_path), _options(run="true"))
    assert not Path(process.commands[0].env["MSD_OUTPUT"]).parent.exists()


def test_what_is_executed(tmp_path: Path) -> None:
    process = FakeProcess(Finished(0, 0.1, ""))
    Shell(process).deploy(_job(tmp_path, timeout=7), _options(run="echo hi\n"))
    (command,) = process.commands
    assert command.argv == ("bash", "-euo", "pipefail", "-c", "echo hi\n", "run")
    assert (command.cwd, command.timeout) == (tmp_path.resolve(), 7)


def test_describe_shows_the_program_line_by_line() -> None:
    lines = Shell(FakeProcess()).describe(a_plan(), _options(run="./a\n\x1b[2J::error::x\n", working_directory="d"))
    assert lines == [
        "run in d of the trusted checkout, with bash -euo pipefail:",
        "  | ./a",
        "  | \\e[2J::error::x",
        "end it, with all that it started, after 20 s",
    ]
    lines = Shell(FakeProcess()).describe(a_plan(), _options(argv=["./deploy.sh", "a b", "$(x)", "\n"]))
    assert lines[1] == '  ["./deploy.sh", "a b", "$(x)", "\\n"]'
