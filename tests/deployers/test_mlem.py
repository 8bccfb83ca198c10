"""The mlem deployer, with a stand-in for the `mlem` program."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from model_stage_deploy.adapters.subprocesses import Subprocesses
from model_stage_deploy.core.errors import DeploymentFailed, Invalid
from model_stage_deploy.core.reasons import Reason
from model_stage_deploy.deployers.catalogue import options_of
from model_stage_deploy.deployers.contract import Job, can_tell_status
from model_stage_deploy.deployers.mlem import NO_PROOF, NOTHING_ASKS, STATES, Mlem
from model_stage_deploy.deployers.mlem_options import MlemOptions
from model_stage_deploy.ports import Finished
from tests.fakes.plans import a_plan
from tests.fakes.process import FakeProcess
from tests.standins.mlem import Said, ScriptedMlem


def _options(**given: Any) -> MlemOptions:
    options = options_of(Mlem, given)
    assert isinstance(options, MlemOptions)
    return options


def _job(tmp_path: Path, said: list[str] | None = None, **changes: Any) -> Job:
    files, model_dir = tmp_path / "files", tmp_path / "model"
    files.mkdir(exist_ok=True)
    model_dir.mkdir(exist_ok=True)
    env = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    return Job(a_plan(**changes), "try-1", env, 20, (said if said is not None else []).append, files, model_dir)


@pytest.fixture
def mlem(tmp_path: Path) -> Path:
    """A program `mlem` on PATH that writes down how it was called and says what the real one says."""
    program = tmp_path / "bin" / "mlem"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"with open({str(tmp_path / 'called')!r}, 'a') as out:\n"
        "    quiet = os.environ['ITERATIVE_DO_NOT_TRACK']\n"
        "    print(json.dumps([sys.argv[1:], os.getcwd(), quiet]), file=out)\n"
        "print('running' if 'status' in sys.argv else 'Container x is up')\n"
    )
    program.chmod(0o755)
    return tmp_path / "called"


def test_mlem_runs_in_the_trusted_checkout_on_the_model_of_the_tagged_commit(mlem: Path, tmp_path: Path) -> None:
    said: list[str] = []
    job = _job(tmp_path, said)
    receipt = Mlem(Subprocesses()).deploy(job, _options(load="deploy/prod", model="models/iris"))
    model = str((tmp_path / "model" / "models" / "iris").resolve())
    called = [["deployment", "run", "--load", "deploy/prod", "--model", model], ["deployment", "status", "deploy/prod"]]
    assert [json.loads(line) for line in mlem.read_text().splitlines()] == [
        [arguments, str((tmp_path / "files").resolve()), "1"] for arguments in called
    ]
    assert f"[{NO_PROOF}; {NOTHING_ASKS}]" in "".join(said)
    assert receipt.facts == {"exit_code": 0, "proof": False, "mlem_status": "running"}


def test_the_path_of_an_annotation_is_relative_to_the_directory_of_the_model(tmp_path: Path) -> None:
    process = FakeProcess()
    job = _job(tmp_path, path="models/iris", dir="fraud/eu")
    Mlem(process).deploy(job, _options(load="x", model="models/iris"))
    assert process.commands[0].argv[-1].endswith("/model/fraud/eu/models/iris")


@pytest.mark.parametrize("model", ["s3://bucket/models/iris", "https://github.com/org/repo/models/iris"])
def test_urls_of_models_stay(model: str, tmp_path: Path) -> None:
    process = FakeProcess()
    Mlem(process).deploy(_job(tmp_path), _options(load="x", model=model, extra=["--conf", "$(x)"]))
    assert process.commands[0].argv[-4:] == ("--model", model, "--conf", "$(x)")


def test_arguments_of_ones_own(tmp_path: Path) -> None:
    process = FakeProcess()
    Mlem(process).deploy(_job(tmp_path), _options(argv=["mlem", "deploy", "apply", "a b"], extra=["-v"]))
    assert process.commands[0].argv == ("mlem", "deploy", "apply", "a b", "-v")


@pytest.mark.parametrize("model", ["../../etc/passwd", "/etc/passwd", "link"])
def test_a_model_outside_the_tagged_commit(model: str, tmp_path: Path) -> None:
    job = _job(tmp_path)
    (tmp_path / "model" / "link").symlink_to("/etc")
    process = FakeProcess()
    with pytest.raises(DeploymentFailed, match="leads out"):
        Mlem(process).deploy(job, _options(load="x", model=model))
    assert process.commands == []


def test_mlem_is_not_installed(tmp_path: Path) -> None:
    job = _job(tmp_path)
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(Subprocesses()).deploy(
            Job(job.plan, "a", {"PATH": str(tmp_path)}, 5, job.output, job.files, job.model_dir),
            _options(load="x", model="y"),
        )
    assert caught.value.reason is Reason.DEPLOYER_FAILED
    assert "mlem was not found" in caught.value.message
    for words in ("isort<6", "typer<0.26", "argv"):
        assert words in caught.value.hint


def test_a_failure_keeps_the_tail(tmp_path: Path) -> None:
    process = FakeProcess(Finished(1, 1.0, "no heroku binary"))
    said: list[str] = []
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(process).deploy(_job(tmp_path, said), _options(load="x", model="y"))
    assert (caught.value.tail, "".join(said)) == ("no heroku binary", "[mlem deployment status]\n")
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs `load` and `model`"),
        ({"load": "x"}, "needs `load` and `model`"),
        ({"load": "x", "model": "--help"}, "begin with `-`"),
        ({"load": "", "model": "y"}, "empty"),
        ({"load": "x", "model": "y", "argv": ["z"]}, "cannot stand beside"),
        ({"argv": []}, "name of a program"),
        ({"load": "x", "model": "y", "remove-first": True}, "needs `allow-remove: true`"),
        ({"argv": ["z"], "remove-first": True, "allow-remove": True}, "needs a declaration"),
        ({"load": "x", "model": "y", "extras": []}, "did you mean `extra`?"),
    ],
)
def test_settings_that_are_wrong(given: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid) as caught:
        _options(**given)
    assert words in caught.value.message


def test_describe() -> None:
    lines = Mlem(FakeProcess()).describe(a_plan(), _options(load="deploy/prod", model="models/a b"))
    assert lines[1] == '  ["mlem", "deployment", "run", "--load", "deploy/prod", "--model", "models/a b"]'


def test_describe_says_what_is_removed_before() -> None:
    options = _options(**{"load": "deploy/prod", "model": "m", "allow-remove": True, "remove-first": True})
    lines = Mlem(FakeProcess()).describe(a_plan(), options)
    assert lines[1:3] == [
        '  ["mlem", "deployment", "status", "deploy/prod"]',
        '  ["mlem", "deployment", "remove", "deploy/prod"]',
    ]


RUN, STATUS, REMOVE = "run", "status", "remove"
NAME_IN_USE = 'Unexpected error: 500 Server Error: the container name "x" is already in use'


def _first(**more: Any) -> MlemOptions:
    return _options(**{"load": "deploy/prod", "model": "m", "allow-remove": True, **more})


def test_a_failure_says_what_it_left_and_is_never_retried(tmp_path: Path) -> None:
    mlem = ScriptedMlem({RUN: Said(1, NAME_IN_USE), STATUS: Said(0, "running")})
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(mlem).deploy(_job(tmp_path), _first())
    assert mlem.asked == [RUN, STATUS]
    assert "status 1; `mlem deployment status` then says running, which may be what ran before" in caught.value.message
    assert "may exit with 0 and deploy nothing" in caught.value.hint
    assert (caught.value.retryable, caught.value.tail) == (False, NAME_IN_USE)


@pytest.mark.parametrize("code", [1, 75, 137])
def test_no_exit_code_is_worth_a_retry(code: int, tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(ScriptedMlem({RUN: Said(code)})).deploy(_job(tmp_path), _first())
    assert not caught.value.retryable


@pytest.mark.parametrize("word", ["crashed", "stopped", "not_deployed"])
def test_what_mlem_itself_says_does_not_serve_is_a_failure(word: str, tmp_path: Path) -> None:
    """Seen with MLEM 0.4.14: after a start that crashed, `run` once more says that the container is up."""
    mlem = ScriptedMlem({RUN: Said(0, "Container x is up"), STATUS: Said(0, word)})
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(mlem).deploy(_job(tmp_path), _first())
    assert caught.value.message == f"mlem exited with 0, but `mlem deployment status` says {word}"
    assert (caught.value.tail, caught.value.retryable) == ("Container x is up", False)


@pytest.mark.parametrize(
    "answer", [Said(0, "running"), Said(0, "starting"), Said(0, "unknown"), Said(0, "what?"), Said(1)]
)
def test_any_other_word_leaves_it_to_verify(answer: Said, tmp_path: Path) -> None:
    receipt = Mlem(ScriptedMlem({STATUS: answer})).deploy(_job(tmp_path), _first())
    assert (receipt.version, receipt.facts["proof"]) == ("", False)


@pytest.mark.parametrize("word", [*STATES, ""])
def test_removing_first_where_there_is_anything(word: str, tmp_path: Path) -> None:
    mlem = ScriptedMlem({STATUS: [Said(0, word), Said(0, "running")]})
    Mlem(mlem).deploy(_job(tmp_path), _first(**{"remove-first": True}))
    assert mlem.asked == [STATUS, *([] if word == "not_deployed" else [REMOVE]), RUN, STATUS]


@pytest.mark.parametrize("broken", [STATUS, REMOVE])
def test_nothing_is_run_where_the_way_cannot_be_cleared(broken: str, tmp_path: Path) -> None:
    mlem = ScriptedMlem({STATUS: Said(0, "running")} | {broken: Said(1, "no engine")})
    with pytest.raises(DeploymentFailed, match="exited with status 1"):
        Mlem(mlem).deploy(_job(tmp_path), _first(**{"remove-first": True}))
    assert RUN not in mlem.asked


def test_all_that_mlem_does_shares_one_timeout(tmp_path: Path) -> None:
    mlem = ScriptedMlem({STATUS: Said(0, "running", 8), REMOVE: Said(0, "", 7), RUN: Said(0, "", 2)})
    Mlem(mlem).deploy(_job(tmp_path), _first(**{"remove-first": True}))
    assert mlem.given == [20, 12, 5, 3]
    late = ScriptedMlem({STATUS: Said(0, "running", 12), REMOVE: Said(0, "", 9)})
    with pytest.raises(DeploymentFailed) as caught:
        Mlem(late).deploy(_job(tmp_path), _first(**{"remove-first": True}))
    assert caught.value.reason is Reason.DEPLOYER_TIMEOUT
    assert late.asked == [STATUS, REMOVE]


@pytest.mark.parametrize(("word", "state"), STATES.items())
def test_status_is_what_mlem_says_and_never_a_version(word: str, state: str, tmp_path: Path) -> None:
    mlem = ScriptedMlem({STATUS: Said(0, f"some notice\n{word}")})
    deployer, options = Mlem(mlem), _options(load="deploy/prod", model="m")
    found = deployer.status(_job(tmp_path), options)
    assert can_tell_status(deployer, options) == ""
    assert (found.state, found.version, found.url) == (state, "", None)
    assert word in found.sentence


def test_status_that_nobody_understands_and_none_at_all(tmp_path: Path) -> None:
    options = _options(load="deploy/prod", model="m")
    assert Mlem(ScriptedMlem({STATUS: Said(0, "fine, thanks")})).status(_job(tmp_path), options).state == "unknown"
    with pytest.raises(DeploymentFailed, match="status 1"):
        Mlem(ScriptedMlem({STATUS: Said(1, "MLEM object was not found")})).status(_job(tmp_path), options)
    whole = _options(argv=["mlem", "deploy", "apply"])
    assert "`argv` names none" in can_tell_status(Mlem(FakeProcess()), whole)
    with pytest.raises(DeploymentFailed, match="names none"):
        Mlem(FakeProcess()).status(_job(tmp_path), whole)


def test_removing_what_is_not_there_is_as_good(tmp_path: Path) -> None:
    gone = {REMOVE: Said(1, "Container x is not deployed")}
    receipt = Mlem(ScriptedMlem(gone | {STATUS: Said(0, "not_deployed")})).undeploy(_job(tmp_path), _first())
    assert receipt.facts == {"mlem_status": "not_deployed"}
    with pytest.raises(DeploymentFailed, match="status 1"):
        Mlem(ScriptedMlem(gone | {STATUS: Said(0, "running")})).undeploy(_job(tmp_path), _first())
